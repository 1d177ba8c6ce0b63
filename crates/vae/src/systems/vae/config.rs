use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

/// What the decoder says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decoder {
    /// Pixels are 0 or 1: a logit each.
    Bernoulli {
        /// How grey levels become 0 or 1.
        binarization: Binarization,
    },
    /// Values as they are: a mean each, and this standard deviation for all.
    Gaussian {
        /// In the unit of the values, which is half of a pixel's whole range.
        sd: f64,
    },
}

/// How grey levels become 0 or 1. A likelihood is of one of these, and not to be compared with that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binarization {
    /// Drawn anew at each use, with the grey level as the probability of a 1.
    Dynamic,
    /// 1 where the grey level is above one half.
    Threshold,
}

impl Decoder {
    /// The usual one of MNIST experiments: grey levels drawn anew at each use.
    pub const DYNAMIC: Self = Self::Bernoulli { binarization: Binarization::Dynamic };
    /// For images of so few pixels that drawing them would leave little but the noise of it.
    pub const THRESHOLD: Self = Self::Bernoulli { binarization: Binarization::Threshold };
}

/// Settings of [`Vae`](super::Vae).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeConfig {
    /// Number of latents.
    pub latent: usize,
    /// What the decoder says of a value.
    pub decoder: Decoder,
    /// What the divergence from the prior is multiplied by in the loss (Higgins et al. 2017, eq. 4): 1 is the evidence
    /// lower bound, more than 1 asks for latents that say less.
    #[serde(default = "one")]
    pub beta: f64,
    /// Hidden layers of the encoder; the decoder has them in the opposite order.
    pub hidden: MlpConfig,
    /// Trains both networks.
    pub optimizer: OptimizerConfig,
    /// The share of the steps after which the learning rate is multiplied by `rate_late`.
    pub late: f64,
    /// What the learning rate is multiplied by late in training.
    pub rate_late: f64,
    /// Decay of the averaged weights that samples are drawn from; 0: the trained weights themselves.
    #[serde(default)]
    pub ema: f64,
}

impl VaeConfig {
    /// One hidden layer of tanh units, Adam at 1e-3, the rate times 0.3 for the last 30 % of the steps.
    pub fn new(latent: usize, units: usize, decoder: Decoder) -> Self {
        Self {
            latent,
            decoder,
            beta: one(),
            hidden: MlpConfig::new(&[units], Activation::Tanh, Initializer::Glorot),
            optimizer: OptimizerConfig::adam(1e-3, 0.9),
            late: 0.7,
            rate_late: 0.3,
            ema: 0.0,
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        let points = matches!(data.shape, ItemShape::Points { .. });
        let recommended = |steps, batch, config| Recommended { steps, batch, resolution: None, config };
        match preset {
            _ if points => {
                let hidden = MlpConfig::new(&[128, 128], Activation::Relu, Initializer::He);
                let config = Self { hidden, ..Self::new(2, 128, Decoder::Gaussian { sd: 0.05 }) };
                recommended(8000, 256, config)
            }
            Preset::Small if data.values() <= 256 => recommended(6000, 64, Self::new(16, 256, Decoder::THRESHOLD)),
            // Eight passes over 60,000 images.
            Preset::Small => recommended(3752, 128, Self::new(20, 400, Decoder::DYNAMIC)),
            Preset::Paper => {
                let hidden = MlpConfig::new(&[500], Activation::Tanh, Initializer::Normal { sd: 0.1 });
                let config = Self { hidden, late: 1.0, ..Self::new(20, 500, Decoder::DYNAMIC) };
                recommended(60_000, 100, config)
            }
        }
    }

    pub(super) fn check(&self, values: usize) -> Result<(), ConfigError> {
        if !(1..=4096).contains(&self.latent) {
            return Err(ConfigError::domain("latent", "1 to 4096", self.latent));
        }
        if let Decoder::Gaussian { sd } = self.decoder
            && !(sd > 0.0 && sd.is_finite())
        {
            return Err(ConfigError::domain("decoder.sd", "a positive number", sd));
        }
        if !(self.beta >= 0.0 && self.beta.is_finite()) {
            return Err(ConfigError::domain("beta", "zero or more", self.beta));
        }
        if let Some((name, domain, value)) = self.hidden.fault(values, values.max(2 * self.latent)) {
            return Err(ConfigError::domain(format!("hidden.{name}"), domain, value));
        }
        if let Some((name, domain, value)) = self.optimizer.fault() {
            return Err(ConfigError::domain(format!("optimizer.{name}"), domain, value));
        }
        if !(0.0..=1.0).contains(&self.late) {
            return Err(ConfigError::domain("late", "in [0, 1]", self.late));
        }
        if !(self.rate_late > 0.0 && self.rate_late.is_finite()) {
            return Err(ConfigError::domain("rate_late", "a positive number", self.rate_late));
        }
        if !(0.0..1.0).contains(&self.ema) {
            return Err(ConfigError::domain("ema", "in [0, 1)", self.ema));
        }
        Ok(())
    }
}

fn one() -> f64 {
    1.0
}
