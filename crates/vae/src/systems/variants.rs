//! Systems that are the VAE with one setting changed: another bound, another divergence, another posterior or prior.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_engine::measures::{extractor, quality};
use ganvas_engine::system::{Autoencoder, DataSpec, Info, Likelihood, Model, Preset, Recommended, Task, to_device};
use ganvas_nets::flows::{FlowConfig, FlowKind};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use crate::objectives::{Estimator, Kernel, mmd2, total_correlation};
use crate::observation::Decoder;
use crate::systems::ae::{Deterministic, deterministic};
use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Objective, Prior, Recipe};
use crate::systems::beta_vae::{Weighed, weighed};
use crate::systems::measures::{Bounds, trained};
use crate::systems::vae::{Variational, tanh};

/// A system that is the VAE of the same preset, changed, and what its checks are.
macro_rules! variant {
    ($(#[$doc:meta])* $system:ident, $recipe:ident, $id:literal, $title:literal, $paper:expr, $summary:literal, $change:path, $accept:path) => {
        $(#[$doc])*
        pub type $system = Autoencoding<$recipe>;

        #[doc = concat!("The ", $title, ".")]
        pub struct $recipe;

        impl Recipe for $recipe {
            const INFO: Info = Info {
                id: $id,
                title: $title,
                paper: $paper,
                summary: $summary,
                task: Task::Unconditional,
                phases: &["bound"],
            };

            fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
                let vae = Variational::preset(preset, data);
                Recommended { config: $change(vae.config), ..vae }
            }

            fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
                $accept(acceptance, $change)
            }
        }
    };
}

const TIGHTER: &str =
    "T. Rainforth et al. (2018), Tighter Variational Bounds are Not Necessarily Better, arXiv:1802.04537";

variant!(
    /// The mean of several importance-weighted bounds.
    Miwae, Multiplied, "miwae", "MIWAE", TIGHTER,
    "Importance weights whose noise reaches the encoder less, by the mean of several bounds.", miwae, accept_bound::<Multiplied>
);
variant!(
    /// That mean and a single bound, weighed.
    Ciwae, Combined, "ciwae", "CIWAE", TIGHTER,
    "Importance weights with a share of the evidence lower bound, which keeps the encoder's signal.", ciwae, accept_bound::<Combined>
);
variant!(
    /// That mean for the encoder, a single bound for the decoder.
    Piwae, Parted, "piwae", "PIWAE", TIGHTER,
    "A tight bound for the decoder and one with a clearer signal for the encoder.", piwae, accept_bound::<Parted>
);
variant!(
    /// The importance-weighted bound with the doubly reparameterised gradient.
    Dreg, Doubly, "dreg", "IWAE with the DReG estimator",
    "G. Tucker, D. Lawson, S. Gu, C. Maddison (2019), Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives, \
     arXiv:1810.04152",
    "Importance weights whose encoder learns the better the more of them there are.", dreg, accept_bound::<Doubly>
);
variant!(
    /// An inverse autoregressive flow behind the posterior.
    VaeIaf, Autoregressive, "vae-iaf", "VAE with an inverse autoregressive flow",
    "D. P. Kingma et al. (2016), Improving Variational Inference with Inverse Autoregressive Flow, arXiv:1606.04934",
    "A posterior of any shape, by networks through which its draws go.", iaf, accept_flow::<Autoregressive>
);
variant!(
    /// Planar flows behind the posterior.
    VaeLinnf, Planes, "vae-linnf", "VAE with planar flows",
    "D. Rezende, S. Mohamed (2015), Variational Inference with Normalizing Flows, arXiv:1505.05770",
    "A posterior that is bent at a few planes.", planar, accept_flow::<Planes>
);
variant!(
    /// The posteriors of learned pseudo-inputs as the prior.
    Vamp, Pseudo, "vamp", "VAE with a VampPrior",
    "J. Tomczak, M. Welling (2018), VAE with a VampPrior, arXiv:1705.07120",
    "A prior that learns where the codes lie, by the posteriors of inputs that are learned.", vamp, accept_bound::<Pseudo>
);
variant!(
    /// A discrepancy of codes and prior beside the divergence.
    InfoVae, Informed, "infovae", "InfoVAE",
    "S. Zhao, J. Song, S. Ermon (2019), InfoVAE: Balancing Learning and Inference in Variational Autoencoders, arXiv:1706.02262",
    "Codes that together are distributed like the prior and still tell their items apart.", info, accept_info
);
variant!(
    /// The total correlation of the codes weighed by itself.
    BetaTcvae, Correlated, "beta-tcvae", "beta-TCVAE",
    "R. Chen, X. Li, R. Grosse, D. Duvenaud (2018), Isolating Sources of Disentanglement in Variational Autoencoders, \
     arXiv:1802.04942",
    "Independent latents, at a smaller price than the beta-VAE's.", total, accept_total
);
variant!(
    /// Codes kept short, a decoder kept smooth.
    Rae, Regularized, "rae", "Regularised autoencoder",
    "P. Ghosh et al. (2020), From Variational to Deterministic Autoencoders, arXiv:1903.12436",
    "Samples from an autoencoder without a prior, by codes and a decoder that are kept simple.", rae, accept_rae
);

