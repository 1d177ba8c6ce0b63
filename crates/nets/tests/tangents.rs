//! Each layer's tangent against central differences in f64, and what the tangent is for: the exact derivative of an input
//! gradient with respect to the weights.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};
use ganvas_nets::dcgan;
use ganvas_nets::dual::{Dual, in_double_precision as double};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::labels::{Conditioning, Judgement};
use ganvas_nets::layers::{
    Activation, BatchNorm, ConditionalBatchNorm, Conv2d, ConvTranspose2d, Geometry, GroupNorm, Linear, Lstm, Maxout,
    NormKind, dropout_dual, pool,
};
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::resnet;
use ganvas_prob::stream::{Streams, normals};

fn init() -> Init {
    Init::new(&Streams::new(1), "net", Initializer::He, &Device::flex())
}

fn draw<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
    let values: Vec<f64> =
        normals(&mut Streams::new(5).rng(name, 0), shape.iter().product()).into_iter().map(f64::from).collect();
    Tensor::from_data(TensorData::new(values, shape), (&Device::flex(), DType::F64))
}

/// The noise that a layer draws is the same at each call.
fn check<const D: usize, const E: usize>(name: &str, shape: [usize; D], f: impl Fn(Dual<D>, Pass) -> Dual<E>) {
    const H: f64 = 1e-5;
    let (x, direction) = (draw::<D>("x", shape), draw::<D>("direction", shape));
    for train in [true, false] {
        let run = |x: Dual<D>| {
            let noise = Noise::new(Streams::new(2), "pass", 0, &Device::flex());
            f(x, if train { Pass::Train(&noise) } else { Pass::Eval })
        };
        let at = |h: f64| run((x.clone() + direction.clone().mul_scalar(h)).into());
        let found = run(Dual::along(x.clone(), direction.clone()));
        let plain = at(0.0);
        assert!(plain.tangent.is_none());
        assert_eq!((found.value.clone() - plain.value).abs().max().into_scalar::<f64>(), 0.0, "{name}: the value");
        let differences = (at(H).value - at(-H).value).div_scalar(2.0 * H);
        assert_eq!(differences.dtype(), DType::F64);
        let size = differences.clone().abs().max().into_scalar::<f64>();
        let error = (found.tangent.unwrap() - differences).abs().max().into_scalar::<f64>();
        assert!(size > 1e-2, "{name}: something moves ({size})");
        assert!(error < 1e-6 * size.max(1.0), "{name}: off by {error} of {size}");
    }
}

#[test]
fn every_layer_has_its_tangent() {
    let init = &mut init();
    let linear = double(Linear::new(5, 3, true, init));
    check("linear", [4, 5], |x, pass| linear.dual(x, pass));
    let maxout = double(Maxout::new(5, 3, 4, init));
    check("maxout", [4, 5], |x, pass| maxout.dual(x, pass));
    for (name, geometry) in [("halve", Geometry::HALVE), ("keep", Geometry::KEEP), ("halve 5", Geometry::HALVE_5)] {
        let conv = double(Conv2d::new(2, 3, geometry, true, init));
        check(name, [2, 2, 8, 8], |x, pass| conv.dual(x, pass));
        let conv = double(ConvTranspose2d::new(2, 3, geometry, true, init));
        check(name, [2, 2, 8, 8], |x, pass| conv.dual(x, pass));
    }
    let linear = double(Linear::new(5, 3, true, init).spectral(init));
    check("spectral linear", [4, 5], |x, pass| linear.clone().dual(x, pass));
    let conv = double(Conv2d::new(2, 3, Geometry::HALVE, true, init).spectral(init));
    check("spectral conv", [2, 2, 8, 8], |x, pass| conv.clone().dual(x, pass));
    let conv = double(ConvTranspose2d::new(2, 3, Geometry::HALVE, true, init).spectral(init));
    check("spectral transposed conv", [2, 2, 8, 8], |x, pass| conv.clone().dual(x, pass));
    let batch_norm = double(BatchNorm::new(3, init));
    check("batch norm", [4, 3, 4, 4], |x, pass| batch_norm.clone().dual(x, pass));
    let plain = double(BatchNorm::plain(3, init));
    check("batch norm without gain", [4, 3, 4, 4], |x, pass| plain.clone().dual(x, pass));
    let conditional = double(ConditionalBatchNorm::new(3, 5, init));
    check("conditional batch norm", [4, 3, 4, 4], |x, pass| conditional.clone().dual(x, Some(draw("y", [4, 5])), pass));
    for groups in [1, 2, 4] {
        let norm = double(GroupNorm::new(4, groups, init));
        check("group norm", [2, 4, 3, 3], |x, _| norm.dual(x));
    }
    let memory = double(Lstm::new(3, 4, [0.5, 1.0, 0.0, -0.5], init));
    check("long short-term memory", [2, 6, 3], |x, _| memory.dual(x));
    check("dropout", [4, 50], |x, pass| dropout_dual(x, 0.7, pass));
    check("halve", [2, 3, 4, 4], |x, _| pool::halve(x));
    check("halve by maxima", [2, 3, 4, 4], |x, _| pool::halve_by_maxima(x));
    check("double", [2, 3, 4, 4], |x, _| pool::double(x));
    check("sum over space", [2, 3, 4, 4], |x, _| pool::sum_over_space(x));
    check("mean over space", [2, 3, 4, 4], |x, _| pool::mean_over_space(x));
    for group in [2, 4, 5] {
        check("minibatch stddev", [8, 2, 3, 3], |x, _| pool::with_minibatch_stddev(x, group));
    }
    check("residual sum", [4, 5], |x, _| Activation::Tanh.dual(x.clone()) + x);
    check("concatenation", [4, 5], |x, _| Dual::cat(vec![draw("fixed", [4, 2]).into(), x], 1));
}

