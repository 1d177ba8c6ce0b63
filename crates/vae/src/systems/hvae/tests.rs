use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use ganvas_data::ItemShape;
use ganvas_engine::session::Options;
use ganvas_nets::init::Initializer;
use ganvas_prob::stream::Streams;

use super::networks::combined;
use super::*;
use crate::objectives::{kl_per_latent, sum_rows};
use crate::observation::Decoder;
use crate::systems::autoencoder::Warmup;

const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 8, width: 8 };

fn data() -> DataSpec {
    DataSpec { shape: SHAPE, classes: 0, mean: vec![-0.75; 64] }
}

/// A hierarchy whose layers say much from the start.
fn large(ladder: bool, layers: &[(usize, usize)]) -> HvaeConfig {
    let config = HvaeConfig::new(layers, Decoder::THRESHOLD);
    HvaeConfig { ladder, init: Initializer::Normal { sd: 0.4 }, warmup: Warmup::None, ..config }
}

fn build(config: &HvaeConfig) -> Hvae {
    let device = Device::flex().autodiff();
    Hvae::build(config, &data(), &Build { streams: Streams::new(1), device: &device }).unwrap()
}

fn noise(seed: u64) -> Noise {
    Noise::new(Streams::new(seed), "test", 0, &Device::flex())
}

/// Images of one bright row each, 1 to 8.
fn rows(n: usize, device: &Device) -> Batch {
    let pixel = |at: usize| if at % 64 / 8 == at / 64 % 8 { 1.0f32 } else { -1.0 };
    let pixels: Vec<f32> = (0..n * 64).map(pixel).collect();
    let items = Tensor::<1>::from_floats(pixels.as_slice(), device).reshape([n, 64]);
    Batch { items, labels: None, other: None, shape: SHAPE }
}

fn observed(hvae: &Hvae) -> Batch {
    let batch = rows(8, &Device::flex());
    Batch { items: hvae.observe(batch.items.clone(), &noise(5)), ..batch }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.to_data().iter().collect()
}

/// Mean over draws of the batch's mean, and its standard error.
fn mean_of(draws: usize, mut draw: impl FnMut() -> Tensor<1>) -> (f64, f64) {
    let values: Vec<f64> = (0..draws).map(|_| draw().mean().into_scalar::<f64>()).collect();
    let mean = values.iter().sum::<f64>() / draws as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (draws - 1) as f64;
    (mean, (variance / draws as f64).sqrt())
}

/// Mean and variance of the product of two densities, by the midpoint rule.
#[test]
fn the_posterior_of_the_ladder_is_the_product_of_both_densities() {
    let row = |x: f64| Tensor::<2>::full([1, 1], x, &Device::flex());
    for (m1, v1, m2, v2) in [(0.7, -0.5, -1.2, 0.8), (2.0, 1.5, 1.9, -3.0), (0.0, 0.0, 0.0, 0.0)] {
        let (mean, log_variance) = combined((row(m1), row(v1)), (row(m2), row(v2)));
        let density = |x: f64, m: f64, v: f64| (-0.5 * (x - m).powi(2) * (-v).exp()).exp();
        let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
        for i in 0..200_000 {
            let x = -10.0 + (f64::from(i) + 0.5) * 1e-4;
            let p = density(x, m1, v1) * density(x, m2, v2);
            (total, first, second) = (total + p, first + p * x, second + p * x * x);
        }
        let expected = first / total;
        assert!((values(mean)[0] - expected).abs() < 1e-5, "{m1}, {m2}");
        let variance = second / total - expected * expected;
        assert!((values(log_variance)[0] - variance.ln()).abs() < 1e-5, "{v1}, {v2}");
    }
}

const TWO: [(usize, usize); 2] = [(4, 12), (3, 10)];

