use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use crate::networks::Networks;
use crate::systems::dcgan;
use crate::systems::parts::{check_count, check_ema, check_optimizer};

/// More classes than this would make the table of ambiguous pairs a large part of the work.
const MOST_CLASSES: usize = 256;

/// Settings of a class-conditional generator that fills rare classes up for a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeganConfig {
    /// Size of the latent, from N(0, I).
    pub latent: usize,
    /// Generator and critic; both are told the class.
    pub networks: Networks,
    /// The classifier, which shares no layer with them.
    pub classifier: ClassifierConfig,
    /// Share of the steps, from the first, in which the classifier learns from real items alone.
    pub warm_up: f64,
    /// Share of the steps, after these, in which generator and critic learn. In all others the classifier learns from real and
    /// generated items.
    pub adversarial: f64,
    /// Updates of the critic, on a batch each, for each update of the generator; and of the classifier in each of its steps.
    pub critic_steps: usize,
    /// What the critic's gradient penalty is multiplied by.
    pub penalty: f64,
    /// This share of what the critic is to take for generated is real items that are told another class, which teaches it to
    /// look at the class where it has few items of one; 0: none.
    #[serde(default)]
    pub mismatch: f64,
    /// Weight of the classifier's opinion of generated items in the generator's loss, g_c; 0: it has none.
    pub coupling: f64,
    /// Share of the generator's steps before the opinion is heard: at first the classifier is biased to the large classes.
    pub coupling_from: f64,
    /// Share of what a class lacks, beside the largest, that is generated; the rest are its real items once more. 1: all of it.
    pub generated: f64,
    /// Share of the last part of training in which the weight of generated items rises to its full value, from 0.
    pub ramp: f64,
    /// Weight of the loss on ambiguous classes, g_ar; 0: there is none.
    pub ambiguity: f64,
    /// A class is ambiguous with another for which at least this share of its real items is taken.
    pub ambiguous_share: f64,
    /// Trains the generator.
    pub generator_optimizer: OptimizerConfig,
    /// Trains the critic.
    pub critic_optimizer: OptimizerConfig,
    /// Trains the classifier.
    pub classifier_optimizer: OptimizerConfig,
    /// Decay of the generator's averaged weights that items are drawn from; 0: its trained weights.
    #[serde(default)]
    pub ema: f64,
}

/// Layers of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Channels of convolutions 3x3, each followed by ReLU and maxima of 2x2 squares; none for points.
    pub convolutions: Vec<usize>,
    /// The fully connected layers after them.
    pub hidden: MlpConfig,
}

impl ClassifierConfig {
    pub(crate) fn new(convolutions: &[usize], hidden: &[usize]) -> Self {
        let hidden = MlpConfig::new(hidden, Activation::Relu, Initializer::He);
        Self { convolutions: convolutions.to_vec(), hidden }
    }

    /// Values that the fully connected layers are given.
    pub(super) fn features(&self, [channels, height, width]: [usize; 3]) -> usize {
        let halvings = self.convolutions.len() as u32;
        let side = |n: usize| n.checked_shr(halvings).unwrap_or(0);
        self.convolutions.last().copied().unwrap_or(channels).saturating_mul(side(height) * side(width))
    }

    fn check(&self, data: &DataSpec) -> Result<(), ConfigError> {
        const MOST_CHANNELS: usize = 1024;
        let key = "classifier.convolutions";
        if !self.convolutions.iter().all(|channels| (1..=MOST_CHANNELS).contains(channels)) {
            let expected = format!("1 to {MOST_CHANNELS} channels each");
            return Err(ConfigError::domain(key, expected, format!("{:?}", self.convolutions)));
        }
        let features = self.features(data.shape.planes());
        if features == 0 {
            let expected = format!("few enough that halving {} leaves a pixel", data.shape);
            return Err(ConfigError::domain(key, expected, format!("{:?}", self.convolutions)));
        }
        self.hidden.fault(features, data.classes).map_or(Ok(()), |(name, domain, value)| {
            Err(ConfigError::domain(format!("classifier.hidden.{name}"), domain, value))
        })
    }
}

