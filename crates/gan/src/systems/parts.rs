//! What several systems share: the generator-against-discriminator step and the measures of their checks.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, ItemShape, Split};
use ganvas_engine::accept::AcceptError;
use ganvas_engine::config::ConfigError;
use ganvas_engine::session::sample;
use ganvas_engine::step::{MicroBatch, Step, StepError};
use ganvas_engine::system::{Batch, Model};
use ganvas_metrics::Images;
use ganvas_metrics::extractor::{Extractor, extractor_for};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_prob::stream::Streams;
use serde::{Deserialize, Serialize};

use crate::objectives::Objective;

/// The distribution of latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// N(0, I).
    Normal,
    /// Independent U(-sqrt 3, sqrt 3): mean 0, variance 1.
    Uniform,
}

impl Prior {
    /// `[n, latent]` draws.
    pub fn draw(self, n: usize, latent: usize, noise: &Noise) -> Tensor<2> {
        let bound = 3f32.sqrt();
        match self {
            Prior::Normal => noise.normal("latent", [n, latent]),
            Prior::Uniform => noise.uniform("latent", [n, latent], -bound, bound),
        }
    }
}

/// A generator and a discriminator at work: how each is run on what.
pub trait Adversaries {
    /// The generator's network.
    type Generator: Module;
    /// The discriminator's network.
    type Discriminator: Module;

    /// Latents and then items, flat, by the generator.
    fn generate(&self, generator: &Self::Generator, n: usize, noise: &Noise, pass: Pass) -> Tensor<2>;

    /// Logits `[n, 1]` of flat items by the discriminator.
    fn judge(&self, discriminator: &Self::Discriminator, items: Tensor<2>, pass: Pass) -> Tensor<2>;
}

/// One update of the discriminator on real and generated items, then one of the generator on fresh latents
/// (Goodfellow et al. 2014, algorithm 1 with k = 1). Real and generated items pass the discriminator separately, so
/// that its batch statistics are of one kind.
///
/// # Errors
/// If a loss or gradient is not finite.
pub fn alternate<A: Adversaries>(
    rule: &A,
    objective: Objective,
    generator: &mut Trained<A::Generator>,
    discriminator: &mut Trained<A::Discriminator>,
    batch: &Batch,
    step: &mut Step,
) -> Result<(), StepError> {
    step.phase("discriminator").update("discriminator", discriminator, batch, |discriminator, micro| {
        let fake = rule.generate(&generator.net, micro.batch.len(), &micro.noise, micro.pass()).detach();
        let on_real = rule.judge(discriminator, micro.batch.items.clone(), micro.pass());
        let on_fake = rule.judge(discriminator, fake.clone(), micro.pass());
        record_balance(micro, fake, on_real.clone().detach(), on_fake.clone().detach());
        objective.discriminator(on_real, on_fake)
    })?;

    let frozen = discriminator.frozen();
    step.phase("generator").update("generator", generator, batch, |generator, micro| {
        let fake = rule.generate(generator, micro.batch.len(), &micro.noise, micro.pass());
        objective.generator(rule.judge(&frozen, fake, micro.pass()))
    })
}

/// Records what tells how the two networks stand to each other: mean logits, the share that is told rightly of real and of
/// generated items, and the spread of the generated items over that of the real ones.
fn record_balance(micro: &MicroBatch, fake: Tensor<2>, on_real: Tensor<2>, on_fake: Tensor<2>) {
    if !micro.reported() {
        return;
    }
    micro.record("logit/real", on_real.clone());
    micro.record("logit/fake", on_fake.clone());
    micro.record("accuracy/real", on_real.greater_elem(0.0).float());
    micro.record("accuracy/fake", on_fake.lower_elem(0.0).float());
    if micro.batch.len() > 1 {
        let real = spread(micro.batch.items.clone());
        // Constant data have no spread to compare with.
        micro.record("diversity/batch", spread(fake) / real.clamp_min(1e-6));
    }
}

/// The root mean square distance of two items of a batch of at least two, `[1]`: the mean of |x_i - x_j|^2 over all pairs is
/// twice the sum of the unbiased variances, so that no pair is looked at.
fn spread(items: Tensor<2>) -> Tensor<1> {
    items.var(0).sum().mul_scalar(2.0).sqrt()
}

/// Refuses an optimiser with a setting out of its domain.
pub fn check_optimizer(key: &str, optimizer: &OptimizerConfig) -> Result<(), ConfigError> {
    optimizer
        .fault()
        .map_or(Ok(()), |(name, domain, value)| Err(ConfigError::domain(format!("{key}.{name}"), domain, value)))
}

/// Refuses a count that is zero or absurd.
pub fn check_count(key: &str, count: usize, most: usize) -> Result<(), ConfigError> {
    if (1..=most).contains(&count) { Ok(()) } else { Err(ConfigError::domain(key, format!("1 to {most}"), count)) }
}

/// Refuses a decay of averaged weights out of its domain.
pub fn check_ema(decay: f64) -> Result<(), ConfigError> {
    if (0.0..1.0).contains(&decay) { Ok(()) } else { Err(ConfigError::domain("ema", "in [0, 1)", decay)) }
}

/// The first `n` items of a split.
pub fn first_images(split: &Split, shape: ItemShape, n: usize) -> Images {
    Images::new(shape.planes(), split.first(n))
}

/// The classifier whose features measure images of a data set.
pub fn extractor(dataset: &Dataset, device: &Device) -> Result<Extractor, AcceptError> {
    let name = extractor_for(&dataset.id).unwrap_or("mnist");
    Extractor::load(name, device).map_err(AcceptError::figure)
}

/// Frechet distance and class shares of a system's samples.
pub struct Quality {
    /// Frechet distance of the classifier's features, generated against test images.
    pub ffd: f64,
    /// The smallest share that a class has among the samples.
    pub rarest: f64,
}

/// Measures `n` samples of a system against as many test images.
pub fn quality(
    model: &dyn Model,
    dataset: &Dataset,
    extractor: &Extractor,
    n: usize,
    seed: u64,
    device: &Device,
) -> Result<Quality, AcceptError> {
    let streams = Streams::new(seed).fork("eval");
    let fake = Images::new(dataset.shape.planes(), sample(model, n, &streams, device));
    quality_of(&fake, dataset, extractor)
}

/// Measures images against as many test images.
pub fn quality_of(fake: &Images, dataset: &Dataset, extractor: &Extractor) -> Result<Quality, AcceptError> {
    let real =
        extractor.features(&first_images(&dataset.test, dataset.shape, fake.len())).map_err(AcceptError::figure)?;
    let features = extractor.features(fake).map_err(AcceptError::figure)?;
    let ffd = ganvas_metrics::frechet_distance(&real, &features).map_err(AcceptError::figure)?;
    let classes = extractor.classes(fake).map_err(AcceptError::figure)?;
    let shares =
        ganvas_metrics::classes::class_shares(&classes, dataset.class_names.len()).map_err(AcceptError::figure)?;
    Ok(Quality { ffd, rarest: shares.into_iter().fold(1.0, f64::min) })
}

/// The middle one of an odd number of values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// |0 0|, |3 4|, |6 8|: the distances are 5, 5 and 10, their mean square 50.
    #[test]
    fn the_spread_is_the_root_mean_square_distance_of_all_pairs() {
        let items = Tensor::<2>::from_floats([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], &Device::flex());
        assert!((spread(items).into_scalar::<f64>() - 50f64.sqrt()).abs() < 1e-5);
    }
}