#[test]
fn one_sample_bounds_by_the_elbo_on_the_average_and_more_samples_tighten_it() {
    for (ladder, layers) in [
        (true, &TWO[..]),
        (false, &TWO),
        (true, &TWO[..1]),
        (true, &[(4, 12), (3, 10), (2, 8)]),
        (false, &[(4, 12), (3, 10), (2, 8)]),
    ] {
        let hvae = build(&large(ladder, layers));
        let (x, noise) = (observed(&hvae), noise(2));
        let elbo = mean_of(1500, || hvae.elbo(&x, &noise).elbo());
        let one = mean_of(1500, || hvae.bound(&x, 1, &noise));
        let five = mean_of(1500, || hvae.bound(&x, 5, &noise));
        let error = (elbo.1.powi(2) + one.1.powi(2)).sqrt();
        assert!((elbo.0 - one.0).abs() < 4.0 * error, "{ladder}, {layers:?}: {elbo:?} against {one:?}");
        assert!(five.0 > one.0 + 4.0 * error, "{ladder}, {layers:?}: {five:?} not above {one:?}");
    }
}

/// The closed divergence of each layer given the draws above is the mean of ln q - ln p.
#[test]
fn the_divergence_of_each_layer_is_the_mean_of_what_is_drawn() {
    let hvae = build(&large(true, &TWO));
    let (x, networks, noise) = (observed(&hvae), hvae.networks.shown(), noise(2));
    for i in 0..2 {
        let difference = mean_of(4000, || {
            let drawn = hvae.drawn(&networks, x.items.clone(), Some(&noise));
            drawn[i].kl() + drawn[i].log_ratio()
        });
        assert!(difference.0.abs() < 4.0 * difference.1, "layer {i}: {difference:?}");
    }
    let bounded = hvae.elbo(&x, &noise);
    assert_eq!(bounded.per_latent.unwrap().dims(), [8, 7]);
    assert!(build(&large(false, &TWO)).elbo(&x, &noise).per_latent.is_none());
}

/// One layer is a VAE: its divergence is that of a diagonal Gaussian from N(0, I), whichever way the posterior goes.
#[test]
fn one_layer_is_a_vae() {
    for ladder in [true, false] {
        let hvae = build(&large(ladder, &TWO[..1]));
        let (x, networks) = (observed(&hvae), hvae.networks.shown());
        let drawn = hvae.drawn(&networks, x.items.clone(), Some(&noise(2)));
        let (mean, log_variance) = drawn[0].posterior.clone();
        let expected = sum_rows(kl_per_latent(mean.clone(), log_variance));
        let bounded = hvae.elbo(&x, &noise(2));
        assert!((bounded.kl - expected).abs().max().into_scalar::<f32>() < 1e-4);
        assert_eq!(bounded.mean.to_data(), mean.to_data());
    }
}

#[test]
fn codes_are_all_layers_and_the_first_is_decoded() {
    for ladder in [true, false] {
        let hvae = build(&large(ladder, &TWO));
        let x = rows(8, &Device::flex()).items;
        let (codes, drawn) = (hvae.encode(x.clone(), None), hvae.draw(x.clone(), None, &noise(1)));
        assert_eq!((codes.dims(), drawn.dims(), hvae.code_size()), ([8, 7], [8, 7], 7));
        let changed = codes.clone().slice_assign([0..8, 4..7], Tensor::zeros([8, 3], &Device::flex()));
        assert_eq!(hvae.decode(changed, None).to_data(), hvae.decode(codes, None).to_data());
        // A walk over the top layer; with the value that was drawn it passes what is sampled.
        let drawn = noise(3).normal("latent", [1, 3]);
        let at: Vec<f64> = values(drawn.narrow(1, 2, 1));
        let walked = hvae.traverse(2, &[-2.0, at[0], 2.0], &noise(3));
        let sample = hvae.sample(1, &noise(3));
        assert!((walked.clone().narrow(0, 1, 1) - sample).abs().max().into_scalar::<f32>() < 1e-5);
        assert!((walked.clone().narrow(0, 0, 1) - walked.narrow(0, 2, 1)).abs().max().into_scalar::<f32>() > 1e-3);
        assert_eq!((hvae.codes().len(), hvae.codes()[0].name.as_str()), (3, "z2.1"));
    }
}

fn train(hvae: &mut Hvae, steps: u64) -> BTreeMap<String, f64> {
    let device = Device::flex().autodiff();
    let options = Options::new(Streams::new(1), 64, steps);
    let mut found = BTreeMap::new();
    for index in 0..steps {
        let mut step = Step::new(&options, index, &device, index + 1 == steps);
        hvae.step(&rows(64, &device), &mut step);
        found = step.finish().unwrap().into_iter().map(|(name, value)| (name, value.into())).collect();
    }
    found
}

