use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use crate::objectives::Objective;
use crate::systems::parts::{Prior, check_count, check_ema, check_optimizer};

/// Settings of [`Gan`](super::Gan).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GanConfig {
    /// Size of the latent.
    pub latent: usize,
    /// Distribution of the latent.
    pub prior: Prior,
    /// What both networks minimise.
    pub objective: Objective,
    /// What follows the generator's last layer: `tanh` or `sigmoid` (scaled to (-1, 1)) for images, `identity` for points.
    pub output: Activation,
    /// The generator's last bias starts where its output is the mean of the training data.
    pub mean_bias: bool,
    /// Hidden layers of the generator.
    pub generator: MlpConfig,
    /// Hidden layers of the discriminator.
    pub discriminator: MlpConfig,
    /// Trains the generator.
    pub generator_optimizer: OptimizerConfig,
    /// Trains the discriminator.
    pub discriminator_optimizer: OptimizerConfig,
    /// Decay of the generator's averaged weights that samples are drawn from; 0: its trained weights.
    #[serde(default)]
    pub ema: f64,
}

impl GanConfig {
    /// Networks small enough for two CPU cores, for points or images.
    pub fn small(points: bool) -> Self {
        let adam = OptimizerConfig::adam(2e-4, 0.5);
        let (hidden, activation, latent, output) = if points {
            (([128, 128], [128, 128]), Activation::Relu, 16, Activation::Identity)
        } else {
            (([128, 256], [256, 128]), Activation::LeakyRelu, 64, Activation::Tanh)
        };
        Self {
            latent,
            prior: Prior::Normal,
            objective: Objective::NonSaturating,
            output,
            mean_bias: false,
            generator: MlpConfig::new(&hidden.0, activation, Initializer::He),
            discriminator: MlpConfig::new(&hidden.1, activation, Initializer::He),
            generator_optimizer: adam,
            discriminator_optimizer: adam,
            ema: 0.0,
        }
    }

    /// The networks of the paper's MNIST experiment, from the authors' published settings. `epoch` is the number of
    /// updates in a pass over the data, which the rise of the momentum is counted in.
    pub fn paper(epoch: u64) -> Self {
        // The authors halve the discriminator's loss; halving its rate is the same.
        let sgd = |lr: f64| OptimizerConfig::Sgd {
            lr,
            decay: 1.000004,
            lr_min: lr * 1e-5,
            momentum: 0.5,
            momentum_end: 0.7,
            momentum_steps: 250 * epoch,
        };
        let uniform = |bound| Initializer::Uniform { bound };
        let discriminator = MlpConfig {
            maxout: 5,
            keep_input: 0.8,
            keep_hidden: 0.5,
            ..MlpConfig::new(&[240, 240], Activation::Identity, uniform(0.005))
        };
        Self {
            latent: 100,
            prior: Prior::Uniform,
            objective: Objective::NonSaturating,
            output: Activation::Sigmoid,
            mean_bias: true,
            generator: MlpConfig::new(&[1200, 1200], Activation::Relu, uniform(0.05)),
            discriminator,
            generator_optimizer: sgd(0.1),
            discriminator_optimizer: sgd(0.05),
            ema: 0.0,
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        let recommended = |steps, batch, config| Recommended { steps, batch, resolution: None, config };
        match (data.shape, preset) {
            (ItemShape::Points { .. }, _) => recommended(8000, 256, Self::small(true)),
            (ItemShape::Image { .. }, Preset::Small) => recommended(12_000, 64, Self::small(false)),
            // 250 epochs of the 50,000 images that the paper trains on, in batches of 100.
            (ItemShape::Image { .. }, Preset::Paper) => recommended(125_000, 100, Self::paper(500)),
        }
    }

    pub(super) fn check(&self, values: usize) -> Result<(), ConfigError> {
        check_count("latent", self.latent, 1 << 14)?;
        let networks =
            [("generator", &self.generator, self.latent, values), ("discriminator", &self.discriminator, values, 1)];
        for (key, config, inputs, outputs) in networks {
            if let Some((name, domain, value)) = config.fault(inputs, outputs) {
                return Err(ConfigError::domain(format!("{key}.{name}"), domain, value));
            }
        }
        check_optimizer("generator_optimizer", &self.generator_optimizer)?;
        check_optimizer("discriminator_optimizer", &self.discriminator_optimizer)?;
        check_ema(self.ema)?;
        let invertible = matches!(self.output, Activation::Identity | Activation::Tanh | Activation::Sigmoid);
        if self.mean_bias && !invertible {
            return Err(ConfigError::domain("mean_bias", "false where `output` has no inverse", self.mean_bias));
        }
        Ok(())
    }

    /// The bias at which the output is `mean`, value by value.
    pub(super) fn bias_for(&self, mean: &[f32]) -> Vec<f32> {
        // A mean at the edge of the range would need an infinite bias.
        let inside = |m: f32| m.clamp(-0.998, 0.998);
        let bias = |&m: &f32| match self.output {
            Activation::Tanh => inside(m).atanh(),
            Activation::Sigmoid => 2.0 * inside(m).atanh(),
            _ => m,
        };
        mean.iter().map(bias).collect()
    }
}
