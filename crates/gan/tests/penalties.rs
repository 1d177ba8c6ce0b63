//! The derivative of each penalty with respect to the critic's weights, against central differences of the penalty itself,
//! which needs first derivatives only. In f64.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};
use ganvas_data::ItemShape;
use ganvas_engine::system::to_images;
use ganvas_gan::regularizers::{GradientPenalty, interpolates, perturbed};
use ganvas_nets::dcgan;
use ganvas_nets::dual::{Dual, in_double_precision};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::labels::Conditioning;
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::resnet;
use ganvas_prob::stream::{Streams, normals, uniforms};

const ALL: [GradientPenalty; 3] = [GradientPenalty::TwoSided, GradientPenalty::OneSided, GradientPenalty::ZeroCentred];

fn device() -> Device {
    Device::flex().autodiff()
}

fn draw(name: &str, n: usize, values: usize) -> Tensor<2> {
    let drawn = normals(&mut Streams::new(7).rng(name, 0), n * values).into_iter().map(f64::from).collect::<Vec<_>>();
    Tensor::from_data(TensorData::new(drawn, [n, values]), (&device(), DType::F64))
}

/// What is asked of a critic here.
trait Critic: Module {
    fn score(&self, x: Dual<2>) -> Dual<2>;
}

impl Critic for Mlp {
    fn score(&self, x: Dual<2>) -> Dual<2> {
        self.dual(x, Pass::Eval)
    }
}

impl Critic for dcgan::Discriminator {
    /// In training, where batch norm couples the items.
    fn score(&self, x: Dual<2>) -> Dual<2> {
        let noise = Noise::new(Streams::new(1), "pass", 0, &device());
        let shape = ItemShape::Image { channels: 1, height: 16, width: 16 };
        self.dual(x.linear(|x| to_images(x, shape)), Pass::Train(&noise))
    }
}

impl Critic for resnet::Discriminator {
    /// With an embedding of classes, and spectral norms, whose derivative by the weights counts; their estimates stay.
    fn score(&self, x: Dual<2>) -> Dual<2> {
        let classes = draw("classes", x.value.dims()[0], 3);
        self.judge(x, Some(classes), Pass::Eval).score
    }
}

/// The penalty by first derivatives alone.
fn plain(kind: GradientPenalty, critic: &impl Critic, x: &Tensor<2>) -> f64 {
    let x = x.clone().detach().require_grad();
    let gradients = critic.score(x.clone().into()).value.sum().backward();
    let squares = x.grad(&gradients).unwrap().square().sum_dim(1);
    let norms: Vec<f64> = squares.to_data().iter::<f64>().map(f64::sqrt).collect();
    let phi = |norm: &f64| match kind {
        GradientPenalty::TwoSided => (norm - 1.0).powi(2),
        GradientPenalty::OneSided => (norm - 1.0).max(0.0).powi(2),
        GradientPenalty::ZeroCentred => norm * norm / 2.0,
    };
    norms.iter().map(phi).sum::<f64>() / norms.len() as f64
}

/// Adds to one value of one parameter; the rest is counted down to it.
struct Nudge {
    parameter: usize,
    element: usize,
    by: f64,
}

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        if self.parameter > 0 {
            self.parameter -= 1;
            return Param::from_mapped_value(id, value, mapper);
        }
        self.parameter = usize::MAX;
        let shape = value.dims();
        let mut values: Vec<f64> = value.to_data().iter().collect();
        values[self.element] += self.by;
        let value = Tensor::from_data(TensorData::new(values, shape), (&value.device(), DType::F64));
        Param::from_mapped_value(id, value.require_grad(), mapper)
    }
}

/// The gradients of all parameters, in order; empty where none arrives.
fn gradients(module: &impl Module, of: Tensor<1>) -> Vec<Vec<f64>> {
    struct Collect(burn::tensor::Gradients, Vec<Vec<f64>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            let gradient = value.is_require_grad().then(|| value.grad(&self.0)).flatten();
            self.1.push(gradient.map_or_else(Vec::new, |gradient| gradient.to_data().iter().collect()));
        }
    }
    let mut collect = Collect(of.backward(), Vec::new());
    module.visit(&mut collect);
    collect.1
}

