//! What systems that bound the likelihood say of held-out items.

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, Split};
use ganvas_engine::system::{Batch, Likelihood, OBSERVATION_SEED, observed};
use ganvas_metrics::Figure;
use ganvas_nets::noise::Noise;
use ganvas_prob::estimate::Estimate;
use ganvas_prob::stream::Streams;

use crate::error::CliError;
use crate::progress::Stages;

/// Everything that is measured.
pub const NAMES: [&str; 7] = ["neg_elbo", "nll", "bits_per_dim", "kl", "reconstruction", "mse", "active_units"];
/// What is measured where nothing is asked for.
pub const USUAL: [&str; 2] = ["neg_elbo", "nll"];
/// Importance samples of the bound `nll`, and the held-out items it is computed on.
pub const SAMPLES: usize = 64;
/// Held-out items that it is computed on.
pub const ITEMS: usize = 1000;
/// The most importance samples: their weights are kept for some items at a time.
const MOST_SAMPLES: usize = 1_000_000;
/// Items that pass the networks at a time, of one sample and of many.
const BLOCKS: [usize; 2] = [500, 250];

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Asked {
    /// Importance samples of `nll`.
    pub k: usize,
    /// Held-out items of it.
    pub n: usize,
}

impl Default for Asked {
    fn default() -> Self {
        Self { k: SAMPLES, n: ITEMS }
    }
}

impl Asked {
    /// Refuses what cannot be computed.
    pub fn check(self) -> Result<(), CliError> {
        if !(1..=MOST_SAMPLES).contains(&self.k) {
            let message = format!("`--k` must be 1 to {MOST_SAMPLES}, got {}", self.k);
            return Err(CliError::usage(message, "for example `--k 500`"));
        }
        Ok(())
    }
}

/// Everything that was found.
pub struct Found {
    /// The figures.
    pub figures: Vec<Figure>,
    /// The mean divergence of each latent from the prior, in nats, where the model has such parts.
    pub per_latent: Option<Vec<f64>>,
}

/// The figures whose names are `wanted`.
pub fn measure(
    model: &dyn Likelihood,
    dataset: &Dataset,
    asked: Asked,
    wanted: impl Fn(&str) -> bool,
    device: &Device,
    stages: &mut Stages,
) -> Found {
    let streams = Streams::new(OBSERVATION_SEED);
    let noise = |name: &str, step: u64| Noise::new(streams, name, step, device);
    let observe = |split: &Split, name| observed(model, split, split.len, dataset.shape, name, device);
    let (test, train) = (observe(&dataset.test, "test"), observe(&dataset.train, "train").items);
    let values = dataset.shape.len() as f64;
    let of = |name: &str, how: &str, sign: f64, sample: Estimate, baseline: Option<f64>| Figure {
        stderr: Some(sample.stderr),
        n_real: Some(sample.n),
        extractor: Some(format!("{how}, {}", model.observation())),
        baseline,
        ..Figure::new(name, sign * sample.mean)
    };
    let mut figures = Vec::new();

    stages.begin("bounding the likelihood of held-out items", test.len());
    let mut parts = Parts::default();
    for (i, rows) in blocks(test.len(), BLOCKS[0]).enumerate() {
        parts.add(model, &test.rows(rows.clone()), &noise("elbo", i as u64));
        stages.at(rows.end);
    }
    let marginals = |rows: &Batch| -mean(model.independent(train.clone(), rows.items.clone()));
    if wanted("neg_elbo") {
        figures.push(of("neg_elbo", "ELBO", -1.0, Estimate::of(&parts.elbo), Some(marginals(&test))));
    }
    if wanted("nll") || wanted("bits_per_dim") {
        let some = test.rows(0..asked.n.clamp(1, test.len()));
        stages.begin(&format!("bounding it by {} samples each", asked.k), some.len());
        let mut bounds: Vec<f64> = Vec::with_capacity(some.len());
        for (i, rows) in blocks(some.len(), BLOCKS[1]).enumerate() {
            let bound = model.bound(&some.rows(rows.clone()), asked.k, &noise("bound", i as u64));
            bounds.extend(bound.to_data().iter::<f64>());
            stages.at(rows.end);
        }
        let (how, baseline) = (format!("bound of k = {}", asked.k), marginals(&some));
        let bound = Estimate::of(&bounds);
        if wanted("nll") {
            figures.push(of("nll", &how, -1.0, bound, Some(baseline)));
        }
        // A density has no number of bits.
        if wanted("bits_per_dim") && model.is_discrete() {
            let nats = values * std::f64::consts::LN_2;
            let bits = Estimate { mean: bound.mean / nats, stderr: bound.stderr / nats, ..bound };
            figures.push(of("bits_per_dim", &how, -1.0, bits, Some(baseline / nats)));
        }
    }
    let parts_of_it = [("kl", &parts.kl), ("reconstruction", &parts.reconstruction), ("mse", &parts.error)];
    for (name, values_of) in parts_of_it.into_iter().filter(|(name, _)| wanted(name)) {
        let mut sample = Estimate::of(values_of);
        if name == "mse" {
            sample = Estimate { mean: sample.mean / values, stderr: sample.stderr / values, ..sample };
        }
        figures.push(of(name, "one sample of the latents", 1.0, sample, None));
    }
    if wanted("active_units") && test.len() > 1 {
        let (active, latents) = parts.active();
        let how = format!("of {latents}, variance of the mean over 0.01");
        let figure =
            Figure { n_real: Some(test.len()), extractor: Some(how), ..Figure::new("active_units", active as f64) };
        figures.push(figure);
    }
    let n = test.len() as f64;
    let per_latent = parts.per_latent.map(|sums| sums.into_iter().map(|sum| sum / n).collect());
    Found { figures, per_latent }
}

