use std::cell::RefCell;

use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;
use ganvas_kernels::softplus;
use ganvas_nets::dcgan::Discriminator;
use ganvas_nets::encoder::{Encoder, mean_and_log_variance, reparameterize};
use ganvas_nets::noise::Pass;

use super::{Adversarial, Balance, Fakes, Vaegan, VaeganConfig};
use crate::objectives::{active_units, kl_per_latent, sum_rows};
use crate::observation::Observation;
use crate::systems::autoencoder::Networks;
use crate::systems::vae::Vae;

impl Vaegan {
    /// The encoder, the decoder and the discriminator, each by its own loss (Larsen et al. 2016, algorithm 1, but that each sees
    /// the others as they are after their update, and draws of its own). With a balance rule the costs that it goes by are read
    /// from the device after the encoder's update, two numbers in each step.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        let Self { vae: Vae { networks, setup, .. }, encoder, discriminator, config } = self;
        let rate = setup.config.rate(step.progress());
        let rule = Rule { config, observation: &setup.observation };
        let judge = discriminator.frozen();
        let costs = RefCell::new(Vec::new());
        networks.by(encoder, |networks| {
            step.phase("encoder").rate(rate).update("encoder", networks, batch, |networks, micro| {
                if config.balance != Balance::None {
                    costs.borrow_mut().push(rule.costs(networks, &judge, micro));
                }
                rule.encoder(networks, &judge, micro)
            });
        });
        let (decoder, discriminates) = match mean(costs.into_inner()).as_deref() {
            Some(&[real, fake]) => config.balance.updates(real, fake),
            _ => (true, true),
        };
        if decoder {
            let coder = networks.frozen().encoder;
            step.phase("decoder")
                .rate(rate)
                .update("decoder", networks, batch, |networks, micro| rule.decoder(networks, &coder, &judge, micro));
        }
        if discriminates {
            let made = networks.frozen();
            let phase = step.phase("discriminator").rate(rate);
            phase.update("discriminator", discriminator, batch, |discriminator, micro| {
                rule.discriminator(discriminator, &made, micro)
            });
        }
    }
}

/// What an update goes by.
pub(super) struct Rule<'a> {
    pub config: &'a VaeganConfig,
    pub observation: &'a Observation,
}

