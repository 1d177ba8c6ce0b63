use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use crate::networks::Networks;
use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Recipe};
use crate::systems::vae::Variational;

/// Settings of [`FactorVae`](super::FactorVae).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorVaeConfig {
    /// The VAE, with an objective of one draw of the latents.
    pub autoencoder: AutoencoderConfig,
    /// The weight of the total correlation of the codes, beside that which it has as a part of KL. It warms up with KL.
    pub gamma: f64,
    /// Hidden layers of the discriminator of codes.
    pub discriminator: MlpConfig,
    /// Trains the discriminator.
    pub discriminator_optimizer: OptimizerConfig,
}

impl FactorVaeConfig {
    /// This VAE, gamma = 5, and a discriminator of three layers of 256.
    pub fn new(autoencoder: AutoencoderConfig) -> Self {
        Self {
            autoencoder,
            gamma: 5.0,
            discriminator: MlpConfig::new(&[256; 3], Activation::LeakyRelu, Initializer::He),
            discriminator_optimizer: adam(5e-4),
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        match (data.shape, preset) {
            // Those of its two-dimensional shapes (appendix A), but that channels double at each halving of the side.
            (ItemShape::Image { .. }, Preset::Paper) => {
                let networks = Networks::Conv { width: 32, kernel: 4, norm: NormKind::None, init: Initializer::He };
                let autoencoder = AutoencoderConfig {
                    optimizer: OptimizerConfig::adam(1e-4, 0.9),
                    late: 1.0,
                    ..AutoencoderConfig::new(10, networks, Decoder::DYNAMIC)
                };
                let config = Self {
                    autoencoder,
                    gamma: 35.0,
                    discriminator: MlpConfig::new(&[1000; 6], Activation::LeakyRelu, Initializer::He),
                    discriminator_optimizer: adam(1e-4),
                };
                Recommended::new(300_000, 64, config)
            }
            _ => {
                let Recommended { steps, batch, resolution, schedule, clip_norm, config } =
                    Variational::preset(preset, data);
                Recommended { steps, batch, resolution, schedule, clip_norm, config: Self::new(config) }
            }
        }
    }

    /// All but the VAE's own settings.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let latent = self.autoencoder.latent;
        if !(2..=4096).contains(&latent) {
            return Err(ConfigError::domain("autoencoder.latent", "2 to 4096: one depends on no other", latent));
        }
        if self.autoencoder.objective.has_weights() {
            let domain = "one of a single draw of the latents, without importance weights";
            return Err(ConfigError::domain("autoencoder.objective.kind", domain, "another"));
        }
        if !(self.gamma >= 0.0 && self.gamma.is_finite()) {
            return Err(ConfigError::domain("gamma", "zero or more", self.gamma));
        }
        if let Some((name, domain, value)) = self.discriminator.fault(latent, 1) {
            return Err(ConfigError::domain(format!("discriminator.{name}"), domain, value));
        }
        if let Some((name, domain, value)) = self.discriminator_optimizer.fault() {
            return Err(ConfigError::domain(format!("discriminator_optimizer.{name}"), domain, value));
        }
        Ok(())
    }
}

/// Adam with the paper's decays of the discriminator's moments (appendix A).
fn adam(lr: f64) -> OptimizerConfig {
    OptimizerConfig::Adam { lr, beta1: 0.5, beta2: 0.9, epsilon: 1e-8 }
}

/// An error of the VAE's settings as one of the settings that they are part of.
pub(super) fn within(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::Domain { key, expected, got } if !matches!(key.as_str(), "data" | "resolution") => {
            ConfigError::Domain { key: format!("autoencoder.{key}"), expected, got }
        }
        other => other,
    }
}
