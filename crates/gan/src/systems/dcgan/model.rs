use burn::tensor::Tensor;
use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::{Step, StepError};
use ganvas_engine::system::{Batch, Build, DataSpec, Info, Model, Preset, Recommended, System, Task};
use ganvas_nets::dcgan::{Discriminator, Generator};
use ganvas_nets::init::Initializer;
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;

use super::DcganConfig;
use super::accept;
use super::train::Rule;
use crate::objectives::Objective;
use crate::systems::parts::Adversaries;

/// More channels than this at the smallest side would be billions of weights.
const MOST_CHANNELS: usize = 4096;

/// A convolutional generator and discriminator.
pub struct Dcgan {
    pub(super) generator: Trained<Generator>,
    pub(super) discriminator: Trained<Discriminator>,
    pub(super) rule: Rule,
    pub(super) objective: Objective,
}

impl System for Dcgan {
    const INFO: Info = Info {
        id: "dcgan",
        title: "DCGAN",
        paper: "A. Radford, L. Metz, S. Chintala (2015), Unsupervised Representation Learning with Deep Convolutional \
                Generative Adversarial Networks, arXiv:1511.06434",
        summary: "Images by convolutional networks whose rules make adversarial training reliable.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    type Config = DcganConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<DcganConfig> {
        DcganConfig::preset(preset, data)
    }

    fn build(config: &DcganConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check()?;
        let ItemShape::Image { channels, height, width } = data.shape else {
            return Err(ConfigError::domain("data", "images for a convolutional system", data.shape));
        };
        let refused = || {
            let got = format!("{height}x{width}");
            ConfigError::domain("resolution", "4, 5, 6 or 7 doubled once or more, such as 16, 28, 32 or 64", got)
        };
        if height != width {
            return Err(refused());
        }
        let shape = config.shape(channels, height);
        let (_, doublings) = shape.levels().ok_or_else(refused)?;
        if config.width << (doublings - 1) > MOST_CHANNELS {
            let most = MOST_CHANNELS >> (doublings - 1);
            return Err(ConfigError::domain("width", format!("at most {most} at {height}x{width}"), config.width));
        }
        let rule = Initializer::Normal { sd: config.init_sd };
        let generator = Generator::new(shape, &mut build.init("generator", rule)).ok_or_else(refused)?;
        let discriminator = Discriminator::new(shape, &mut build.init("discriminator", rule)).ok_or_else(refused)?;
        Ok(Self {
            generator: Trained::new(generator, config.generator_optimizer).averaged(config.ema),
            discriminator: Trained::new(discriminator, config.discriminator_optimizer),
            rule: Rule { latent: config.latent, prior: config.prior, shape: data.shape },
            objective: config.objective,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for Dcgan {
    fn step(&mut self, batch: &Batch, step: &mut Step) -> Result<(), StepError> {
        self.update(batch, step)
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        self.rule.generate(&self.generator.shown(), n, noise, Pass::Eval)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("generator", &mut self.generator), ("discriminator", &mut self.discriminator)]
    }
}
