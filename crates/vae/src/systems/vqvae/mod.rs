//! The VQ-VAE of van den Oord et al. (2017): images as grids of tokens, and an autoregressive law of the grids.

mod accept;
mod config;
mod networks;
#[cfg(test)]
mod tests;

use burn::module::Module;
use burn::tensor::{Int, Tensor};
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::{
    Autoencoder, Batch, Bounded, Build, DataSpec, Info, Likelihood, Model, Preset, Recommended, System, Task,
};
use ganvas_nets::layers::{Following, perplexity};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::pixelcnn::PixelCnn;
use ganvas_nets::state::Part;

use crate::networks::by_channel;
use crate::observation::Observation;
use networks::Networks;

pub use config::VqVaeConfig;

/// An encoder to a grid of vectors, a codebook that replaces each by its nearest, a decoder, and a law of the grids.
///
/// The first share of the steps trains encoder, codebook and decoder, the rest the law of the grids, of which samples are drawn.
pub struct VqVae {
    networks: Trained<Networks>,
    prior: Trained<PixelCnn>,
    config: VqVaeConfig,
    observation: Observation,
    /// Height and width of a grid of tokens.
    grid: [usize; 2],
}

impl System for VqVae {
    const INFO: Info = Info {
        id: "vqvae",
        title: "VQ-VAE",
        paper: "A. van den Oord, O. Vinyals, K. Kavukcuoglu (2017), Neural Discrete Representation Learning, arXiv:1711.00937",
        summary: "Images as few tokens of a learned alphabet, and new ones written by a model of such texts.",
        task: Task::Unconditional,
        phases: &["autoencoder", "prior"],
    };

    type Config = VqVaeConfig;

    fn preset(preset: Preset, _: &DataSpec) -> Recommended<VqVaeConfig> {
        VqVaeConfig::preset(preset)
    }

    fn build(config: &VqVaeConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        let grid = config.check(data)?;
        let observation = Observation { decoder: config.decoder, shape: data.shape };
        let [channels, ..] = data.shape.planes();
        let bias = by_channel(&observation.start(&data.mean).1, channels);
        let networks = Networks::new(config, data.shape, bias, build);
        let prior = PixelCnn::new(config.codes, &config.prior, &mut build.init("prior", config.prior.init));
        Ok(Self {
            networks: Trained::new(networks, config.optimizer).averaged(config.ema),
            prior: Trained::new(prior, config.prior_optimizer).averaged(config.ema),
            config: config.clone(),
            observation,
            grid,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for VqVae {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        let Self { networks, prior, config, observation, grid } = self;
        let done = step.progress();
        if done < config.prior_from {
            let loss = |networks: &Networks, micro: &MicroBatch| loss(config, observation, *grid, networks, micro);
            step.phase("autoencoder").update("networks", networks, batch, loss);
            return;
        }
        // Not the averaged ones: an average follows the training and does not change it.
        let networks = networks.net.valid();
        // Falls to 0, for what is noise in a step's gradient should not be left in the last of them.
        let rate = (1.0 - done) / (1.0 - config.prior_from).max(1e-9);
        step.phase("prior").rate(rate).update("prior", prior, batch, |prior, micro| {
            let observed = observation.observe(micro.batch.items.clone(), &micro.noise);
            let tokens = networks.tokens(observed.without_autodiff(), *grid);
            prior.log_likelihood(tokens.autodiff()).mean().neg()
        });
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        self.write(self.prior.shown().sample(n, self.grid, noise), noise)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("networks", &mut self.networks), ("prior", &mut self.prior)]
    }

    fn likelihood(&self) -> Option<&dyn Likelihood> {
        Some(self)
    }

    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }
}

/// -ln p(x|z) + commitment |z_e - e|^2, in nats per item (there, eq. 3, with the codes' own term replaced by running means).
fn loss(
    config: &VqVaeConfig,
    observation: &Observation,
    grid: [usize; 2],
    networks: &Networks,
    micro: &MicroBatch,
) -> Tensor<1> {
    let observed = observation.observe(micro.batch.items.clone(), &micro.noise);
    let n = micro.batch.len();
    let vectors = networks.encode(observed.clone(), micro.pass());
    let codebook = &networks.codebook;
    let tokens = codebook.nearest(vectors.clone());
    let quantized = codebook.straight_through(vectors.clone(), tokens.clone());
    let decoded = networks.decode(quantized, grid, micro.pass());
    let reconstruction = observation.log_likelihood(observed, decoded, networks.log_scale()).neg();
    let codes = codebook.vectors(tokens.clone()).cast(vectors.dtype());
    let commitment = (vectors.clone() - codes).square().sum().div_scalar(n as f64);
    micro.record("reconstruction", reconstruction.clone());
    micro.record("commitment", commitment.clone());
    if micro.reported() {
        micro.record("codebook/perplexity", perplexity(tokens.clone(), config.codes));
    }
    let how = Following { decay: config.decay, patience: config.patience };
    codebook.follow(vectors, tokens, how, &micro.noise);
    reconstruction.mean() + commitment.mul_scalar(config.commitment)
}

impl VqVae {
    /// The items that tokens `[n, height, width]` stand for, `[n, values]`.
    fn write(&self, tokens: Tensor<3, Int>, noise: &Noise) -> Tensor<2> {
        let networks = self.networks.shown();
        let vectors = networks.codebook.vectors(tokens.flatten(0, 2));
        let decoded = networks.decode(vectors, self.grid, Pass::Eval);
        self.observation.show(decoded, networks.log_scale(), noise)
    }

