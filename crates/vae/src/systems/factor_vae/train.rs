use burn::tensor::Tensor;
use ganvas_engine::step::Step;
use ganvas_engine::system::Batch;
use ganvas_kernels::softplus;
use ganvas_nets::noise::Noise;

use super::FactorVae;
use crate::systems::autoencoder::{latents_of, loss_of_one};
use crate::systems::vae::Vae;

impl FactorVae {
    /// The VAE by its objective and gamma times the total correlation as the discriminator sees it, then the discriminator (Kim and
    /// Mnih 2018, algorithm 2, but that the discriminator sees what the updated encoder makes of the items).
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        let Self { vae: Vae { networks, setup, .. }, discriminator, config } = self;
        let done = step.progress();
        let rate = setup.config.rate(done);
        let gamma = config.gamma * setup.config.warmup.weight(done);
        let judge = discriminator.frozen();
        let first = batch.rows(0..batch.len() / 2);
        step.phase("bound").rate(rate).update("networks", networks, &first, |networks, micro| {
            let (loss, z) = loss_of_one(setup, networks, micro, done);
            // The mean of ln q(z) - ln prod_j q(z_j) over codes (eq. 3).
            let total = judge.forward(z, micro.pass()).mean();
            micro.record("total_correlation", total.clone());
            loss + total.mul_scalar(gamma)
        });
        let coder = networks.frozen();
        step.phase("discriminator").rate(rate).update("discriminator", discriminator, batch, |discriminator, micro| {
            let z = latents_of(setup, &coder, micro).detach();
            let (all, half) = (z.dims()[0], z.dims()[0] / 2);
            let mixed = permuted(z.clone().narrow(0, half, all - half), &micro.noise);
            let on_codes = discriminator.forward(z.narrow(0, 0, half.max(1)), micro.pass());
            let on_mixed = discriminator.forward(mixed, micro.pass());
            micro.record("accuracy/codes", on_codes.clone().greater_elem(0.0).float());
            micro.record("accuracy/mixed", on_mixed.clone().lower_elem(0.0).float());
            told_apart(on_codes, on_mixed)
        });
    }
}

/// Each latent permuted over the rows by itself: draws from the product of the marginals (Kim and Mnih 2018, algorithm 1).
///
/// # Shapes
/// `[n, latent]` to the same.
pub(super) fn permuted(z: Tensor<2>, noise: &Noise) -> Tensor<2> {
    let order = noise.uniform("permute", z.dims(), 0.0, 1.0).argsort(0);
    z.gather(0, order)
}

/// The cross-entropy of what is a code and what is mixed, in nats per logit: ln 2 where they cannot be told apart. Two logits with a
/// softmax, as the paper has them, are one: their difference.
///
/// # Shapes
/// Logits of codes and of mixed codes, `[n, 1]` each, to `[1]`.
pub(super) fn told_apart(on_codes: Tensor<2>, on_mixed: Tensor<2>) -> Tensor<1> {
    (softplus(on_codes.neg()).mean() + softplus(on_mixed).mean()).mul_scalar(0.5)
}
