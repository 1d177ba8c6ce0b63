//! Acceptance checks of the VQ-VAE.

use burn::tensor::{Device, Tensor, TensorData};
use ganvas_data::{Dataset, Split};
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::measures::{extractor, quality, quality_of};
use ganvas_engine::session::sample;
use ganvas_engine::system::{Autoencoder, DataSpec, Preset, System, to_device};
use ganvas_metrics::{Extractor, Images};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::NormKind;
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::{Streams, uniforms};

use super::{VqVae, VqVaeConfig};
use crate::networks::Networks;
use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Objective};
use crate::systems::measures::Bounds;
use crate::systems::vae::Variational;

const DRAWN: usize = 5000;
/// A sample is recognised where the classifier is as sure as this of a class.
const SURE: f32 = 0.9;

/// Test error against what k-means of 4x4 patches reaches with as many bits and against a VAE of as many bits, how evenly the codes are
/// used, and what the prior of the tokens is worth.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let classifier = extractor(&dataset, &device)?;
    let recommended = VqVae::preset(Preset::Small, &DataSpec::of(&dataset));
    let config = recommended.config;
    let coded = (recommended.steps as f64 * config.prior_from) as u64;
    for seed in acceptance.seeds() {
        let trial =
            |until: u64| Trial { dataset: &dataset, seed, batch: recommended.batch, until: Until::Steps(until) };
        let trained = acceptance.train::<VqVae>(&config, &trial(recommended.steps))?;
        let vq = &trained.system;
        let places = vq.places();
        let bits = places as f64 * (config.codes as f64).log2();
        let at = trained.conditions().note(format!("{places} tokens of {}, {bits:.0} bits", config.codes));

        let error = test_error(vq, &dataset, &device);
        let test = dataset.test.len;
        let conditions = at.clone().items(test, 0).note("k-means of 4x4 patches with as many bits: 0.0087");
        acceptance.check("1 test MSE per pixel, of [0, 1]", error, Threshold::AtMost(0.0087), conditions);

        let shares = &counts(vq, &dataset, &dataset.test, &device);
        let total: f64 = shares.iter().flatten().sum();
        let of = |code: usize| shares.iter().map(|place| place[code]).sum::<f64>() / total;
        let shares_of: Vec<f64> = (0..config.codes).map(of).collect();
        let entropy: f64 = shares_of.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        let used = shares_of.iter().filter(|p| **p > 0.0).count() as f64 / config.codes as f64;
        acceptance.check("1 perplexity", entropy.exp(), Threshold::AtLeast(12.0), at.clone().items(test, 0));
        acceptance.check("codes used", used, Threshold::AtLeast(0.8), at.clone().items(test, 0));

        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let bounds = Bounds::new(vq, &dataset, &noise);
        let tokens = bounds.kl(&bounds.test);
        let note = format!("-ln p of the test images' tokens, {:.1} bits", tokens.mean / 2f64.ln());
        let conditions = at.clone().items(test, 0).note(note);
        acceptance.check("tokens through the prior, nats", tokens.mean, Threshold::Recorded, conditions);

        let by_prior = quality(vq, &dataset, &classifier, DRAWN, seed, &device)?;
        let drawn = from_marginals(vq, &counts(vq, &dataset, &dataset.train, &device), seed, &noise);
        let by_place = quality_of(&Images::new(dataset.shape.planes(), drawn), &dataset, &classifier)?;
        let note = format!("ffd {:.1} by the prior, {:.1} by each place's marginal", by_prior.ffd, by_place.ffd);
        let conditions = at.clone().items(DRAWN, DRAWN).note(note);
        acceptance.check("1 ffd, prior / marginals", by_prior.ffd / by_place.ffd, Threshold::AtMost(0.5), conditions);

        let values = sample(vq, DRAWN, &Streams::new(seed).fork("eval"), &device);
        let found = recognised(&Images::new(dataset.shape.planes(), values), &classifier)?;
        let real = Images::new(dataset.shape.planes(), dataset.test.first(DRAWN));
        let note = format!("of test images {:.3}", recognised(&real, &classifier)?);
        let conditions = at.clone().items(DRAWN, DRAWN);
        let sure = conditions.clone().note(note);
        acceptance.check("samples recognised (p >= 0.9)", found, Threshold::AtLeast(0.7), sure);
        acceptance.check("rarest class of samples", by_prior.rarest, Threshold::AtLeast(0.03), conditions);

        let vae = acceptance.train::<Autoencoding<Variational>>(&as_many(bits, &config), &trial(coded))?;
        let bounds = Bounds::new(&vae.system, &dataset, &noise);
        let kl = bounds.kl(&bounds.test).mean / 2f64.ln();
        let gauss = test_error(&vae.system, &dataset, &device);
        let note = format!("MSE {error:.5} against {gauss:.5} of a convolutional VAE with a KL of {kl:.0} bits");
        let conditions = vae.conditions().items(test, 0).note(note);
        acceptance.check("MSE / that of a VAE of as many bits", error / gauss, Threshold::AtMost(1.0), conditions);
    }
    Ok(())
}

