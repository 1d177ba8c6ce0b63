use burn::tensor::Tensor;
use ganvas_engine::step::{Step, StepError};
use ganvas_nets::encoder::reparameterize;

use super::Vae;
use crate::objectives::kl_to_standard_normal;

impl Vae {
    /// One update of encoder and decoder by the negated evidence lower bound (Kingma and Welling 2014, eq. 10), in
    /// nats per item.
    pub(super) fn update(&mut self, items: Tensor<2>, step: &mut Step) -> Result<(), StepError> {
        let late = step.progress() >= self.late;

        let mut phase = step.phase("elbo");
        phase.rate = if late { self.rate_late } else { 1.0 };
        let networks = &self.networks.net;
        let observed = self.observation.observe(items, &phase.noise);
        let (mean, log_variance) = networks.encoder.forward(observed.clone(), phase.pass());
        let eps = phase.noise.normal("posterior", mean.dims());
        let z = reparameterize(mean.clone(), log_variance.clone(), eps);
        let decoded = networks.decoder.forward(z, phase.pass());
        let reconstruction = self.observation.log_likelihood(observed, decoded).neg();
        let kl = kl_to_standard_normal(mean, log_variance);
        phase.record("reconstruction", reconstruction.clone());
        phase.record("kl", kl.clone());
        phase.update("networks", &mut self.networks, (reconstruction + kl).mean())
    }
}
