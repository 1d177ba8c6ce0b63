use ganvas_engine::config::ConfigError;
use ganvas_engine::system::DataSpec;
use ganvas_nets::flows::{FlowConfig, FlowKind};
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use crate::networks::{Networks, check_count};
use crate::objectives::{Estimator, Kernel};
use crate::observation::Decoder;

/// Settings of an encoder and a decoder that are trained as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderConfig {
    /// Number of latents.
    pub latent: usize,
    /// What the decoder says of a value.
    pub decoder: Decoder,
    /// What the encoder says of the latents.
    #[serde(default)]
    pub posterior: Posterior,
    /// A normalising flow that the posterior's draws go through (Rezende and Mohamed 2015; Kingma et al. 2016), which makes it
    /// more than Gaussian.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowConfig>,
    /// What the latents are distributed like before anything is seen.
    #[serde(default)]
    pub prior: Prior,
    /// Both networks are told the class of an item; samples are drawn by class.
    #[serde(default)]
    pub conditional: bool,
    /// What is minimised.
    #[serde(default)]
    pub objective: Objective,
    /// How the weight of the divergence from the prior comes to its full.
    #[serde(default)]
    pub warmup: Warmup,
    /// Both networks.
    pub networks: Networks,
    /// Trains both networks.
    pub optimizer: OptimizerConfig,
    /// The share of the steps after which the learning rate is multiplied by `rate_late`.
    pub late: f64,
    /// What the learning rate is multiplied by late in training.
    pub rate_late: f64,
    /// Decay of the averaged weights that samples are drawn from; 0: the trained weights themselves.
    #[serde(default)]
    pub ema: f64,
}

/// What the encoder says of the latents of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Posterior {
    /// One point. There is no likelihood then.
    Deterministic,
    /// A Gaussian with a mean and a variance for each latent (Kingma and Welling 2014).
    #[default]
    Diagonal,
    /// A Gaussian with any covariance, by its Cholesky factor (Kingma and Welling 2019, section 2.5.1).
    Full,
    /// A von Mises-Fisher law on the unit sphere, with a mean direction and a concentration (Davidson et al. 2018).
    VonMisesFisher,
}

/// What the latents are distributed like before anything is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Prior {
    /// N(0, I).
    #[default]
    StandardNormal,
    /// A Gaussian for each class, with a mean and a variance for each latent that are learned (Sohn et al. 2015, eq. 4).
    ByClass,
    /// The mean of the posteriors of learned pseudo-inputs (Tomczak and Welling 2018, eq. 9, VampPrior).
    Vamp {
        /// How many.
        inputs: usize,
    },
    /// Uniform on the unit sphere (Davidson et al. 2018).
    Sphere,
}

/// What is minimised, in nats per item. R is -ln p(x|z), KL the divergence of the posterior from the prior, w the importance
/// weights p(x, z) / q(z|x).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Objective {
    /// R alone.
    Reconstruction,
    /// R + beta KL: with 1 the negated evidence lower bound (Kingma and Welling 2014, eq. 3), with more latents that say less
    /// (Higgins et al. 2017, eq. 4).
    Elbo {
        /// The weight of KL.
        beta: f64,
    },
    /// R + gamma |KL - C| with C rising from 0 to `capacity` (Burgess et al. 2018, eq. 8).
    Capacity {
        /// The weight.
        gamma: f64,
        /// What C rises to, in nats.
        capacity: f64,
        /// The share of the steps in which it rises.
        share: f64,
    },
    /// R + beta times the sum over latents of max(nats, mean of KL over the batch) (Kingma et al. 2016, eq. 15, with beta 1): a
    /// latent may say so much for free, so that none falls silent.
    FreeBits {
        /// In nats per latent.
        nats: f64,
        /// The weight of what is said beyond.
        #[serde(default = "one")]
        beta: f64,
    },
    /// The negated importance-weighted bound of k samples (Burda et al. 2016, eq. 8).
    ImportanceWeighted {
        /// Samples of an item's latents.
        k: usize,
        /// How the encoder's gradient is estimated.
        #[serde(default)]
        estimator: Estimator,
    },
    /// The negated mean of m such bounds (Rainforth et al. 2018, eq. 9, MIWAE).
    Multiply {
        /// Bounds.
        m: usize,
        /// Samples of each.
        k: usize,
    },
    /// That for the encoder, and the bound of all m k samples for the decoder (Rainforth et al. 2018, PIWAE).
    Partially {
        /// Bounds.
        m: usize,
        /// Samples of each.
        k: usize,
    },
    /// beta times the evidence lower bound and 1 - beta times that of k samples, negated (Rainforth et al. 2018, CIWAE).
    Combination {
        /// The share of the evidence lower bound.
        beta: f64,
        /// Samples of an item's latents.
        k: usize,
    },
    /// The negated Renyi bound (Li and Turner 2016, eq. 13).
    Renyi {
        /// Its order.
        alpha: f64,
        /// Samples of an item's latents.
        k: usize,
    },
    /// R + KL with its three parts weighted (Chen et al. 2018, eq. 4, beta-TCVAE).
    TotalCorrelation {
        /// Weight of the mutual information of item and code.
        mutual: f64,
        /// Weight of the total correlation of the codes.
        total: f64,
        /// Weight of the divergence of each latent from its prior.
        dimensions: f64,
    },
    /// R + kl KL + mmd MMD^2 of the codes and as many draws of the prior: with kl 0 and a deterministic posterior the Wasserstein
    /// autoencoder (Tolstikhin et al. 2018, algorithm 2), otherwise the InfoVAE (Zhao et al. 2019, eq. 6, with kl = 1 - alpha and
    /// mmd = alpha + lambda - 1).
    Mmd {
        /// Weight of KL.
        kl: f64,
        /// Weight of the discrepancy.
        mmd: f64,
        /// What it is measured with.
        kernel: Kernel,
    },
    /// R + latent |z|^2 / 2 + weights |decoder's weights|^2 + gradient |d decoded / dz|^2 (Ghosh et al. 2020, eq. 9 to 11, RAE).
    /// The last, by the exact tangent along a random direction of length 1 a latent, has the squared Frobenius norm as its mean.
    Regularized {
        /// Weight of the codes' squares.
        latent: f64,
        /// Weight of the squares of the decoder's weights.
        weights: f64,
        /// Weight of the squared slope of the decoder.
        gradient: f64,
    },
}

