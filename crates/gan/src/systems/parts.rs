//! What several systems share: the generator-against-discriminator step and the measures of their checks.

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, ItemShape, Split, modes};
use ganvas_engine::accept::AcceptError;
use ganvas_engine::config::ConfigError;
use ganvas_engine::session::sample;
use ganvas_engine::step::MicroBatch;
use ganvas_engine::system::{Conditional, Model};
use ganvas_metrics::extractor::{Extractor, extractor_for, labels};
use ganvas_metrics::points::{ModeCounts, count_modes};
use ganvas_metrics::{Features, Images};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::{Mlp, MlpConfig};
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

/// Records what tells how the two networks stand to each other: mean scores, the share that is told rightly of real and of
/// generated items where the objective has a boundary, and the spread of the generated items over that of the real ones.
pub fn record_balance(
    micro: &MicroBatch,
    objective: Objective,
    fake: &Tensor<2>,
    on_real: &Tensor<2>,
    on_fake: &Tensor<2>,
) {
    if !micro.reported() {
        return;
    }
    record_scores(micro, objective, on_real, on_fake);
    if micro.batch.len() > 1 {
        let real = spread(micro.batch.items.clone());
        // Constant data have no spread to compare with.
        micro.record("diversity/batch", spread(fake.clone()) / real.clamp_min(1e-6));
    }
}

