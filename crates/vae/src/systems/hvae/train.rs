use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;

use super::Hvae;
use super::networks::Drawn;
use crate::objectives::active_units;

/// A latent with less KL than this, in nats, says nothing.
const SILENT: f64 = 0.01;

impl Hvae {
    /// One update of all networks by the negated evidence lower bound, in nats per item.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        let Self { networks, observation, config } = self;
        let done = step.progress();
        let rate = if done >= config.late { config.rate_late } else { 1.0 };
        let warmth = config.warmup.weight(done);
        step.phase("elbo").rate(rate).update("networks", networks, batch, |networks, micro| {
            let observed = observation.observe(micro.batch.items.clone(), &micro.noise);
            let features = networks.features(observed.clone(), micro.pass());
            let drawn = networks.draw(config, features, Some(&micro.noise), micro.pass());
            let decoded = networks.decode(drawn[0].z.clone(), micro.pass());
            let reconstruction = observation.log_likelihood(observed, decoded, networks.log_scale()).neg();
            micro.record("reconstruction", reconstruction.clone());
            record(&drawn, micro);
            let kl = drawn.iter().map(Drawn::kl).reduce(|sum, kl| sum + kl);
            let kl = kl.unwrap_or_else(|| reconstruction.zeros_like());
            micro.record("kl", kl.clone());
            (reconstruction + kl.mul_scalar(warmth)).mean()
        });
    }
}

/// Records what each layer says: its divergence from the layer above and how many of its latents are active.
fn record(drawn: &[Drawn], micro: &MicroBatch) {
    if !micro.reported() {
        return;
    }
    let (mut largest, mut active): (Vec<Tensor<1>>, Vec<Tensor<1>>) = (Vec::new(), Vec::new());
    for (i, layer) in drawn.iter().enumerate() {
        micro.record(&format!("kl/z{}", i + 1), layer.kl());
        let count = match &layer.per_latent {
            // A mean that varies with the prior's does not make a latent active: KL does.
            Some(per_latent) => {
                let kl = per_latent.clone().detach().mean_dim(0);
                largest.push(kl.clone().max());
                Some(kl.greater_elem(SILENT).float().sum())
            }
            None => (micro.batch.len() > 1).then(|| active_units(layer.posterior.0.clone().detach())),
        };
        if let Some(count) = count {
            micro.record(&format!("latents/active_z{}", i + 1), count.clone());
            active.push(count);
        }
    }
    if active.len() == drawn.len() {
        micro.record("latents/active", Tensor::cat(active, 0).sum());
    }
    if largest.len() == drawn.len() {
        micro.record("kl_per_latent/largest", Tensor::cat(largest, 0).max());
    }
}
