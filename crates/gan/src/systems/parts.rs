//! What several systems' update rules and settings share.

use burn::tensor::Tensor;
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::MicroBatch;
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::OptimizerConfig;
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

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// |0 0|, |3 4|, |6 8|: the distances are 5, 5 and 10, their mean square 50.
    #[test]
    fn the_spread_is_the_root_mean_square_distance_of_all_pairs() {
        let items = Tensor::<2>::from_floats([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], &Device::flex());
        assert!((spread(items).into_scalar::<f64>() - 50f64.sqrt()).abs() < 1e-5);
    }
}
