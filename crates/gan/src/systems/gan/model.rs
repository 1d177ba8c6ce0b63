use burn::tensor::Tensor;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::{Step, StepError};
use ganvas_engine::system::{Batch, Build, DataSpec, Info, Model, Preset, Recommended, System, Task};
use ganvas_nets::mlp::Mlp;
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;

use super::GanConfig;
use super::accept;
use super::train::Rule;
use crate::objectives::Objective;
use crate::systems::parts::Adversaries;

/// A fully connected generator and discriminator.
pub struct Gan {
    pub(super) generator: Trained<Mlp>,
    pub(super) discriminator: Trained<Mlp>,
    pub(super) rule: Rule,
    pub(super) objective: Objective,
}

impl System for Gan {
    const INFO: Info = Info {
        id: "gan",
        title: "GAN",
        paper: "I. Goodfellow et al. (2014), Generative Adversarial Nets, arXiv:1406.2661",
        summary: "Samples of an unknown distribution from examples of it, by a generator that learns from a discriminator.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    type Config = GanConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<GanConfig> {
        GanConfig::preset(preset, data)
    }

    fn build(config: &GanConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        let values = data.values();
        config.check(values)?;
        let mut init = build.init("generator", config.generator.init);
        let mut generator = Mlp::new(config.latent, values, &config.generator, &mut init);
        if config.mean_bias {
            generator = generator.with_output_bias(config.bias_for(&data.mean), &mut init);
        }
        let mut init = build.init("discriminator", config.discriminator.init);
        let discriminator = Mlp::new(values, 1, &config.discriminator, &mut init);
        Ok(Self {
            generator: Trained::new(generator, config.generator_optimizer).averaged(config.ema),
            discriminator: Trained::new(discriminator, config.discriminator_optimizer),
            rule: Rule { latent: config.latent, prior: config.prior, output: config.output },
            objective: config.objective,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for Gan {
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
