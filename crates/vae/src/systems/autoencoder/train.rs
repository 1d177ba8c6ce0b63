use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;
use ganvas_nets::dual::Dual;
use ganvas_nets::labels::indicators;
use ganvas_nets::optim::sum_of_squares;

use super::laws::{Coded, repeated};
use super::{Autoencoding, Networks, Objective, Recipe, Setup};
use crate::objectives::{
    Estimator, active_units, importance_weighted, importance_weights, mmd2, renyi, sum_rows, total_correlation,
};

/// How far training has come.
#[derive(Clone, Copy)]
struct Progress {
    /// The share of all steps, in [0, 1).
    done: f64,
    /// The weight that the divergence from the prior has come to, in [0, 1].
    warmth: f64,
}

impl<R: Recipe> Autoencoding<R> {
    /// One update of encoder and decoder by the objective, in nats per item.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        let Self { networks, setup, .. } = self;
        let done = step.progress();
        let phase = R::INFO.phases.first().copied().unwrap_or("networks");
        step.phase(phase)
            .rate(setup.config.rate(done))
            .update("networks", networks, batch, |networks, micro| loss(setup, networks, micro, done));
    }
}

/// The loss of a batch when this share of all steps is done.
pub(super) fn loss(setup: &Setup, networks: &Networks, micro: &MicroBatch, done: f64) -> Tensor<1> {
    let objective = setup.config.objective;
    if objective.has_weights() {
        let (m, k) = objective.samples();
        return Seen::new(setup, networks, micro).by_several(m, k);
    }
    loss_of_one(setup, networks, micro, done).0
}

/// The same of an objective that has no importance weights, and the latents that were drawn for it, `[n, latent]`.
pub(crate) fn loss_of_one(setup: &Setup, networks: &Networks, micro: &MicroBatch, done: f64) -> (Tensor<1>, Tensor<2>) {
    Seen::new(setup, networks, micro).by_one(Progress { done, warmth: setup.config.warmup.weight(done) })
}

/// A draw of the latents of each item of a batch, `[n, latent]`.
pub(crate) fn latents_of(setup: &Setup, networks: &Networks, micro: &MicroBatch) -> Tensor<2> {
    Seen::new(setup, networks, micro).coded.draw(&micro.noise, 1).z
}

/// A batch as the networks see it.
struct Seen<'a> {
    setup: &'a Setup,
    networks: &'a Networks,
    micro: &'a MicroBatch,
    observed: Tensor<2>,
    told: Option<Tensor<2>>,
    coded: Coded,
}

impl<'a> Seen<'a> {
    fn new(setup: &'a Setup, networks: &'a Networks, micro: &'a MicroBatch) -> Self {
        let observed = setup.observation.observe(micro.batch.items.clone(), &micro.noise);
        let told = setup.told(&micro.batch);
        let coded = setup.coded(networks, observed.clone(), told.clone(), micro.pass());
        Self { setup, networks, micro, observed, told, coded }
    }

    /// The loss of one sample of each item's latents, and the sample.
    fn by_one(&self, progress: Progress) -> (Tensor<1>, Tensor<2>) {
        let Self { setup, networks, micro, .. } = self;
        let coded = &self.coded;
        let drawn = coded.draw(&micro.noise, 1);
        let z = drawn.z.clone();
        let decoded = networks.decoder.forward(z.clone(), self.told.clone(), micro.pass());
        let likelihood = setup.observation.log_likelihood(self.observed.clone(), decoded, networks.log_scale());
        let reconstruction = likelihood.neg();
        micro.record("reconstruction", reconstruction.clone());
        if let Some(codes) = &networks.codes {
            codes.update(z.clone());
        }
        let prior = (!coded.is_point()).then(|| setup.prior(networks, self.told.clone(), micro.pass()));
        let per_latent = prior.as_ref().and_then(|prior| prior.divergence(coded));
        self.record(per_latent.as_ref());
        let kl = match prior {
            Some(prior) => prior.kl(coded, &drawn, per_latent.as_ref()),
            None => reconstruction.zeros_like(),
        };
        micro.record("kl", kl.clone());
        (self.weighed(reconstruction, kl, per_latent, z.clone(), progress), z)
    }

