use std::collections::BTreeMap;

use burn::tensor::Device;
use ganvas_data::ItemShape;
use ganvas_engine::session::Options;
use ganvas_nets::flows::{FlowConfig, FlowKind};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_prob::stream::Streams;

use super::*;
use crate::networks::Networks as Architecture;
use crate::objectives::{Estimator, Kernel};
use crate::observation::{Binarization, Decoder as Says};
use crate::systems::vae::{Vae, Variational, tanh};

const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 8, width: 8 };
const VALUES: usize = 64;
const THRESHOLD: Says = Says::THRESHOLD;
const GAUSSIAN: Says = Says::Gaussian { sd: 0.7 };

fn spec() -> DataSpec {
    DataSpec { shape: SHAPE, classes: 3, mean: vec![0.0; VALUES] }
}

/// A network with large weights, so that posteriors differ from the prior and the decoder depends on z.
fn large(decoder: Says) -> AutoencoderConfig {
    let networks = Architecture::mlp(&[12], Activation::Tanh, Initializer::Normal { sd: 0.3 });
    AutoencoderConfig::new(3, networks, decoder)
}

fn build(config: &AutoencoderConfig) -> Vae {
    let device = Device::flex().autodiff();
    Vae::build(config, &spec(), &Build { streams: Streams::new(1), device: &device }).unwrap()
}

fn noise(seed: u64) -> Noise {
    Noise::new(Streams::new(seed), "test", 0, &Device::flex())
}

fn items(n: usize, device: &Device) -> Tensor<2> {
    Noise::new(Streams::new(3), "items", 0, device).uniform("items", [n, VALUES], -1.0, 1.0)
}

fn batch(n: usize, device: &Device) -> Batch {
    let labels = Tensor::from_data(TensorData::new((0..n as i64).map(|i| i % 3).collect(), [n]), device);
    Batch { items: items(n, device), labels: Some(labels), other: None, shape: SHAPE }
}

fn observed(vae: &Vae, n: usize) -> Batch {
    let batch = batch(n, &Device::flex());
    Batch { items: vae.observe(batch.items.clone(), &noise(5)), ..batch }
}

/// Mean over draws of the batch's mean, and its standard error.
fn mean_of(draws: usize, mut draw: impl FnMut() -> Tensor<1>) -> (f64, f64) {
    let values: Vec<f64> = (0..draws).map(|_| draw().mean().into_scalar::<f64>()).collect();
    let mean = values.iter().sum::<f64>() / draws as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (draws - 1) as f64;
    (mean, (variance / draws as f64).sqrt())
}

/// Latents on a sphere.
fn sphere(latent: usize) -> AutoencoderConfig {
    AutoencoderConfig { latent, posterior: Posterior::VonMisesFisher, prior: Prior::Sphere, ..large(THRESHOLD) }
}

/// Every posterior and prior that has a likelihood.
fn laws() -> Vec<AutoencoderConfig> {
    let base = || large(THRESHOLD);
    vec![
        base(),
        large(GAUSSIAN),
        AutoencoderConfig { posterior: Posterior::Full, ..base() },
        AutoencoderConfig { conditional: true, ..base() },
        AutoencoderConfig { conditional: true, prior: Prior::ByClass, ..base() },
        AutoencoderConfig { conditional: true, prior: Prior::ByClass, posterior: Posterior::Full, ..base() },
        AutoencoderConfig { prior: Prior::Vamp { inputs: 5 }, ..base() },
        sphere(3),
        sphere(2),
        AutoencoderConfig { conditional: true, ..sphere(20) },
        AutoencoderConfig { flow: Some(FlowConfig::new(FlowKind::Iaf, 2, &[8])), ..base() },
        AutoencoderConfig { flow: Some(FlowConfig::new(FlowKind::Planar, 3, &[])), ..base() },
        AutoencoderConfig {
            flow: Some(FlowConfig::new(FlowKind::Radial, 3, &[])),
            conditional: true,
            prior: Prior::ByClass,
            ..base()
        },
    ]
}

