//! The autoencoder: a code of each item from which it is restored (Hinton and Salakhutdinov 2006), and no law of codes.

mod accept;

use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};

use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Objective, Posterior, Recipe};
use crate::systems::vae::Variational;

/// A code that is one point, the reconstruction alone.
pub type Ae = Autoencoding<Deterministic>;

/// The autoencoder.
pub struct Deterministic;

impl Recipe for Deterministic {
    const INFO: Info = Info {
        id: "ae",
        title: "Autoencoder",
        paper: "G. Hinton, R. Salakhutdinov (2006), Reducing the Dimensionality of Data with Neural Networks, Science 313",
        summary: "Compression: a short code of each item, and the item back from it.",
        task: Task::Unconditional,
        phases: &["reconstruction"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
        let vae = Variational::preset(preset, data);
        Recommended { config: deterministic(vae.config), ..vae }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// The reconstruction alone, of grey levels as they are.
pub fn deterministic(config: AutoencoderConfig) -> AutoencoderConfig {
    let decoder = match config.decoder {
        Decoder::Bernoulli { .. } => Decoder::ContinuousBernoulli,
        other => other,
    };
    AutoencoderConfig { posterior: Posterior::Deterministic, objective: Objective::Reconstruction, decoder, ..config }
}