/// A VAE with convolutions, of more weights, whose divergence from the prior is held at so many bits.
fn as_many(bits: f64, config: &VqVaeConfig) -> AutoencoderConfig {
    let networks = Networks::Conv { width: 16, kernel: 4, norm: NormKind::None, init: Initializer::He };
    let objective = Objective::Capacity { gamma: 10.0, capacity: bits * 2f64.ln(), share: 0.3 };
    AutoencoderConfig { objective, ..AutoencoderConfig::new(64, networks, config.decoder) }
}

/// Mean squared distance of test pixels from what is drawn and decoded of them, in the unit of the whole range of grey.
fn test_error(system: &dyn Autoencoder, dataset: &Dataset, device: &Device) -> f64 {
    let noise = Noise::new(Streams::new(1), "error", 0, device);
    let test = &dataset.test;
    let part = |from: usize| {
        let rows: Vec<usize> = (from..(from + 500).min(test.len)).collect();
        let items = to_device(test.gather(&rows), dataset.shape, device);
        let back = system.decode(system.draw(items.clone(), None, &noise), None);
        (items - back).square().sum().into_scalar::<f64>()
    };
    (0..test.len).step_by(500).map(part).sum::<f64>() / (4 * test.len * dataset.shape.len()) as f64
}

/// How often each place of a split's items has each token.
fn counts(vq: &VqVae, dataset: &Dataset, split: &Split, device: &Device) -> Vec<Vec<f64>> {
    let mut counts = vec![vec![0.0; vq.config.codes]; vq.places()];
    for from in (0..split.len).step_by(500) {
        let rows: Vec<usize> = (from..(from + 500).min(split.len)).collect();
        let items = to_device(split.gather(&rows), dataset.shape, device);
        let tokens = vq.tokens(vq.observation.expected(items)).to_data();
        for (i, token) in tokens.iter::<i64>().enumerate() {
            counts[i % vq.places()][token as usize] += 1.0;
        }
    }
    counts
}

/// Items whose every token is drawn from the tokens at its place, whatever the others are.
fn from_marginals(vq: &VqVae, counts: &[Vec<f64>], seed: u64, noise: &Noise) -> Vec<f32> {
    let (places, [height, width]) = (vq.places(), vq.grid);
    let mut rng = Streams::new(seed).rng("marginals", 0);
    let draws = uniforms(&mut rng, DRAWN * places);
    let token = |(i, u): (usize, f32)| {
        let here = &counts[i % places];
        let mut rest = f64::from(u) * here.iter().sum::<f64>();
        let found = here.iter().position(|count| {
            rest -= count;
            rest < 0.0
        });
        found.unwrap_or(here.len() - 1) as i64
    };
    let tokens: Vec<i64> = draws.into_iter().enumerate().map(token).collect();
    let write = |tokens: &[i64]| {
        let data = TensorData::new(tokens.to_vec(), [tokens.len() / places, height, width]);
        vq.write(Tensor::from_data(data, noise.device()), noise).to_data().iter::<f32>().collect::<Vec<_>>()
    };
    tokens.chunks(500 * places).flat_map(write).collect()
}

/// The share of images of which the classifier is sure.
fn recognised(images: &Images, classifier: &Extractor) -> Result<f64, AcceptError> {
    let (_, logits) = classifier.features_and_logits(images).map_err(AcceptError::figure)?;
    let sure = |logits: &[f32]| {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        1.0 / logits.iter().map(|l| (l - most).exp()).sum::<f32>() >= SURE
    };
    let n = images.len();
    Ok((0..n).filter(|&i| sure(logits.item(i))).count() as f64 / n as f64)
}
