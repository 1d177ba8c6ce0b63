//! The variational autoencoder of Kingma and Welling (2014).

mod accept;
pub mod exact;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;

use crate::networks::Networks;
use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Recipe};

/// A diagonal Gaussian posterior, the evidence lower bound.
pub type Vae = Autoencoding<Variational>;

/// The VAE.
pub struct Variational;

impl Recipe for Variational {
    const INFO: Info = Info {
        id: "vae",
        title: "VAE",
        paper: "D. P. Kingma, M. Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114",
        summary: "Compression, samples and a bound on the likelihood, by an encoder and a decoder trained as one.",
        task: Task::Unconditional,
        phases: &["elbo"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
        let recommended = Recommended::new;
        match (data.shape, preset) {
            (ItemShape::Points { .. } | ItemShape::Series { .. }, _) => recommended(8000, 256, points()),
            (ItemShape::Image { .. }, Preset::Small) if data.values() <= 256 => {
                recommended(6000, 64, tanh(16, &[256], Decoder::THRESHOLD))
            }
            // Eight passes over 60,000 images.
            (ItemShape::Image { .. }, Preset::Small) => recommended(3752, 128, tanh(20, &[400], Decoder::DYNAMIC)),
            (ItemShape::Image { .. }, Preset::Paper) => {
                let networks = Networks::mlp(&[500], Activation::Tanh, Initializer::Normal { sd: 0.1 });
                let config = AutoencoderConfig { late: 1.0, ..AutoencoderConfig::new(20, networks, Decoder::DYNAMIC) };
                recommended(60_000, 100, config)
            }
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// Hidden layers of tanh units.
pub fn tanh(latent: usize, units: &[usize], decoder: Decoder) -> AutoencoderConfig {
    AutoencoderConfig::new(latent, Networks::mlp(units, Activation::Tanh, Initializer::Glorot), decoder)
}

/// Two latents for points in the plane.
pub fn points() -> AutoencoderConfig {
    let networks = Networks::mlp(&[128, 128], Activation::Relu, Initializer::He);
    AutoencoderConfig::new(2, networks, Decoder::Gaussian { sd: 0.05 })
}
