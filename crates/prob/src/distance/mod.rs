//! Distances and tests between samples.
//!
//! | | Between | Cost |
//! |---|---|---|
//! | [`wasserstein1`], [`wasserstein2`] | samples on the real line, of any sizes and weights | O(n log n) |
//! | [`energy_distance`], [`energy_distance_unbiased`] | rows of any dimension | O(n^2 d), O(n log n) for d = 1 |
//! | [`mmd_squared`] | rows of any dimension, under a [`Kernel`] | O(n^2 d) |
//! | [`frechet`](crate::gaussian::frechet) | the Gaussians with the samples' moments | O(n d^2 + d^3) |
//!
//! | Test | Null hypothesis |
//! |---|---|
//! | [`kolmogorov_smirnov`], [`anderson_darling`] | the sample follows a given continuous law |
//! | [`kolmogorov_smirnov_two_samples`], [`anderson_darling_k_samples`] | the samples follow one law |
//!
//! Rows are `[n, dims]`, row-major. What is wrong with a sample is an error that names it and the place:
//! [`DistanceError`].
//!
//! ```
//! use ganvas_prob::{distance::{kolmogorov_smirnov, wasserstein1}, distributions::Uniform};
//! assert_eq!(wasserstein1(&[0.0, 1.0], &[5.0])?, 4.5);
//! let test = kolmogorov_smirnov(&[0.25, 0.75], &Uniform::new(0.0, 1.0)?)?;
//! assert_eq!((test.statistic, test.p_value), (0.25, 1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anderson_darling;
mod energy;
mod kernel;
mod kolmogorov_smirnov;
mod mmd;
mod wasserstein;

pub use anderson_darling::{anderson_darling, anderson_darling_k_samples, anderson_darling_limit_sf};
pub use energy::{energy_distance, energy_distance_unbiased};
pub use kernel::Kernel;
pub use kolmogorov_smirnov::{kolmogorov_sf, kolmogorov_smirnov, kolmogorov_smirnov_two_samples};
pub use mmd::{median_distance, mmd_squared};
pub use wasserstein::{wasserstein1, wasserstein1_weighted, wasserstein2, wasserstein2_weighted};

use crate::sampling::SamplingError;

/// What keeps a distance or a test from being computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DistanceError {
    /// Too few values or rows.
    #[error("sample {sample} has {count} rows: at least {needed} are needed")]
    TooFew {
        /// Which sample, counted from 0.
        sample: usize,
        /// How many rows are needed.
        needed: usize,
        /// How many there are.
        count: usize,
    },
    /// A value that is not a finite number.
    #[error("value {index} of sample {sample} is {value}: it must be finite")]
    NotFinite {
        /// Which sample, counted from 0.
        sample: usize,
        /// Its position.
        index: usize,
        /// The value.
        value: f64,
    },
    /// Values that do not fill their last row.
    #[error("sample {sample} has {len} values, which is no whole number of rows of {dims}")]
    Rows {
        /// Which sample, counted from 0.
        sample: usize,
        /// Size of a row.
        dims: usize,
        /// How many values there are.
        len: usize,
    },
    /// Weights that are none, or not one for each value.
    #[error("weights of sample {sample}: {source}")]
    Weights {
        /// Which sample, counted from 0.
        sample: usize,
        /// What is wrong with them.
        source: SamplingError,
    },
    /// A parameter outside of its domain.
    #[error("`{name}` must be {domain}, got {value}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Its domain, in words.
        domain: &'static str,
        /// The value given.
        value: f64,
    },
    /// Too few samples.
    #[error("{count} samples: at least 2 are needed")]
    Samples {
        /// How many there are.
        count: usize,
    },
    /// All values are the same.
    #[error("all values are {value}: there is nothing to compare")]
    NoSpread {
        /// The value, the first one of a row.
        value: f64,
    },
    /// A cumulative distribution function outside of [0, 1].
    #[error("the law's cdf is {value} at x = {x}: it must be in [0, 1]")]
    NotACdf {
        /// The place.
        x: f64,
        /// What the function gave.
        value: f64,
    },
}

/// What a test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestResult {
    /// How far apart: the larger, the farther.
    pub statistic: f64,
    /// The probability of a statistic at least as large where the null hypothesis holds.
    pub p_value: f64,
}

/// Refuses samples of fewer than `needed` rows of `dims` values, and values that are not finite; the number of rows.
fn rows(sample: usize, values: &[f64], dims: usize, needed: usize) -> Result<usize, DistanceError> {
    if dims == 0 || !values.len().is_multiple_of(dims) {
        return Err(DistanceError::Rows { sample, dims, len: values.len() });
    }
    let count = values.len() / dims;
    if count < needed {
        return Err(DistanceError::TooFew { sample, needed, count });
    }
    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(DistanceError::NotFinite { sample, index, value: values[index] }),
        None => Ok(count),
    }
}

/// The values in ascending order; at least one, all finite.
fn sorted(sample: usize, values: &[f64]) -> Result<Vec<f64>, DistanceError> {
    rows(sample, values, 1, 1)?;
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    Ok(values)
}

/// The mean of f(x_i, y_j) over all pairs of rows, block by block so that rows stay in the cache.
fn mean_across(x: &[f64], y: &[f64], dims: usize, f: impl Fn(&[f64], &[f64]) -> f64) -> f64 {
    let mut sum = 0.0;
    for block in x.chunks(BLOCK * dims) {
        for other in y.chunks(BLOCK * dims) {
            sum +=
                block.chunks_exact(dims).map(|a| other.chunks_exact(dims).map(|b| f(a, b)).sum::<f64>()).sum::<f64>();
        }
    }
    sum / (x.len() / dims) as f64 / (y.len() / dims) as f64
}

/// The mean of a symmetric f(x_i, x_j) over all pairs i != j; zero for one row.
fn mean_within(x: &[f64], dims: usize, f: impl Fn(&[f64], &[f64]) -> f64) -> f64 {
    let n = x.len() / dims;
    let mut sum = 0.0;
    for (i, block) in x.chunks(BLOCK * dims).enumerate() {
        let mut rest = block;
        while let Some((a, others)) = rest.split_at_checked(dims) {
            sum += others.chunks_exact(dims).map(|b| f(a, b)).sum::<f64>();
            rest = others;
        }
        for other in x.chunks(BLOCK * dims).skip(i + 1) {
            sum +=
                block.chunks_exact(dims).map(|a| other.chunks_exact(dims).map(|b| f(a, b)).sum::<f64>()).sum::<f64>();
        }
    }
    if n == 1 { 0.0 } else { 2.0 * sum / n as f64 / (n - 1) as f64 }
}

/// Rows of a block: two of them at 64 dimensions fit the second-level cache.
const BLOCK: usize = 128;

/// The sum of f(a, b) over two rows, in eight sums side by side, which the compiler can put into one register.
#[inline]
fn over_row(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a8.remainder().iter().zip(b8.remainder()).map(|(&x, &y)| f(x, y)).sum();
    for (x, y) in a8.zip(b8) {
        for i in 0..8 {
            lanes[i] += f(x[i], y[i]);
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// The squared Euclidean distance of two rows.
#[inline]
fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    over_row(a, b, |x, y| (x - y) * (x - y))
}
