//! Draws from any density, and what they cost.
//!
//! | You have | Use |
//! |---|---|
//! | probabilities of finitely many outcomes | [`AliasTable`] (O(1)), [`InverseTable`] (O(log n), cheaper set-up) |
//! | a formula for F^-1 | [`AnalyticInverse`] |
//! | a pdf or a cdf, nothing else | [`NumericalInverse`], which measures its own u-error |
//! | a pdf below M times one that can be drawn from | [`Rejection`], which checks the bound at every proposal |
//! | a log-concave density and its slope | [`AdaptiveRejection`], which finds the envelope itself |
//! | mean and scale of a Gaussian | [`reparameterise_diagonal`], [`CovarianceFactor`] |
//! | an integral over a cube of few dimensions | [`QuasiRandom`], [`quasi_mean`] |
//! | draws from another law, and an expectation to estimate | [`importance_sampling`], [`antithetic_mean`] |
//!
//! A density need not be normalised unless a page says so. What is wrong with it is an error that names the place:
//! [`SamplingError`].

mod adaptive;
mod alias;
mod analytic;
mod antithetic;
mod importance;
mod inverse_table;
mod numerical;
pub(crate) mod quadrature;
mod quasi;
mod rejection;
mod reparameterise;

pub use adaptive::AdaptiveRejection;
pub use alias::AliasTable;
pub use analytic::AnalyticInverse;
pub use antithetic::{AntitheticEstimate, antithetic_mean, antithetic_pairs};
pub use importance::{ImportanceEstimate, effective_sample_size, importance_estimate, importance_sampling};
pub use inverse_table::InverseTable;
pub use numerical::{NumericalInverse, NumericalInverseConfig};
pub use quasi::{QuasiRandom, quasi_mean};
pub use rejection::{Proposal, Rejection, UniformProposal};
pub use reparameterise::{CovarianceFactor, reparameterise_diagonal};

use rand::Rng;

/// What keeps a sampler from being set up, or from drawing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplingError {
    /// A density below zero.
    #[error("the density is negative at x = {x}: {value}")]
    Negative {
        /// The place.
        x: f64,
        /// What the density gave.
        value: f64,
    },
    /// A density, or its logarithm, that is not a number.
    #[error("the density is not a number at x = {x}")]
    NotANumber {
        /// The place.
        x: f64,
    },
    /// An infinite density.
    #[error("the density is infinite at x = {x}")]
    Infinite {
        /// The place.
        x: f64,
    },
    /// A density that integrates to nothing.
    #[error("the density integrates to nothing on [{low}, {high}]: it was zero wherever it was asked")]
    NoMass {
        /// Lower end of the support.
        low: f64,
        /// Upper end of the support.
        high: f64,
    },
    /// A density whose integral grows without bound.
    #[error("the integral of the density does not converge towards x = {x}")]
    Diverges {
        /// Where it was given up.
        x: f64,
    },
    /// A cumulative distribution function that leaves [0, 1] or falls.
    #[error("the cdf must rise from 0 to 1, but is {value} at x = {x}")]
    NotACdf {
        /// The place.
        x: f64,
        /// What the function gave.
        value: f64,
    },
    /// An interval without an inside.
    #[error("[{low}, {high}] is no interval: its ends must be numbers, the lower one first")]
    Interval {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// A setting or parameter outside of its domain.
    #[error("`{name}` must be {domain}, got {value}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Its domain, in words.
        domain: &'static str,
        /// The value given.
        value: f64,
    },
    /// The inverse cannot be approximated: the distribution has a jump, or the density a spike
    /// that is narrow beside the distance of neighbouring f64 (at x = 3e4: 4e-12, a u-error of 1e-10 for p(x) = 40).
    #[error("the inverse cdf cannot be approximated near x = {x}: a jump, or a spike too narrow for f64 there")]
    Stuck {
        /// The place.
        x: f64,
    },
    /// The approximation was built, but measures worse than asked.
    #[error("the u-error is {measured:e}, more than the {wanted:e} asked for")]
    UError {
        /// The largest that was measured.
        measured: f64,
        /// The largest that was asked for.
        wanted: f64,
    },
    /// p(x) > M q(x): draws would not follow p.
    #[error("the envelope is violated at x = {x}: p(x) / (M q(x)) = {ratio}, more than 1")]
    EnvelopeViolated {
        /// The place.
        x: f64,
        /// p(x) / (M q(x)).
        ratio: f64,
    },
    /// Nothing was accepted.
    #[error("none of {proposals} proposals in a row was accepted")]
    NoAcceptance {
        /// How many were tried.
        proposals: u64,
    },
    /// ln p is not concave, or its derivative is not the one given.
    #[error("ln p is not concave at x = {x}, or its derivative is wrong: it is {excess:e} outside of its envelope")]
    NotLogConcave {
        /// The place.
        x: f64,
        /// How far outside, in nats.
        excess: f64,
    },
    /// The first tangents enclose no finite area.
    #[error("the envelope's {end} tail is infinite: the slope of ln p at x = {x} is {slope}")]
    OpenTail {
        /// `"lower"` or `"upper"`.
        end: &'static str,
        /// The outermost point.
        x: f64,
        /// The derivative of ln p there.
        slope: f64,
    },
    /// A weight of a finite distribution that is negative or not finite.
    #[error("weight {index} is {value}: it must be finite and not negative")]
    Weight {
        /// Its position.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// No weights, or only zeros.
    #[error("{count} weights that add up to {sum}: a finite positive sum is needed")]
    WeightSum {
        /// How many there are.
        count: usize,
        /// Their sum.
        sum: f64,
    },
    /// Two parts whose sizes differ.
    #[error("{got} values of `{name}` where {expected} were expected")]
    Length {
        /// What was given.
        name: &'static str,
        /// The size expected.
        expected: usize,
        /// The size given.
        got: usize,
    },
    /// A covariance that is not symmetric.
    #[error("the covariance is not symmetric at ({row}, {column})")]
    NotSymmetric {
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
    },
    /// A covariance without a Cholesky factor.
    #[error("the {dims} x {dims} covariance is not positive definite")]
    NotPositiveDefinite {
        /// Side of the matrix.
        dims: usize,
    },
}

