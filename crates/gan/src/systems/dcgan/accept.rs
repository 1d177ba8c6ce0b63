//! Acceptance checks of DCGAN.

use burn::module::Module;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, ItemShape};
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::session::sample;
use ganvas_engine::system::{Build, DataSpec, Preset, System, to_device};
use ganvas_metrics::neighbours::nearest_distances;
use ganvas_metrics::probe::linear_probe;
use ganvas_metrics::{Features, Images};
use ganvas_nets::dcgan::{self, Shape};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::trainable;
use ganvas_prob::stream::{Streams, permutation};

use super::{Dcgan, settings};
use crate::networks::{Discriminator, Networks};
use crate::systems::adversarial::AdversarialConfig;
use crate::systems::gan::{Gan, small};
use crate::systems::measures::{extractor, first_images, independent, median, quality};

/// Samples and test images of each comparison.
const N: usize = 5000;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    published_size(acceptance);
    let dataset = acceptance.data("mnist")?;
    let config = settings(Preset::Small, 28);
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    let mut pairs = Vec::new();
    let mut first = None;
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(2500) };
        let dcgan = acceptance.train::<Dcgan>(&config, &trial)?;
        let equal_time = Trial { until: Until::Seconds(dcgan.seconds), ..trial };
        let gan = acceptance.train::<Gan>(&small(false), &equal_time)?;
        let ours = quality(&dcgan.system, &dataset, &extractor, N, seed, &device)?;
        let theirs = quality(&gan.system, &dataset, &extractor, N, seed, &device)?;
        let note = format!("ffd {:.3}; MLP GAN {} steps, ffd {:.3}", ours.ffd, gan.steps, theirs.ffd);
        let conditions = dcgan.conditions().items(N, N).note(note);
        acceptance.check("2 ffd", ours.ffd, Threshold::Recorded, &conditions);
        acceptance.check("2 rarest class", ours.rarest, Threshold::AtLeast(0.03), conditions);
        pairs.push((ours.ffd, theirs.ffd));
        first.get_or_insert(dcgan.system);
    }
    let ratio = median(pairs.iter().map(|p| p.0).collect()) / median(pairs.iter().map(|p| p.1).collect());
    let conditions = format!("medians of {} seeds, equal wall-clock time", pairs.len());
    acceptance.check("2 ffd / MLP GAN's", ratio, Threshold::AtMost(0.8), conditions);
    if let Some(trained) = first {
        let seed = acceptance.seeds()[0];
        features(acceptance, &config, &trained, &dataset, &device)?;
        memorisation(acceptance, "4", seed, &trained, &dataset, &extractor, &device)?;
        walk(acceptance, &trained, dataset.shape, &extractor, &device)?;
    }
    clothing(acceptance, &device)
}

/// 6: on Fashion-MNIST, with twice the channels and averaged weights, in a quarter of an hour on two cores.
fn clothing(acceptance: &mut Acceptance, device: &Device) -> Result<(), AcceptError> {
    let dataset = acceptance.data("fashion-mnist")?;
    let extractor = extractor(&dataset, device)?;
    let mut config = AdversarialConfig { ema: 0.999, ..settings(Preset::Small, 28) };
    if let Networks::Dcgan { width, .. } = &mut config.networks {
        *width = 32;
    }
    let naive = independent(&dataset, &extractor, N, 0)?.ffd;
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(6000) };
        let trained = acceptance.train::<Dcgan>(&config, &trial)?;
        let found = quality(&trained.system, &dataset, &extractor, N, seed, device)?;
        let note = format!("width 32, weights averaged; ffd {:.2}, independent pixels {naive:.1}", found.ffd);
        let conditions = trained.conditions().items(N, N).note(note);
        let minutes = trained.seconds / 60.0;
        acceptance.check("6 minutes of training", minutes, Threshold::AtMost(15.0), &conditions);
        acceptance.check("6 ffd / independent pixels", found.ffd / naive, Threshold::AtMost(0.05), &conditions);
        acceptance.check("6 rarest class", found.rarest, Threshold::AtLeast(0.04), conditions);
        memorisation(acceptance, "6", seed, &trained.system, &dataset, &extractor, device)?;
    }
    Ok(())
}

