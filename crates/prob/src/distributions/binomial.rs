use super::is_probability;
use super::numeric::count_quantile;
use super::special::{HALF_LN_2PI, Tails, cumulative_from_tails, incomplete_beta, ln_binomial};
use crate::traits::{Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use rand_distr::Distribution;

/// The binomial law: P(X = k) = C(n, k) p^k (1 - p)^(n - k) for k = 0, 1, ..., n.
///
/// `n` is at most 2^53, so that counts are exact, and `p` in [0, 1]. Johnson, Kemp and Kotz,
/// *Univariate Discrete Distributions*, chapter 3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binomial {
    n: f64,
    p: f64,
    sampler: rand_distr::Binomial,
}

impl Binomial {
    /// The law with these parameters.
    pub fn new(n: u64, p: f64) -> Result<Self, ParameterError> {
        ParameterError::unless(n <= 1 << 53, "Binomial", "n", "at most 2^53", n as f64)?;
        ParameterError::unless(is_probability(p), "Binomial", "p", "in [0, 1]", p)?;
        let sampler = rand_distr::Binomial::new(n, p).map_err(|_| ParameterError {
            law: "Binomial",
            parameter: "p",
            domain: "in [0, 1]",
            value: p,
        })?;
        let n = n as f64;
        Ok(Self { n, p, sampler })
    }

    /// The number of trials.
    pub fn n(&self) -> u64 {
        self.n as u64
    }

    /// The probability of success.
    pub fn p(&self) -> f64 {
        self.p
    }

    /// The tails of the beta law of the success k + 1: its lower one is P(X > k).
    fn tails(&self, x: f64) -> Tails {
        if x < 0.0 {
            return Tails { ln_lower: 0.0, ln_upper: f64::NEG_INFINITY };
        }
        if x >= self.n {
            return Tails { ln_lower: f64::NEG_INFINITY, ln_upper: 0.0 };
        }
        let k = x.floor();
        incomplete_beta(k + 1.0, self.n - k, self.p, 1.0 - self.p)
    }

    /// The largest count that can occur.
    fn last(&self) -> f64 {
        if self.p == 0.0 { 0.0 } else { self.n }
    }
}

impl Density for Binomial {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x != x.floor() || !(0.0..=self.n).contains(&x) {
            return f64::NEG_INFINITY;
        }
        let (p, q) = (self.p, 1.0 - self.p);
        if p == 0.0 || q == 0.0 {
            return if x == self.mean() { 0.0 } else { f64::NEG_INFINITY };
        }
        ln_binomial(x, self.n - x, p, q)
    }

    fn support(&self) -> Support {
        Support::Integers { low: 0.0, high: self.n }
    }
}

cumulative_from_tails!(Binomial, upper, ln_upper, lower, ln_lower);

impl Quantile for Binomial {
    fn ppf(&self, p: f64) -> f64 {
        count_quantile(self, p, 1.0 - p, self.last())
    }

    fn isf(&self, q: f64) -> f64 {
        count_quantile(self, 1.0 - q, q, self.last())
    }
}

impl Moments for Binomial {
    fn mean(&self) -> f64 {
        self.n * self.p
    }

    fn variance(&self) -> f64 {
        self.n * self.p * (1.0 - self.p)
    }

    fn skewness(&self) -> f64 {
        (1.0 - 2.0 * self.p) / self.variance().sqrt()
    }

    fn excess_kurtosis(&self) -> f64 {
        (1.0 - 6.0 * self.p * (1.0 - self.p)) / self.variance()
    }
}

impl Entropy for Binomial {
    fn entropy_nats(&self) -> f64 {
        let variance = self.variance();
        if variance == 0.0 {
            return 0.0;
        }
        if variance > 1e7 {
            // The Edgeworth correction of the normal entropy; the next term is of order 1 / variance^2.
            return HALF_LN_2PI + 0.5 + 0.5 * variance.ln() + (4.0 * self.p * (1.0 - self.p) - 1.0) / (12.0 * variance);
        }
        let reach = 14.0 * variance.sqrt() + 200.0;
        let low = (self.mean() - reach).floor().max(0.0) as u64;
        let high = (self.mean() + reach).ceil().min(self.n) as u64;
        (low..=high)
            .map(|k| {
                let ln = self.ln_pdf(k as f64);
                if ln == f64::NEG_INFINITY { 0.0 } else { -ln * ln.exp() }
            })
            .sum()
    }
}

impl Sample for Binomial {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.sampler.sample(rng) as f64
    }
}