fn one() -> f64 {
    1.0
}

impl Default for Objective {
    fn default() -> Self {
        Self::Elbo { beta: 1.0 }
    }
}

impl Objective {
    /// Samples of an item's latents, in so many groups of so many.
    pub fn samples(self) -> (usize, usize) {
        match self {
            Self::ImportanceWeighted { k, .. } | Self::Combination { k, .. } | Self::Renyi { k, .. } => (1, k),
            Self::Multiply { m, k } | Self::Partially { m, k } => (m, k),
            _ => (1, 1),
        }
    }

    /// Whether it is a function of importance weights.
    pub(crate) fn has_weights(self) -> bool {
        matches!(
            self,
            Self::ImportanceWeighted { .. }
                | Self::Multiply { .. }
                | Self::Partially { .. }
                | Self::Combination { .. }
                | Self::Renyi { .. }
        )
    }

    /// Whether it has log-weights, which a deterministic posterior has not.
    fn needs_density(self) -> bool {
        match self {
            Self::Reconstruction | Self::Regularized { .. } => false,
            Self::Mmd { kl, .. } => kl != 0.0,
            _ => true,
        }
    }
}

/// How the weight of the divergence from the prior comes to its full. It has to be full where a bound is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Warmup {
    /// It is there from the start.
    #[default]
    None,
    /// It rises from 0 in the first share of the steps (Bowman et al. 2016; Sonderby et al. 2016).
    Linear {
        /// Of all steps.
        share: f64,
    },
    /// It rises so in each of several equal cycles and stays for the rest of each (Fu et al. 2019, eq. 6).
    Cyclical {
        /// How many.
        cycles: usize,
        /// Of a cycle's steps.
        share: f64,
    },
}

impl Warmup {
    /// The weight after this share of all steps.
    pub fn weight(self, progress: f64) -> f64 {
        match self {
            Self::None => 1.0,
            Self::Linear { share } => (progress / share).min(1.0),
            Self::Cyclical { cycles, share } => ((progress * cycles as f64).fract() / share).min(1.0),
        }
    }

    /// Refuses a setting out of its domain.
    pub(crate) fn check(self) -> Result<(), ConfigError> {
        let share = match self {
            Self::None => return Ok(()),
            Self::Linear { share } => share,
            Self::Cyclical { cycles, share } => {
                check_count("warmup.cycles", cycles, 10_000)?;
                share
            }
        };
        if share > 0.0 && share <= 1.0 { Ok(()) } else { Err(ConfigError::domain("warmup.share", "in (0, 1]", share)) }
    }
}

