//! The VAE-GAN of Larsen et al. (2016): an autoencoder whose errors are measured on what a discriminator sees of images, and whose
//! decoder is the generator that plays against it.

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
    Autoencoder, Batch, Build, DataSpec, Info, Model, Preset, Recommended, System, Task, Traversal,
};
use ganvas_nets::dcgan::Discriminator;
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::{Optimizer, Trained};
use ganvas_nets::state::Part;

use crate::systems::vae::Vae;

pub use config::{Adversarial, Balance, DiscriminatorConfig, Fakes, VaeganConfig};

/// An encoder, a decoder that is a generator, and a discriminator of images.
pub struct Vaegan {
    /// Encoder and decoder, and all that is done with them but to train them. Its own optimiser is the decoder's.
    vae: Vae,
    /// Trains the encoder.
    encoder: Optimizer,
    discriminator: Trained<Discriminator>,
    config: VaeganConfig,
}

impl System for Vaegan {
    const INFO: Info = Info {
        id: "vaegan",
        title: "VAE-GAN",
        paper: "A. Larsen, S. Sonderby, H. Larochelle, O. Winther (2016), Autoencoding beyond Pixels Using a Learned Similarity \
                Metric, arXiv:1512.09300",
        summary: "Codes of images and sharp images from codes, by a discriminator whose features tell what is alike.",
        task: Task::Unconditional,
        phases: &["encoder", "decoder", "discriminator"],
    };

    type Config = VaeganConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<VaeganConfig> {
        VaeganConfig::preset(preset, data)
    }

    fn build(config: &VaeganConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check()?;
        let discriminator = config.discriminator(data, build)?;
        let vae = Vae::build(&config.autoencoder(), data, build)?;
        Ok(Self {
            encoder: Optimizer::new(&vae.networks.net, config.encoder_optimizer),
            vae,
            discriminator: Trained::new(discriminator, config.discriminator_optimizer),
            config: config.clone(),
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for Vaegan {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    /// By the balance rule each of several devices would skip what its own share of the batch says.
    fn wants_one_device(&self) -> bool {
        self.config.balance != Balance::None
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        self.vae.sample(n, noise)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        let mut parts = self.vae.parts();
        parts.push(("encoder", &mut self.encoder));
        parts.push(("discriminator", &mut self.discriminator));
        parts
    }

    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        self.vae.autoencoder()
    }

    fn traversal(&self) -> Option<&dyn Traversal> {
        self.vae.traversal()
    }
}