#[test]
fn every_activation_has_its_tangent() {
    use Activation::{Identity, LeakyRelu, LeakyRelu01, Relu, Sigmoid, Silu, Softplus, Tanh};
    for activation in [Identity, Relu, LeakyRelu, LeakyRelu01, Softplus, Silu, Tanh, Sigmoid] {
        check(&format!("{activation:?}"), [4, 50], |x, _| activation.dual(x));
    }
}

#[test]
fn whole_networks_have_their_tangent() {
    let init = &mut init();
    let config = MlpConfig { keep_hidden: 0.8, ..MlpConfig::new(&[16, 16], Activation::Silu, Initializer::He) };
    let mlp = double(Mlp::new(5, 1, &config, init));
    check("mlp", [4, 5], |x, pass| mlp.dual(x, pass));
    let shape = dcgan::Shape::new(1, 16, 4, 8);
    for discriminator_norm in [NormKind::None, NormKind::Batch, NormKind::Layer, NormKind::Instance] {
        let shape = dcgan::Shape { discriminator_norm, spectral: discriminator_norm == NormKind::None, ..shape };
        let critic = double(dcgan::Discriminator::new(shape, init).unwrap());
        check(&format!("dcgan, {discriminator_norm:?}"), [4, 1, 16, 16], |x, pass| critic.clone().dual(x, pass));
        let shape = resnet::Shape { discriminator_norm, spectral: shape.spectral, ..resnet::Shape::new(1, 16, 4, 8) };
        // Smooth, for differences are taken over no corner then.
        let shape = resnet::Shape { activation: Activation::Silu, ..shape };
        let critic = double(resnet::Discriminator::new(shape, init).unwrap());
        let name = format!("resnet, {discriminator_norm:?}");
        check(&name, [4, 256], |x, pass| critic.clone().judge(x, None, pass).score);
    }
}

/// Scores and class logits, as the items move and what they are said to be stays.
#[test]
fn discriminators_that_know_classes_have_their_tangent() {
    let init = &mut init();
    let config = MlpConfig { spectral: true, ..MlpConfig::new(&[16, 16], Activation::Silu, Initializer::He) };
    for conditioning in [Conditioning::Concatenation, Conditioning::Projection, Conditioning::Auxiliary] {
        let planes = if conditioning == Conditioning::Concatenation { 3 } else { 0 };
        let mlp = double(Mlp::new(256 + planes, 1, &config, init).with_classes(conditioning, 3, &config, init));
        let shape = dcgan::Shape {
            classes: 3,
            conditioning,
            spectral: true,
            // Smooth, for differences are taken over no corner then.
            slope: Activation::Silu,
            ..dcgan::Shape::new(1, 16, 4, 8)
        };
        let convolutional = double(dcgan::Discriminator::new(shape, init).unwrap());
        let shape = resnet::Shape {
            classes: 3,
            conditioning,
            spectral: true,
            activation: Activation::Silu,
            pooling: resnet::Pooling::Mean,
            ..resnet::Shape::new(1, 16, 4, 8)
        };
        let residual = double(resnet::Discriminator::new(shape, init).unwrap());
        let told = || Some(draw("y", [4, 3]));
        // The score and the logits beside it: all that is put out.
        let whole =
            |judged: Judgement| Dual::cat([Some(judged.score), judged.logits].into_iter().flatten().collect(), 1);
        check(&format!("mlp, {conditioning:?}"), [4, 256], |x, pass| whole(mlp.clone().judge(x, told(), pass)));
        let name = format!("dcgan, {conditioning:?}");
        check(&name, [4, 256], |x, pass| whole(convolutional.clone().judge(x, told(), pass)));
        let name = format!("resnet, {conditioning:?}");
        check(&name, [4, 256], |x, pass| whole(residual.clone().judge(x, told(), pass)));
    }
}