fn check(name: &str, kind: GradientPenalty, critic: &(impl Critic + Clone), x: &Tensor<2>) {
    let frozen = critic.clone().no_grad();
    let found = kind.of(x.clone(), |x| frozen.score(x.into()).value, |x| critic.score(x));
    let value: f64 = found.penalty.clone().into_scalar();
    let expected = plain(kind, critic, x);
    assert!((value - expected).abs() < 1e-9 * expected.max(1.0), "{name}, {kind:?}: {value} is not {expected}");
    assert!(expected > 1e-6, "{name}, {kind:?}: there is something to differentiate");
    let exact = gradients(critic, found.penalty);
    let largest = exact.iter().flatten().fold(0.0f64, |largest, g| largest.max(g.abs()));
    let mut compared = 0;
    for (parameter, gradient) in exact.iter().enumerate() {
        // Of a large parameter some values, the same each time.
        let picked = uniforms(&mut Streams::new(3).rng(name, parameter as u64), gradient.len().min(40));
        for element in picked.into_iter().map(|u| (f64::from(u) * gradient.len() as f64) as usize) {
            let at = |by: f64| plain(kind, &critic.clone().map(&mut Nudge { parameter, element, by }), x);
            let h = 1e-6;
            let difference = (at(h) - at(-h)) / (2.0 * h);
            let error = (difference - gradient[element]).abs() / largest;
            assert!(error < 1e-4, "{name}, {kind:?}, {parameter}.{element}: {} but {difference}", gradient[element]);
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn gradients_of_penalties_are_exact_for_mlps() {
    for activation in [Activation::LeakyRelu, Activation::Tanh, Activation::Silu, Activation::Softplus] {
        let config = MlpConfig::new(&[12, 12], activation, Initializer::He);
        let mut init = Init::new(&Streams::new(1), "critic", Initializer::Normal { sd: 0.8 }, &device());
        let critic = in_double_precision(Mlp::new(4, 1, &config, &mut init));
        for kind in ALL {
            check(&format!("{activation:?}"), kind, &critic, &draw("x", 10, 4));
        }
    }
}

#[test]
fn gradients_of_penalties_are_exact_where_batch_norm_couples_the_items() {
    let shape = dcgan::Shape::new(1, 16, 3, 8);
    let mut init = Init::new(&Streams::new(1), "critic", Initializer::Normal { sd: 0.4 }, &device());
    let critic = in_double_precision(dcgan::Discriminator::new(shape, &mut init).unwrap());
    for kind in ALL {
        check("dcgan", kind, &critic, &draw("x", 6, 256));
    }
}

#[test]
fn gradients_of_penalties_are_exact_for_residual_critics_that_know_classes() {
    let init = &mut Init::new(&Streams::new(1), "critic", Initializer::Normal { sd: 0.5 }, &device());
    for (conditioning, spectral) in [(Conditioning::Projection, true), (Conditioning::Auxiliary, false)] {
        let shape = resnet::Shape {
            classes: 3,
            conditioning,
            spectral,
            activation: Activation::Silu,
            discriminator_norm: if spectral { NormKind::None } else { NormKind::Layer },
            ..resnet::Shape::new(1, 8, 3, 4)
        };
        let critic = in_double_precision(resnet::Discriminator::new(shape, init).unwrap());
        for kind in ALL {
            check(&format!("resnet, {conditioning:?}, {spectral}"), kind, &critic, &draw("x", 6, 64).mul_scalar(3.0));
        }
    }
}

/// The gradient of w . x is w everywhere: |w| = 5.
#[test]
fn values_of_a_linear_critic() {
    let config = MlpConfig::new(&[], Activation::Identity, Initializer::He);
    let mut init = Init::new(&Streams::new(1), "critic", Initializer::He, &device());
    let mut mlp = Mlp::new(2, 1, &config, &mut init);
    mlp = mlp.map(&mut SetFirst(vec![3.0, 4.0]));
    let x = Tensor::<2>::from_floats([[1.0, 2.0], [0.0, -1.0]], &device());
    for (kind, expected) in ALL.into_iter().zip([16.0, 16.0, 12.5]) {
        let frozen = mlp.clone().no_grad();
        let found = kind.of(x.clone(), |x| frozen.forward(x, Pass::Eval), |x| mlp.dual(x, Pass::Eval));
        assert!((found.penalty.into_scalar::<f32>() - expected).abs() < 1e-4, "{kind:?}");
        assert!(found.norms.to_data().iter::<f32>().all(|norm| (norm - 5.0).abs() < 1e-5));
    }

    struct SetFirst(Vec<f32>);
    impl ModuleMapper for SetFirst {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, value, mapper) = param.consume();
            let values = std::mem::take(&mut self.0);
            let value = match values.is_empty() {
                true => value,
                false => Tensor::from_data(TensorData::new(values, value.dims()), &value.device()).require_grad(),
            };
            Param::from_mapped_value(id, value, mapper)
        }
    }
}

#[test]
fn points_lie_where_they_should() {
    let noise = Noise::new(Streams::new(1), "penalty", 0, &device());
    let (real, fake) = (draw("real", 50, 3).cast(DType::F32), draw("fake", 50, 3).cast(DType::F32));
    let between = interpolates(real.clone(), fake.clone(), &noise);
    let share = ((between - fake.clone()) / (real.clone() - fake)).to_data().iter::<f32>().collect::<Vec<_>>();
    for row in share.chunks(3) {
        assert!(row.iter().all(|&e| (0.0..1.0).contains(&e) && (e - row[0]).abs() < 1e-3), "one share a pair: {row:?}");
    }
    assert!((share[0] - share[3]).abs() > 1e-3, "each pair its own");
    let around = perturbed(real.clone(), &noise) - real.clone();
    let (least, most): (f32, f32) = (around.clone().min().into_scalar(), around.max().into_scalar());
    let all: Vec<f32> = real.to_data().iter().collect();
    let mean = all.iter().sum::<f32>() / 150.0;
    let deviation = (all.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 150.0).sqrt();
    assert!(least >= 0.0 && most <= deviation / 2.0 && most > 0.45 * deviation, "{least} to {most}, sd {deviation}");
}
