use ganvas_prob::estimate::Estimate;
use ganvas_prob::stream::{Streams, permutation};
use rayon::prelude::*;

use super::forest::Forest;
use super::{Factors, check, mean};
use crate::items::check_count;
use crate::{Features, MetricError};

/// Standard errors below which an importance may be chance: of a hundred one is beyond them in 3 of 1000 figures.
const DOUBT: f64 = 4.0;

/// Disentanglement, completeness and informativeness.
#[derive(Clone, Debug, PartialEq)]
pub struct Dci {
    /// Whether a latent serves one factor, in [0, 1].
    pub disentanglement: f64,
    /// Whether a factor is told by one latent, in [0, 1].
    pub completeness: f64,
    /// How many held-out items' factors are told rightly, in [0, 1]: the mean over factors.
    pub informativeness: f64,
    /// The informativeness of the value that is most frequent, whatever the codes.
    pub chance: f64,
    /// How much the prediction of a factor rests on a latent, `[factors][latents]`: each factor's sum to 1, or are 0 where
    /// it does not rest on any.
    pub importances: Vec<Vec<f64>>,
}

/// Disentanglement, completeness and informativeness from how much the prediction of each factor rests on each latent (C.
/// Eastwood and C. K. I. Williams 2018, "A Framework for the Quantitative Evaluation of Disentangled Representations",
/// section 2).
///
/// With the importances R of K factors (j) by D latents (i), p_ij = R_ij / sum_j R_ij and q_ij = R_ij / sum_i R_ij,
/// the disentanglement is the mean of 1 - H(p_i) / ln K over latents, weighted by their importance sum_j R_ij, and the
/// completeness the mean of 1 - H(q_j) / ln D over factors. Latents without importance do not count.
///
/// Each factor is told by a forest of 32 trees that look at every latent for every split, have at least five items in a
/// leaf and are grown on resamples of two thirds of the items. On the other third the informativeness is measured, and
/// the importances: by how much the splits on a latent raise the probability that the forest gives to the item's value,
/// on average (X. Li et al. 2019, "A Debiased MDI Feature Importance Measure for Random Forests"). What trees make of
/// noise raises nothing on items that they have not seen; a mean of less than four standard errors counts as 0, and
/// codes without information have zeros.
///
/// Trees see what a linear model would not: a code that bends or turns a factor is still informative. Eastwood and
/// Williams take the impurities of forests, or lasso, and other studies boosted trees, all on the items that the
/// model was fitted to; figures differ by that.
///
/// The split and the resamples depend on `streams` and the order of the items.
///
/// # Errors
/// As [`mig`](super::mig), and if there is only one factor.
pub fn dci(codes: &Features, factors: &Factors, streams: &Streams) -> Result<Dci, MetricError> {
    check(codes, factors, 2, 2)?;
    check_count("code", codes.len(), 3)?;
    let columns: Vec<Vec<f64>> = (0..codes.dims).map(|latent| codes.column(latent)).collect();
    let order = permutation(&mut streams.rng("dci-split", 0), codes.len());
    let (test, train) = order.split_at(codes.len() / 3);
    let (mut importances, mut right, mut chance) = (Vec::new(), Vec::new(), Vec::new());
    for (factor, (values, count)) in factors.columns().enumerate() {
        let forest = Forest::new(&columns, values, count, train, &streams.fork(&format!("dci-{factor}")));
        let votes: Vec<_> = test.par_iter().map(|&item| forest.vote(item, values[item])).collect();
        let told = test.iter().zip(&votes).filter(|(item, (told, _))| values[**item] == *told).count();
        right.push(told as f64 / test.len() as f64);
        let mut counts = vec![0; count];
        train.iter().for_each(|&item| counts[values[item]] += 1);
        let frequent = (0..count).max_by_key(|&value| counts[value]);
        let met = test.iter().filter(|item| frequent == Some(values[**item])).count();
        chance.push(met as f64 / test.len() as f64);
        let credits = (0..codes.dims).map(|latent| votes.iter().map(|(_, of)| of[latent]).collect::<Vec<f64>>());
        let sure: Vec<f64> = credits.map(|credits| beyond_doubt(&Estimate::of(&credits))).collect();
        let total: f64 = sure.iter().sum();
        importances.push(sure.into_iter().map(|credit| if total > 0.0 { credit / total } else { 0.0 }).collect());
    }
    let (disentanglement, completeness) = concentration(&importances);
    Ok(Dci { disentanglement, completeness, informativeness: mean(&right), chance: mean(&chance), importances })
}

/// A mean that is above zero by [`DOUBT`], or 0.
fn beyond_doubt(credit: &Estimate) -> f64 {
    if credit.mean > DOUBT * credit.stderr { credit.mean } else { 0.0 }
}

/// Disentanglement and completeness of importances, `[factors][latents]`.
fn concentration(importances: &[Vec<f64>]) -> (f64, f64) {
    let latents = importances.first().map_or(0, Vec::len);
    let (mut disentanglement, mut total) = (0.0, 0.0);
    for latent in 0..latents {
        let column: Vec<f64> = importances.iter().map(|of| of[latent]).collect();
        let weight: f64 = column.iter().sum();
        disentanglement += weight * one_sidedness(&column);
        total += weight;
    }
    let completeness: Vec<f64> = importances.iter().map(|of| one_sidedness(of)).collect();
    (if total > 0.0 { disentanglement / total } else { 0.0 }, mean(&completeness))
}

/// 1 - H / ln n of `n` weights: 1 if one has all, 0 if they are even or there is none.
fn one_sidedness(weights: &[f64]) -> f64 {
    let total: f64 = weights.iter().sum();
    let shares = weights.iter().filter(|weight| **weight > 0.0).map(|weight| weight / total);
    let entropy = -shares.map(|p| p * p.ln()).sum::<f64>();
    if total > 0.0 { (1.0 - entropy / (weights.len() as f64).ln()).clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, for two factors and three latents. The even pair has 1 - ln 2 / ln 3 of three; the shared latent p = (3/4,
    /// 1/4) of the first and 1 - H = 0.188722 in bits.
    #[test]
    fn importances_by_hand() {
        let near = |found: (f64, f64), expected: (f64, f64)| {
            assert!((found.0 - expected.0).abs() < 1e-6 && (found.1 - expected.1).abs() < 1e-6, "{found:?}");
        };
        let even = 1.0 - 2f64.ln() / 3f64.ln();
        near(concentration(&[vec![1.0, 0.0, 0.0], vec![0.0, 0.5, 0.5]]), (1.0, (1.0 + even) / 2.0));
        near(concentration(&[vec![0.5, 0.5], vec![0.5, 0.5]]), (0.0, 0.0));
        near(concentration(&[vec![0.75, 0.25], vec![0.25, 0.75]]), (0.188_722, 0.188_722));
        near(concentration(&[vec![0.0, 0.0], vec![0.0, 0.0]]), (0.0, 0.0));
        // The second latent, of weight 1/2, is pure; the first one, of weight 3/2, has p = (2/3, 1/3).
        let uneven = 1.0 - (2.0 / 3.0 * 1.5f64.log2() + 1.0 / 3.0 * 3f64.log2());
        near(concentration(&[vec![1.0, 0.0], vec![0.5, 0.5]]), (0.75 * uneven + 0.25, 0.5));
    }
}