impl CeganConfig {
    pub(super) fn check(&self, data: &DataSpec) -> Result<(), ConfigError> {
        if !(2..=MOST_CLASSES).contains(&data.classes) {
            let expected = format!("labelled with 2 to {MOST_CLASSES} classes");
            return Err(ConfigError::domain("data", expected, format!("{} classes", data.classes)));
        }
        check_count("latent", self.latent, 1 << 14)?;
        check_count("critic_steps", self.critic_steps, 1000)?;
        for (key, share) in [
            ("warm_up", self.warm_up),
            ("adversarial", self.adversarial),
            ("coupling_from", self.coupling_from),
            ("generated", self.generated),
            ("ramp", self.ramp),
            ("ambiguous_share", self.ambiguous_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(ConfigError::domain(key, "in [0, 1]", share));
            }
        }
        if !(0.0..1.0).contains(&self.mismatch) {
            return Err(ConfigError::domain("mismatch", "in [0, 1)", self.mismatch));
        }
        if self.warm_up == 0.0 {
            return Err(ConfigError::domain("warm_up", "more than 0: the items of each class are counted there", 0));
        }
        if self.warm_up + self.adversarial > 1.0 {
            let got = format!("{} and {}", self.warm_up, self.adversarial);
            return Err(ConfigError::domain("adversarial", "at most 1 together with `warm_up`", got));
        }
        for (key, weight) in [("penalty", self.penalty), ("coupling", self.coupling), ("ambiguity", self.ambiguity)] {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(ConfigError::domain(key, "zero or more", weight));
            }
        }
        check_optimizer("generator_optimizer", &self.generator_optimizer)?;
        check_optimizer("critic_optimizer", &self.critic_optimizer)?;
        check_optimizer("classifier_optimizer", &self.classifier_optimizer)?;
        check_ema(self.ema)?;
        self.classifier.check(data)
    }
}

pub(super) fn recommended(preset: Preset, data: &DataSpec) -> Recommended<CeganConfig> {
    let mlp = |hidden: &[usize], activation| MlpConfig::new(hidden, activation, Initializer::He);
    match (data.shape, preset) {
        (ItemShape::Points { .. } | ItemShape::Series { .. }, _) => {
            let (width, steps) = if preset == Preset::Small { (128, 3600) } else { (512, 50_000) };
            let networks = Networks::Mlp {
                generator: mlp(&[width; 2], Activation::Relu),
                discriminator: mlp(&[width; 2], Activation::LeakyRelu),
                output: Activation::Identity,
                mean_bias: false,
            };
            let rate = if preset == Preset::Small { 5e-4 } else { 2e-4 };
            let config = settings(16, networks, ClassifierConfig::new(&[], &[64, 64]), rate);
            Recommended::new(steps, 64, config)
        }
        (ItemShape::Image { .. }, Preset::Small) => Recommended::new(3600, 64, images()),
        (ItemShape::Image { .. }, Preset::Paper) => {
            let (side, _) = dcgan::images(preset, data);
            let mut networks = Networks::dcgan(64, false);
            if let Networks::Dcgan { discriminator_norm, .. } = &mut networks {
                // The penalty is each item's own, which batch norm would couple.
                *discriminator_norm = NormKind::Layer;
            }
            let classifier = ClassifierConfig::new(&[32, 64, 128], &[128]);
            let config = settings(100, networks, classifier, 2e-4);
            Recommended::new(50_000, 64, config).at(side.wanted)
        }
    }
}

/// Fully connected networks and a classifier of two convolutions for small images.
pub fn images() -> CeganConfig {
    let mlp = |hidden: &[usize]| MlpConfig::new(hidden, Activation::LeakyRelu, Initializer::He);
    let networks = Networks::Mlp {
        generator: mlp(&[128, 256]),
        discriminator: mlp(&[256, 128]),
        output: Activation::Tanh,
        mean_bias: false,
    };
    settings(64, networks, ClassifierConfig::new(&[8, 16], &[64]), 5e-4)
}

/// `rate` is that of generator and critic.
fn settings(latent: usize, networks: Networks, classifier: ClassifierConfig, rate: f64) -> CeganConfig {
    let adam = OptimizerConfig::Adam { lr: rate, beta1: 0.5, beta2: 0.9, epsilon: 1e-8 };
    CeganConfig {
        latent,
        networks,
        classifier,
        warm_up: 0.04,
        adversarial: 0.7,
        critic_steps: 3,
        penalty: 10.0,
        mismatch: 0.3,
        coupling: 1.0,
        coupling_from: 0.4,
        generated: 0.5,
        ramp: 0.25,
        ambiguity: 0.5,
        ambiguous_share: 0.1,
        generator_optimizer: adam,
        critic_optimizer: adam,
        classifier_optimizer: OptimizerConfig::adam(1e-3, 0.9),
        ema: 0.0,
    }
}