#[test]
fn the_bound_of_one_sample_is_the_elbo_on_the_average_and_more_samples_tighten_it() {
    for config in laws() {
        let vae = build(&config);
        let x = observed(&vae, 8);
        let noise = noise(2);
        let elbo = mean_of(1500, || vae.elbo(&x, &noise).elbo());
        let one = mean_of(1500, || vae.bound(&x, 1, &noise));
        let five = mean_of(1500, || vae.bound(&x, 5, &noise));
        let error = (elbo.1.powi(2) + one.1.powi(2)).sqrt();
        assert!((elbo.0 - one.0).abs() < 4.0 * error, "{config:?}: {elbo:?} against {one:?}");
        assert!(five.0 > one.0 + 4.0 * error, "{config:?}: {five:?} not above {one:?}");
    }
}

/// What a step of training reports and does to the parameters, from the same start.
fn figures(config: &AutoencoderConfig, reported: bool) -> BTreeMap<String, f64> {
    let device = Device::flex().autodiff();
    let mut vae = build(config);
    let options = Options::new(Streams::new(1), 8, 10);
    let mut step = Step::new(&options, 5, &device, reported);
    vae.step(&batch(8, &device), &mut step);
    step.finish().unwrap().into_iter().map(|(name, value)| (name, value.into())).collect()
}

#[test]
fn beta_weighs_the_divergence_and_the_latents_add_up_to_it() {
    for beta in [0.0, 1.0, 30.0] {
        let found = figures(&AutoencoderConfig { objective: Objective::Elbo { beta }, ..large(THRESHOLD) }, true);
        let expected = found["reconstruction"] + beta * found["kl"];
        assert!((found["elbo"] - expected).abs() < 1e-3, "{beta}: {found:?}");
        assert!((found["kl"] - 3.0 * found["kl_per_latent/mean"]).abs() < 1e-4, "{found:?}");
        let largest = found["kl_per_latent/largest"];
        assert!(largest >= found["kl_per_latent/mean"] && largest <= found["kl"], "{found:?}");
        assert!([0.0, 1.0, 2.0, 3.0].contains(&found["latents/active"]), "{found:?}");
    }
    assert!(figures(&large(THRESHOLD), false).is_empty());
}

const IMQ: Kernel = Kernel::InverseMultiquadratic { sd: 1.0 };

fn objectives() -> Vec<Objective> {
    let (standard, doubly) = (Estimator::Reparameterized, Estimator::DoublyReparameterized);
    vec![
        Objective::Reconstruction,
        Objective::Elbo { beta: 4.0 },
        Objective::Capacity { gamma: 10.0, capacity: 5.0, share: 0.5 },
        Objective::FreeBits { nats: 0.5, beta: 1.0 },
        Objective::ImportanceWeighted { k: 5, estimator: standard },
        Objective::ImportanceWeighted { k: 5, estimator: doubly },
        Objective::Multiply { m: 2, k: 3 },
        Objective::Partially { m: 2, k: 3 },
        Objective::Combination { beta: 0.05, k: 4 },
        Objective::Renyi { alpha: 0.5, k: 4 },
        Objective::TotalCorrelation { mutual: 1.0, total: 6.0, dimensions: 1.0 },
        Objective::Mmd { kl: 0.0, mmd: 10.0, kernel: IMQ },
        Objective::Mmd { kl: 1.0, mmd: 10.0, kernel: Kernel::Gaussian { bandwidth: 1.0 } },
        Objective::Regularized { latent: 1e-2, weights: 1e-3, gradient: 1e-3 },
    ]
}

#[test]
fn every_objective_trains_every_architecture() {
    let architectures = [
        Architecture::mlp(&[12], Activation::Tanh, Initializer::Glorot),
        Architecture::conv(4),
        Architecture::Resnet { width: 4, norm: NormKind::Batch, init: Initializer::Glorot },
    ];
    for objective in objectives() {
        for networks in &architectures {
            let config = AutoencoderConfig { objective, networks: networks.clone(), ..large(THRESHOLD) };
            let found = figures(&config, true);
            assert!(
                found["elbo"].is_finite() && found["reconstruction"] > 0.0,
                "{objective:?}, {networks:?}: {found:?}"
            );
        }
    }
}

