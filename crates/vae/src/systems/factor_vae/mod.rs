//! The FactorVAE of Kim and Mnih (2018): the VAE, and a discriminator that tells its codes from codes with independent latents, by
//! which it learns to make them independent.

mod accept;
mod config;
#[cfg(test)]
mod tests;
mod train;

use burn::tensor::Tensor;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Autoencoder, Batch, Build, Conditional, DataSpec, Info, Likelihood, Model, Preset, Recommended, System, Task,
    Traversal,
};
use ganvas_nets::mlp::Mlp;
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;

use crate::systems::vae::Vae;

pub use config::FactorVaeConfig;

/// A VAE and a discriminator of its codes.
pub struct FactorVae {
    vae: Vae,
    /// Codes `[n, latent]` to a logit each, `[n, 1]`: ln q(z) - ln prod_j q(z_j) where it is at its best.
    discriminator: Trained<Mlp>,
    config: FactorVaeConfig,
}

impl System for FactorVae {
    const INFO: Info = Info {
        id: "factor-vae",
        title: "FactorVAE",
        paper: "H. Kim, A. Mnih (2018), Disentangling by Factorising, arXiv:1802.05983",
        summary: "Independent latents, by a discriminator that tells codes from codes whose latents are mixed.",
        task: Task::Unconditional,
        phases: &["bound", "discriminator"],
    };

    type Config = FactorVaeConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<FactorVaeConfig> {
        FactorVaeConfig::preset(preset, data)
    }

    fn build(config: &FactorVaeConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check()?;
        let vae = Vae::build(&config.autoencoder, data, build).map_err(config::within)?;
        let mut init = build.init("discriminator", config.discriminator.init);
        let discriminator = Mlp::new(config.autoencoder.latent, 1, &config.discriminator, &mut init);
        let discriminator = Trained::new(discriminator, config.discriminator_optimizer);
        Ok(Self { vae, discriminator, config: config.clone() })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for FactorVae {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    /// The second is what codes with independent latents are made of (Kim and Mnih 2018, algorithm 2).
    fn batches(&self) -> usize {
        2
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        self.vae.sample(n, noise)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        let mut parts = self.vae.parts();
        parts.push(("discriminator", &mut self.discriminator));
        parts
    }

    fn likelihood(&self) -> Option<&dyn Likelihood> {
        self.vae.likelihood()
    }

    fn conditional(&self) -> Option<&dyn Conditional> {
        self.vae.conditional()
    }

    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        self.vae.autoencoder()
    }

    fn traversal(&self) -> Option<&dyn Traversal> {
        self.vae.traversal()
    }
}
