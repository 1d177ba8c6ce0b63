//! The conditional variational autoencoder of Sohn, Lee and Yan (2015).

mod accept;

use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};

use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Recipe};
use crate::systems::vae::Variational;

/// Both networks are told the class.
pub type Cvae = Autoencoding<Told>;

/// The CVAE.
pub struct Told;

impl Recipe for Told {
    const INFO: Info = Info {
        id: "cvae",
        title: "CVAE",
        paper: "K. Sohn, H. Lee, X. Yan (2015), Learning Structured Output Representation using Deep Conditional Generative \
                Models, NIPS 2015",
        summary: "Samples of a chosen class, and latents that need not say it, by a VAE that is told the class.",
        task: Task::Class,
        phases: &["elbo"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
        let vae = Variational::preset(preset, data);
        Recommended { config: told(vae.config), ..vae }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// The same with classes told.
pub fn told(config: AutoencoderConfig) -> AutoencoderConfig {
    AutoencoderConfig { conditional: true, ..config }
}