    fn weighed(
        &self,
        reconstruction: Tensor<1>,
        kl: Tensor<1>,
        per_latent: Option<Tensor<2>>,
        z: Tensor<2>,
        Progress { done, warmth }: Progress,
    ) -> Tensor<1> {
        let Self { setup, networks, micro, .. } = self;
        let [n, latent] = z.dims();
        match setup.config.objective {
            Objective::Elbo { beta } => (reconstruction + kl.mul_scalar(beta * warmth)).mean(),
            Objective::Capacity { gamma, capacity, share } => {
                let capacity = capacity * (done / share).min(1.0);
                reconstruction.mean() + kl.mean().sub_scalar(capacity).abs().mul_scalar(gamma)
            }
            Objective::FreeBits { nats, beta } => {
                let all = match per_latent {
                    Some(per_latent) => per_latent.mean_dim(0).clamp_min(nats).sum(),
                    // Of a prior without a closed form all latents together.
                    None => kl.mean().clamp_min(nats * latent as f64),
                };
                reconstruction.mean() + all.mul_scalar(beta * warmth)
            }
            Objective::TotalCorrelation { mutual, total, dimensions } => {
                let log_variance = self.coded.log_variance.clone().unwrap_or_else(|| z.zeros_like());
                let parts = total_correlation(z, self.coded.mean.clone(), log_variance);
                micro.record("total_correlation", parts.total.clone());
                let weighed = parts.mutual.mul_scalar(mutual)
                    + parts.total.mul_scalar(total)
                    + parts.dimensions.mul_scalar(dimensions);
                reconstruction.mean() + weighed.mul_scalar(warmth)
            }
            Objective::Mmd { kl: weight, mmd, kernel } => {
                let mut loss = (reconstruction + kl.mul_scalar(weight * warmth)).mean();
                // One code has no distance from another.
                if n > 1 {
                    let prior = micro.noise.normal("prior", [n, latent]);
                    let discrepancy = mmd2(z, prior, kernel);
                    micro.record("mmd2", discrepancy.clone());
                    loss = loss + discrepancy.mul_scalar(mmd * warmth);
                }
                loss
            }
            Objective::Regularized { latent: codes, weights, gradient } => {
                let squares = sum_rows(z.clone().square()).mul_scalar(0.5);
                micro.record("codes/squares", squares.clone());
                let mut loss = (reconstruction + squares.mul_scalar(codes)).mean();
                if weights > 0.0
                    && let Some(sum) = sum_of_squares(&networks.decoder)
                {
                    loss = loss + sum.mul_scalar(weights);
                }
                if gradient > 0.0 {
                    let along = Dual::along(z, micro.noise.normal("direction", [n, latent]));
                    if let Some(slope) = networks.decoder.dual(along, self.told.clone(), micro.pass()).tangent {
                        let slope = sum_rows(slope.square()).mean();
                        micro.record("decoder/slope", slope.clone());
                        loss = loss + slope.mul_scalar(gradient);
                    }
                }
                loss
            }
            // Those with weights do not come here.
            _ => reconstruction.mean(),
        }
    }

