use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::schedule::{Kind, Schedule};
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::optim::OptimizerConfig;
use ganvas_nets::resample::Kernel;
use ganvas_nets::srresnet::SrResNetConfig;
use serde::{Deserialize, Serialize};

use super::features::FeatureTask;
use crate::systems::parts::{check_count, check_ema, check_optimizer};

/// Settings of [`Srgan`](super::Srgan).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SrganConfig {
    /// How much larger a side becomes: 2 or 4.
    pub factor: usize,
    /// By what small images are made of large ones.
    pub kernel: Kernel,
    /// The generator.
    pub generator: SrResNetConfig,
    /// Channels of the discriminator's first two layers; they double three times.
    pub discriminator_width: usize,
    /// Units of its last layer but one.
    pub discriminator_units: usize,
    /// Rule for the initial weights.
    pub init: Initializer,
    /// What the feature network is trained to tell.
    pub feature_task: FeatureTask,
    /// Share of the steps, from the first, in which the feature network is trained.
    pub features: f64,
    /// Share of the steps, after these, in which the generator is trained by squared errors alone. In all others it is trained with the
    /// discriminator.
    pub content: f64,
    /// The factor to which the generator's learning rate falls while it is trained by squared errors, along half a cosine.
    pub content_rate_end: f64,
    /// The factor of the generator's learning rate while it is trained with the discriminator.
    pub adversarial_rate: f64,
    /// Weight of the distance by features in the generator's loss.
    pub feature_weight: f64,
    /// Weight of the mean squared error there.
    pub pixel_weight: f64,
    /// Weight of the discriminator's opinion there.
    pub adversarial_weight: f64,
    /// Trains the feature network; the learning rate falls to 0 along half a cosine.
    pub feature_optimizer: OptimizerConfig,
    /// Trains the generator.
    pub generator_optimizer: OptimizerConfig,
    /// Trains the discriminator.
    pub discriminator_optimizer: OptimizerConfig,
    /// Decay of the generator's averaged weights, which are shown; 0: its trained weights.
    #[serde(default)]
    pub ema: f64,
}

impl SrganConfig {
    /// Networks and training of a preset.
    pub fn new(preset: Preset, feature_task: FeatureTask) -> Self {
        let adam = |lr| OptimizerConfig::adam(lr, 0.9);
        let small = Self {
            factor: 4,
            kernel: Kernel::Box,
            generator: SrResNetConfig { width: 24, blocks: 3, first_kernel: 9, last_kernel: 3 },
            discriminator_width: 12,
            discriminator_units: 64,
            init: Initializer::Glorot,
            feature_task,
            features: 0.25,
            content: 0.5,
            content_rate_end: 0.1,
            adversarial_rate: 0.2,
            feature_weight: 1.0,
            pixel_weight: 0.1,
            adversarial_weight: 0.004,
            feature_optimizer: adam(1e-3),
            generator_optimizer: adam(1e-3),
            discriminator_optimizer: adam(2e-4),
            ema: 0.0,
        };
        match preset {
            Preset::Small => small,
            Preset::Paper => Self {
                kernel: Kernel::Bicubic,
                generator: SrResNetConfig { width: 64, blocks: 16, first_kernel: 9, last_kernel: 9 },
                discriminator_width: 64,
                discriminator_units: 1024,
                features: 0.04,
                content: 0.8,
                content_rate_end: 1.0,
                adversarial_rate: 1.0,
                generator_optimizer: adam(1e-4),
                discriminator_optimizer: adam(1e-4),
                ..small
            },
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        let task = if data.classes > 1 { FeatureTask::Class } else { FeatureTask::Rotation };
        let config = Self::new(preset, task);
        let recommended = match preset {
            Preset::Small => Recommended::new(4000, 16, config.clone()),
            // 50,000, 1,000,000 and 200,000 steps, the last 100,000 at a tenth of the rate.
            Preset::Paper => {
                let schedule = Schedule { kind: Kind::Step, drops: vec![0.92], drop: 0.1, ..Schedule::default() };
                Recommended::new(1_250_000, 16, config.clone()).scheduled(schedule)
            }
        };
        recommended.at(side(data.shape, config.factor))
    }

    pub(super) fn check(&self, data: &DataSpec) -> Result<(), ConfigError> {
        if !matches!(self.factor, 2 | 4) {
            return Err(ConfigError::domain("factor", "2 or 4", self.factor));
        }
        let ItemShape::Image { height, width, .. } = data.shape else {
            return Err(ConfigError::domain("data", "images", data.shape));
        };
        if [height, width].iter().any(|side| *side == 0 || !side.is_multiple_of(self.factor)) {
            let domain =
                format!("sides that are multiples of {}: `--crop` or `--set resolution=N` makes them", self.factor);
            return Err(ConfigError::domain("data", domain, format!("{height}x{width}")));
        }
        match self.feature_task {
            FeatureTask::Rotation if height != width => {
                let domain = "`class` for images that are no squares; `--crop` makes squares of them";
                return Err(ConfigError::domain("feature_task", domain, "rotation"));
            }
            FeatureTask::Class if data.classes < 2 => {
                return Err(ConfigError::domain("feature_task", "`rotation` for data without classes", "class"));
            }
            _ => {}
        }
        if let Some((name, domain, value)) = self.generator.fault() {
            return Err(ConfigError::domain(format!("generator.{name}"), domain, value));
        }
        check_count("discriminator_width", self.discriminator_width, 256)?;
        check_count("discriminator_units", self.discriminator_units, 1 << 14)?;
        if let Some((name, domain, value)) = self.init.fault() {
            return Err(ConfigError::domain(name, domain, value));
        }
        for (key, share) in [("features", self.features), ("content", self.content)] {
            // Without features or a start the last part of training would have nothing to go by.
            if !(share > 0.0 && share <= 1.0) {
                return Err(ConfigError::domain(key, "more than 0, at most 1", share));
            }
        }
        if self.features + self.content > 1.0 {
            let got = format!("{} and {}", self.features, self.content);
            return Err(ConfigError::domain("content", "at most 1 together with `features`", got));
        }
        for (key, value) in [
            ("content_rate_end", self.content_rate_end),
            ("adversarial_rate", self.adversarial_rate),
            ("feature_weight", self.feature_weight),
            ("pixel_weight", self.pixel_weight),
            ("adversarial_weight", self.adversarial_weight),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(ConfigError::domain(key, "zero or more", value));
            }
        }
        check_optimizer("feature_optimizer", &self.feature_optimizer)?;
        check_optimizer("generator_optimizer", &self.generator_optimizer)?;
        check_optimizer("discriminator_optimizer", &self.discriminator_optimizer)?;
        check_ema(self.ema)
    }
}

/// The side to which images are brought that are no squares with a side that is a multiple of the factor.
fn side(shape: ItemShape, factor: usize) -> Option<usize> {
    let ItemShape::Image { height, width, .. } = shape else { return None };
    let least = height.min(width);
    let fits = height == width && height.is_multiple_of(factor);
    (!fits).then_some((least / factor * factor).max(factor))
}
