use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::optim::OptimizerConfig;
use ganvas_nets::pixelcnn::PixelCnnConfig;
use serde::{Deserialize, Serialize};

use crate::networks::check_count;
use crate::observation::Decoder;

/// Settings of the VQ-VAE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VqVaeConfig {
    /// Channels of the encoder's and the decoder's residual blocks.
    pub width: usize,
    /// Residual blocks of each.
    pub blocks: usize,
    /// How often the side is halved between an image and its tokens.
    pub halvings: usize,
    /// How many codes there are.
    pub codes: usize,
    /// Values of a code.
    pub size: usize,
    /// What the codes' running means of before weigh at each step.
    pub decay: f64,
    /// Steps after which a code to which nothing has come is moved to where something has.
    pub patience: usize,
    /// Weight of the encoder's distance from its codes.
    pub commitment: f64,
    /// What the decoder says of a value.
    pub decoder: Decoder,
    /// Rule for the initial weights of encoder and decoder.
    pub init: Initializer,
    /// Trains encoder and decoder.
    pub optimizer: OptimizerConfig,
    /// The share of the steps after which encoder, codes and decoder stay as they are and the prior is trained.
    pub prior_from: f64,
    /// The law of the tokens.
    pub prior: PixelCnnConfig,
    /// Trains it.
    pub prior_optimizer: OptimizerConfig,
    /// Decay of the averaged weights of all networks, which are shown; 0: the trained weights themselves.
    #[serde(default)]
    pub ema: f64,
}

impl VqVaeConfig {
    /// The least side that tokens may come in.
    const SIDE: usize = 2;

    pub(super) fn preset(preset: Preset) -> Recommended<Self> {
        let adam = OptimizerConfig::adam;
        let small = Self {
            width: 32,
            blocks: 2,
            halvings: 2,
            codes: 64,
            size: 16,
            decay: 0.99,
            patience: 100,
            commitment: 0.25,
            decoder: Decoder::Gaussian { sd: 0.3 },
            init: Initializer::He,
            optimizer: adam(1e-3, 0.9),
            prior_from: 0.25,
            prior: PixelCnnConfig { kernel: 5, ..PixelCnnConfig::new(64, 4) },
            prior_optimizer: adam(2e-3, 0.9),
            ema: 0.0,
        };
        match preset {
            Preset::Small => Recommended::new(8000, 64, small),
            // The paper's networks for 32x32 on the images' own side, and for the tokens a fifth of its steps.
            Preset::Paper => {
                let config = Self {
                    width: 256,
                    codes: 512,
                    size: 64,
                    optimizer: adam(2e-4, 0.9),
                    prior_from: 0.8,
                    prior: PixelCnnConfig::new(128, 15),
                    prior_optimizer: adam(3e-4, 0.9),
                    ..small
                };
                Recommended::new(312_500, 128, config)
            }
        }
    }

    /// Height and width of the grid of tokens of an image, where its sides can be halved so often.
    pub(super) fn grid(&self, shape: ItemShape) -> Option<[usize; 2]> {
        let (ItemShape::Image { .. }, [_, height, width]) = (shape, shape.planes()) else { return None };
        let factor = 1usize.checked_shl(self.halvings as u32)?;
        let fits = |side: usize| side.is_multiple_of(factor) && side / factor >= Self::SIDE;
        (fits(height) && fits(width)).then(|| [height / factor, width / factor])
    }

    pub(super) fn check(&self, data: &DataSpec) -> Result<[usize; 2], ConfigError> {
        check_count("width", self.width, 4096)?;
        check_count("halvings", self.halvings, 8)?;
        check_count("codes", self.codes, 65_536)?;
        check_count("size", self.size, 4096)?;
        check_count("patience", self.patience, 1_000_000)?;
        if self.blocks > 100 {
            return Err(ConfigError::domain("blocks", "0 to 100", self.blocks));
        }
        self.decoder.check(data.shape)?;
        if !(0.0..1.0).contains(&self.decay) {
            return Err(ConfigError::domain("decay", "in [0, 1)", self.decay));
        }
        if !(self.commitment >= 0.0 && self.commitment.is_finite()) {
            return Err(ConfigError::domain("commitment", "zero or more", self.commitment));
        }
        if !(0.0..=1.0).contains(&self.prior_from) {
            return Err(ConfigError::domain("prior_from", "in [0, 1]", self.prior_from));
        }
        if !(0.0..1.0).contains(&self.ema) {
            return Err(ConfigError::domain("ema", "in [0, 1)", self.ema));
        }
        if let Some((name, domain, value)) = self.init.fault() {
            return Err(ConfigError::domain(name, domain, value));
        }
        if let Some((name, domain, value)) = self.prior.fault() {
            return Err(ConfigError::domain(format!("prior.{name}"), domain, value));
        }
        for (key, optimizer) in [("optimizer", &self.optimizer), ("prior_optimizer", &self.prior_optimizer)] {
            if let Some((name, domain, value)) = optimizer.fault() {
                return Err(ConfigError::domain(format!("{key}.{name}"), domain, value));
            }
        }
        let refused = || match data.shape {
            ItemShape::Image { .. } => {
                let domain = format!("sides that are {} or more times {}", Self::SIDE, 1u64 << self.halvings);
                let [_, height, width] = data.shape.planes();
                ConfigError::domain("resolution", domain, format!("{height}x{width}"))
            }
            _ => ConfigError::domain("data", "images, whose places have tokens", data.shape),
        };
        self.grid(data.shape).ok_or_else(refused)
    }
}
