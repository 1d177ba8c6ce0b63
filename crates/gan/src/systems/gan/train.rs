use burn::tensor::Tensor;
use ganvas_engine::step::{Step, StepError};
use ganvas_engine::system::Batch;
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::Mlp;
use ganvas_nets::noise::{Noise, Pass};

use super::Gan;
use crate::systems::parts::{Adversaries, Prior, alternate};

/// How the two networks are run.
pub(super) struct Rule {
    pub latent: usize,
    pub prior: Prior,
    pub output: Activation,
}

impl Adversaries for Rule {
    type Generator = Mlp;
    type Discriminator = Mlp;

    fn generate(&self, generator: &Mlp, n: usize, noise: &Noise, pass: Pass) -> Tensor<2> {
        let latents = self.prior.draw(n, self.latent, noise);
        self.output.forward(generator.forward(latents, pass))
    }

    fn judge(&self, discriminator: &Mlp, items: Tensor<2>, pass: Pass) -> Tensor<2> {
        discriminator.forward(items, pass)
    }
}

impl Gan {
    /// One update of the discriminator, one of the generator.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) -> Result<(), StepError> {
        alternate(&self.rule, self.objective, &mut self.generator, &mut self.discriminator, batch, step)
    }
}
