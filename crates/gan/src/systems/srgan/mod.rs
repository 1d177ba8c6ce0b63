//! SRGAN (Ledig et al. 2017): images enlarged two or four times a side, by a generator that is first trained for the squared error and
//! then against a discriminator and by the features of a network that knows such images.

mod accept;
mod config;
mod features;
#[cfg(test)]
mod tests;
mod train;

use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::enlargement::Enlargement;
use ganvas_engine::step::Step;
use ganvas_engine::system::{Batch, Build, DataSpec, Info, Model, Preset, Recommended, System, Task};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::srresnet::{SrDiscriminator, SrResNet};
use ganvas_nets::state::{Kept, Part};

use features::{FeatureNet, Scales};
use train::to_unit;

pub use config::SrganConfig;
pub use features::FeatureTask;

/// A generator of large images, as it is and as it was before adversarial training, a discriminator, and a network whose features
/// images are compared by.
pub struct Srgan {
    generator: Trained<SrResNet>,
    /// The generator at the end of training by squared errors; before that, as it was at first.
    before: Kept<SrResNet>,
    discriminator: Trained<SrDiscriminator>,
    features: Trained<FeatureNet>,
    scales: Scales,
    config: SrganConfig,
    /// `[channels, height, width]` of the images that it is trained on.
    image: [usize; 3],
}

impl System for Srgan {
    const INFO: Info = Info {
        id: "srgan",
        title: "SRGAN",
        paper: "C. Ledig, L. Theis, F. Huszar, J. Caballero, A. Cunningham, A. Acosta, A. Aitken, A. Tejani, J. Totz, Z. Wang, W. Shi \
                (2017), Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network, arXiv:1609.04802",
        summary: "Images enlarged four times a side that look sharp, not blurred.",
        task: Task::SuperResolve,
        phases: &["features", "content", "discriminator", "generator"],
    };

    type Config = SrganConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<SrganConfig> {
        SrganConfig::preset(preset, data)
    }

    fn build(config: &SrganConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check(data)?;
        let image @ [channels, ..] = data.shape.planes();
        let init = |name: &str| build.init(name, config.init);
        let doublings = config.factor.ilog2() as usize;
        let generator = SrResNet::new(channels, doublings, config.generator, &mut init("generator"));
        let (first, units) = (config.discriminator_width, config.discriminator_units);
        let discriminator = SrDiscriminator::new(image, first, units, &mut init("discriminator"));
        let answers = config.feature_task.answers(data.classes);
        let features = FeatureNet::new(channels, answers, &mut init("features"));
        Ok(Self {
            before: Kept(generator.valid()),
            generator: Trained::new(generator, config.generator_optimizer).averaged(config.ema),
            discriminator: Trained::new(discriminator, config.discriminator_optimizer),
            features: Trained::new(features, config.feature_optimizer),
            scales: Scales::new(&build.device.clone().inner()),
            config: config.clone(),
            image,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for Srgan {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    /// The scales of the features are of all images seen, which replicas would not agree on.
    fn wants_one_device(&self) -> bool {
        true
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        let ([channels, height, width], factor) = (self.image, self.config.factor);
        let low = noise.uniform("low", [n, channels, height / factor, width / factor], -1.0, 1.0);
        self.enlarge(low).flatten(1, 3)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![
            ("generator", &mut self.generator),
            ("content", &mut self.before),
            ("discriminator", &mut self.discriminator),
            ("features", &mut self.features),
            ("scales", &mut self.scales),
        ]
    }

    fn enlargement(&self) -> Option<&dyn Enlargement> {
        Some(self)
    }
}

/// What a generator makes of small images in [-1, 1].
fn enlarged(generator: &SrResNet, low: Tensor<4>) -> Tensor<4> {
    generator.forward(to_unit(low), Pass::Eval).clamp(-1.0, 1.0)
}

impl Enlargement for Srgan {
    fn factor(&self) -> usize {
        self.config.factor
    }

    fn channels(&self) -> usize {
        self.image[0]
    }

    fn reach(&self) -> usize {
        self.generator.net.reach()
    }

    fn shrink(&self, images: Tensor<4>) -> Tensor<4> {
        self.config.shrunk(images)
    }

    fn enlarge(&self, images: Tensor<4>) -> Tensor<4> {
        enlarged(&self.generator.shown(), images)
    }

    fn enlarge_before(&self, images: Tensor<4>) -> Option<Tensor<4>> {
        (self.discriminator.updates() > 0).then(|| enlarged(&self.before.0, images))
    }
}