/// Refuses a setting out of its domain among those of the optimiser, of the share of the steps after which its rate is multiplied and
/// by what, and of the average.
pub(crate) fn check_training(
    optimizer: &OptimizerConfig,
    (late, rate_late): (f64, f64),
    ema: f64,
) -> Result<(), ConfigError> {
    if let Some((name, domain, value)) = optimizer.fault() {
        return Err(ConfigError::domain(format!("optimizer.{name}"), domain, value));
    }
    if !(0.0..=1.0).contains(&late) {
        return Err(ConfigError::domain("late", "in [0, 1]", late));
    }
    if !(rate_late > 0.0 && rate_late.is_finite()) {
        return Err(ConfigError::domain("rate_late", "a positive number", rate_late));
    }
    if !(0.0..1.0).contains(&ema) {
        return Err(ConfigError::domain("ema", "in [0, 1)", ema));
    }
    Ok(())
}

impl AutoencoderConfig {
    /// The evidence lower bound of these networks with Adam at 1e-3, its rate times 0.3 for the last 30 % of the steps.
    pub fn new(latent: usize, networks: Networks, decoder: Decoder) -> Self {
        Self {
            latent,
            decoder,
            posterior: Posterior::default(),
            flow: None,
            prior: Prior::default(),
            conditional: false,
            objective: Objective::default(),
            warmup: Warmup::default(),
            networks,
            optimizer: OptimizerConfig::adam(1e-3, 0.9),
            late: 0.7,
            rate_late: 0.3,
            ema: 0.0,
        }
    }

    /// What the encoder tells the flow of an item beside what it is drawn by: as many numbers as there are latents, of a flow that
    /// listens.
    pub(super) fn context(&self) -> usize {
        match &self.flow {
            Some(FlowConfig { kind: FlowKind::Maf | FlowKind::Iaf, .. }) => self.latent,
            _ => 0,
        }
    }

    /// Whether samples are drawn by where the codes lie: nothing brings these to the prior.
    pub(super) fn fits_codes(&self) -> bool {
        self.posterior == Posterior::Deterministic && !matches!(self.objective, Objective::Mmd { .. })
    }

    /// What the learning rate is multiplied by when this share of all steps is done.
    pub(crate) fn rate(&self, done: f64) -> f64 {
        if done >= self.late { self.rate_late } else { 1.0 }
    }

    pub(super) fn check(&self, data: &DataSpec) -> Result<(), ConfigError> {
        check_count("latent", self.latent, 4096)?;
        self.decoder.check(data.shape)?;
        self.check_laws(data)?;
        self.check_flow()?;
        self.check_objective()?;
        self.warmup.check()?;
        check_training(&self.optimizer, (self.late, self.rate_late), self.ema)
    }

    /// Posterior, prior and what they need of the data.
    fn check_laws(&self, data: &DataSpec) -> Result<(), ConfigError> {
        if self.posterior == Posterior::Full && self.latent > 256 {
            return Err(ConfigError::domain("latent", "at most 256 with the full posterior", self.latent));
        }
        if self.conditional && data.classes < 2 {
            let found = format!("{} classes", data.classes);
            return Err(ConfigError::domain("data", "labelled with two classes or more", found));
        }
        let spherical = self.posterior == Posterior::VonMisesFisher;
        if spherical != (self.prior == Prior::Sphere) {
            let domain = "sphere with the von-mises-fisher posterior and another with any other";
            return Err(ConfigError::domain("prior.kind", domain, if spherical { "another" } else { "sphere" }));
        }
        if spherical && !(2..=256).contains(&self.latent) {
            return Err(ConfigError::domain("latent", "2 to 256 with the von-mises-fisher posterior", self.latent));
        }
        match self.prior {
            Prior::StandardNormal | Prior::Sphere => {}
            Prior::ByClass if !self.conditional => {
                return Err(ConfigError::domain("prior.kind", "another unless `conditional` is true", "by-class"));
            }
            Prior::ByClass => {}
            Prior::Vamp { inputs } => {
                check_count("prior.inputs", inputs, 10_000)?;
                if self.posterior != Posterior::Diagonal || self.conditional {
                    let domain = "another unless `posterior` is diagonal and `conditional` is false";
                    return Err(ConfigError::domain("prior.kind", domain, "vamp"));
                }
            }
        }
        let shaped = self.prior != Prior::StandardNormal;
        if shaped && matches!(self.objective, Objective::TotalCorrelation { .. } | Objective::Mmd { .. }) {
            let domain = "standard-normal with the objectives `total-correlation` and `mmd`";
            return Err(ConfigError::domain("prior.kind", domain, "another"));
        }
        Ok(())
    }

