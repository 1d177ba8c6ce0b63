use super::{Factors, Gaps, check, mean};
use crate::{Features, MetricError};

/// The separated attribute predictability: the mean over factors of the gap between the two latents that predict it
/// best, each alone, in [0, 1] (A. Kumar, P. Sattigeri and A. Balakrishnan 2018, "Variational Inference of Disentangled
/// Latent Concepts from Unlabeled Observations", section 3).
///
/// A latent's [score](Gaps::scores) is the mean over the factor's values of how well two thresholds tell this value
/// from the others: the share of its items between (or outside of) them less the share of the others' items there, for
/// the best thresholds. That is Kuiper's statistic of the value's items and the others, in [0, 1]; it is found
/// exactly, and a monotone map of the latent does not change it.
///
/// Kumar et al. score continuous factors by the R^2 of a linear regression and classes by thresholds. R^2 would read
/// meaning into the numbers of shapes and break where angles close their circle, and a linear classifier of one
/// latent cannot tell values in the middle; between two thresholds all factors are classes, and codes that are the
/// factors score 1. So the figure cannot be compared with published ones. Thresholds are chosen on the items that they
/// are measured on: a latent without information has the score 1.25 sqrt(1 / n_v + 1 / (n - n_v)) on average over
/// values of n_v items each.
///
/// # Errors
/// As [`mig`](super::mig).
pub fn sap(codes: &Features, factors: &Factors) -> Result<Gaps, MetricError> {
    check(codes, factors, 2, 1)?;
    let mut scores = vec![Vec::new(); factors.counts().len()];
    for latent in 0..codes.dims {
        let column = codes.column(latent);
        let mut order: Vec<usize> = (0..column.len()).collect();
        order.sort_unstable_by(|&a, &b| column[a].total_cmp(&column[b]));
        let equal: Vec<&[usize]> = order.chunk_by(|&a, &b| column[a] == column[b]).collect();
        for ((values, count), scores) in factors.columns().zip(&mut scores) {
            scores.push(score(&equal, values, count));
        }
    }
    Ok(Gaps::of(scores))
}

/// Items of the same code follow each other in groups, from the smallest code on.
fn score(groups: &[&[usize]], values: &[usize], count: usize) -> f64 {
    let n = values.len();
    let mut totals = vec![0; count];
    values.iter().for_each(|&value| totals[value] += 1);
    let mut below = vec![0; count];
    // The largest and the smallest difference of the two distribution functions of each value; both are 0 at the ends.
    let mut range = vec![(0.0f64, 0.0f64); count];
    let mut passed = 0;
    for group in groups {
        group.iter().for_each(|&item| below[values[item]] += 1);
        passed += group.len();
        for ((range, &below), &total) in range.iter_mut().zip(&below).zip(&totals) {
            if total > 0 && total < n {
                let difference = below as f64 / total as f64 - (passed - below) as f64 / (n - total) as f64;
                *range = (range.0.max(difference), range.1.min(difference));
            }
        }
    }
    let occurring = range.iter().zip(&totals).filter(|(_, total)| **total > 0);
    mean(&occurring.map(|(range, _)| range.0 - range.1).collect::<Vec<f64>>())
}
