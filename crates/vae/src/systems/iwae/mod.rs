//! The importance-weighted autoencoder of Burda, Grosse and Salakhutdinov (2016).

mod accept;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::schedule::{Kind, Schedule};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::optim::OptimizerConfig;

use crate::objectives::Estimator;
use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Objective, Recipe};
use crate::systems::vae::{Variational, points, tanh};

/// A diagonal Gaussian posterior, the importance-weighted bound.
pub type Iwae = Autoencoding<Weighted>;

/// The IWAE.
pub struct Weighted;

impl Recipe for Weighted {
    const INFO: Info = Info {
        id: "iwae",
        title: "IWAE",
        paper: "Y. Burda, R. Grosse, R. Salakhutdinov (2016), Importance Weighted Autoencoders, arXiv:1509.00519",
        summary: "A likelihood that is bounded more tightly, by several samples of the latents of each item.",
        task: Task::Unconditional,
        phases: &["bound"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
        match (data.shape, preset) {
            (ItemShape::Image { .. }, Preset::Paper) => {
                // 3,280 passes over 60,000 images, 20 at a time.
                Recommended::new(3280 * 3000, 20, paper(50)).scheduled(stages())
            }
            (ItemShape::Points { .. } | ItemShape::Series { .. }, _) => {
                Recommended::new(8000, 256, weighted(points(), 5))
            }
            (ItemShape::Image { .. }, Preset::Small) => {
                let vae = Variational::preset(preset, data);
                Recommended { config: weighted(vae.config, 5), ..vae }
            }
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// The bound of `k` samples in place of what is minimised.
pub fn weighted(config: AutoencoderConfig, k: usize) -> AutoencoderConfig {
    let objective = Objective::ImportanceWeighted { k, estimator: Estimator::Reparameterized };
    AutoencoderConfig { objective, ..config }
}

/// The paper's networks of one stochastic layer, 784-200-200-50, and its optimiser; with 1 sample the VAE that it compares with.
pub fn paper(k: usize) -> AutoencoderConfig {
    let adam = OptimizerConfig::Adam { lr: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-4 };
    AutoencoderConfig { optimizer: adam, late: 1.0, ..weighted(tanh(50, &[200, 200], Decoder::DYNAMIC), k) }
}

/// Eight stages, of 3^i passes each, with the rate 10^(-i / 7) (section 5).
pub fn stages() -> Schedule {
    let ends = (1..8).map(|i| f64::from(3i32.pow(i) - 1) / 2.0 / 3280.0);
    Schedule { kind: Kind::Step, drops: ends.collect(), drop: 10f64.powf(-1.0 / 7.0), ..Schedule::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stages_of_the_paper() {
        let (stages, passes) = (stages(), 3280);
        for (pass, exponent) in [(0, 0), (1, 1), (3, 1), (4, 2), (12, 2), (13, 3), (1092, 6), (1093, 7), (3279, 7)] {
            let expected = 10f64.powf(-f64::from(exponent) / 7.0);
            assert!((stages.factor(pass, passes) - expected).abs() < 1e-12, "pass {pass}");
        }
    }
}