/// Eight images: what is left in the end is little more than ln 8, and the layers' divergences add up to the whole.
#[test]
fn it_learns_and_records_every_layer() {
    for ladder in [true, false] {
        let config = HvaeConfig { ladder, ..HvaeConfig::new(&[(4, 32), (2, 16)], Decoder::THRESHOLD) };
        let mut hvae = build(&config);
        let (x, noise) = (observed(&hvae), noise(2));
        let before = hvae.bound(&x, 50, &noise).mean().into_scalar::<f64>();
        let found = train(&mut hvae, 600);
        let after = hvae.bound(&x, 50, &noise).mean().into_scalar::<f64>();
        assert!(before < -20.0 && after > -5.0, "{ladder}: {before} to {after}; ln 8 is 2.08");
        assert!((found["kl"] - found["kl/z1"] - found["kl/z2"]).abs() < 1e-3, "{found:?}");
        assert!((found["latents/active"] - found["latents/active_z1"] - found["latents/active_z2"]).abs() < 1e-6);
        assert!((found["elbo"] - found["kl"] - found["reconstruction"]).abs() < 1e-2, "{found:?}");
    }
}

#[test]
fn every_decoder_and_extreme_weights_stay_finite() {
    let decoders = [
        Decoder::DYNAMIC,
        Decoder::ContinuousBernoulli,
        Decoder::Gaussian { sd: 0.5 },
        Decoder::LearnedGaussian { sd: 0.5 },
        Decoder::DiscretizedLogistic { scale: 0.1 },
    ];
    for decoder in decoders {
        for ladder in [true, false] {
            let config = HvaeConfig { decoder, ..large(ladder, &TWO) };
            let mut hvae = build(&config);
            assert!(train(&mut hvae, 1)["elbo"].is_finite(), "{decoder:?}");
            let samples = hvae.sample(3, &noise(1));
            assert!(samples.dims() == [3, 64] && samples.abs().max().into_scalar::<f32>() <= 1.0, "{decoder:?}");
        }
    }
    for sd in [1e-6, 2.0] {
        let mut hvae = build(&HvaeConfig { init: Initializer::Normal { sd }, ..large(true, &TWO) });
        assert!(train(&mut hvae, 1)["elbo"].is_finite(), "{sd}");
    }
}

#[test]
fn settings_out_of_their_domain_are_refused_by_name() {
    let base = || large(true, &TWO);
    let cases = [
        (HvaeConfig { layers: vec![], ..base() }, "layers"),
        (large(true, &[(0, 8)]), "layers.0.latent"),
        (large(true, &[(4, 8), (4, 0)]), "layers.1.units"),
        (large(true, &[(4, 60_000), (4, 60_000)]), "layers.0.units"),
        (HvaeConfig { init: Initializer::Normal { sd: -1.0 }, ..base() }, "sd"),
        (HvaeConfig { warmup: Warmup::Linear { share: 0.0 }, ..base() }, "warmup.share"),
        (HvaeConfig { late: 2.0, ..base() }, "late"),
        (HvaeConfig { rate_late: 0.0, ..base() }, "rate_late"),
        (HvaeConfig { ema: 1.0, ..base() }, "ema"),
        (HvaeConfig { decoder: Decoder::Gaussian { sd: 0.0 }, ..base() }, "decoder.sd"),
    ];
    let device = Device::flex().autodiff();
    for (config, key) in cases {
        let found = Hvae::build(&config, &data(), &Build { streams: Streams::new(1), device: &device });
        let error = found.err().map_or_else(String::new, |error| error.to_string());
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn presets_suit_their_data() {
    let device = Device::flex().autodiff();
    let square = |side| ItemShape::Image { channels: 1, height: side, width: side };
    for shape in [ItemShape::Points { dims: 2 }, square(16), square(28)] {
        let data = DataSpec { shape, classes: 0, mean: vec![0.0; shape.len()] };
        for preset in Preset::ALL {
            let config = Hvae::preset(preset, &data).config;
            let build = Build { streams: Streams::new(1), device: &device };
            assert!(Hvae::build(&config, &data, &build).is_ok(), "{shape:?}, {preset:?}");
        }
    }
}