/// The evidence lower bound of many items and what it is made of.
#[derive(Default)]
struct Parts {
    elbo: Vec<f64>,
    kl: Vec<f64>,
    reconstruction: Vec<f64>,
    error: Vec<f64>,
    /// Sums over items.
    per_latent: Option<Vec<f64>>,
    /// Sums of the posterior means and of their squares, latent by latent.
    means: Vec<(f64, f64)>,
}

impl Parts {
    fn add(&mut self, model: &dyn Likelihood, rows: &Batch, noise: &Noise) {
        let found = model.elbo(rows, noise);
        let values = |x: &Tensor<1>| -> Vec<f64> { x.to_data().iter().collect() };
        self.elbo.extend(values(&found.elbo()));
        self.kl.extend(values(&found.kl));
        self.reconstruction.extend(values(&found.likelihood.neg()));
        self.error.extend(values(&found.error));
        if let Some(per_latent) = found.per_latent {
            let latents = per_latent.dims()[1];
            let sums = self.per_latent.get_or_insert_with(|| vec![0.0; latents]);
            let all: Vec<f64> = per_latent.to_data().iter().collect();
            all.chunks(latents).for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, kl)| *sum += kl));
        }
        let latents = found.mean.dims()[1];
        self.means.resize(latents, (0.0, 0.0));
        let all: Vec<f64> = found.mean.to_data().iter().collect();
        for row in all.chunks(latents) {
            for ((sum, squares), mean) in self.means.iter_mut().zip(row) {
                *sum += mean;
                *squares += mean * mean;
            }
        }
    }

    /// How many latents are active (Burda et al. 2016, section 5.2), of how many.
    fn active(&self) -> (usize, usize) {
        let n = self.elbo.len() as f64;
        let active = |&&(sum, squares): &&(f64, f64)| (squares - sum * sum / n) / (n - 1.0) > 0.01;
        (self.means.iter().filter(active).count(), self.means.len())
    }
}

/// The mean evidence lower bound of observed items, the same draws of the latents each time.
pub fn elbo(model: &dyn Likelihood, items: &Batch, device: &Device) -> Estimate {
    let mut parts = Parts::default();
    for (i, rows) in blocks(items.len(), BLOCKS[0]).enumerate() {
        parts.add(model, &items.rows(rows), &Noise::new(Streams::new(OBSERVATION_SEED), "elbo", i as u64, device));
    }
    Estimate::of(&parts.elbo)
}

fn mean(values: Tensor<1>) -> f64 {
    Estimate::of(&values.to_data().iter::<f64>().collect::<Vec<_>>()).mean
}

fn blocks(n: usize, size: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..n).step_by(size).map(move |from| from..(from + size).min(n))
}
