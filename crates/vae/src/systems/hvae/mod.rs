//! A hierarchical VAE: latents in layers, each the prior of those below (Sonderby, Raiko, Maaloe, Sonderby and Winther 2016, the
//! ladder VAE; with `ladder = false` the plain hierarchy of Burda, Grosse and Salakhutdinov 2016). It has nothing to do with the
//! Hamiltonian VAE (Caterini, Doucet and Sejdinovic 2018), which elsewhere, in pythae for one, goes by the same letters.

mod accept;
mod config;
mod networks;
#[cfg(test)]
mod tests;
mod train;

use burn::tensor::Tensor;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Autoencoder, Batch, Bounded, Build, Code, CodeValues, DataSpec, Info, Likelihood, Model, Preset, Recommended,
    System, Task, Traversal, with_values,
};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;

use crate::objectives::importance_weighted;
use crate::observation::Observation;
use networks::{Drawn, Networks};

pub use config::{HvaeConfig, Layer};

/// Networks of all layers, trained as one.
pub struct Hvae {
    networks: Trained<Networks>,
    observation: Observation,
    config: HvaeConfig,
}

impl System for Hvae {
    const INFO: Info = Info {
        id: "hvae",
        title: "Hierarchical VAE (ladder)",
        paper: "C. K. Sonderby, T. Raiko, L. Maaloe, S. K. Sonderby, O. Winther (2016), Ladder Variational Autoencoders, \
                arXiv:1602.02282",
        summary: "Latents in layers, from what an item is down to how it looks.",
        task: Task::Unconditional,
        phases: &["elbo"],
    };

    type Config = HvaeConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<HvaeConfig> {
        HvaeConfig::preset(preset, data)
    }

    fn build(config: &HvaeConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check(data)?;
        let observation = Observation { decoder: config.decoder, shape: data.shape };
        let networks = Networks::new(config, &observation, data, build);
        let networks = Trained::new(networks, config.optimizer).averaged(config.ema);
        Ok(Self { networks, observation, config: config.clone() })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for Hvae {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        let (networks, top) = (self.networks.shown(), self.top());
        let z = networks.descend(noise.normal("latent", [n, top]), &self.between(n, noise));
        self.observation.show(networks.decode(z, Pass::Eval), networks.log_scale(), noise)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("networks", &mut self.networks)]
    }

    fn likelihood(&self) -> Option<&dyn Likelihood> {
        Some(self)
    }

    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn traversal(&self) -> Option<&dyn Traversal> {
        Some(self)
    }
}

impl Likelihood for Hvae {
    fn observation(&self) -> &'static str {
        self.observation.name()
    }

    fn is_discrete(&self) -> bool {
        self.observation.is_discrete()
    }

    fn observe(&self, items: Tensor<2>, noise: &Noise) -> Tensor<2> {
        self.observation.observe(items, noise)
    }

    /// The divergence is that of every layer given what was drawn above it, or below.
    fn elbo(&self, observed: &Batch, noise: &Noise) -> Bounded {
        let networks = self.networks.shown();
        let drawn = self.drawn(&networks, observed.items.clone(), Some(noise));
        let decoded = networks.decode(drawn[0].z.clone(), Pass::Eval);
        let error = self.observation.error(observed.items.clone(), decoded.clone());
        let likelihood = self.observation.log_likelihood(observed.items.clone(), decoded, networks.log_scale());
        let per_latent: Option<Vec<_>> = drawn.iter().map(|layer| layer.per_latent.clone()).collect();
        let kl = drawn.iter().map(Drawn::kl).reduce(|sum, kl| sum + kl).unwrap_or_else(|| likelihood.zeros_like());
        let mean = Tensor::cat(drawn.into_iter().map(|layer| layer.posterior.0).collect(), 1);
        Bounded { likelihood, kl, per_latent: per_latent.map(|layers| Tensor::cat(layers, 1)), mean, error }
    }

    fn bound(&self, observed: &Batch, k: usize, noise: &Noise) -> Tensor<1> {
        let networks = self.networks.shown();
        let features = networks.features(observed.items.clone(), Pass::Eval);
        let weights = (0..k).map(|_| {
            let drawn = networks.draw(&self.config, features.clone(), Some(noise), Pass::Eval);
            let decoded = networks.decode(drawn[0].z.clone(), Pass::Eval);
            let likelihood = self.observation.log_likelihood(observed.items.clone(), decoded, networks.log_scale());
            drawn.iter().fold(likelihood, |sum, layer| sum + layer.log_ratio()).unsqueeze_dim::<2>(1)
        });
        importance_weighted(Tensor::cat(weights.collect(), 1))
    }

    fn independent(&self, train: Tensor<2>, test: Tensor<2>) -> Tensor<1> {
        self.observation.independent(train, test)
    }
}

/// A code is the posterior means of all layers, the first layer's first, each given those of the layers before it. Only the first layer
/// is decoded: those above say what it is likely to be.
impl Autoencoder for Hvae {
    fn code_size(&self) -> usize {
        self.config.latents()
    }

    fn encode(&self, items: Tensor<2>, _: Option<&[usize]>) -> Tensor<2> {
        let networks = self.networks.shown();
        joined(self.drawn(&networks, self.observation.expected(items), None))
    }

    fn draw(&self, items: Tensor<2>, _: Option<&[usize]>, noise: &Noise) -> Tensor<2> {
        let networks = self.networks.shown();
        joined(self.drawn(&networks, self.observation.observe(items, noise), Some(noise)))
    }

    fn decode(&self, codes: Tensor<2>, _: Option<&[usize]>) -> Tensor<2> {
        let first = codes.narrow(1, 0, self.config.layers[0].latent);
        self.observation.mean(self.networks.shown().decode(first, Pass::Eval))
    }
}

/// Latents of the top layer; the draws below it stay, relative to what the layer above makes of them.
impl Traversal for Hvae {
    fn codes(&self) -> Vec<Code> {
        let layer = self.config.layers.len();
        let name = |i: usize| if layer == 1 { format!("z{i}") } else { format!("z{layer}.{i}") };
        (1..=self.top()).map(|i| Code { name: name(i), values: CodeValues::Normal }).collect()
    }

    fn traverse(&self, code: usize, values: &[f64], noise: &Noise) -> Tensor<2> {
        let (networks, n) = (self.networks.shown(), values.len());
        let top = with_values(noise.normal("latent", [1, self.top()]), code, values);
        let between: Vec<_> = self.between(1, noise).into_iter().map(|eps| eps.repeat_dim(0, n)).collect();
        self.observation.mean(networks.decode(networks.descend(top, &between), Pass::Eval))
    }
}

impl Hvae {
    /// Latents of the top layer.
    fn top(&self) -> usize {
        self.config.layers.last().map_or(0, |layer| layer.latent)
    }

    /// Standard normal draws for every layer but the top one.
    fn between(&self, n: usize, noise: &Noise) -> Vec<Tensor<2>> {
        let (_, below) = self.config.layers.split_last().unwrap_or((&Layer { latent: 0, units: 0 }, &[]));
        below.iter().map(|layer| noise.normal("latent", [n, layer.latent])).collect()
    }

    fn drawn(&self, networks: &Networks, observed: Tensor<2>, noise: Option<&Noise>) -> Vec<Drawn> {
        networks.draw(&self.config, networks.features(observed, Pass::Eval), noise, Pass::Eval)
    }
}

fn joined(drawn: Vec<Drawn>) -> Tensor<2> {
    Tensor::cat(drawn.into_iter().map(|layer| layer.z).collect(), 1)
}
