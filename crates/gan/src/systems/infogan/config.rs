use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use super::codes::Codes;
use crate::systems::dcgan;
use crate::systems::parts::{check_count, check_ema, check_optimizer};

/// Settings of [`InfoGan`](super::InfoGan).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InfoGanConfig {
    /// Values of the latent that are no code, each from U(-1, 1).
    pub noise: usize,
    /// Categorical codes, by their number of categories, all of which come as often.
    pub categorical: Vec<usize>,
    /// Number of continuous codes, each from U(-1, 1).
    pub continuous: usize,
    /// Channels next to the image; they double at each halving of the side.
    pub width: usize,
    /// Units of the generator's first layer and of the last one that discriminator and Q share.
    pub units: usize,
    /// Units of Q's own layer.
    pub head: usize,
    /// What stands in the layers that discriminator and Q share, but for the first.
    pub discriminator_norm: NormKind,
    /// What follows the layers of the discriminator and of Q.
    pub slope: Activation,
    /// Rule for the initial weights.
    pub init: Initializer,
    /// What the cross-entropy of the categorical codes is multiplied by.
    pub categorical_weight: f64,
    /// What half the squared error of the continuous codes is multiplied by.
    pub continuous_weight: f64,
    /// The networks learn to make the codes readable. Without it Q's own layers alone learn to read what there is, and all
    /// else is a GAN that knows nothing of codes: what the figures of an InfoGAN are compared with.
    #[serde(default = "yes")]
    pub maximize: bool,
    /// Trains the generator.
    pub generator_optimizer: OptimizerConfig,
    /// Trains discriminator and Q.
    pub discriminator_optimizer: OptimizerConfig,
    /// Decay of the generator's averaged weights that samples are drawn from; 0: its trained weights.
    #[serde(default)]
    pub ema: f64,
}

fn yes() -> bool {
    true
}

impl InfoGanConfig {
    /// Ten categories and two continuous codes, with networks of a preset's size.
    pub fn new(preset: Preset) -> Self {
        let (noise, width, units, head) = match preset {
            Preset::Small => (32, 16, 128, 64),
            Preset::Paper => (62, 64, 1024, 128),
        };
        // The paper's, 1e-3 and 2e-4, are for networks four to eight times as wide: narrow ones hardly move at them.
        let (generator_rate, discriminator_rate) = match preset {
            Preset::Small => (2e-3, 1e-3),
            Preset::Paper => (1e-3, 2e-4),
        };
        // Real and generated images are normed apart, so that behind the paper's batch norms no mean of a batch is left to tell
        // them by: narrow generators draw noise for a thousand steps, and with continuous codes of full weight for longer.
        let discriminator_norm = if preset == Preset::Small { NormKind::Layer } else { NormKind::Batch };
        // Orthogonal weights let narrow networks keep what the latents say; half the paper's weight is enough then for codes to be
        // read.
        let (init, continuous_weight) = match preset {
            Preset::Small => (Initializer::Orthogonal { gain: 1.4 }, 0.5),
            Preset::Paper => (Initializer::Normal { sd: 0.02 }, 1.0),
        };
        Self {
            noise,
            categorical: vec![10],
            continuous: 2,
            width,
            units,
            head,
            discriminator_norm,
            slope: Activation::LeakyRelu01,
            init,
            categorical_weight: 1.0,
            continuous_weight,
            maximize: true,
            generator_optimizer: OptimizerConfig::adam(generator_rate, 0.5),
            discriminator_optimizer: OptimizerConfig::adam(discriminator_rate, 0.5),
            ema: 0.0,
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        let (side, _) = dcgan::images(preset, data);
        let (steps, batch) = match preset {
            Preset::Small => (3000, 64),
            Preset::Paper => (5000, 128),
        };
        Recommended::new(steps, batch, Self::new(preset)).at(side.wanted)
    }

    /// What the latent is made of.
    pub(super) fn codes(&self) -> Codes {
        Codes { noise: self.noise, categorical: self.categorical.clone(), continuous: self.continuous }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        const MOST: usize = 4096;
        for (key, count) in [("noise", self.noise), ("units", self.units), ("head", self.head)] {
            check_count(key, count, MOST)?;
        }
        let fits = self.categorical.len() <= 64 && self.categorical.iter().all(|count| (2..=1000).contains(count));
        if !fits {
            return Err(ConfigError::domain(
                "categorical",
                "at most 64 codes of 2 to 1000 categories",
                format!("{:?}", self.categorical),
            ));
        }
        if self.continuous > 64 {
            return Err(ConfigError::domain("continuous", "0 to 64", self.continuous));
        }
        if self.categorical.is_empty() && self.continuous == 0 {
            return Err(ConfigError::domain("continuous", "at least 1 without categorical codes", 0));
        }
        for (key, weight) in
            [("categorical_weight", self.categorical_weight), ("continuous_weight", self.continuous_weight)]
        {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(ConfigError::domain(key, "zero or more", weight));
            }
        }
        if let Some((name, domain, value)) = self.init.fault() {
            return Err(ConfigError::domain(name, domain, value));
        }
        check_optimizer("generator_optimizer", &self.generator_optimizer)?;
        check_optimizer("discriminator_optimizer", &self.discriminator_optimizer)?;
        check_ema(self.ema)
    }
}
