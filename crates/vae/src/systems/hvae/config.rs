use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use crate::networks::check_count;
use crate::observation::Decoder;
use crate::systems::autoencoder::{Warmup, check_training};

/// Settings of a hierarchy of latents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HvaeConfig {
    /// What the decoder says of a value.
    pub decoder: Decoder,
    /// Whether the posterior is that of the ladder (Sonderby et al. 2016), which goes down with the prior and combines both. If not, it
    /// goes up, each layer drawn by the one below (Burda et al. 2016, figure 1).
    pub ladder: bool,
    /// What follows each hidden layer.
    pub activation: Activation,
    /// Rule for the initial weights.
    pub init: Initializer,
    /// How the weight of the divergence from the prior comes to its full.
    #[serde(default)]
    pub warmup: Warmup,
    /// Trains all networks.
    pub optimizer: OptimizerConfig,
    /// The share of the steps after which the learning rate is multiplied by `rate_late`.
    pub late: f64,
    /// What the learning rate is multiplied by late in training.
    pub rate_late: f64,
    /// Decay of the averaged weights that samples are drawn from; 0: the trained weights themselves.
    #[serde(default)]
    pub ema: f64,
    /// The layers of latents, the one next to the data first.
    pub layers: Vec<Layer>,
}

/// A layer of latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Latents.
    pub latent: usize,
    /// Units of each of the two hidden layers on the way to them and on the way back.
    pub units: usize,
}

impl HvaeConfig {
    /// A ladder of these layers, each of so many latents and units, with a divergence that rises in the first fifth of the steps.
    pub fn new(layers: &[(usize, usize)], decoder: Decoder) -> Self {
        Self {
            decoder,
            ladder: true,
            activation: Activation::Relu,
            init: Initializer::He,
            warmup: Warmup::Linear { share: 0.2 },
            optimizer: OptimizerConfig::adam(1e-3, 0.9),
            late: 0.7,
            rate_late: 0.3,
            ema: 0.0,
            layers: layers.iter().map(|&(latent, units)| Layer { latent, units }).collect(),
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        match (data.shape, preset) {
            (ItemShape::Points { .. } | ItemShape::Series { .. }, _) => {
                Recommended::new(8000, 256, Self::new(&[(2, 128), (2, 64)], Decoder::Gaussian { sd: 0.05 }))
            }
            (ItemShape::Image { .. }, Preset::Small) if data.values() <= 256 => {
                Recommended::new(6000, 64, Self::new(&[(16, 128), (8, 64)], Decoder::THRESHOLD))
            }
            (ItemShape::Image { .. }, Preset::Small) => {
                Recommended::new(3752, 128, Self::new(&[(32, 256), (16, 128)], Decoder::DYNAMIC))
            }
            // 2,000 passes over 60,000 images, 256 at a time, the first 200 with a divergence that rises, after
            // the paper, which has batch norm beside.
            (ItemShape::Image { .. }, Preset::Paper) => {
                let layers = [(64, 512), (32, 256), (16, 128), (8, 64), (4, 32)];
                let config = Self {
                    activation: Activation::LeakyRelu01,
                    warmup: Warmup::Linear { share: 0.1 },
                    late: 1.0,
                    ..Self::new(&layers, Decoder::DYNAMIC)
                };
                Recommended::new(468_750, 256, config)
            }
        }
    }

    /// Hidden layers of so many units.
    pub(super) fn mlp(&self, hidden: &[usize]) -> MlpConfig {
        MlpConfig::new(hidden, self.activation, self.init)
    }

    /// Latents of all layers together.
    pub(super) fn latents(&self) -> usize {
        self.layers.iter().map(|layer| layer.latent).sum()
    }

    pub(super) fn check(&self, data: &DataSpec) -> Result<(), ConfigError> {
        self.decoder.check(data.shape)?;
        check_count("number of layers", self.layers.len(), 16)?;
        let mut below = data.values();
        for (i, &Layer { latent, units }) in self.layers.iter().enumerate() {
            check_count(&format!("layers.{i}.latent"), latent, 4096)?;
            check_count(&format!("layers.{i}.units"), units, 1 << 16)?;
            if let Some((name, domain, value)) = self.mlp(&[units, units]).fault(below, below.max(2 * latent)) {
                let key = if name == "hidden" { format!("layers.{i}.units") } else { name.to_owned() };
                return Err(ConfigError::domain(key, domain, value));
            }
            below = if self.ladder { units } else { latent };
        }
        self.warmup.check()?;
        check_training(&self.optimizer, (self.late, self.rate_late), self.ema)
    }
}