    fn check_flow(&self) -> Result<(), ConfigError> {
        let Some(flow) = &self.flow else { return Ok(()) };
        if let Some((name, domain, value)) = flow.fault(self.latent, self.context()) {
            return Err(ConfigError::domain(format!("flow.{name}"), domain, value));
        }
        if self.posterior == Posterior::Deterministic {
            let domain = "diagonal or full with a flow, whose draws it changes";
            return Err(ConfigError::domain("posterior", domain, "deterministic"));
        }
        if self.posterior == Posterior::VonMisesFisher {
            let domain = "diagonal or full with a flow, which would leave the sphere";
            return Err(ConfigError::domain("posterior", domain, "von-mises-fisher"));
        }
        if matches!(self.prior, Prior::Vamp { .. }) {
            let domain = "another with a flow: the prior is made of Gaussian posteriors";
            return Err(ConfigError::domain("prior.kind", domain, "vamp"));
        }
        if matches!(self.objective, Objective::TotalCorrelation { .. }) {
            let domain = "another with a flow: it needs the density of each latent";
            return Err(ConfigError::domain("objective.kind", domain, "total-correlation"));
        }
        Ok(())
    }

    fn check_objective(&self) -> Result<(), ConfigError> {
        if self.posterior == Posterior::Deterministic && self.objective.needs_density() {
            let domain = "another with an objective that has a divergence from the prior";
            return Err(ConfigError::domain("posterior", domain, "deterministic"));
        }
        let (m, k) = self.objective.samples();
        check_count("objective.m", m, 1000)?;
        check_count("objective.k", k, 10_000)?;
        check_count("objective.m * objective.k", m * k, 10_000)?;
        let weights: &[(&str, f64)] = match &self.objective {
            Objective::Reconstruction
            | Objective::ImportanceWeighted { .. }
            | Objective::Multiply { .. }
            | Objective::Partially { .. } => &[],
            Objective::Elbo { beta } => &[("beta", *beta)],
            Objective::Combination { beta, .. } => {
                if !(0.0..=1.0).contains(beta) {
                    return Err(ConfigError::domain("objective.beta", "in [0, 1]", beta));
                }
                &[]
            }
            Objective::Capacity { gamma, capacity, share } => {
                if !(*share > 0.0 && *share <= 1.0) {
                    return Err(ConfigError::domain("objective.share", "in (0, 1]", share));
                }
                &[("gamma", *gamma), ("capacity", *capacity)]
            }
            Objective::FreeBits { nats, beta } => &[("nats", *nats), ("beta", *beta)],
            Objective::Renyi { alpha, .. } => &[("alpha", *alpha)],
            Objective::TotalCorrelation { mutual, total, dimensions } => {
                if self.posterior != Posterior::Diagonal {
                    let domain = "diagonal with the objective `total-correlation`";
                    return Err(ConfigError::domain("posterior", domain, "another"));
                }
                &[("mutual", *mutual), ("total", *total), ("dimensions", *dimensions)]
            }
            Objective::Mmd { kl, mmd, kernel } => {
                if let Some((name, value)) = kernel.fault() {
                    let domain = "a positive number, from 1e-6 to 1e6";
                    return Err(ConfigError::domain(format!("objective.kernel.{name}"), domain, value));
                }
                &[("kl", *kl), ("mmd", *mmd)]
            }
            Objective::Regularized { latent, weights, gradient } => {
                &[("latent", *latent), ("weights", *weights), ("gradient", *gradient)]
            }
        };
        for (key, value) in weights {
            if !(*value >= 0.0 && value.is_finite()) {
                return Err(ConfigError::domain(format!("objective.{key}"), "zero or more", value));
            }
        }
        let doubly =
            matches!(self.objective, Objective::ImportanceWeighted { estimator: Estimator::DoublyReparameterized, .. });
        let plain = self.posterior == Posterior::Diagonal && self.prior == Prior::StandardNormal && self.flow.is_none();
        if doubly && !plain {
            let domain = "reparameterized unless `posterior` is diagonal without a flow and `prior` standard-normal";
            return Err(ConfigError::domain("objective.estimator", domain, "doubly-reparameterized"));
        }
        if matches!(self.objective, Objective::Partially { .. }) && self.prior != Prior::StandardNormal {
            let domain = "standard-normal with the objective `partially`, which has no loss for another";
            return Err(ConfigError::domain("prior.kind", domain, "another"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warmups_come_to_their_full() {
        let linear = Warmup::Linear { share: 0.2 };
        assert_eq!([0.0, 0.1, 0.2, 0.9].map(|p| linear.weight(p)), [0.0, 0.5, 1.0, 1.0]);
        let cyclical = Warmup::Cyclical { cycles: 4, share: 0.5 };
        for (progress, expected) in [(0.0, 0.0), (0.0625, 0.5), (0.2, 1.0), (0.25, 0.0), (0.3125, 0.5), (0.99, 1.0)] {
            assert!((cyclical.weight(progress) - expected).abs() < 1e-12, "{progress}");
        }
        assert_eq!(Warmup::None.weight(0.0), 1.0);
    }
}
