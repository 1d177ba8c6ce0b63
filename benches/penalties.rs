//! What an exact gradient penalty costs: one critic step with it, beside the same step without.

use burn::tensor::{Device, Tensor};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ganvas_data::ItemShape;
use ganvas_engine::system::to_images;
use ganvas_gan::objectives::Objective;
use ganvas_gan::regularizers::{GradientPenalty, interpolates};
use ganvas_nets::dcgan;
use ganvas_nets::dual::Dual;
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_prob::stream::Streams;

const BATCH: usize = 64;

/// One update of a critic on items that stand for real and for generated ones.
fn update<M: burn::module::Module>(
    trained: &mut Trained<M>,
    values: usize,
    penalized: bool,
    score: impl Fn(&M, Dual<2>) -> Dual<2>,
    device: &Device,
) {
    let noise = Noise::new(Streams::new(1), "bench", 0, device);
    let real: Tensor<2> = noise.normal("real", [BATCH, values]);
    let fake: Tensor<2> = noise.normal("fake", [BATCH, values]);
    let critic = &trained.net;
    let plain = |x: Tensor<2>| score(critic, x.into()).value;
    let mut loss = Objective::Wasserstein.discriminator(plain(real.clone()), plain(fake.clone()));
    if penalized {
        let frozen = trained.frozen();
        let between = interpolates(real, fake, &noise);
        let found = GradientPenalty::TwoSided.of(between, |x| score(&frozen, x.into()).value, |x| score(critic, x));
        loss = loss + found.penalty.mul_scalar(10.0);
    }
    let gradients = trained.gradients(loss);
    trained.apply(gradients, 1.0);
}

fn penalties(criterion: &mut Criterion) {
    let device = Device::flex().autodiff();
    let init = || Init::new(&Streams::new(0), "critic", Initializer::He, &device);
    let adam = OptimizerConfig::adam(1e-4, 0.5);

    let config = MlpConfig::new(&[512, 512, 512], Activation::LeakyRelu, Initializer::He);
    let mut mlp = Trained::new(Mlp::new(784, 1, &config, &mut init()), adam);
    let shape = dcgan::Shape::new(1, 32, 32, 64);
    let conv = dcgan::Discriminator::new(shape, &mut init()).expect("32 halves to 4");
    let mut conv = Trained::new(conv, adam);
    let image = ItemShape::Image { channels: 1, height: 32, width: 32 };

    let mut group = criterion.benchmark_group("critic step");
    group.sample_size(20);
    for (word, penalized) in [("plain", false), ("with gradient penalty", true)] {
        group.bench_function(BenchmarkId::new("mlp 784-512-512-512-1", word), |bencher| {
            bencher.iter(|| update(&mut mlp, 784, penalized, |net, x| net.dual(x, Pass::Eval), &device));
        });
        group.bench_function(BenchmarkId::new("dcgan 32x32, width 32", word), |bencher| {
            let score =
                |net: &dcgan::Discriminator, x: Dual<2>| net.dual(x.linear(|x| to_images(x, image)), Pass::Eval);
            bencher.iter(|| update(&mut conv, 1024, penalized, score, &device));
        });
    }
    group.finish();
}

criterion_group!(benches, penalties);
criterion_main!(benches);