/// A draw from the open interval (0, 1): the midpoints of 2^52 equal cells, so that no inverse meets 0 or 1.
#[inline]
pub(crate) fn open_unit<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

/// The value of a density, or what is wrong with it.
#[inline]
pub(crate) fn checked(x: f64, value: f64) -> Result<f64, SamplingError> {
    if (0.0..f64::INFINITY).contains(&value) {
        Ok(value)
    } else if value.is_nan() {
        Err(SamplingError::NotANumber { x })
    } else if value < 0.0 {
        Err(SamplingError::Negative { x, value })
    } else {
        Err(SamplingError::Infinite { x })
    }
}

/// The logarithm of a density, or what is wrong with it; negative infinity is none.
#[inline]
pub(crate) fn checked_ln(x: f64, value: f64) -> Result<f64, SamplingError> {
    if value < f64::INFINITY {
        Ok(value)
    } else if value.is_nan() {
        Err(SamplingError::NotANumber { x })
    } else {
        Err(SamplingError::Infinite { x })
    }
}

/// Checks weights and adds them up, with Neumaier's compensation.
pub(crate) fn weight_sum(weights: &[f64]) -> Result<f64, SamplingError> {
    if let Some(index) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
        return Err(SamplingError::Weight { index, value: weights[index] });
    }
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for &weight in weights {
        let next = sum + weight;
        lost += if sum >= weight { (sum - next) + weight } else { (weight - next) + sum };
        sum = next;
    }
    let sum = sum + lost;
    if sum > 0.0 && sum.is_finite() { Ok(sum) } else { Err(SamplingError::WeightSum { count: weights.len(), sum }) }
}

#[cfg(test)]
pub(crate) mod proof {
    //! What every sampler has to pass.

    /// Draws of a Kolmogorov-Smirnov test.
    pub const DRAWS: usize = 1_000_000;

    /// The largest distance between the empirical cdf and `cdf`, times sqrt(n); 1.95 is exceeded with probability
    /// 0.001 (the limit law of Kolmogorov 1933: 2 exp(-2 * 1.95^2) = 0.001).
    pub fn kolmogorov(mut draws: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
        draws.sort_unstable_by(f64::total_cmp);
        let n = draws.len() as f64;
        let distance = |(i, &x): (usize, &f64)| {
            let f = cdf(x);
            (f - i as f64 / n).max((i + 1) as f64 / n - f)
        };
        draws.iter().enumerate().map(distance).fold(0.0, f64::max) * n.sqrt()
    }

    /// Asserts that the draws follow the cdf, at alpha = 0.001.
    pub fn follows(draws: Vec<f64>, cdf: impl Fn(f64) -> f64) {
        assert_eq!(draws.len(), DRAWS);
        let statistic = kolmogorov(draws, cdf);
        assert!(statistic < 1.95, "Kolmogorov-Smirnov: {statistic}");
    }

    /// The p-value of Pearson's chi-square test of counts against probabilities; outcomes of probability zero must
    /// not occur.
    pub fn chi_square_p(counts: &[u64], probabilities: &[f64]) -> f64 {
        use statrs::distribution::{ChiSquared, ContinuousCDF};
        let n = counts.iter().sum::<u64>() as f64;
        let (mut statistic, mut cells) = (0.0, 0);
        for (&count, &p) in counts.iter().zip(probabilities) {
            if p == 0.0 {
                assert_eq!(count, 0, "an impossible outcome was drawn");
            } else {
                statistic += (count as f64 - n * p).powi(2) / (n * p);
                cells += 1;
            }
        }
        ChiSquared::new(f64::from(cells - 1)).unwrap().sf(statistic)
    }
}