/// 1: the totals of the published pair at 64 pixels; the shapes in between are a test of `ganvas-nets`.
fn published_size(acceptance: &mut Acceptance) {
    let shape = Shape { all_convolutional: true, ..Shape::new(3, 64, 64, 100) };
    let mut init = Init::new(&Streams::new(0), "net", Initializer::Normal { sd: 0.02 }, acceptance.device());
    let sizes = [
        (dcgan::Generator::new(shape, &mut init).map(|g| trainable(&g)), 3_576_704.0, "1 parameters of the generator"),
        (
            dcgan::Discriminator::new(shape, &mut init).map(|d| trainable(&d)),
            2_765_568.0,
            "1 parameters of the discriminator",
        ),
    ];
    for (size, published, name) in sizes {
        let size = size.map_or(f64::NAN, |n| n as f64);
        let threshold = Threshold::Near { value: published, tolerance: 0.0 };
        acceptance.check(name, size, threshold, "64x64x3, width 64, latent 100");
    }
}

/// 3: a linear classifier on the discriminator's activations, against the same network untrained.
fn features(
    acceptance: &mut Acceptance,
    config: &AdversarialConfig,
    trained: &Dcgan,
    dataset: &std::sync::Arc<Dataset>,
    device: &Device,
) -> Result<(), AcceptError> {
    const LABELS: usize = 1000;
    let test: Vec<usize> = (0..dataset.test.len).collect();
    let gains: Vec<[f64; 3]> = acceptance
        .seeds()
        .into_iter()
        .map(|draw| {
            let streams = Streams::new(draw);
            let order = permutation(&mut streams.rng("labelled", 0), dataset.train.len);
            let train = &order[..LABELS];
            let build = Build { streams, device: acceptance.device() };
            let random = Dcgan::build(config, &DataSpec::of(dataset), &build)?;
            let random = random.discriminator.net;
            settle(&random, dataset, &streams, acceptance.device());
            let read = |split: &ganvas_data::Split, rows: &[usize], net: &Discriminator| {
                activations(net, split.gather(rows), dataset.shape, device)
            };
            let score = |train_features: Features, test_features: Features| {
                let train_labels = dataset.train.gather_labels(train).unwrap_or_default();
                let test_labels = dataset.test.gather_labels(&test).unwrap_or_default();
                linear_probe(&train_features, &train_labels, &test_features, &test_labels, dataset.class_names.len())
                    .map_err(AcceptError::figure)
            };
            let of = |net: &Discriminator| score(read(&dataset.train, train, net), read(&dataset.test, &test, net));
            let pixels = |split: &ganvas_data::Split, rows: &[usize]| Features {
                dims: dataset.shape.len(),
                values: split.gather(rows),
            };
            let raw = score(pixels(&dataset.train, train), pixels(&dataset.test, &test))?;
            Ok([of(&trained.discriminator.net.valid())?, of(&random.valid())?, raw])
        })
        .collect::<Result<_, AcceptError>>()?;
    for (draw, [learned, random, raw]) in acceptance.seeds().into_iter().zip(&gains) {
        let conditions = format!("label draw {draw}, {LABELS} labels, {} test images", test.len());
        acceptance.check("3 accuracy, trained features", *learned, Threshold::Recorded, &conditions);
        acceptance.check("3 accuracy, random features", *random, Threshold::Recorded, &conditions);
        acceptance.check("3 accuracy, raw pixels", *raw, Threshold::Recorded, conditions);
    }
    let gain = gains.iter().map(|g| g[0] - g[1]).sum::<f64>() / gains.len() as f64;
    let conditions = format!("mean of {} label draws, in points of accuracy", gains.len());
    acceptance.check("3 gain over random features", 100.0 * gain, Threshold::AtLeast(1.5), conditions);
    Ok(())
}

/// Lets batch norm see data, so that a network that was never trained has running statistics of its own.
fn settle(net: &Discriminator, dataset: &Dataset, streams: &Streams, device: &Device) {
    for step in 0..50 {
        let noise = Noise::new(*streams, "settle", step, device);
        let order = permutation(&mut streams.rng("settle", step), dataset.train.len);
        let x = to_device(dataset.train.gather(&order[..64]), dataset.shape, device);
        net.forward(x, None, Pass::Train(&noise));
    }
}