    /// The tokens of observed items, `[n, height, width]`.
    fn tokens(&self, observed: Tensor<2>) -> Tensor<3, Int> {
        self.networks.shown().tokens(observed, self.grid)
    }

    fn places(&self) -> usize {
        self.grid.iter().product()
    }
}

/// A code is the vectors of all places, row by row; what is decoded are the codes nearest to them.
impl Autoencoder for VqVae {
    fn code_size(&self) -> usize {
        self.places() * self.config.size
    }

    fn encode(&self, items: Tensor<2>, _: Option<&[usize]>) -> Tensor<2> {
        let n = items.dims()[0];
        let tokens = self.tokens(self.observation.expected(items));
        self.networks.shown().codebook.vectors(tokens.flatten(0, 2)).reshape([n, self.code_size()])
    }

    fn decode(&self, codes: Tensor<2>, _: Option<&[usize]>) -> Tensor<2> {
        let networks = self.networks.shown();
        let n = codes.dims()[0];
        let vectors = codes.reshape([n * self.places(), self.config.size]);
        let vectors = networks.codebook.vectors(networks.codebook.nearest(vectors));
        self.observation.mean(networks.decode(vectors, self.grid, Pass::Eval))
    }
}

/// The posterior is one grid of tokens, so ln p(x|tokens) + ln p(tokens) bounds ln p(x), and further samples would be the same.
impl Likelihood for VqVae {
    fn observation(&self) -> &'static str {
        self.observation.name()
    }

    fn is_discrete(&self) -> bool {
        self.observation.is_discrete()
    }

    fn observe(&self, items: Tensor<2>, noise: &Noise) -> Tensor<2> {
        self.observation.observe(items, noise)
    }

    fn elbo(&self, observed: &Batch, _: &Noise) -> Bounded {
        let networks = self.networks.shown();
        let (items, n) = (observed.items.clone(), observed.len());
        let tokens = self.tokens(items.clone());
        let vectors = networks.codebook.vectors(tokens.clone().flatten(0, 2));
        let decoded = networks.decode(vectors.clone(), self.grid, Pass::Eval);
        Bounded {
            likelihood: self.observation.log_likelihood(items.clone(), decoded.clone(), networks.log_scale()),
            kl: self.prior.shown().log_likelihood(tokens).neg(),
            per_latent: None,
            mean: vectors.reshape([n, self.code_size()]),
            error: self.observation.error(items, decoded),
        }
    }

    fn bound(&self, observed: &Batch, _: usize, noise: &Noise) -> Tensor<1> {
        self.elbo(observed, noise).elbo()
    }

    fn independent(&self, train: Tensor<2>, test: Tensor<2>) -> Tensor<1> {
        self.observation.independent(train, test)
    }
}
