use super::{Factors, Gaps, check};
use crate::{Features, MetricError};

/// Bins of a latent, evenly wide from its smallest value to its largest.
const BINS: usize = 20;

/// The mutual information gap: the mean over factors of (I(z_a; v) - I(z_b; v)) / H(v), where a and b are the latents
/// that tell most of the factor v, in [0, 1] (R. T. Q. Chen, X. Li, R. Grosse and D. Duvenaud 2018, "Isolating Sources
/// of Disentanglement in Variational Autoencoders", eq. 6).
///
/// Information and entropy are those of counts, each latent's in 20 evenly wide bins, as in the study of Locatello
/// et al. 2019; Chen et al. sum over the posteriors instead. Counts show information where there is none, about 19
/// (values - 1) / (2 n) nats, in all latents alike. A factor of more than 20 values cannot reach 1, nor one of fewer
/// whose latent has far outliers. The [`scores`](Gaps::scores) are I(z; v) / H(v).
///
/// # Errors
/// If the codes have less than two items or latents, there is no factor, one has the same value in all items, the
/// items differ in number, or a code is not finite.
pub fn mig(codes: &Features, factors: &Factors) -> Result<Gaps, MetricError> {
    check(codes, factors, 2, 1)?;
    let bins: Vec<Vec<usize>> = (0..codes.dims).map(|latent| binned(&codes.column(latent))).collect();
    let shares = factors.columns().map(|(values, count)| {
        let entropy = entropy(counted(values.iter().copied(), count), values.len());
        bins.iter().map(|bins| information(bins, values, count, entropy) / entropy).collect()
    });
    Ok(Gaps::of(shares.collect()))
}

fn binned(column: &[f64]) -> Vec<usize> {
    let least = column.iter().copied().fold(f64::INFINITY, f64::min);
    let width = column.iter().copied().fold(f64::NEG_INFINITY, f64::max) - least;
    let bin = |x: f64| ((x - least) / width * BINS as f64) as usize;
    // The largest value belongs to the last bin; the quotient of a constant is no number, and its bin 0.
    column.iter().map(|&x| bin(x).min(BINS - 1)).collect()
}

/// I = H(z) + H(v) - H(z, v), not below 0.
fn information(bins: &[usize], values: &[usize], count: usize, entropy_of_values: f64) -> f64 {
    let n = values.len();
    let pairs = bins.iter().zip(values).map(|(bin, value)| bin * count + value);
    let joint = entropy(counted(pairs, BINS * count), n);
    (entropy(counted(bins.iter().copied(), BINS), n) + entropy_of_values - joint).max(0.0)
}

fn counted(values: impl Iterator<Item = usize>, count: usize) -> Vec<usize> {
    let mut counts = vec![0; count];
    values.for_each(|value| counts[value] += 1);
    counts
}

/// Of the shares of `n` items, in nats.
fn entropy(counts: Vec<usize>, n: usize) -> f64 {
    let shares = counts.into_iter().filter(|&count| count > 0).map(|count| count as f64 / n as f64);
    -shares.map(|p| p * p.ln()).sum::<f64>()
}
