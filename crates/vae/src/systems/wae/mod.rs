//! The Wasserstein autoencoder of Tolstikhin et al. (2018), its codes brought to the prior by the maximum mean discrepancy.

mod accept;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;

use crate::networks::Networks;
use crate::objectives::Kernel;
use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Objective, Posterior, Recipe};

/// A code that is one point, and codes that together are distributed like the prior.
pub type Wae = Autoencoding<Matched>;

/// The WAE.
pub struct Matched;

impl Recipe for Matched {
    const INFO: Info = Info {
        id: "wae-mmd",
        title: "WAE-MMD",
        paper: "I. Tolstikhin, O. Bousquet, S. Gelly, B. Schoelkopf (2018), Wasserstein Auto-Encoders, arXiv:1711.01558",
        summary: "Samples from an autoencoder whose codes, all together, are distributed like the prior.",
        task: Task::Unconditional,
        phases: &["reconstruction"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
        match (data.shape, preset) {
            (ItemShape::Points { .. } | ItemShape::Series { .. }, _) => {
                Recommended::new(8000, 256, matched(plain(2, &[128, 128])))
            }
            (ItemShape::Image { .. }, Preset::Small) => Recommended::new(3752, 128, matched(plain(8, &[256, 256]))),
            // The convolutional networks of the paper's digits are twice as deep: these halve the side as often.
            (ItemShape::Image { .. }, Preset::Paper) => {
                let config = AutoencoderConfig { networks: Networks::conv(128), late: 0.5, ..plain(8, &[]) };
                Recommended::new(60_000, 100, matched(config))
            }
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// The same networks without any law of codes. The decoder's deviation makes the loss the squared distance of grey levels in [0, 1],
/// which the paper's weight is for.
pub fn plain(latent: usize, hidden: &[usize]) -> AutoencoderConfig {
    let networks = Networks::mlp(hidden, Activation::Relu, Initializer::He);
    AutoencoderConfig {
        posterior: Posterior::Deterministic,
        objective: Objective::Reconstruction,
        ..AutoencoderConfig::new(latent, networks, Decoder::Gaussian { sd: std::f64::consts::SQRT_2 })
    }
}

/// The discrepancy a hundred times. The paper's text has 10 for its digits, beside a squared distance that its code is said to take a
/// twentieth of.
pub fn matched(config: AutoencoderConfig) -> AutoencoderConfig {
    let kernel = Kernel::InverseMultiquadratic { sd: 1.0 };
    AutoencoderConfig { objective: Objective::Mmd { kl: 0.0, mmd: 100.0, kernel }, ..config }
}