/// What makes one of them of the VAE.
type Change = fn(AutoencoderConfig) -> AutoencoderConfig;

fn with(config: AutoencoderConfig, objective: Objective) -> AutoencoderConfig {
    AutoencoderConfig { objective, ..config }
}

/// Three bounds of three samples each.
pub fn miwae(config: AutoencoderConfig) -> AutoencoderConfig {
    with(config, Objective::Multiply { m: 3, k: 3 })
}

/// A twentieth of the evidence lower bound, the best share in the paper.
pub fn ciwae(config: AutoencoderConfig) -> AutoencoderConfig {
    with(config, Objective::Combination { beta: 0.05, k: 5 })
}

/// Three bounds of three samples each.
pub fn piwae(config: AutoencoderConfig) -> AutoencoderConfig {
    with(config, Objective::Partially { m: 3, k: 3 })
}

/// Five samples.
pub fn dreg(config: AutoencoderConfig) -> AutoencoderConfig {
    with(config, Objective::ImportanceWeighted { k: 5, estimator: Estimator::DoublyReparameterized })
}

/// Two blocks of two hidden layers.
pub fn iaf(config: AutoencoderConfig) -> AutoencoderConfig {
    AutoencoderConfig { flow: Some(FlowConfig::new(FlowKind::Iaf, 2, &[128, 128])), ..config }
}

/// Five planes.
pub fn planar(config: AutoencoderConfig) -> AutoencoderConfig {
    AutoencoderConfig { flow: Some(FlowConfig::new(FlowKind::Planar, 5, &[])), ..config }
}

/// Fifty pseudo-inputs.
pub fn vamp(config: AutoencoderConfig) -> AutoencoderConfig {
    AutoencoderConfig { prior: Prior::Vamp { inputs: 50 }, ..config }
}

/// alpha = 1/2, lambda = 100: half of KL, so that codes tell more, and the discrepancy 99.5 times, so that together they are still the
/// prior's.
pub fn info(config: AutoencoderConfig) -> AutoencoderConfig {
    let kernel = Kernel::InverseMultiquadratic { sd: 1.0 };
    with(config, Objective::Mmd { kl: 0.5, mmd: 99.5, kernel })
}

/// The total correlation six times.
pub fn total(config: AutoencoderConfig) -> AutoencoderConfig {
    with(config, Objective::TotalCorrelation { mutual: 1.0, total: 6.0, dimensions: 1.0 })
}

/// The squared slope of the decoder, and codes kept short; grey levels as they are.
pub fn rae(config: AutoencoderConfig) -> AutoencoderConfig {
    with(deterministic(config), Objective::Regularized { latent: 0.01, weights: 1e-4, gradient: 1e-3 })
}

/// What all of them are compared with.
fn base() -> AutoencoderConfig {
    tanh(10, &[200], Decoder::DYNAMIC)
}

const EPOCHS: u64 = 6;

/// After six passes over the data.
fn accept_bound<R: Recipe>(acceptance: &mut Acceptance, change: Change) -> Result<(), AcceptError> {
    accept_after::<R>(acceptance, change, EPOCHS)
}

/// After twenty: what a flow adds comes late, and until then the noise of a divergence without a closed form costs more.
fn accept_flow<R: Recipe>(acceptance: &mut Acceptance, change: Change) -> Result<(), AcceptError> {
    accept_after::<R>(acceptance, change, 20)
}

/// The bound of 500 samples is no worse than the VAE's, from the same networks after as many passes.
fn accept_after<R: Recipe>(acceptance: &mut Acceptance, change: Change, passes: u64) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let config = change(base());
    for seed in acceptance.seeds() {
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let plain = trained::<Variational>(acceptance, &base(), &dataset, seed, passes)?;
        let of = Bounds::new(&plain.system, &dataset, &noise);
        let without = of.weighted(&of.some, 500);
        let system = trained::<R>(acceptance, &config, &dataset, seed, passes)?;
        let of = Bounds::new(&system.system, &dataset, &noise);
        let found = of.weighted(&of.some, 500);
        let better = found.less(&without);
        let note = format!(
            "784-200-10, dynamic binarisation; -L500 {:.2} against {:.2}, standard error of the difference {:.3}",
            -found.mean, -without.mean, better.stderr
        );
        let conditions = system.conditions().items(of.some.len(), 0).note(note);
        acceptance.check("1 -L500 under the VAE's, nats", better.mean, Threshold::AtLeast(0.0), conditions);
    }
    Ok(())
}

