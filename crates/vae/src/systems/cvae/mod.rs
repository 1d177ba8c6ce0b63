//! The conditional variational autoencoder of Sohn, Lee and Yan (2015).

mod accept;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;

use crate::networks::Networks;
use crate::observation::Decoder;
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
        match (data.shape, preset) {
            (ItemShape::Image { .. }, Preset::Small) if data.values() > 256 => {
                Recommended { config: told(small()), ..vae }
            }
            _ => Recommended { config: told(vae.config), ..vae },
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// Two hidden layers: with one, what is decoded of a code is less of the class that is told and more a mixture of two.
pub fn small() -> AutoencoderConfig {
    let networks = Networks::mlp(&[400, 400], Activation::Relu, Initializer::He);
    AutoencoderConfig::new(10, networks, Decoder::DYNAMIC)
}

/// The same with classes told.
pub fn told(config: AutoencoderConfig) -> AutoencoderConfig {
    AutoencoderConfig { conditional: true, ..config }
}
