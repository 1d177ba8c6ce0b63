use ganvas_engine::step::{Step, StepError};
use ganvas_engine::system::Batch;
use ganvas_nets::encoder::reparameterize;

use super::Vae;
use crate::objectives::kl_to_standard_normal;

impl Vae {
    /// One update of encoder and decoder by the negated evidence lower bound (Kingma and Welling 2014, eq. 10), in
    /// nats per item.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) -> Result<(), StepError> {
        let rate = if step.progress() >= self.late { self.rate_late } else { 1.0 };
        let observation = self.observation;
        step.phase("elbo").rate(rate).update("networks", &mut self.networks, batch, |networks, micro| {
            let observed = observation.observe(micro.batch.items.clone(), &micro.noise);
            let (mean, log_variance) = networks.encoder.forward(observed.clone(), micro.pass());
            let eps = micro.noise.normal("posterior", mean.dims());
            let z = reparameterize(mean.clone(), log_variance.clone(), eps);
            let decoded = networks.decoder.forward(z, micro.pass());
            let reconstruction = observation.log_likelihood(observed, decoded).neg();
            let kl = kl_to_standard_normal(mean, log_variance);
            micro.record("reconstruction", reconstruction.clone());
            micro.record("kl", kl.clone());
            (reconstruction + kl).mean()
        })
    }
}