/// Codes that are compared with the prior.
const CODES: usize = 2000;

/// Codes that are drawn for test images are nearer to the prior than the VAE's, and tell no less.
fn accept_info(acceptance: &mut Acceptance, change: Change) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    for seed in acceptance.seeds() {
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let items = to_device(dataset.test.first(CODES), dataset.shape, &device);
        let plain = trained::<Variational>(acceptance, &base(), &dataset, seed, EPOCHS)?;
        let system = trained::<Informed>(acceptance, &change(base()), &dataset, seed, EPOCHS)?;
        let prior = noise.normal("prior", [CODES, base().latent]);
        let kernel = Kernel::InverseMultiquadratic { sd: 1.0 };
        let away = |codes| mmd2(codes, prior.clone(), kernel).into_scalar::<f64>();
        let without = away(plain.system.draw(items.clone(), None, &noise));
        let found = away(system.system.draw(items, None, &noise));
        let note = format!("784-200-10; MMD^2 to the prior {found:.5} against {without:.5}, inverse multiquadratic");
        let conditions = system.conditions().items(CODES, CODES).note(note);
        acceptance.check("1 MMD^2 / the VAE's", found / without, Threshold::AtMost(1.0), conditions);
        let elbo = |system: &dyn Likelihood| {
            let of = Bounds::new(system, &dataset, &noise);
            of.reconstruction(&of.test)
        };
        let worse = elbo(&system.system).less(&elbo(&plain.system));
        let conditions = system.conditions().items(worse.values.len(), 0).note("standard error in the bound");
        acceptance.check("2 -ln p(x|z) over the VAE's, nats", worse.mean, Threshold::AtMost(1.0), conditions);
    }
    Ok(())
}

/// Latents depend on each other less than the VAE's, at a smaller price than that of the beta-VAE with as large a weight.
fn accept_total(acceptance: &mut Acceptance, change: Change) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    for seed in acceptance.seeds() {
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let plain = trained::<Variational>(acceptance, &base(), &dataset, seed, EPOCHS)?;
        let beta = trained::<Weighed>(acceptance, &weighed(base(), 6.0), &dataset, seed, EPOCHS)?;
        let system = trained::<Correlated>(acceptance, &change(base()), &dataset, seed, EPOCHS)?;
        let of = Bounds::new(&system.system, &dataset, &noise);
        let total = |(z, mean, log_variance)| total_correlation(z, mean, log_variance).total.into_scalar::<f64>();
        let without = total(plain.system.posterior(&of.some, &noise));
        let found = total(system.system.posterior(&of.some, &noise));
        let note = format!("784-200-10; total correlation {found:.3} against {without:.3}, by minibatch weights");
        let conditions = system.conditions().items(of.some.len(), 0).note(note);
        acceptance.check(
            "1 total correlation under the VAE's, nats",
            without - found,
            Threshold::AtLeast(0.0),
            conditions,
        );
        let (elbo, rival) = (of.elbo(&of.test), Bounds::new(&beta.system, &dataset, &noise).elbo(&of.test));
        let better = elbo.less(&rival);
        let note = format!("784-200-10; -ELBO {:.2} against {:.2} of beta 6", -elbo.mean, -rival.mean);
        let conditions = system.conditions().items(better.values.len(), 0).note(note);
        acceptance.check("2 -ELBO under the beta-VAE's, nats", better.mean, Threshold::AtLeast(0.0), conditions);
    }
    Ok(())
}

/// Samples by a Gaussian fitted to the codes are nearer to test images than the plain autoencoder's by the same.
fn accept_rae(acceptance: &mut Acceptance, change: Change) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let classifier = extractor(&dataset, &device)?;
    for seed in acceptance.seeds() {
        let plain = trained::<Deterministic>(acceptance, &deterministic(base()), &dataset, seed, EPOCHS)?;
        let system = trained::<Regularized>(acceptance, &change(base()), &dataset, seed, EPOCHS)?;
        let of = |model: &dyn Model| quality(model, &dataset, &classifier, 5000, seed, &device);
        let (found, without) = (of(&system.system)?, of(&plain.system)?);
        let note = format!("784-200-10; ffd {:.2} against {:.2}, codes by a fitted Gaussian", found.ffd, without.ffd);
        let conditions = system.conditions().items(5000, 5000).note(note);
        acceptance.check("1 ffd / the autoencoder's", found.ffd / without.ffd, Threshold::AtMost(1.0), conditions);
    }
    Ok(())
}
