use ganvas_prob::stream::{StreamRng, Streams};
use rand::RngExt;

use super::{Factors, check};
use crate::{Features, MetricError};

/// Items of a batch.
const BATCH: usize = 64;
/// Batches that the classifier is made from.
const TRAIN: usize = 10_000;
/// Batches that it is measured on.
const TEST: usize = 5_000;
/// A latent that varies less over all items is left out.
const LEAST_SD: f64 = 0.05;

/// The FactorVAE score and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct FactorVae {
    /// The share of batches whose fixed factor is told rightly, in [0, 1].
    pub score: f64,
    /// The latents that vary enough to count.
    pub active: Vec<usize>,
    /// How often a latent varied least while a factor was fixed, `[latents][factors]`.
    pub votes: Vec<Vec<usize>>,
}

/// How often the latent that varies least tells which factor is fixed (H. Kim and A. Mnih 2018, "Disentangling by
/// Factorising", section 4 and algorithm 2).
///
/// A batch fixes one factor, drawn evenly, at its value in a drawn item, and draws 64 items with that value. The latent
/// with the smallest variance in the batch, relative to that over all items, votes for the factor. Each latent stands
/// for the factor that it voted for most in 10,000 batches, and the score is how many of 5,000 others vote for the
/// factor that is fixed (batches as in the study of Locatello et al. 2019; Kim and Mnih take 800 batches of 200 and
/// no others).
///
/// 1 for codes that are the factors, 1/K for codes without information on K factors. A factor that several latents
/// share costs nothing. Latents with a standard deviation below 0.05 over all items are left out, as those are that a
/// posterior has given up under a standard normal prior: codes on another scale are to be brought to it before. The
/// score is 0 if none is left.
///
/// The factors should vary independently over the items, as over all combinations, and each value should have many
/// items. Batches depend on `streams` and the order of the items.
///
/// # Errors
/// As [`mig`](super::mig), but one latent is enough.
pub fn factor_vae(codes: &Features, factors: &Factors, streams: &Streams) -> Result<FactorVae, MetricError> {
    check(codes, factors, 1, 1)?;
    let mut votes = vec![vec![0; factors.counts().len()]; codes.dims];
    let standard: Vec<(usize, Vec<f64>)> =
        (0..codes.dims).filter_map(|latent| Some((latent, standardised(codes.column(latent))?))).collect();
    let active: Vec<usize> = standard.iter().map(|(latent, _)| *latent).collect();
    if active.is_empty() {
        return Ok(FactorVae { score: 0.0, active, votes });
    }
    let batches = Batches::new(factors, standard);
    let mut rng = streams.rng("factor-vae", 0);
    for _ in 0..TRAIN {
        let (factor, latent) = batches.vote(&mut rng);
        votes[latent][factor] += 1;
    }
    let stands_for: Vec<usize> =
        votes.iter().map(|of| (0..of.len()).rev().max_by_key(|&factor| of[factor]).unwrap_or(0)).collect();
    let mut rng = streams.rng("factor-vae", 1);
    let right = (0..TEST).filter(|_| {
        let (factor, latent) = batches.vote(&mut rng);
        stands_for[latent] == factor
    });
    Ok(FactorVae { score: right.count() as f64 / TEST as f64, active, votes })
}

/// With mean 0 and variance 1; `None` for what hardly varies.
fn standardised(mut column: Vec<f64>) -> Option<Vec<f64>> {
    let n = column.len() as f64;
    let mean = column.iter().sum::<f64>() / n;
    let sd = (column.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    column.iter_mut().for_each(|x| *x = (*x - mean) / sd);
    (sd >= LEAST_SD).then_some(column)
}

struct Batches<'a> {
    factors: &'a Factors,
    /// The items of each value of each factor.
    items: Vec<Vec<Vec<usize>>>,
    /// Latents and their standardised values, `[n]`.
    latents: Vec<(usize, Vec<f64>)>,
}

impl<'a> Batches<'a> {
    fn new(factors: &'a Factors, latents: Vec<(usize, Vec<f64>)>) -> Self {
        let items = factors.columns().map(|(values, count)| {
            let mut items = vec![Vec::new(); count];
            values.iter().enumerate().for_each(|(item, &value)| items[value].push(item));
            items
        });
        Self { factors, items: items.collect(), latents }
    }

    /// The factor that a batch fixes, and the latent that varies least in it.
    fn vote(&self, rng: &mut StreamRng) -> (usize, usize) {
        let factor = rng.random_range(0..self.items.len());
        let value = self.factors.column(factor)[rng.random_range(0..self.factors.len())];
        let items = &self.items[factor][value];
        let batch: [usize; BATCH] = std::array::from_fn(|_| items[rng.random_range(0..items.len())]);
        let variance = |column: &[f64]| {
            let mean = batch.iter().map(|&item| column[item]).sum::<f64>() / BATCH as f64;
            batch.iter().map(|&item| (column[item] - mean) * (column[item] - mean)).sum::<f64>()
        };
        let mut least = (f64::INFINITY, 0);
        for (latent, column) in &self.latents {
            let variance = variance(column);
            if variance < least.0 {
                least = (variance, *latent);
            }
        }
        (factor, least.1)
    }
}