/// Records mean scores, and the share that is told rightly of what is real and of what is not, where the objective has a
/// boundary.
pub fn record_scores(micro: &MicroBatch, objective: Objective, on_real: &Tensor<2>, on_fake: &Tensor<2>) {
    if !micro.reported() {
        return;
    }
    let (on_real, on_fake) = (on_real.clone().detach(), on_fake.clone().detach());
    // Rules on health take logits for what they are; other scores have no scale.
    let [for_real, for_fake] = match objective {
        Objective::NonSaturating | Objective::Minimax | Objective::JensenShannon => ["logit/real", "logit/fake"],
        _ => ["score/real", "score/fake"],
    };
    micro.record(for_real, on_real.clone());
    micro.record(for_fake, on_fake.clone());
    if let Some(boundary) = objective.boundary() {
        micro.record("accuracy/real", on_real.clone().greater_elem(boundary).float());
        micro.record("accuracy/fake", on_fake.clone().lower_elem(boundary).float());
    }
    // How far real and generated items are apart, as the discriminator sees it and without any penalty (for one, Arjovsky et
    // al. 2017, section 4).
    let loss = objective.discriminator(on_real, on_fake);
    micro.record("divergence/estimate", loss.neg().add_scalar(objective.at_indifference()));
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

/// A discriminator alone between N(0, 1) as data and N(1, 1), trained for 3,000 steps of 1,024 with Adam 1e-3: the mean loss of
/// the last 200, and the mean distance of its score from `best` on [-1.5, 2.5].
pub fn optimum(device: &Device, seed: u64, objective: Objective, best: impl Fn(f64) -> f64) -> (f64, f64) {
    let streams = Streams::new(seed);
    let config = MlpConfig::new(&[64, 64], Activation::Relu, Initializer::He);
    let mut init = Init::new(&streams, "discriminator", config.init, device);
    let mut trained = Trained::new(Mlp::new(1, 1, &config, &mut init), OptimizerConfig::adam(1e-3, 0.9));
    let mut late = Vec::new();
    for step in 0..3000 {
        let noise = Noise::new(streams, "discriminator", step, device);
        let real = noise.normal("real", [1024, 1]);
        let fake = noise.normal("fake", [1024, 1]).add_scalar(1.0);
        let pass = Pass::Train(&noise);
        let loss = objective.discriminator(trained.net.forward(real, pass), trained.net.forward(fake, pass));
        if step >= 2800 {
            late.push(loss.clone().into_scalar::<f64>());
        }
        let gradients = trained.gradients(loss);
        trained.apply(gradients, 1.0);
    }
    let grid: Vec<f32> = (0..=80).map(|i| -1.5 + 0.05 * i as f32).collect();
    let x = Tensor::<1>::from_floats(grid.as_slice(), device).reshape([grid.len(), 1]);
    let scores = trained.net.forward(x, Pass::Eval).to_data();
    let errors = scores.iter::<f64>().zip(&grid).map(|(t, &x)| (t - best(x.into())).abs());
    (late.iter().sum::<f64>() / late.len() as f64, errors.sum::<f64>() / grid.len() as f64)
}

/// Modes of a 2-D set among 2,500 samples.
pub fn count_of(model: &dyn Model, id: &str, seed: u64, device: &Device) -> Result<ModeCounts, AcceptError> {
    let modes = modes(id).ok_or_else(|| AcceptError::figure(std::io::Error::other(format!("`{id}` has no modes"))))?;
    let values = sample(model, 2500, &Streams::new(seed).fork("eval"), device);
    count_modes(values.as_chunks::<2>().0, &modes.centres, modes.sd, modes.spacing).map_err(AcceptError::figure)
}

/// Frechet distance and class shares of a system's samples.
pub struct Quality {
    /// Frechet distance of the classifier's features, generated against test images.
    pub ffd: f64,
    /// The smallest share that a class has among the samples.
    pub rarest: f64,
    /// The shares of all classes.
    pub shares: Vec<f64>,
}

impl Quality {
    /// How many classes have at least this share.
    pub fn present(&self, share: f64) -> usize {
        self.shares.iter().filter(|&&found| found >= share).count()
    }
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
    Ok(Quality { ffd, rarest: shares.iter().copied().fold(1.0, f64::min), shares })
}

/// Samples of each class that agreement is measured on.
pub const EACH: usize = 1000;

/// What a classifier that the system has never seen says of samples of every class.
pub struct Agreement {
    /// The share of each class's samples that it takes for that class.
    pub shares: Vec<f64>,
    /// The mean variance of its features within each class.
    pub variances: Vec<f64>,
}

impl Agreement {
    /// Over all classes.
    pub fn mean(&self) -> f64 {
        self.shares.iter().sum::<f64>() / self.shares.len() as f64
    }

    /// Of the class that it agrees with least.
    pub fn worst(&self) -> f64 {
        self.shares.iter().copied().fold(1.0, f64::min)
    }
}

/// Asks for [`EACH`] samples of every class.
pub fn agreement(
    system: &dyn Conditional,
    dataset: &Dataset,
    extractor: &Extractor,
    seed: u64,
    device: &Device,
) -> Result<Agreement, AcceptError> {
    let (streams, classes) = (Streams::new(seed).fork("classes"), system.classes());
    let (mut values, mut asked) = (Vec::new(), Vec::new());
    for class in 0..classes {
        let noise = Noise::new(streams, "sample", class as u64, device);
        let samples = system.sample_of(&vec![class; EACH], &noise);
        values.extend(samples.to_data().iter::<f32>());
        asked.extend(vec![class as u32; EACH]);
    }
    let images = Images::new(dataset.shape.planes(), values);
    let (features, logits) = extractor.features_and_logits(&images).map_err(AcceptError::figure)?;
    let seen = labels(&logits);
    let share = |class| seen[class * EACH..][..EACH].iter().filter(|&&seen| seen as usize == class).count();
    let shares = (0..classes).map(|class| share(class) as f64 / EACH as f64).collect();
    Ok(Agreement { shares, variances: variances(&features, &asked, classes) })
}

/// The variance of the features within each class, their mean.
pub fn variances(features: &Features, labels: &[u32], classes: usize) -> Vec<f64> {
    let dims = features.dims;
    let mut counts = vec![0.0; classes];
    let (mut sums, mut squares) = (vec![vec![0.0; dims]; classes], vec![vec![0.0; dims]; classes]);
    for (i, &label) in labels.iter().enumerate() {
        let class = label as usize;
        counts[class] += 1.0;
        for (d, &x) in features.item(i).iter().enumerate() {
            sums[class][d] += f64::from(x);
            squares[class][d] += f64::from(x).powi(2);
        }
    }
    let variance = |class: usize| {
        let each = sums[class].iter().zip(&squares[class]);
        each.map(|(sum, square): (&f64, &f64)| square / counts[class] - (sum / counts[class]).powi(2)).sum::<f64>()
            / dims as f64
    };
    (0..classes).map(variance).collect()
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

    /// Class 0 has 1 and 3 (variance 1) and 0 and 4 (variance 4), class 1 the same twice.
    #[test]
    fn variances_are_within_the_classes() {
        let features = Features { dims: 2, values: vec![1.0, 0.0, 3.0, 4.0, 7.0, 7.0, 7.0, 7.0] };
        assert_eq!(variances(&features, &[0, 0, 1, 1], 2), [2.5, 0.0]);
    }
}
