//! What acceptance checks of systems that bound the likelihood measure.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, ItemShape, Split};
use ganvas_engine::accept::{AcceptError, Acceptance, Trial, Trialled, Until};
use ganvas_engine::measures::quality_of;
use ganvas_engine::system::{Autoencoder, Batch, Likelihood, observed, to_device};
use ganvas_metrics::{Extractor, Images};
use ganvas_nets::noise::Noise;
use ganvas_prob::estimate::Estimate;
use ganvas_prob::stream::Streams;

use crate::samplers::{Codes, Law};
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

/// Draws of the codes of the first `n` items of a split.
pub fn codes(system: &dyn Autoencoder, split: &Split, n: usize, shape: ItemShape, noise: &Noise) -> Vec<f32> {
    let n = n.min(split.len);
    let rows = |from: usize| (from..(from + 500).min(n)).collect::<Vec<_>>();
    let of = |from| {
        let items = to_device(split.gather(&rows(from)), shape, noise.device());
        system.draw(items, None, noise).to_data().iter::<f32>().collect::<Vec<_>>()
    };
    (0..n).step_by(500).flat_map(of).collect()
}

/// What is decoded of draws of a law that is fitted to the codes of the training data.
pub struct BySampler {
    /// Which law.
    pub law: Law,
    /// Frechet distance of what is decoded from test images.
    pub ffd: f64,
    /// Mean log-density of the codes of test images, in nats, where the law has one.
    pub density: Option<f64>,
}

/// Samples of a system by each of these laws, measured on `n` images.
///
/// # Errors
/// If a law cannot be fitted or a figure not be computed.
pub fn by_samplers(
    system: &dyn Autoencoder,
    laws: &[Law],
    dataset: &Dataset,
    extractor: &Extractor,
    (n, seed): (usize, u64),
    acceptance: &mut Acceptance,
) -> Result<Vec<BySampler>, AcceptError> {
    let (streams, device, plain) = (Streams::new(seed), acceptance.device().clone(), acceptance.plain_device());
    let noise = Noise::new(streams, "codes", 0, &plain);
    let of = |split: &Split| {
        let codes = codes(system, split, split.len, dataset.shape, &noise);
        Codes::new(system.code_size(), codes).map_err(AcceptError::figure)
    };
    let (train, test) = (of(&dataset.train)?, of(&dataset.test)?);
    let mut found = Vec::new();
    for &law in laws {
        acceptance.tell(&format!("  seed {seed}: fitting {}", law.name()));
        let fitted = law.fit(&train, streams, &device, &mut |_, _| ()).map_err(AcceptError::figure)?;
        let noise = Noise::new(streams.fork("eval"), "sample", 0, &plain);
        let drawn: Vec<f32> = system.decode(fitted.draw(n, &noise), None).to_data().iter().collect();
        let quality = quality_of(&Images::new(dataset.shape.planes(), drawn), dataset, extractor)?;
        found.push(BySampler { law, ffd: quality.ffd, density: fitted.mean_log_density(&test) });
    }
    Ok(found)
}
