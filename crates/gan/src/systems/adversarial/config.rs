use ganvas_engine::config::ConfigError;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use crate::networks::Networks;
use crate::objectives::Objective;
use crate::regularizers::GradientPenalty;
use crate::systems::parts::{Prior, check_count, check_ema, check_optimizer};

/// Settings of a generator against a discriminator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdversarialConfig {
    /// Size of the latent.
    pub latent: usize,
    /// Distribution of the latent.
    pub prior: Prior,
    /// Both networks.
    pub networks: Networks,
    /// Both networks are told the class of an item, and samples are drawn by class.
    #[serde(default)]
    pub conditional: bool,
    /// What both networks minimise.
    pub objective: Objective,
    /// What keeps the discriminator's slope in bounds.
    #[serde(default)]
    pub penalty: Penalty,
    /// The discriminator's parameters are clamped to [-clip, clip] after each of its updates; 0: they are not.
    #[serde(default)]
    pub clip: f64,
    /// Updates of the discriminator, on a batch each, for each update of the generator.
    #[serde(default = "one")]
    pub critic_steps: usize,
    /// Trains the generator.
    pub generator_optimizer: OptimizerConfig,
    /// Trains the discriminator.
    pub discriminator_optimizer: OptimizerConfig,
    /// Decay of the generator's averaged weights that samples are drawn from; 0: its trained weights.
    #[serde(default)]
    pub ema: f64,
}

fn one() -> usize {
    1
}

/// A penalty on the discriminator's input gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Penalty {
    /// Which, and where it is taken.
    pub kind: PenaltyKind,
    /// What it is multiplied by.
    pub weight: f64,
    /// It is taken in every so many steps, with so many times the weight (Karras et al. 2020, section 2.2).
    pub every: u64,
}

impl Default for Penalty {
    fn default() -> Self {
        Self { kind: PenaltyKind::None, weight: 10.0, every: 1 }
    }
}

/// Which penalty is taken at which points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyKind {
    /// None.
    #[default]
    None,
    /// (|g| - 1)^2 between real and generated items (Gulrajani et al. 2017, WGAN-GP).
    GradientPenalty,
    /// max(0, |g| - 1)^2 there (Petzka et al. 2018, WGAN-LP).
    OneSided,
    /// |g|^2 / 2 at real items (Mescheder et al. 2018).
    R1,
    /// |g|^2 / 2 at generated items (ibid.).
    R2,
    /// (|g| - 1)^2 around real items (Kodali et al. 2017, DRAGAN).
    Dragan,
}

impl PenaltyKind {
    /// The function of the gradient's norm.
    pub fn penalty(self) -> Option<GradientPenalty> {
        match self {
            Self::None => None,
            Self::GradientPenalty | Self::Dragan => Some(GradientPenalty::TwoSided),
            Self::OneSided => Some(GradientPenalty::OneSided),
            Self::R1 | Self::R2 => Some(GradientPenalty::ZeroCentred),
        }
    }
}

impl AdversarialConfig {
    /// The non-saturating GAN of these networks: no penalty, one update of each in turn, Adam 2e-4 with betas 0.5 and 0.999.
    pub fn new(latent: usize, networks: Networks) -> Self {
        let adam = OptimizerConfig::adam(2e-4, 0.5);
        Self {
            latent,
            prior: Prior::Normal,
            networks,
            conditional: false,
            objective: Objective::NonSaturating,
            penalty: Penalty::default(),
            clip: 0.0,
            critic_steps: 1,
            generator_optimizer: adam,
            discriminator_optimizer: adam,
            ema: 0.0,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_count("latent", self.latent, 1 << 14)?;
        check_count("critic_steps", self.critic_steps, 1000)?;
        check_count("penalty.every", self.penalty.every as usize, 1_000_000)?;
        for (key, value) in [("penalty.weight", self.penalty.weight), ("clip", self.clip)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(ConfigError::domain(key, "zero or more", value));
            }
        }
        check_optimizer("generator_optimizer", &self.generator_optimizer)?;
        check_optimizer("discriminator_optimizer", &self.discriminator_optimizer)?;
        check_ema(self.ema)
    }
}
