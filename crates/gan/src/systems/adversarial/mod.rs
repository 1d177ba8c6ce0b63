//! What most adversarial systems are: a generator against a discriminator, of any architecture, objective, penalty and
//! conditioning. Such a system is a [`Recipe`]: its name, presets and acceptance checks.

mod config;
mod train;

use std::marker::PhantomData;

use burn::tensor::{Int, Tensor, TensorData};
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::{Step, StepError};
use ganvas_engine::system::{Batch, Build, Conditional, DataSpec, Info, Model, Preset, Recommended, System};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;

use crate::networks::{Discriminator, Generator};

pub use config::{AdversarialConfig, Penalty, PenaltyKind};

/// What makes a system of its own out of the shared parts.
pub trait Recipe: 'static {
    /// What a person reads of it.
    const INFO: Info;

    /// The settings of a preset for these data.
    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig>;

    /// Its acceptance checks.
    ///
    /// # Errors
    /// If a check could not be carried out.
    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError>;
}

/// A generator against a discriminator.
pub struct Adversarial<R> {
    pub(crate) generator: Trained<Generator>,
    pub(crate) discriminator: Trained<Discriminator>,
    pub(crate) config: AdversarialConfig,
    /// Classes that are told; 0: none.
    classes: usize,
    recipe: PhantomData<fn() -> R>,
}

impl<R> Clone for Adversarial<R> {
    fn clone(&self) -> Self {
        Self {
            generator: self.generator.clone(),
            discriminator: self.discriminator.clone(),
            config: self.config.clone(),
            classes: self.classes,
            recipe: PhantomData,
        }
    }
}

impl<R: Recipe> System for Adversarial<R> {
    const INFO: Info = R::INFO;

    type Config = AdversarialConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        R::preset(preset, data)
    }

    fn build(config: &AdversarialConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check()?;
        if config.conditional && data.classes < 2 {
            return Err(ConfigError::domain(
                "data",
                "labelled with two classes or more",
                format!("{} classes", data.classes),
            ));
        }
        let classes = if config.conditional { data.classes } else { 0 };
        let (generator, discriminator) = config.networks.build(config.latent, classes, data, build)?;
        Ok(Self {
            generator: Trained::new(generator, config.generator_optimizer).averaged(config.ema),
            discriminator: Trained::new(discriminator, config.discriminator_optimizer),
            config: config.clone(),
            classes,
            recipe: PhantomData,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        R::accept(acceptance)
    }
}

impl<R: Recipe> Model for Adversarial<R> {
    fn step(&mut self, batch: &Batch, step: &mut Step) -> Result<(), StepError> {
        self.update(batch, step)
    }

    fn batches(&self) -> usize {
        self.config.critic_steps
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        match self.classes {
            0 => self.draw(n, None, noise),
            // As many of each class, in turn.
            count => self.sample_of(&(0..n).map(|i| i % count).collect::<Vec<_>>(), noise),
        }
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("generator", &mut self.generator), ("discriminator", &mut self.discriminator)]
    }

    fn conditional(&self) -> Option<&dyn Conditional> {
        (self.classes > 0).then_some(self)
    }
}

impl<R: Recipe> Conditional for Adversarial<R> {
    fn classes(&self) -> usize {
        self.classes
    }

    fn sample_of(&self, classes: &[usize], noise: &Noise) -> Tensor<2> {
        let labels: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [classes.len()]), noise.device());
        self.draw(classes.len(), Some(indicators(labels, self.classes)), noise)
    }
}

impl<R> Adversarial<R> {
    fn draw(&self, n: usize, classes: Option<Tensor<2>>, noise: &Noise) -> Tensor<2> {
        let latents = self.config.prior.draw(n, self.config.latent, noise);
        self.generator.shown().forward(latents, classes, Pass::Eval)
    }
}

/// `[n]` classes to `[n, count]`: 1 where it is, 0 elsewhere.
pub(crate) fn indicators(classes: Tensor<1, Int>, count: usize) -> Tensor<2> {
    let all = Tensor::<1, Int>::arange(0..count as i64, &classes.device());
    let [n] = classes.dims();
    let classes = classes.unsqueeze_dim::<2>(1).expand([n, count]);
    classes.equal(all.unsqueeze_dim::<2>(0).expand([n, count])).float()
}
