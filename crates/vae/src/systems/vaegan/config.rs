use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{Build, DataSpec, Preset, Recommended};
use ganvas_nets::dcgan;
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::NormKind;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use crate::networks::{Networks, check_count, square};
use crate::observation::Decoder;
use crate::systems::autoencoder::AutoencoderConfig;

/// Settings of [`Vaegan`](super::Vaegan).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeganConfig {
    /// Number of latents.
    pub latent: usize,
    /// Encoder and decoder.
    pub networks: Networks,
    /// The discriminator of images.
    pub discriminator: DiscriminatorConfig,
    /// The convolution of the discriminator, counted from the image, on whose outputs images are compared.
    pub layer: usize,
    /// The weight of that comparison, a sum over the outputs, in the decoder's loss.
    pub gamma: f64,
    /// What the discriminator tells from data.
    pub fakes: Fakes,
    /// What the decoder minimises against it.
    pub adversarial: Adversarial,
    /// When decoder or discriminator wait for the other.
    #[serde(default)]
    pub balance: Balance,
    /// Trains the encoder.
    pub encoder_optimizer: OptimizerConfig,
    /// Trains the decoder.
    pub decoder_optimizer: OptimizerConfig,
    /// Trains the discriminator.
    pub discriminator_optimizer: OptimizerConfig,
    /// The share of the steps after which all learning rates are multiplied by `rate_late`.
    pub late: f64,
    /// What they are multiplied by late in training.
    pub rate_late: f64,
    /// Decay of the averaged weights of encoder and decoder that are shown; 0: the trained weights themselves.
    #[serde(default)]
    pub ema: f64,
}

/// Strided convolutions with LeakyReLU, and a linear logit (the DCGAN's).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscriminatorConfig {
    /// Channels next to the image; they double at each halving of the side.
    pub width: usize,
    /// Side of the kernels: 4 or 5.
    pub kernel: usize,
    /// What stands between the layers, but for the first.
    pub norm: NormKind,
    /// Rule for the initial weights.
    pub init: Initializer,
}

/// What the discriminator tells from data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fakes {
    /// What is decoded of draws of the prior.
    Prior,
    /// That and reconstructions, a term of the loss each (Larsen et al. 2016, section 2.3 and algorithm 1).
    Both,
}

/// What the decoder minimises of the discriminator's logits t of what it decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adversarial {
    /// softplus(-t), the discriminator's surprise (Goodfellow et al. 2014, section 3).
    NonSaturating,
    /// -softplus(t), the discriminator's negated loss (Larsen et al. 2016, eq. 8).
    Minimax,
}

/// When decoder or discriminator wait for the other. r and f are the discriminator's costs, mean softplus(-t) on the batch and mean
/// softplus(t) on fakes: ln 2 = 0.69 each where it cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Balance {
    /// Never.
    #[default]
    None,
    /// The discriminator while min(r, f) is less than `equilibrium - margin`, the decoder while max(r, f) is more than
    /// `equilibrium + margin`; none where that would be both (the authors' code). r and f are read from the device in each step.
    /// Not for several devices.
    Skip {
        /// What the costs are held about.
        equilibrium: f64,
        /// How far they may be from it.
        margin: f64,
    },
}

impl Balance {
    /// The authors'.
    pub const AUTHORS: Self = Self::Skip { equilibrium: 0.68, margin: 0.4 };

    /// Whether decoder and discriminator are updated, at these costs.
    pub fn updates(self, real: f64, fake: f64) -> (bool, bool) {
        let Self::Skip { equilibrium, margin } = self else { return (true, true) };
        let decoder = real.max(fake) <= equilibrium + margin;
        let discriminator = real.min(fake) >= equilibrium - margin;
        if decoder || discriminator { (decoder, discriminator) } else { (true, true) }
    }
}

