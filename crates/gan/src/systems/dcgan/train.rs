use burn::tensor::Tensor;
use ganvas_data::ItemShape;
use ganvas_engine::step::{Step, StepError};
use ganvas_engine::system::{Batch, to_images};
use ganvas_nets::dcgan::{Discriminator, Generator};
use ganvas_nets::noise::{Noise, Pass};

use super::Dcgan;
use crate::systems::parts::{Adversaries, Prior, alternate};

/// How the two networks are run.
pub(super) struct Rule {
    pub latent: usize,
    pub prior: Prior,
    pub shape: ItemShape,
}

impl Adversaries for Rule {
    type Generator = Generator;
    type Discriminator = Discriminator;

    fn generate(&self, generator: &Generator, n: usize, noise: &Noise, pass: Pass) -> Tensor<2> {
        generator.forward(self.prior.draw(n, self.latent, noise), pass).flatten(1, 3)
    }

    fn judge(&self, discriminator: &Discriminator, items: Tensor<2>, pass: Pass) -> Tensor<2> {
        discriminator.forward(to_images(items, self.shape), pass)
    }
}

impl Dcgan {
    /// One update of the discriminator, one of the generator.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) -> Result<(), StepError> {
        alternate(&self.rule, self.objective, &mut self.generator, &mut self.discriminator, batch, step)
    }
}
