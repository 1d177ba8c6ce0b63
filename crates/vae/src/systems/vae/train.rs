use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step, StepError};
use ganvas_engine::system::Batch;
use ganvas_nets::encoder::reparameterize;

use super::Vae;
use crate::objectives::{active_units, kl_per_latent, kl_to_standard_normal};

impl Vae {
    /// One update of encoder and decoder by the negated evidence lower bound (Kingma and Welling 2014, eq. 10), its
    /// divergence times `beta` (Higgins et al. 2017, eq. 4), in nats per item.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) -> Result<(), StepError> {
        let rate = if step.progress() >= self.late { self.rate_late } else { 1.0 };
        let (observation, beta) = (self.observation, self.beta);
        step.phase("elbo").rate(rate).update("networks", &mut self.networks, batch, |networks, micro| {
            let observed = observation.observe(micro.batch.items.clone(), &micro.noise);
            let (mean, log_variance) = networks.encoder.forward(observed.clone(), micro.pass());
            let eps = micro.noise.normal("posterior", mean.dims());
            let z = reparameterize(mean.clone(), log_variance.clone(), eps);
            let decoded = networks.decoder.forward(z, micro.pass());
            let reconstruction = observation.log_likelihood(observed, decoded).neg();
            record_latents(micro, mean.clone().detach(), log_variance.clone().detach());
            let kl = kl_to_standard_normal(mean, log_variance);
            micro.record("reconstruction", reconstruction.clone());
            micro.record("kl", kl.clone());
            (reconstruction + kl.mul_scalar(beta)).mean()
        })
    }
}

/// Records what the latents say: the divergence of each from the prior and how many are active.
fn record_latents(micro: &MicroBatch, mean: Tensor<2>, log_variance: Tensor<2>) {
    if !micro.reported() {
        return;
    }
    let kl = kl_per_latent(mean.clone(), log_variance).mean_dim(0);
    micro.record("kl_per_latent/mean", kl.clone());
    micro.record("kl_per_latent/largest", kl.max());
    if micro.batch.len() > 1 {
        micro.record("latents/active", active_units(mean));
    }
}