/// Every convolution's output, pooled by maxima to 4x4 and flattened.
fn activations(net: &Discriminator, values: Vec<f32>, shape: ItemShape, device: &Device) -> Features {
    let mut features = Features::default();
    for chunk in values.chunks(500 * shape.len()) {
        let layers = net.activations(to_device(chunk.to_vec(), shape, device), Pass::Eval);
        let pooled = layers.into_iter().map(|x| {
            let stride = x.dims()[2].div_ceil(4);
            let padding = (4 * stride - x.dims()[2]).div_ceil(2);
            max_pool2d(x, MaxPoolOptions::new([stride; 2]).with_stride([stride; 2]).with_padding([padding; 2]))
                .flatten::<2>(1, 3)
        });
        let rows = Tensor::cat(pooled.collect(), 1);
        features.dims = rows.dims()[1];
        features.values.extend(rows.to_data().iter::<f32>());
    }
    features
}

/// 4 and 6: samples are not closer to training images than test images are.
fn memorisation(
    acceptance: &mut Acceptance,
    number: &str,
    seed: u64,
    trained: &Dcgan,
    dataset: &Dataset,
    extractor: &ganvas_metrics::extractor::Extractor,
    device: &Device,
) -> Result<(), AcceptError> {
    let read = |images| extractor.features(&images).map_err(AcceptError::figure);
    let train = read(first_images(&dataset.train, dataset.shape, dataset.train.len))?;
    let test = read(first_images(&dataset.test, dataset.shape, 500))?;
    let fake =
        read(Images::new(dataset.shape.planes(), sample(trained, 500, &Streams::new(seed).fork("copies"), device)))?;
    let distance = |query: &Features| {
        let distances = nearest_distances(query, &train).map_err(AcceptError::figure)?;
        Ok::<_, AcceptError>(median(distances.into_iter().map(f64::from).collect()))
    };
    let ratio = distance(&fake)? / distance(&test)?;
    let conditions = format!("seed {seed}, medians of 500, {} training images", train.len());
    let name = format!("{number} distance to training, samples / test");
    acceptance.check(&name, ratio, Threshold::AtLeast(0.5), conditions);
    Ok(())
}

/// 5: between two latents the image changes without jumps.
fn walk(
    acceptance: &mut Acceptance,
    trained: &Dcgan,
    shape: ItemShape,
    extractor: &ganvas_metrics::extractor::Extractor,
    device: &Device,
) -> Result<(), AcceptError> {
    const PAIRS: usize = 100;
    const STEPS: usize = 16;
    let seed = acceptance.seeds()[0];
    let noise = Noise::new(Streams::new(seed), "walk", 0, device);
    let ends = [(); 2].map(|()| trained.config.prior.draw(PAIRS, trained.config.latent, &noise));
    let generator = trained.generator.shown();
    let mut along = Vec::new();
    for i in 0..=STEPS {
        let share = i as f64 / STEPS as f64;
        let z = ends[0].clone().mul_scalar(1.0 - share) + ends[1].clone().mul_scalar(share);
        let x: Tensor<2> = generator.forward(z, None, Pass::Eval);
        let values = x.to_data().iter::<f32>().collect();
        along.push(extractor.features(&Images::new(shape.planes(), values)).map_err(AcceptError::figure)?);
    }
    let jumps = (0..PAIRS).map(|pair| {
        let lengths: Vec<f64> = along
            .windows(2)
            .map(|step| {
                let squares = step[0].item(pair).iter().zip(step[1].item(pair)).map(|(a, b)| f64::from(a - b).powi(2));
                squares.sum::<f64>().sqrt()
            })
            .collect();
        let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
        lengths.into_iter().fold(0.0, f64::max) / mean.max(1e-12)
    });
    let conditions = format!("seed {seed}, {PAIRS} pairs, {STEPS} steps, linear");
    acceptance.check("5 largest step / mean step", median(jumps.collect()), Threshold::AtMost(4.0), conditions);
    Ok(())
}