#[test]
fn every_decoder_trains_and_its_samples_are_in_range() {
    let decoders = [
        THRESHOLD,
        Says::DYNAMIC,
        Says::ContinuousBernoulli,
        GAUSSIAN,
        Says::LearnedGaussian { sd: 0.5 },
        Says::DiscretizedLogistic { scale: 0.1 },
    ];
    for decoder in decoders {
        let config = large(decoder);
        assert!(figures(&config, true)["elbo"].is_finite(), "{decoder:?}");
        let vae = build(&config);
        let samples = vae.sample(6, &noise(4));
        assert_eq!(samples.dims(), [6, VALUES]);
        assert!(samples.abs().max().into_scalar::<f32>() <= 1.0, "{decoder:?}");
        let x = observed(&vae, 4);
        let independent = vae.independent(x.items.clone(), x.items.clone()).mean().into_scalar::<f64>();
        assert!(independent.is_finite() && vae.bound(&x, 2, &noise(4)).mean().into_scalar::<f64>().is_finite());
    }
}

/// The gradient of a loss in every parameter, one after the other.
fn gradient(config: &AutoencoderConfig, seed: u64) -> Vec<f64> {
    let device = Device::flex().autodiff();
    let vae = build(config);
    let found = std::cell::RefCell::new(Vec::new());
    let options = Options::new(Streams::new(seed), 8, 10);
    let mut step = Step::new(&options, 5, &device, true);
    let (setup, networks) = (vae.setup.clone(), vae.networks.clone());
    let mut copy = networks.clone();
    step.phase("elbo").update("networks", &mut copy, &batch(8, &device), |networks, micro| {
        let loss = train::loss(&setup, networks, micro, 0.5);
        let gradients = vae.networks.gradients(loss);
        let packed = ganvas_nets::optim::packed(&gradients, networks, Vec::new());
        found.borrow_mut().extend(packed.to_data().iter::<f64>());
        // A graph serves once, and an update wants one.
        train::loss(&setup, networks, micro, 0.5)
    });
    step.finish().unwrap();
    found.into_inner()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

/// With one sample all bounds are the same, with beta 1 or one group likewise; of the two split losses each network's gradient is
/// that of its own bound.
#[test]
fn bounds_agree_where_they_have_to() {
    let with = |objective| gradient(&AutoencoderConfig { objective, ..large(THRESHOLD) }, 1);
    let standard = Estimator::Reparameterized;
    let one = with(Objective::ImportanceWeighted { k: 1, estimator: standard });
    for objective in [
        Objective::Multiply { m: 1, k: 1 },
        Objective::Partially { m: 1, k: 1 },
        Objective::Combination { beta: 0.3, k: 1 },
        Objective::Renyi { alpha: 3.0, k: 1 },
    ] {
        assert!(distance(&with(objective), &one) < 1e-4, "{objective:?}");
    }
    let five = with(Objective::ImportanceWeighted { k: 5, estimator: standard });
    for objective in [
        Objective::Multiply { m: 1, k: 5 },
        Objective::Partially { m: 1, k: 5 },
        Objective::Combination { beta: 0.0, k: 5 },
        Objective::Renyi { alpha: 0.0, k: 5 },
    ] {
        assert!(distance(&with(objective), &five) < 1e-4, "{objective:?}");
    }
    let mean = with(Objective::Combination { beta: 1.0, k: 5 });
    assert!(distance(&with(Objective::Multiply { m: 5, k: 1 }), &mean) < 1e-4);
    assert!(distance(&with(Objective::Renyi { alpha: 1.0, k: 5 }), &mean) < 1e-4);
    assert!(distance(&five, &mean) > 1e-2, "they differ");
}

/// Means over 400 draws of both estimators of the same gradient (Tucker et al. 2019): they agree within the error of the draws,
/// which is the smaller for the doubly reparameterised one.
#[test]
fn the_doubly_reparameterized_gradient_has_the_same_mean_and_less_variance() {
    let mean_and_error = |estimator| {
        let objective = Objective::ImportanceWeighted { k: 8, estimator };
        let config = AutoencoderConfig { objective, ..large(GAUSSIAN) };
        let draws: Vec<Vec<f64>> = (0..400).map(|seed| gradient(&config, seed)).collect();
        let n = draws.len() as f64;
        let mean: Vec<f64> = (0..draws[0].len()).map(|i| draws.iter().map(|d| d[i]).sum::<f64>() / n).collect();
        let variance: f64 =
            draws.iter().map(|d| d.iter().zip(&mean).map(|(x, m)| (x - m).powi(2)).sum::<f64>()).sum::<f64>() / n / n;
        (mean, variance.sqrt())
    };
    let (one, error) = mean_and_error(Estimator::Reparameterized);
    let (other, less) = mean_and_error(Estimator::DoublyReparameterized);
    let apart = one.iter().zip(&other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    assert!(apart < 2.0 * (error * error + less * less).sqrt(), "{apart}, errors {error} and {less}");
    assert!(less < error, "{less} against {error}");
}

/// The bounds take the posterior's mean for the same thing; a code of one row, changed in one place, is decoded alone.
#[test]
fn codes_are_posterior_means_and_a_traversal_changes_one_of_them() {
    for decoder in [THRESHOLD, GAUSSIAN] {
        let vae = build(&large(decoder));
        let x = observed(&vae, 8);
        let codes = vae.encode(items(8, &Device::flex()), None);
        assert_eq!(codes.to_data(), vae.elbo(&x, &noise(2)).mean.to_data(), "{decoder:?}");
        assert_eq!(codes.dims(), [8, vae.code_size()]);

        let walked = vae.traverse(1, &[-2.0, 0.5], &noise(2));
        let latent = vae.latents(1, None, &noise(2)).to_data();
        let mut latent: Vec<f32> = latent.iter().collect();
        latent[1] = 0.5;
        let by_hand = Tensor::<1>::from_floats(latent.as_slice(), &Device::flex()).reshape([1, 3]);
        let by_hand = vae.decode(by_hand, None);
        let difference = (walked.narrow(0, 1, 1) - by_hand.clone()).abs().max().into_scalar::<f32>();
        assert!(difference < 1e-6, "{decoder:?}: {difference}");
        assert!(by_hand.abs().max().into_scalar::<f32>() <= 1.0);
    }
}

/// A draw of a pixel has its grey level as mean: so has what is encoded.
#[test]
fn drawn_pixels_are_encoded_as_their_probabilities() {
    let vae = build(&large(Says::DYNAMIC));
    let full = |value: f32| Tensor::<2>::full([1, VALUES], value, &Device::flex());
    let mean = vae.networks.shown().encoder.forward(full(0.75), None, Pass::Eval).narrow(1, 0, 3);
    assert_eq!(vae.encode(full(0.5), None).to_data(), mean.to_data());
}

#[test]
fn thresholded_pixels_are_repeatable_and_drawn_ones_have_their_grey_level_as_mean() {
    let observe = |binarization| {
        let observation = Observation { decoder: Says::Bernoulli { binarization }, shape: SHAPE };
        let grey = Tensor::<2>::full([1000, VALUES], 0.5, &Device::flex());
        observation.observe(grey, &noise(2)).mean().into_scalar::<f64>()
    };
    let share = observe(Binarization::Dynamic);
    assert!((share - 0.75).abs() < 4.0 * (0.1875f64 / 64_000.0).sqrt(), "{share}");
    assert_eq!(observe(Binarization::Threshold), 1.0);
}

/// Data that are independent pixels: their entropy is what independent marginals cost.
#[test]
fn independent_marginals_cost_the_entropy_of_independent_pixels() {
    let vae = build(&large(Says::DYNAMIC));
    let noise = noise(2);
    let draw = || vae.observe(Tensor::<2>::full([4000, VALUES], 0.5, &Device::flex()), &noise);
    let cost = -vae.independent(draw(), draw()).mean().into_scalar::<f64>();
    let entropy = -(VALUES as f64) * (0.75f64 * 0.75f64.ln() + 0.25 * 0.25f64.ln());
    assert!((cost - entropy).abs() < 0.2, "{cost} against {entropy}");
}

/// Codes without a prior are drawn from a Gaussian fitted to them: after training on one item again and again, there.
#[test]
fn a_deterministic_posterior_samples_near_its_codes() {
    let config = AutoencoderConfig {
        posterior: Posterior::Deterministic,
        objective: Objective::Reconstruction,
        optimizer: ganvas_nets::optim::OptimizerConfig::adam(1e-6, 0.9),
        ..large(GAUSSIAN)
    };
    let device = Device::flex().autodiff();
    let mut vae = build(&config);
    assert!(vae.likelihood().is_none() && vae.autoencoder().is_some());
    let batch = Batch { items: items(1, &device).repeat_dim(0, 4), labels: None, other: None, shape: SHAPE };
    let options = Options::new(Streams::new(1), 4, 800);
    for index in 0..800 {
        let mut step = Step::new(&options, index, &device, false);
        vae.step(&batch, &mut step);
        step.finish().unwrap();
    }
    let code = vae.encode(items(1, &Device::flex()), None);
    let away = (vae.latents(50, None, &noise(4)) - code).abs().max().into_scalar::<f32>();
    assert!(away < 0.1, "{away}");
}

#[test]
fn classes_are_told_to_both_networks() {
    let vae = build(&AutoencoderConfig { conditional: true, ..large(THRESHOLD) });
    let differ = |a: Tensor<2>, b: Tensor<2>| (a - b).abs().max().into_scalar::<f32>() > 1e-3;
    assert!(vae.needs_class() && vae.codes_by_class() && vae.traversal().is_none());
    let of = |class: usize| vae.encode(items(2, &Device::flex()), Some(&[class, class]));
    assert!(differ(of(0), of(1)));
    assert!(differ(vae.sample_of(&[0, 0], &noise(1)), vae.sample_of(&[2, 2], &noise(1))));
    assert_eq!(vae.sample(4, &noise(1)).to_data(), vae.sample_of(&[0, 1, 2, 0], &noise(1)).to_data());
}

#[test]
fn a_penalty_on_the_slope_of_the_decoder_reaches_its_parameters() {
    for networks in [Architecture::mlp(&[12], Activation::Tanh, Initializer::Glorot), Architecture::conv(4)] {
        let of = |gradient| Objective::Regularized { latent: 0.0, weights: 0.0, gradient };
        let with = |objective| {
            let posterior = Posterior::Deterministic;
            gradient(&AutoencoderConfig { objective, posterior, networks: networks.clone(), ..large(GAUSSIAN) }, 1)
        };
        assert!(distance(&with(of(10.0)), &with(of(0.0))) > 1e-3);
    }
}

fn refused(config: AutoencoderConfig, classes: usize) -> String {
    let data = DataSpec { classes, ..spec() };
    let device = Device::flex().autodiff();
    let found = Vae::build(&config, &data, &Build { streams: Streams::new(1), device: &device });
    found.err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn settings_out_of_their_domain_are_refused_by_name() {
    let base = || large(THRESHOLD);
    let with = |objective| AutoencoderConfig { objective, ..base() };
    let doubly = Objective::ImportanceWeighted { k: 5, estimator: Estimator::DoublyReparameterized };
    let cases = [
        (AutoencoderConfig { latent: 0, ..base() }, "latent"),
        (AutoencoderConfig { latent: 300, posterior: Posterior::Full, ..base() }, "latent"),
        (AutoencoderConfig { posterior: Posterior::Deterministic, ..base() }, "posterior"),
        (AutoencoderConfig { prior: Prior::ByClass, ..base() }, "prior.kind"),
        (AutoencoderConfig { prior: Prior::Vamp { inputs: 0 }, ..base() }, "prior.inputs"),
        (AutoencoderConfig { prior: Prior::Vamp { inputs: 5 }, posterior: Posterior::Full, ..base() }, "prior.kind"),
        (AutoencoderConfig { prior: Prior::Sphere, ..base() }, "prior.kind"),
        (AutoencoderConfig { prior: Prior::StandardNormal, ..sphere(3) }, "prior.kind"),
        (sphere(1), "latent"),
        (sphere(257), "latent"),
        (AutoencoderConfig { flow: Some(FlowConfig::new(FlowKind::Planar, 2, &[])), ..sphere(3) }, "posterior"),
        (with(Objective::Elbo { beta: -1.0 }), "objective.beta"),
        (with(Objective::Elbo { beta: f64::NAN }), "objective.beta"),
        (with(Objective::Combination { beta: 1.5, k: 3 }), "objective.beta"),
        (with(Objective::Multiply { m: 0, k: 3 }), "objective.m"),
        (with(Objective::Renyi { alpha: 0.5, k: 0 }), "objective.k"),
        (with(Objective::Capacity { gamma: 1.0, capacity: 5.0, share: 0.0 }), "objective.share"),
        (with(Objective::Mmd { kl: 0.0, mmd: 1.0, kernel: Kernel::Gaussian { bandwidth: 0.0 } }), "bandwidth"),
        (AutoencoderConfig { posterior: Posterior::Full, ..with(doubly) }, "objective.estimator"),
        (AutoencoderConfig { flow: Some(FlowConfig::new(FlowKind::Iaf, 0, &[8])), ..base() }, "flow.layers"),
        (
            AutoencoderConfig {
                flow: Some(FlowConfig::new(FlowKind::Planar, 2, &[])),
                prior: Prior::Vamp { inputs: 5 },
                ..base()
            },
            "prior.kind",
        ),
        (AutoencoderConfig { warmup: Warmup::Linear { share: 0.0 }, ..base() }, "warmup.share"),
        (AutoencoderConfig { warmup: Warmup::Cyclical { cycles: 0, share: 0.5 }, ..base() }, "warmup.cycles"),
        (large(Says::Gaussian { sd: 0.0 }), "decoder.sd"),
        (large(Says::DiscretizedLogistic { scale: f64::INFINITY }), "decoder.scale"),
        (AutoencoderConfig { networks: Architecture::conv(0), ..base() }, "networks.width"),
    ];
    for (config, key) in cases {
        let error = refused(config, 3);
        assert!(error.contains(key), "{key}: {error}");
    }
    assert!(refused(AutoencoderConfig { conditional: true, ..base() }, 0).contains("labelled"));
    assert_eq!(refused(AutoencoderConfig { conditional: true, ..base() }, 3), "");
}

#[test]
fn sizes_from_one_to_many_stay_finite() {
    for latent in [1, 512] {
        let config = AutoencoderConfig { latent, ..large(THRESHOLD) };
        assert!(figures(&config, true)["elbo"].is_finite(), "{latent}");
        let vae = build(&config);
        let x = observed(&vae, 2);
        for k in [1, 5000] {
            assert!(vae.bound(&x, k, &noise(1)).mean().into_scalar::<f64>().is_finite(), "{latent} latents, k = {k}");
        }
    }
    for k in [1, 5000] {
        let objective = Objective::ImportanceWeighted { k, estimator: Estimator::default() };
        assert!(figures(&AutoencoderConfig { objective, ..large(THRESHOLD) }, true)["elbo"].is_finite(), "k = {k}");
    }
    // One latent has nothing below the diagonal.
    let one = AutoencoderConfig { latent: 1, posterior: Posterior::Full, ..large(THRESHOLD) };
    assert!(figures(&one, true)["elbo"].is_finite());
}

/// Log-variances at both ends of their range, constant images, one item: every objective's loss and gradient are finite.
#[test]
fn extremes_stay_finite() {
    let device = Device::flex().autodiff();
    for objective in objectives() {
        for sd in [1e-6, 30.0] {
            let networks = Architecture::mlp(&[12], Activation::Relu, Initializer::Normal { sd });
            let config = AutoencoderConfig { objective, networks, ..large(THRESHOLD) };
            for (n, value) in [(1, 1.0f32), (4, -1.0)] {
                let mut vae = build(&config);
                let batch =
                    Batch { items: Tensor::full([n, VALUES], value, &device), labels: None, other: None, shape: SHAPE };
                let options = Options::new(Streams::new(1), n, 3);
                let mut step = Step::new(&options, 0, &device, true);
                vae.step(&batch, &mut step);
                assert!(step.finish().is_ok(), "{objective:?}, weights {sd}, {n} items of {value}");
            }
        }
    }
}

/// The paper's settings make networks of the sizes that it states.
#[test]
fn networks_have_their_published_size() {
    let parameters = |config: &AutoencoderConfig| {
        let shape = ItemShape::Image { channels: 1, height: 28, width: 28 };
        let data = DataSpec { shape, classes: 10, mean: vec![0.0; 784] };
        let device = Device::flex().autodiff();
        let mut vae = Vae::build(config, &data, &Build { streams: Streams::new(1), device: &device }).unwrap();
        vae.parts().into_iter().map(|(_, part)| part.parameters()).sum::<usize>()
    };
    assert_eq!(parameters(&tanh(20, &[400], Says::DYNAMIC)), 652_824);
    assert_eq!(parameters(&tanh(10, &[200], Says::DYNAMIC)), 320_804);
    assert_eq!(parameters(&tanh(50, &[200, 200], Says::DYNAMIC)), 425_284);
    let told = AutoencoderConfig { conditional: true, ..tanh(10, &[200], Says::DYNAMIC) };
    assert_eq!(parameters(&told), 324_804);
    let shape = ItemShape::Image { channels: 1, height: 28, width: 28 };
    let data = DataSpec { shape, classes: 10, mean: vec![0.0; 784] };
    assert_eq!(parameters(&Variational::preset(Preset::Paper, &data).config), 815_824);
}

/// Codes, draws of the posterior and what is sampled are of length 1, and so is a walk along a coordinate; a part of a batch draws what
/// the whole batch would.
#[test]
fn latents_on_the_sphere_stay_there() {
    let vae = build(&sphere(5));
    let x = items(8, &Device::flex());
    let walked = on_sphere(vae.latents(1, None, &noise(2)), 3, &[-1.0, 0.3]);
    for rows in
        [vae.encode(x.clone(), None), vae.draw(x.clone(), None, &noise(1)), vae.latents(6, None, &noise(2)), walked]
    {
        let away = rows.square().sum_dim(1).sub_scalar(1.0).abs().max().into_scalar::<f32>();
        assert!(away < 1e-5, "{away}");
    }
    let coded = |x: Tensor<2>| vae.setup.coded(&vae.networks.shown(), x, None, Pass::Eval).repeated(3);
    let whole = coded(x.clone()).draw(&noise(1), 3).z;
    let part = coded(x.narrow(0, 2, 4)).draw(&noise(1).rows(2..6, 8), 3).z;
    assert!((whole.narrow(0, 6, 12) - part).abs().max().into_scalar::<f32>() < 1e-6);
    assert_eq!(vae.codes()[0].values, CodeValues::Continuous { from: -1.0, to: 1.0 });
}

#[test]
fn latents_on_the_sphere_are_trained_by_every_objective_that_takes_them() {
    let standard = Estimator::Reparameterized;
    for objective in [
        Objective::Elbo { beta: 1.0 },
        Objective::Capacity { gamma: 10.0, capacity: 5.0, share: 0.5 },
        Objective::FreeBits { nats: 0.5, beta: 1.0 },
        Objective::ImportanceWeighted { k: 3, estimator: standard },
        Objective::Multiply { m: 2, k: 2 },
        Objective::Combination { beta: 0.5, k: 2 },
        Objective::Renyi { alpha: 0.5, k: 2 },
    ] {
        let found = figures(&AutoencoderConfig { objective, ..sphere(4) }, true);
        assert!(found["elbo"].is_finite() && found["concentration"] >= 1.0, "{objective:?}: {found:?}");
    }
}