impl VaeganConfig {
    /// Images compared on the first layer of a discriminator without norms, with gamma = 0.05; reconstructions are no fakes. The
    /// discriminator's first weights say how large R_l is beside KL: with a deviation of 0.1 codes tell about 10 nats of MNIST digits, with
    /// He's rule 35, so that draws of the prior fall between them, with the DCGAN's 0.02 it is 2 (KL after 500 steps, one seed).
    pub fn new(latent: usize, width: usize) -> Self {
        let adam = OptimizerConfig::adam(1e-3, 0.5);
        Self {
            latent,
            networks: Networks::conv(width),
            discriminator: DiscriminatorConfig {
                width,
                kernel: 4,
                norm: NormKind::None,
                init: Initializer::Normal { sd: 0.1 },
            },
            layer: 1,
            gamma: 0.05,
            fakes: Fakes::Prior,
            adversarial: Adversarial::NonSaturating,
            balance: Balance::None,
            encoder_optimizer: adam,
            decoder_optimizer: adam,
            discriminator_optimizer: adam,
            late: 0.7,
            rate_late: 0.3,
            ema: 0.0,
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        // Points get the settings of images: building it will say that it wants these.
        let [_, height, width] = data.shape.planes();
        let side = height.min(width);
        let usual = [64, 32, 28, 16].into_iter().find(|&usual| usual <= side).unwrap_or(16);
        let fits = height == width && dcgan::Shape::new(1, side, 1, 1).levels().is_some();
        let wanted = (!fits && matches!(data.shape, ItemShape::Image { .. })).then_some(usual);
        let recommended = match preset {
            Preset::Small => Recommended::new(1500, 64, Self::new(16, 16)),
            // 250 epochs of 250 batches of 64 in the authors' code.
            Preset::Paper => Recommended::new(62_500, 64, Self::paper(if fits { side } else { usual })),
        };
        recommended.at(wanted)
    }

    /// The authors' settings for faces of 64 pixels, with the networks of the DCGAN at their widths.
    fn paper(side: usize) -> Self {
        let init = Initializer::Normal { sd: 0.02 };
        let rmsprop = OptimizerConfig::RmsProp { lr: 3e-4, alpha: 0.9, epsilon: 1e-8 };
        let halvings = dcgan::Shape::new(1, side, 1, 1).levels().map_or(1, |(_, doublings)| doublings);
        Self {
            networks: Networks::Conv { width: 64, kernel: 5, norm: NormKind::Batch, init },
            discriminator: DiscriminatorConfig { width: 32, kernel: 5, norm: NormKind::Batch, init },
            layer: halvings.min(3),
            fakes: Fakes::Both,
            balance: Balance::AUTHORS,
            encoder_optimizer: rmsprop,
            decoder_optimizer: rmsprop,
            discriminator_optimizer: rmsprop,
            late: 1.0,
            gamma: 1e-6,
            ..Self::new(128, 64)
        }
    }

    /// Encoder and decoder as a VAE that is not trained as one: of its decoder's law the mean alone is used.
    pub(super) fn autoencoder(&self) -> AutoencoderConfig {
        AutoencoderConfig {
            optimizer: self.decoder_optimizer,
            late: self.late,
            rate_late: self.rate_late,
            ema: self.ema,
            ..AutoencoderConfig::new(self.latent, self.networks.clone(), Decoder::Gaussian { sd: 1.0 })
        }
    }

    /// All but what the autoencoder's own settings say.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(self.gamma >= 0.0 && self.gamma.is_finite()) {
            return Err(ConfigError::domain("gamma", "zero or more", self.gamma));
        }
        if let Balance::Skip { equilibrium, margin } = self.balance {
            for (key, value) in [("balance.equilibrium", equilibrium), ("balance.margin", margin)] {
                if !(value > 0.0 && value.is_finite()) {
                    return Err(ConfigError::domain(key, "a positive number", value));
                }
            }
        }
        for (key, optimizer) in [
            ("encoder_optimizer", &self.encoder_optimizer),
            ("decoder_optimizer", &self.decoder_optimizer),
            ("discriminator_optimizer", &self.discriminator_optimizer),
        ] {
            if let Some((name, domain, value)) = optimizer.fault() {
                return Err(ConfigError::domain(format!("{key}.{name}"), domain, value));
            }
        }
        Ok(())
    }

    /// The discriminator.
    pub(super) fn discriminator(&self, data: &DataSpec, build: &Build) -> Result<dcgan::Discriminator, ConfigError> {
        let &DiscriminatorConfig { width, kernel, norm, init: rule } = &self.discriminator;
        let (channels, side) = square(data.shape)?;
        if !matches!(kernel, 4 | 5) {
            return Err(ConfigError::domain("discriminator.kernel", "4 or 5", kernel));
        }
        if norm == NormKind::Conditional {
            let domain = "none, batch, layer or instance: no class is told";
            return Err(ConfigError::domain("discriminator.norm", domain, "conditional"));
        }
        if let Some((name, domain, value)) = rule.fault() {
            return Err(ConfigError::domain(format!("discriminator.{name}"), domain, value));
        }
        let shape =
            dcgan::Shape { kernel, discriminator_norm: norm, ..dcgan::Shape::new(channels, side, width, self.latent) };
        let halvings = shape.levels().map_or(1, |(_, doublings)| doublings);
        check_count("discriminator.width", width, 4096 >> (halvings - 1))?;
        check_count("layer", self.layer, halvings)?;
        let refused = || ConfigError::domain("resolution", "4, 5, 6 or 7 doubled once or more", side);
        dcgan::Discriminator::new(shape, &mut build.init("discriminator", rule)).ok_or_else(refused)
    }
}
