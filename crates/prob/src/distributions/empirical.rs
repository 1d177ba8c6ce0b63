use super::is_probability;
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;

/// What keeps a law from being made of a sample.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// No values.
    #[error("{law} needs at least {needed} values, got {count}")]
    TooFew {
        /// The law.
        law: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many there are.
        count: usize,
    },
    /// A value that is not a finite number.
    #[error("value {index} of the sample is {value}: it must be finite")]
    NotFinite {
        /// Its position.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A parameter outside of its domain, given or found.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// The law of a sample: mass 1/n at each of its n values; values that occur m times have m/n.
///
/// Values are finite, and there is at least one. Moments are those of this law, so sums are divided by n. Draws are
/// draws with replacement (the bootstrap of B. Efron 1979, Ann. Statist. 7).
///
/// ```
/// use ganvas_prob::{distributions::Empirical, traits::{Cumulative, Moments, Quantile}};
/// let sample = Empirical::new(&[3.0, 1.0, 2.0, 2.0])?;
/// assert_eq!(sample.values(), [1.0, 2.0, 2.0, 3.0]);
/// assert_eq!((sample.cdf(2.0), sample.ppf(0.75), sample.ppf(0.76)), (0.75, 2.0, 3.0));
/// assert_eq!((sample.mean(), sample.variance()), (2.0, 0.5));
/// # Ok::<(), ganvas_prob::distributions::SampleError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Empirical {
    /// Ascending.
    values: Vec<f64>,
}

impl Empirical {
    /// The law of this sample, `[n]` in any order.
    ///
    /// # Errors
    /// If there is no value, or one is not finite.
    pub fn new(sample: &[f64]) -> Result<Self, SampleError> {
        if let Some(index) = sample.iter().position(|x| !x.is_finite()) {
            return Err(SampleError::NotFinite { index, value: sample[index] });
        }
        if sample.is_empty() {
            return Err(SampleError::TooFew { law: "Empirical", needed: 1, count: 0 });
        }
        let mut values = sample.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self { values })
    }

    /// The values, ascending, `[n]`.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many values there are, each counted as often as it occurs.
    #[allow(clippy::len_without_is_empty, reason = "a sample is never empty")]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    fn n(&self) -> f64 {
        self.values.len() as f64
    }

    /// How many values are <= x.
    fn count(&self, x: f64) -> usize {
        self.values.partition_point(|&value| value <= x)
    }

    /// `E[(X - E[X])^k]`.
    pub(super) fn central(&self, k: i32) -> f64 {
        let mean = self.mean();
        self.values.iter().map(|x| (x - mean).powi(k)).sum::<f64>() / self.n()
    }
}

impl Density for Empirical {
    fn ln_pdf(&self, x: f64) -> f64 {
        self.pdf(x).ln()
    }

    fn pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        (self.count(x) - self.values.partition_point(|&value| value < x)) as f64 / self.n()
    }

    fn support(&self) -> Support {
        Support::Finite
    }
}

impl Cumulative for Empirical {
    fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { self.count(x) as f64 / self.n() }
    }

    fn sf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { (self.len() - self.count(x)) as f64 / self.n() }
    }
}

/// The smallest k in [0, n] for which `holds`, which stays true once it is; `guess` is off by rounding only.
fn smallest(guess: f64, n: usize, holds: impl Fn(f64) -> bool) -> usize {
    let mut k = (guess as usize).min(n);
    while k > 0 && holds((k - 1) as f64) {
        k -= 1;
    }
    while k < n && !holds(k as f64) {
        k += 1;
    }
    k
}

impl Quantile for Empirical {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        let n = self.n();
        let below = smallest((p * n).ceil(), self.len(), |k| k / n >= p);
        self.values[below.saturating_sub(1)]
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        let n = self.n();
        let below = smallest((n - q * n).ceil(), self.len(), |k| (n - k) / n <= q);
        self.values[below.saturating_sub(1)]
    }
}

impl Moments for Empirical {
    fn mean(&self) -> f64 {
        let n = self.n();
        let rough = self.values.iter().map(|x| x / n).sum::<f64>();
        // What rounding of the sum left over.
        rough + self.values.iter().map(|x| x - rough).sum::<f64>() / n
    }

    fn variance(&self) -> f64 {
        self.central(2)
    }

    fn skewness(&self) -> f64 {
        self.central(3) / self.central(2).powf(1.5)
    }

    fn excess_kurtosis(&self) -> f64 {
        self.central(4) / self.central(2).powi(2) - 3.0
    }
}

impl Entropy for Empirical {
    fn entropy_nats(&self) -> f64 {
        let n = self.n();
        self.values.chunk_by(|a, b| a == b).map(|equal| equal.len() as f64 / n * (n / equal.len() as f64).ln()).sum()
    }
}

impl Sample for Empirical {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // The upper word of the product is uniform to n 2^-64 (Lemire 2019, ACM TOMACS 29).
        self.values[((u128::from(rng.next_u64()) * self.values.len() as u128) >> 64) as usize]
    }
}
