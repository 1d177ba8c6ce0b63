use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;
use ganvas_nets::encoder::reparameterize;

use super::Vae;
use crate::objectives::{active_units, kl_per_latent, kl_to_standard_normal};

impl Vae {
    /// One update of encoder and decoder by the negated evidence lower bound (Kingma and Welling 2014, eq. 10), its
    /// divergence times `beta` (Higgins et al. 2017, eq. 4), in nats per item.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
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
        });
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::tensor::Device;
    use ganvas_data::ItemShape;
    use ganvas_engine::session::Options;
    use ganvas_engine::system::{Build, DataSpec, Model, System};
    use ganvas_nets::noise::Noise;
    use ganvas_prob::stream::Streams;

    use super::*;
    use crate::systems::vae::{Decoder, VaeConfig};

    #[test]
    fn beta_weighs_the_divergence_and_the_latents_add_up_to_it() {
        let device = Device::flex().autodiff();
        let shape = ItemShape::Image { channels: 1, height: 4, width: 4 };
        let data = DataSpec { shape, classes: 0, mean: vec![0.0; 16] };
        let streams = Streams::new(1);
        let items = Noise::new(streams, "items", 0, &device).uniform("items", [8, 16], -1.0, 1.0);
        let figures = |beta: f64, reported: bool| -> BTreeMap<String, f64> {
            let config = VaeConfig { beta, ..VaeConfig::new(3, 12, Decoder::THRESHOLD) };
            let mut vae = Vae::build(&config, &data, &Build { streams, device: &device }).unwrap();
            let options = Options::new(streams, 8, 1);
            let mut step = Step::new(&options, 0, &device, reported);
            vae.step(&Batch { items: items.clone(), labels: None, shape }, &mut step);
            step.finish().unwrap().into_iter().map(|(name, value)| (name, value.into())).collect()
        };
        for beta in [0.0, 1.0, 30.0] {
            let found = figures(beta, true);
            let expected = found["reconstruction"] + beta * found["kl"];
            assert!((found["elbo"] - expected).abs() < 1e-4, "{beta}: {found:?}");
            assert!((found["kl"] - 3.0 * found["kl_per_latent/mean"]).abs() < 1e-5, "{found:?}");
            let largest = found["kl_per_latent/largest"];
            assert!(largest >= found["kl_per_latent/mean"] && largest <= found["kl"], "{found:?}");
            assert!([0.0, 1.0, 2.0, 3.0].contains(&found["latents/active"]), "{found:?}");
        }
        assert!(figures(1.0, false).is_empty());
    }
}
