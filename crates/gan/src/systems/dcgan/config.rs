use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::dcgan::Shape;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use crate::objectives::Objective;
use crate::systems::parts::{Prior, check_count, check_ema, check_optimizer};

/// Settings of [`Dcgan`](super::Dcgan).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DcganConfig {
    /// Size of the latent.
    pub latent: usize,
    /// Distribution of the latent.
    pub prior: Prior,
    /// Channels next to the image; they double at each halving of the side.
    pub width: usize,
    /// Side of the strided kernels: 4, or 5 as in the paper.
    pub kernel: usize,
    /// No linear layers and no biases, as in the paper; otherwise the first and last layer are linear.
    pub all_convolutional: bool,
    /// Standard deviation of the initial weights.
    pub init_sd: f64,
    /// What both networks minimise.
    pub objective: Objective,
    /// Trains the generator.
    pub generator_optimizer: OptimizerConfig,
    /// Trains the discriminator.
    pub discriminator_optimizer: OptimizerConfig,
    /// Decay of the generator's averaged weights that samples are drawn from; 0: its trained weights.
    #[serde(default)]
    pub ema: f64,
}

impl DcganConfig {
    /// The settings of a preset for images of this side.
    pub fn new(preset: Preset, resolution: usize) -> Self {
        let paper = preset == Preset::Paper;
        let (latent, width) = match (preset, resolution) {
            (Preset::Paper, _) => (100, 64),
            (Preset::Small, 0..=16) => (64, 32),
            (Preset::Small, 17..=32) => (64, 16),
            (Preset::Small, _) => (100, 32),
        };
        // The paper's rate is for long training; 2,500 steps of a narrow network get further with a larger one.
        let rate = if !paper && (17..=32).contains(&resolution) { 1e-3 } else { 2e-4 };
        let adam = OptimizerConfig::adam(rate, 0.5);
        Self {
            latent,
            prior: Prior::Normal,
            width,
            kernel: 4,
            all_convolutional: paper || resolution > 32,
            init_sd: 0.02,
            objective: Objective::NonSaturating,
            generator_optimizer: adam,
            discriminator_optimizer: adam,
            ema: 0.0,
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        let ItemShape::Image { height, width, .. } = data.shape else {
            // Building it will say that it wants images.
            return Recommended { steps: 1, batch: 1, resolution: None, config: Self::new(preset, 64) };
        };
        let side = height.min(width);
        // The largest of the usual sides that the data fill; smaller images are enlarged to 16.
        let usual = [64, 32, 28, 16].into_iter().find(|&usual| usual <= side).unwrap_or(16);
        let fits = height == width && side >= 16 && Self::new(preset, side).shape(1, side).levels().is_some();
        let resolution = if fits { side } else { usual };
        let (steps, batch) = match preset {
            Preset::Small if resolution <= 16 => (1500, 64),
            Preset::Small => (2500, 64),
            Preset::Paper => (50_000, 128),
        };
        let resolution_wanted = (!fits).then_some(resolution);
        Recommended { steps, batch, resolution: resolution_wanted, config: Self::new(preset, resolution) }
    }

    pub(super) fn shape(&self, channels: usize, resolution: usize) -> Shape {
        Shape {
            channels,
            resolution,
            width: self.width,
            latent: self.latent,
            kernel: self.kernel,
            all_convolutional: self.all_convolutional,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_count("latent", self.latent, 2048)?;
        check_count("width", self.width, 1024)?;
        if !matches!(self.kernel, 4 | 5) {
            return Err(ConfigError::domain("kernel", "4 or 5", self.kernel));
        }
        if !(self.init_sd > 0.0 && self.init_sd.is_finite()) {
            return Err(ConfigError::domain("init_sd", "a positive number", self.init_sd));
        }
        check_optimizer("generator_optimizer", &self.generator_optimizer)?;
        check_optimizer("discriminator_optimizer", &self.discriminator_optimizer)?;
        check_ema(self.ema)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recommended(height: usize, width: usize) -> Option<usize> {
        let shape = ItemShape::Image { channels: 1, height, width };
        let data = DataSpec { shape, classes: 0, mean: vec![0.0; height * width] };
        DcganConfig::preset(Preset::Small, &data).resolution
    }

    #[test]
    fn images_keep_their_side_where_it_halves_and_are_resized_where_not() {
        assert_eq!(recommended(8, 8), Some(16));
        assert_eq!(recommended(28, 28), None);
        assert_eq!(recommended(64, 64), None);
        assert_eq!(recommended(100, 80), Some(64));
        assert_eq!(recommended(30, 30), Some(28));
        assert_eq!(recommended(32, 28), Some(28));
    }
}