impl Rule<'_> {
    /// KL + R_l (Larsen et al. 2016, eq. 5 and 7), in nats per item.
    pub fn encoder(&self, networks: &Networks, judge: &Discriminator, micro: &MicroBatch) -> Tensor<1> {
        let items = micro.batch.items.clone();
        let (mean, log_variance) = mean_and_log_variance(networks.encoder.forward(items.clone(), None, micro.pass()));
        let per_latent = kl_per_latent(mean.clone(), log_variance.clone());
        if micro.reported() {
            let kl = per_latent.clone().detach().mean_dim(0);
            micro.record("kl_per_latent/mean", kl.clone());
            micro.record("kl_per_latent/largest", kl.max());
            if micro.batch.len() > 1 {
                micro.record("latents/active", active_units(mean.clone().detach()));
            }
        }
        let eps = micro.noise.normal("posterior", mean.dims());
        let z = reparameterize(mean, log_variance, eps);
        let decoder = networks.decoder.clone().no_grad();
        let back = self.observation.mean(decoder.forward(z, None, micro.pass()));
        let error = self.error(judge, items, back, micro.pass());
        let kl = sum_rows(per_latent);
        micro.record("kl", kl.clone());
        micro.record("feature_error", error.clone());
        (kl + error).mean()
    }

    /// gamma R_l and the adversarial loss. The codes are constants: the encoder has nothing of either.
    pub fn decoder(
        &self,
        networks: &Networks,
        coder: &Encoder,
        judge: &Discriminator,
        micro: &MicroBatch,
    ) -> Tensor<1> {
        let n = micro.batch.len();
        let images = self.images(networks, coder, micro);
        let error = self.error(judge, micro.batch.items.clone(), images.clone().narrow(0, 0, n), micro.pass());
        let on_fakes = judge.judge(self.fakes(images, n).into(), None, micro.pass()).score.value;
        let adversarial = match self.config.adversarial {
            Adversarial::NonSaturating => softplus(on_fakes.neg()),
            Adversarial::Minimax => softplus(on_fakes).neg(),
        };
        error.mean().mul_scalar(self.config.gamma) + adversarial.mean().mul_scalar(self.kinds())
    }

    /// The cross-entropy of data and fakes, a term for each kind of these.
    pub fn discriminator(&self, discriminator: &Discriminator, made: &Networks, micro: &MicroBatch) -> Tensor<1> {
        let items = micro.batch.items.clone();
        let fakes = self.fakes(self.images(made, &made.encoder, micro), micro.batch.len()).detach();
        let score = |items: Tensor<2>| discriminator.judge(items.into(), None, micro.pass()).score.value;
        let (on_real, on_fakes) = (score(items), score(fakes));
        micro.record("logit/real", on_real.clone());
        micro.record("logit/fake", on_fakes.clone());
        micro.record("accuracy/real", on_real.clone().greater_elem(0.0).float());
        micro.record("accuracy/fake", on_fakes.clone().lower_elem(0.0).float());
        softplus(on_real.neg()).mean() + softplus(on_fakes).mean().mul_scalar(self.kinds())
    }

    /// The discriminator's costs of data and of fakes, `[2]`, constants.
    fn costs(&self, networks: &Networks, judge: &Discriminator, micro: &MicroBatch) -> Tensor<1> {
        let fakes = self.fakes(self.images(networks, &networks.encoder, micro), micro.batch.len());
        let score = |items: Tensor<2>| judge.judge(items.into(), None, micro.pass()).score.value;
        let costs = vec![softplus(score(micro.batch.items.clone()).neg()).mean(), softplus(score(fakes)).mean()];
        Tensor::cat(costs, 0).detach()
    }

    /// Reconstructions of the batch, and after them as many images of draws of the prior: `[2 n, values]` in (-1, 1).
    fn images(&self, networks: &Networks, coder: &Encoder, micro: &MicroBatch) -> Tensor<2> {
        let (mean, log_variance) = mean_and_log_variance(coder.forward(micro.batch.items.clone(), None, micro.pass()));
        let shape = mean.dims();
        let z = reparameterize(mean, log_variance, micro.noise.normal("posterior", shape)).detach();
        let latents = Tensor::cat(vec![z, micro.noise.normal("latent", shape)], 0);
        self.observation.mean(networks.decoder.forward(latents, None, micro.pass()))
    }

    /// Those of these images that the discriminator tells from data.
    fn fakes(&self, images: Tensor<2>, n: usize) -> Tensor<2> {
        match self.config.fakes {
            Fakes::Prior => images.narrow(0, n, n),
            Fakes::Both => images,
        }
    }

    /// How many terms of the losses are of fakes.
    fn kinds(&self) -> f64 {
        match self.config.fakes {
            Fakes::Prior => 1.0,
            Fakes::Both => 2.0,
        }
    }

    /// R_l: half the squared distance of what the discriminator's layer makes of items and of what is decoded, summed over the
    /// layer's values (Larsen et al. 2016, eq. 6 and 7), but for a constant in nats. The layer's variances are 1.
    ///
    /// # Shapes
    /// `[n, values]` each, to `[n]`.
    pub fn error(&self, judge: &Discriminator, items: Tensor<2>, back: Tensor<2>, pass: Pass) -> Tensor<1> {
        let features = |items: Tensor<2>| -> Tensor<2> {
            let mut layers = judge.activations(judge.planes(items.into(), None).value, pass);
            layers.swap_remove(self.config.layer - 1).flatten(1, 3)
        };
        sum_rows((features(items) - features(back)).square()).mul_scalar(0.5)
    }
}

/// The mean of tensors of the same size, read from the device; of none, nothing.
fn mean(values: Vec<Tensor<1>>) -> Option<Vec<f64>> {
    let count = values.len() as f64;
    let sum = values.into_iter().reduce(|sum, value| sum + value)?;
    Some(sum.div_scalar(count).to_data().iter().collect())
}
