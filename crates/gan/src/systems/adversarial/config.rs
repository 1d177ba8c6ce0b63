use ganvas_engine::config::ConfigError;
use ganvas_nets::labels::Conditioning;
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
    /// What becomes of the class of an item; but for `none`, samples are drawn by class.
    #[serde(default)]
    pub conditioning: Conditioning,
    /// What the cross-entropy of an auxiliary classifier is multiplied by, in both networks' losses.
    #[serde(default = "one")]
    pub class_weight: f64,
    /// Whether the discriminator's classifier learns from generated items too, as in the paper (Odena et al. 2017, eq. 2). Then
    /// it can agree with the generator on signs of a class that no real item has.
    #[serde(default = "yes")]
    pub classify_generated: bool,
    /// What both networks minimise.
    pub objective: Objective,
    /// What keeps the discriminator's slope in bounds.
    #[serde(default)]
    pub penalty: Penalty,
    /// What else keeps training in bounds.
    #[serde(default)]
    pub regularizers: Regularizers,
    /// The discriminator's parameters are clamped to [-clip, clip] after each of its updates; 0: they are not.
    #[serde(default)]
    pub clip: f64,
    /// Updates of the discriminator, on a batch each, for each update of the generator.
    #[serde(default = "once")]
    pub critic_steps: usize,
    /// Updates of the generator, on fresh latents each, in a step.
    #[serde(default = "once")]
    pub generator_steps: usize,
    /// Trains the generator.
    pub generator_optimizer: OptimizerConfig,
    /// Trains the discriminator.
    pub discriminator_optimizer: OptimizerConfig,
    /// Decay of the generator's averaged weights that samples are drawn from; 0: its trained weights.
    #[serde(default)]
    pub ema: f64,
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

fn once() -> usize {
    1
}

/// Weights of what may be added to the losses, and disturbances; 0: it is not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Regularizers {
    /// One-sided label smoothing: real items are to be real with a probability of 1 less this (Salimans et al. 2016, section
    /// 3.4, with 0.1). For cross-entropy only.
    pub label_smoothing: f64,
    /// Standard deviation of normal noise that is added to every item which the discriminator is shown; it falls linearly to
    /// 0 at the end of training (Sonderby et al. 2017, section 3).
    pub instance_noise: f64,
    /// Balanced consistency (Zhao et al. 2021, bCR, with 10): the scores of images, real and generated, are to be those of the
    /// same images moved by up to an eighth of their sides.
    pub consistency: f64,
    /// Half of those images are mirrored as well: not for digits or text.
    pub consistency_flip: bool,
    /// Scores are held to the moving averages of those of the other kind (Tseng et al. 2021, eq. 4, LeCam; with 0.1 to 0.3).
    pub lecam: f64,
    /// Matching-aware: this share of what the discriminator is to take for fake is real items that are told another class (Reed
    /// et al. 2016, algorithm 1, with 1/2), which teaches it to look at the class. For `concatenation` and `projection`.
    pub mismatch: f64,
    /// The weights of different outputs of the generator's layers are to be orthogonal (Brock et al. 2019, eq. 3, with 1e-4), so
    /// that truncated latents give good samples.
    pub orthogonal: f64,
}

/// A penalty on the discriminator's input gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Penalty {
    /// Which, and where it is taken.
    pub kind: PenaltyKind,
    /// What it is multiplied by.
    pub weight: f64,
    /// It is taken in every so many steps, with so many times the weight (Karras et al. 2020, section 3.1).
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
            conditioning: Conditioning::None,
            class_weight: 1.0,
            classify_generated: true,
            objective: Objective::NonSaturating,
            penalty: Penalty::default(),
            regularizers: Regularizers::default(),
            clip: 0.0,
            critic_steps: 1,
            generator_steps: 1,
            generator_optimizer: adam,
            discriminator_optimizer: adam,
            ema: 0.0,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_count("latent", self.latent, 1 << 14)?;
        check_count("critic_steps", self.critic_steps, 1000)?;
        check_count("generator_steps", self.generator_steps, 1000)?;
        check_count("penalty.every", self.penalty.every as usize, 1_000_000)?;
        let settings = &self.regularizers;
        for (key, value) in [
            ("penalty.weight", self.penalty.weight),
            ("clip", self.clip),
            ("class_weight", self.class_weight),
            ("regularizers.instance_noise", settings.instance_noise),
            ("regularizers.consistency", settings.consistency),
            ("regularizers.lecam", settings.lecam),
            ("regularizers.orthogonal", settings.orthogonal),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(ConfigError::domain(key, "zero or more", value));
            }
        }
        if !(0.0..1.0).contains(&settings.mismatch) {
            return Err(ConfigError::domain("regularizers.mismatch", "in [0, 1)", settings.mismatch));
        }
        let told = matches!(self.conditioning, Conditioning::Concatenation | Conditioning::Projection);
        if settings.mismatch > 0.0 && !told {
            let domain =
                "0 but for the conditionings `concatenation` and `projection`, which tell the discriminator a class";
            return Err(ConfigError::domain("regularizers.mismatch", domain, settings.mismatch));
        }
        let smoothing = settings.label_smoothing;
        if !(0.0..0.5).contains(&smoothing) {
            return Err(ConfigError::domain("regularizers.label_smoothing", "in [0, 0.5)", smoothing));
        }
        if smoothing > 0.0 && !matches!(self.objective, Objective::NonSaturating | Objective::Minimax) {
            let domain = "0 but for the objectives `non-saturating` and `minimax`, whose targets are probabilities";
            return Err(ConfigError::domain("regularizers.label_smoothing", domain, smoothing));
        }
        check_optimizer("generator_optimizer", &self.generator_optimizer)?;
        check_optimizer("discriminator_optimizer", &self.discriminator_optimizer)?;
        check_ema(self.ema)
    }
}
