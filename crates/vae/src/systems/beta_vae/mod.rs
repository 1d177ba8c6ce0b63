//! The beta-VAE of Higgins et al. (2017).

mod accept;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::optim::OptimizerConfig;

use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Objective, Recipe};
use crate::systems::vae::{Variational, tanh};

/// The divergence from the prior times beta.
pub type BetaVae = Autoencoding<Weighed>;

/// The beta-VAE.
pub struct Weighed;

impl Recipe for Weighed {
    const INFO: Info = Info {
        id: "beta-vae",
        title: "beta-VAE",
        paper: "I. Higgins et al. (2017), beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, \
                ICLR 2017",
        summary: "Latents that each say one thing, by a divergence from the prior that counts for more.",
        task: Task::Unconditional,
        phases: &["elbo"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
        match (data.shape, preset) {
            // The networks of its two-dimensional shapes, but that the decoder has the encoder's activation.
            (ItemShape::Image { .. }, Preset::Paper) => {
                let config = tanh(10, &[1200, 1200], Decoder::THRESHOLD);
                let optimizer = OptimizerConfig::adam(1e-4, 0.9);
                Recommended::new(300_000, 64, weighed(AutoencoderConfig { optimizer, late: 1.0, ..config }, 4.0))
            }
            _ => {
                let vae = Variational::preset(preset, data);
                Recommended { config: weighed(vae.config, 4.0), ..vae }
            }
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// With this beta in place of what is minimised.
pub fn weighed(config: AutoencoderConfig, beta: f64) -> AutoencoderConfig {
    AutoencoderConfig { objective: Objective::Elbo { beta }, ..config }
}