/// Means and deviations by hand: two items of one channel, a group of two.
#[test]
fn the_minibatch_stddev_is_the_mean_deviation() {
    let x = Tensor::<4>::from_floats([[[[1.0, 5.0]]], [[[3.0, 5.0]]]], &Device::flex());
    let y = pool::with_minibatch_stddev(x.into(), 2).value;
    assert_eq!(y.dims(), [2, 2, 1, 2]);
    let values: Vec<f32> = y.to_data().iter().collect();
    for (found, expected) in values.into_iter().zip([1.0, 5.0, 0.50005, 0.50005, 3.0, 5.0, 0.50005, 0.50005]) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

/// d/dW of v . g(x), with g the input gradient and v held: by the tangent, against central differences of v . g itself,
/// which are taken from ordinary backward passes.
#[test]
fn the_tangent_gives_the_derivative_of_an_input_gradient() {
    let device = Device::flex().autodiff();
    let config = MlpConfig::new(&[8, 8], Activation::Tanh, Initializer::He);
    let mut init = Init::new(&Streams::new(1), "net", Initializer::He, &device);
    let mlp = double(Mlp::new(3, 1, &config, &mut init));
    let x = draw("x", [6, 3]);
    let v = draw("v", [6, 3]);
    let along = |mlp: &Mlp| -> f64 {
        let x = Tensor::from_inner(x.clone()).require_grad();
        let gradients = mlp.forward(x.clone(), Pass::Eval).sum().backward();
        (x.grad(&gradients).unwrap() * v.clone()).sum().into_scalar()
    };
    let dual = Dual::along(Tensor::from_inner(x.clone()), Tensor::from_inner(v.clone()));
    let tangent = mlp.dual(dual, Pass::Eval).tangent.unwrap().sum();
    assert!((tangent.clone().into_scalar::<f64>() - along(&mlp)).abs() < 1e-10);
    let gradients = tangent.backward();

    /// Adds to one element of one parameter.
    struct Nudge(usize, usize, f64);
    impl ModuleMapper for Nudge {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, value, mapper) = param.consume();
            if self.0 > 0 {
                self.0 -= 1;
                return Param::from_mapped_value(id, value, mapper);
            }
            self.0 = usize::MAX;
            let shape = value.dims();
            let mut values: Vec<f64> = value.to_data().iter().collect();
            values[self.1] += self.2;
            let value = Tensor::from_data(TensorData::new(values, shape), (&value.device(), DType::F64));
            Param::from_mapped_value(id, value.require_grad(), mapper)
        }
    }
    /// The exact gradients of all parameters, in order.
    struct Collect<'g>(&'g burn::tensor::Gradients, Vec<Vec<f64>>);
    impl burn::module::ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // The last bias moves the value and no gradient.
            let gradient = param.val().grad(self.0);
            self.1.push(gradient.map_or_else(Vec::new, |g| g.to_data().iter().collect()));
        }
    }
    let mut exact = Collect(&gradients, Vec::new());
    mlp.visit(&mut exact);
    assert!(exact.1.len() == 6, "three weights, three biases");
    for (parameter, gradient) in exact.1.iter().enumerate() {
        for (element, &expected) in gradient.iter().enumerate() {
            let at = |h: f64| along(&mlp.clone().map(&mut Nudge(parameter, element, h)));
            let found = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (found - expected).abs() < 1e-7 * expected.abs().max(1.0),
                "{parameter}.{element}: {found} {expected}"
            );
        }
    }
}
