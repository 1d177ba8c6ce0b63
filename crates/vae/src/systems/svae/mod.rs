//! The hyperspherical VAE of Davidson, Falorsi, De Cao, Kipf and Tomczak (2018): latents on the unit sphere, where a prior can be
//! uniform and pulls no posterior to a centre.

mod accept;
#[cfg(test)]
mod tests;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;

use crate::networks::Networks;
use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Posterior, Prior, Recipe, Warmup};

/// A von Mises-Fisher posterior, a uniform prior, the evidence lower bound.
pub type Svae = Autoencoding<Spherical>;

/// The hyperspherical VAE.
pub struct Spherical;

impl Recipe for Spherical {
    const INFO: Info = Info {
        id: "svae",
        title: "Hyperspherical VAE",
        paper: "T. Davidson, L. Falorsi, N. De Cao, T. Kipf, J. Tomczak (2018), Hyperspherical Variational Auto-Encoders, \
                arXiv:1804.00891",
        summary: "Directions as codes: latents on a sphere, all of which the prior likes as much.",
        task: Task::Unconditional,
        phases: &["elbo"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
        match (data.shape, preset) {
            (ItemShape::Points { .. } | ItemShape::Series { .. }, _) => {
                Recommended::new(8000, 256, spherical(relu(3, &[128, 128], Decoder::Gaussian { sd: 0.05 })))
            }
            (ItemShape::Image { .. }, Preset::Small) if data.values() <= 256 => {
                Recommended::new(6000, 64, spherical(relu(11, &[256], Decoder::THRESHOLD)))
            }
            (ItemShape::Image { .. }, Preset::Small) => Recommended::new(3752, 128, spherical(mnist(11))),
            // 500 passes over 60,000 images, the first 100 with a divergence that rises; the paper stops when nothing has improved
            // for 50.
            (ItemShape::Image { .. }, Preset::Paper) => {
                let warmup = Warmup::Linear { share: 0.2 };
                Recommended::new(300_000, 100, AutoencoderConfig { warmup, late: 1.0, ..spherical(mnist(11)) })
            }
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// The latents of a VAE on the unit sphere. As many latents have one degree of freedom less there.
pub fn spherical(config: AutoencoderConfig) -> AutoencoderConfig {
    AutoencoderConfig { posterior: Posterior::VonMisesFisher, prior: Prior::Sphere, ..config }
}

/// The paper's networks for 28x28 digits, 784-256-128 with ReLU.
pub fn mnist(latent: usize) -> AutoencoderConfig {
    relu(latent, &[256, 128], Decoder::DYNAMIC)
}

fn relu(latent: usize, units: &[usize], decoder: Decoder) -> AutoencoderConfig {
    AutoencoderConfig::new(latent, Networks::mlp(units, Activation::Relu, Initializer::He), decoder)
}