    /// The loss of `m` groups of `k` samples of each item's latents.
    fn by_several(&self, m: usize, k: usize) -> Tensor<1> {
        let Self { setup, networks, micro, .. } = self;
        let (n, count) = (self.coded.mean.dims()[0], m * k);
        let many = Many {
            observed: repeated(self.observed.clone(), count),
            told: self.told.clone().map(|told| repeated(told, count)),
            coded: self.coded.clone().repeated(count),
        };
        let drawn = many.coded.draw(&micro.noise, count);
        let z = drawn.z.clone();
        let prior = setup.prior(networks, self.told.clone(), micro.pass());
        let per_latent = prior.divergence(&self.coded);
        self.record(per_latent.as_ref());
        let ratio = prior.repeated(count).log_ratio(&many.coded, &drawn);
        micro.record("kl", ratio.clone().neg());
        let objective = setup.config.objective;
        let split = match objective {
            Objective::Partially { .. } => true,
            Objective::ImportanceWeighted { estimator, .. } => estimator == Estimator::DoublyReparameterized,
            _ => false,
        };
        // Where the two networks have losses of their own, each is given the other's part as a constant.
        let latents = if split { z.clone().detach() } else { z.clone() };
        let decoded = networks.decoder.forward(latents, many.told.clone(), micro.pass());
        let likelihood = setup.observation.log_likelihood(many.observed.clone(), decoded, networks.log_scale());
        micro.record("reconstruction", likelihood.clone().neg());
        let log_weights = (likelihood.clone() + ratio.clone()).reshape([n, count]);
        if split {
            let bound = importance_weighted(log_weights.clone()).mean();
            let weights = importance_weights(log_weights.clone());
            let for_decoder = weights.clone() * likelihood.reshape([n, count]);
            let (weights, ratio) = match objective {
                Objective::Partially { .. } => {
                    let groups = importance_weights(log_weights.reshape([n * m, k])).reshape([n, count]);
                    (groups.div_scalar(m as f64), ratio)
                }
                // ln p(z) - ln q(z|x) with its gradient through z alone.
                _ => {
                    let constant = many.coded.detached();
                    (weights.square(), laws_ratio(z.clone(), &constant))
                }
            };
            let frozen = networks.decoder.clone().no_grad();
            let decoded = frozen.forward(z, many.told, micro.pass());
            let log_scale = networks.log_scale().map(Tensor::detach);
            let likelihood = setup.observation.log_likelihood(many.observed, decoded, log_scale);
            let for_encoder = weights * (likelihood + ratio).reshape([n, count]);
            let surrogate = (for_decoder + for_encoder).sum_dim(1).mean().neg();
            // The gradient of the one with the value of the other.
            return surrogate.clone() - surrogate.detach() - bound.detach();
        }
        let bound = match objective {
            Objective::Multiply { .. } => importance_weighted(log_weights.reshape([n * m, k])),
            Objective::Combination { beta, .. } => {
                let elbo: Tensor<1> = log_weights.clone().mean_dim(1).squeeze_dim(1);
                elbo.mul_scalar(beta) + importance_weighted(log_weights).mul_scalar(1.0 - beta)
            }
            Objective::Renyi { alpha, .. } => renyi(log_weights, alpha),
            _ => importance_weighted(log_weights),
        };
        bound.mean().neg()
    }

    /// Records what the latents say: the divergence of each from the prior and how many are active.
    fn record(&self, per_latent: Option<&Tensor<2>>) {
        let micro = self.micro;
        if !micro.reported() {
            return;
        }
        if let Some(per_latent) = per_latent {
            let kl = per_latent.clone().detach().mean_dim(0);
            micro.record("kl_per_latent/mean", kl.clone());
            micro.record("kl_per_latent/largest", kl.max());
        }
        if let Some(concentration) = &self.coded.concentration {
            // Many directions vary little one by one and still tell items apart.
            micro.record("concentration", concentration.value.clone());
        } else if micro.batch.len() > 1 {
            micro.record("latents/active", active_units(self.coded.mean.clone().detach()));
        }
    }
}

/// Everything that the decoder and the weights need, each item several times, one after the other.
struct Many {
    observed: Tensor<2>,
    told: Option<Tensor<2>>,
    coded: Coded,
}

/// ln p(z) - ln q(z|x) under N(0, I) of latents alone, `[n]`.
fn laws_ratio(z: Tensor<2>, coded: &Coded) -> Tensor<1> {
    super::laws::standard_normal(z.clone()) - coded.log_density_of(z)
}

impl Setup {
    /// Indicators of the classes of a batch, `[n, classes]`, where they are told.
    pub fn told(&self, batch: &Batch) -> Option<Tensor<2>> {
        let labels = batch.labels.clone().filter(|_| self.classes > 0)?;
        Some(indicators(labels, self.classes))
    }
}
