//! DCGAN (Radford, Metz and Chintala 2015): convolutional networks that train reliably.

mod accept;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::dcgan::Shape;
use ganvas_nets::optim::OptimizerConfig;

use crate::networks::Networks;
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Recipe};

/// A convolutional generator and discriminator.
pub type Dcgan = Adversarial<Convolutional>;

/// The DCGAN.
pub struct Convolutional;

impl Recipe for Convolutional {
    const INFO: Info = Info {
        id: "dcgan",
        title: "DCGAN",
        paper: "A. Radford, L. Metz, S. Chintala (2015), Unsupervised Representation Learning with Deep Convolutional \
                Generative Adversarial Networks, arXiv:1511.06434",
        summary: "Images by convolutional networks whose rules make adversarial training reliable.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        let (resolution, config) = images(preset, data);
        let (steps, batch) = match preset {
            Preset::Small if resolution.side <= 16 => (1500, 64),
            Preset::Small => (2500, 64),
            Preset::Paper => (50_000, 128),
        };
        Recommended::new(steps, batch, config).at(resolution.wanted)
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// The side that convolutional networks work at.
pub(crate) struct Side {
    /// In pixels.
    pub side: usize,
    /// The same, where images have to be brought to it.
    pub wanted: Option<usize>,
}

/// The settings of a preset for these images, and the side that it works at: that of the data where it halves, otherwise the
/// largest of the usual sides that they fill; smaller images are enlarged to 16.
pub(crate) fn images(preset: Preset, data: &DataSpec) -> (Side, AdversarialConfig) {
    let ItemShape::Image { height, width, .. } = data.shape else {
        // Building it will say that it wants images.
        return (Side { side: 64, wanted: None }, settings(preset, 64));
    };
    let side = height.min(width);
    let usual = [64, 32, 28, 16].into_iter().find(|&usual| usual <= side).unwrap_or(16);
    let fits = height == width && side >= 16 && Shape::new(1, side, 16, 64).levels().is_some();
    let side = if fits { side } else { usual };
    (Side { side, wanted: (!fits).then_some(side) }, settings(preset, side))
}

/// The settings of a preset for images of this side.
pub fn settings(preset: Preset, resolution: usize) -> AdversarialConfig {
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
    AdversarialConfig {
        generator_optimizer: adam,
        discriminator_optimizer: adam,
        ..AdversarialConfig::new(latent, Networks::dcgan(width, paper || resolution > 32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recommended(height: usize, width: usize) -> Option<usize> {
        let shape = ItemShape::Image { channels: 1, height, width };
        let data = DataSpec { shape, classes: 0, mean: vec![0.0; height * width] };
        Convolutional::preset(Preset::Small, &data).resolution
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
