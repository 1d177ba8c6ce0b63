use super::{DistanceError, rows};
use crate::sampling::{SamplingError, weight_sum};

/// The Wasserstein-1 (earth mover's) distance of two samples on the real line: the integral of |F^-1(u) - G^-1(u)| over
/// u in (0, 1), exact (C. Villani 2003, "Topics in Optimal Transportation", theorem 2.18). In the samples' unit.
///
/// # Errors
/// If a sample is empty or has a value that is not finite.
pub fn wasserstein1(x: &[f64], y: &[f64]) -> Result<f64, DistanceError> {
    transport(equal_masses(0, x, y.len())?, equal_masses(1, y, x.len())?, 1)
}

/// The Wasserstein-2 distance of two samples on the real line: the root of the integral of (F^-1(u) - G^-1(u))^2, exact.
/// It is the distance, in the samples' unit; [`frechet`](crate::gaussian::frechet) is squared.
///
/// ```
/// use ganvas_prob::distance::wasserstein2;
/// assert_eq!(wasserstein2(&[0.0, 1.0], &[3.0, 6.0])?, 17f64.sqrt());
/// # Ok::<(), ganvas_prob::distance::DistanceError>(())
/// ```
///
/// # Errors
/// If a sample is empty or has a value that is not finite.
pub fn wasserstein2(x: &[f64], y: &[f64]) -> Result<f64, DistanceError> {
    transport(equal_masses(0, x, y.len())?, equal_masses(1, y, x.len())?, 2)
}

/// [`wasserstein1`] where each value has a weight; weights are divided by their sum.
///
/// # Errors
/// If a sample is empty, a value is not finite, or there is not one weight, finite and not negative, for each value,
/// with a positive sum.
pub fn wasserstein1_weighted(x: &[f64], x_weights: &[f64], y: &[f64], y_weights: &[f64]) -> Result<f64, DistanceError> {
    transport(masses(0, x, x_weights)?, masses(1, y, y_weights)?, 1)
}

/// [`wasserstein2`] where each value has a weight; weights are divided by their sum.
///
/// # Errors
/// As [`wasserstein1_weighted`].
pub fn wasserstein2_weighted(x: &[f64], x_weights: &[f64], y: &[f64], y_weights: &[f64]) -> Result<f64, DistanceError> {
    transport(masses(0, x, x_weights)?, masses(1, y, y_weights)?, 2)
}

/// Values with equal masses: `other` each, so that both samples have the same whole number in all, and no mass is
/// rounded.
fn equal_masses(sample: usize, values: &[f64], other: usize) -> Result<Vec<(f64, f64)>, DistanceError> {
    rows(sample, values, 1, 1)?;
    Ok(values.iter().map(|&x| (x, other as f64)).collect())
}

fn masses(sample: usize, values: &[f64], weights: &[f64]) -> Result<Vec<(f64, f64)>, DistanceError> {
    rows(sample, values, 1, 1)?;
    if weights.len() != values.len() {
        let source = SamplingError::Length { name: "weights", expected: values.len(), got: weights.len() };
        return Err(DistanceError::Weights { sample, source });
    }
    let total = weight_sum(weights).map_err(|source| DistanceError::Weights { sample, source })?;
    Ok(values.iter().zip(weights).map(|(&x, w)| (x, w / total)).collect())
}

/// (sum of mass |x - y|^p / mass)^(1/p) over the monotone coupling of values with masses.
fn transport(mut x: Vec<(f64, f64)>, mut y: Vec<(f64, f64)>, p: i32) -> Result<f64, DistanceError> {
    x.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    y.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (low, high) = (x[0].0.min(y[0].0), x[x.len() - 1].0.max(y[y.len() - 1].0));
    // In units of half of the range, so that no power or difference overflows.
    let unit = 0.5 * high - 0.5 * low;
    if unit == 0.0 {
        return Ok(0.0);
    }
    let (mut sum, mut total) = (0.0, 0.0);
    let (mut i, mut j) = (0, 0);
    while i < x.len() && j < y.len() {
        let mass = x[i].1.min(y[j].1);
        sum += mass * ((0.5 * x[i].0 - 0.5 * y[j].0) / unit).abs().powi(p);
        total += mass;
        x[i].1 -= mass;
        y[j].1 -= mass;
        i += usize::from(x[i].1 <= 0.0);
        j += usize::from(y[j].1 <= 0.0);
    }
    Ok(2.0 * unit * (sum / total).powf(1.0 / f64::from(p)))
}
