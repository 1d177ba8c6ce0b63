//! What acceptance checks of systems that bound the likelihood measure.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, Split};
use ganvas_engine::accept::{AcceptError, Acceptance, Trial, Trialled, Until};
use ganvas_engine::system::{Batch, Likelihood, observed};
use ganvas_nets::noise::Noise;
use ganvas_prob::estimate::Estimate;

use crate::systems::autoencoder::{AutoencoderConfig, Autoencoding, Recipe};

/// Items that the bounds of many samples are taken of.
pub const SOME: usize = 1000;

/// Values with their mean and its standard error.
pub struct Figures {
    /// One of each item.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Its standard error.
    pub stderr: f64,
}

impl Figures {
    /// Of these values.
    pub fn new(values: Vec<f64>) -> Self {
        let Estimate { mean, stderr, .. } = Estimate::of(&values);
        Self { values, mean, stderr }
    }

    /// Of `[n]`.
    pub fn of(values: Tensor<1>) -> Self {
        Self::new(values.to_data().iter().collect())
    }

    /// Of the differences of these from others, item by item.
    pub fn less(&self, other: &Self) -> Self {
        Self::new(self.values.iter().zip(&other.values).map(|(a, b)| a - b).collect())
    }
}

/// The held-out items of a data set as a model observes them, and all that the model says of them in nats per item.
pub struct Bounds<'a> {
    model: &'a dyn Likelihood,
    noise: &'a Noise,
    /// All test items.
    pub test: Batch,
    /// The first of them.
    pub some: Batch,
}

impl<'a> Bounds<'a> {
    /// Of a model; the same items for each.
    pub fn new(model: &'a dyn Likelihood, dataset: &Dataset, noise: &'a Noise) -> Self {
        let test = observe(model, dataset, &dataset.test, "test", noise.device());
        let some = test.rows(0..SOME.min(test.len()));
        Self { model, noise, test, some }
    }

    /// The evidence lower bound.
    pub fn elbo(&self, of: &Batch) -> Figures {
        Figures::of(batched(of, |rows| self.model.elbo(rows, self.noise).elbo()))
    }

    /// The divergence from the prior.
    pub fn kl(&self, of: &Batch) -> Figures {
        Figures::of(batched(of, |rows| self.model.elbo(rows, self.noise).kl))
    }

    /// -ln p(x|z).
    pub fn reconstruction(&self, of: &Batch) -> Figures {
        Figures::of(batched(of, |rows| self.model.elbo(rows, self.noise).likelihood.neg()))
    }

    /// The importance-weighted bound of `k` samples.
    pub fn weighted(&self, of: &Batch, k: usize) -> Figures {
        Figures::of(batched(of, |rows| self.model.bound(rows, k, self.noise)))
    }

    /// What it costs to draw every pixel from its marginal in the training data.
    pub fn marginals(&self, dataset: &Dataset) -> Figures {
        let train = observe(self.model, dataset, &dataset.train, "train", self.noise.device());
        Figures::of(self.model.independent(train.items, self.test.items.clone()).neg())
    }
}

fn observe(model: &dyn Likelihood, dataset: &Dataset, split: &Split, name: &str, device: &Device) -> Batch {
    observed(model, split, split.len, dataset.shape, name, device)
}

/// A function of items, 500 at a time.
pub fn batched(items: &Batch, mut f: impl FnMut(&Batch) -> Tensor<1>) -> Tensor<1> {
    let n = items.len();
    let parts = (0..n).step_by(500).map(|start| f(&items.rows(start..(start + 500).min(n))));
    Tensor::cat(parts.collect(), 0)
}

/// A pass over the data is so many steps of 128.
pub fn epochs(dataset: &Dataset, count: u64) -> u64 {
    count * (dataset.train.len as u64 / 128)
}

/// A new system of these settings, trained on batches of 128.
///
/// # Errors
/// If the settings do not suit the data or training fails.
pub fn trained<R: Recipe>(
    acceptance: &mut Acceptance,
    config: &AutoencoderConfig,
    dataset: &Arc<Dataset>,
    seed: u64,
    passes: u64,
) -> Result<Trialled<Autoencoding<R>>, AcceptError> {
    let until = Until::Steps(epochs(dataset, passes));
    acceptance.train(config, &Trial { dataset, seed, batch: 128, until })
}
