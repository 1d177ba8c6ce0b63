use super::numeric::count_quantile;
use super::special::{HALF_LN_2PI, Tails, cumulative_from_tails, incomplete_gamma, ln_poisson};
use crate::traits::{Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use rand_distr::Distribution;

/// The Poisson law: P(X = k) = rate^k exp(-rate) / k! for k = 0, 1, ...
///
/// `rate` is positive and at most 1e15, so that counts are exact. Johnson, Kemp and Kotz,
/// *Univariate Discrete Distributions*, chapter 4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poisson {
    rate: f64,
    sampler: rand_distr::Poisson<f64>,
}

impl Poisson {
    /// The law with these parameters.
    pub fn new(rate: f64) -> Result<Self, ParameterError> {
        let inside = rate > 0.0 && rate <= 1e15;
        ParameterError::unless(inside, "Poisson", "rate", "in (0, 1e15]", rate)?;
        let sampler = rand_distr::Poisson::new(rate).map_err(|_| ParameterError {
            law: "Poisson",
            parameter: "rate",
            domain: "in (0, 1e15]",
            value: rate,
        })?;
        Ok(Self { rate, sampler })
    }

    /// The tails of the gamma law of the arrival k + 1: its lower one is P(X > k).
    fn tails(&self, x: f64) -> Tails {
        if x < 0.0 { Tails { ln_lower: 0.0, ln_upper: f64::NEG_INFINITY } } else { self.arrival(x.floor() + 1.0) }
    }

    fn arrival(&self, k: f64) -> Tails {
        if k == f64::INFINITY {
            return Tails { ln_lower: f64::NEG_INFINITY, ln_upper: 0.0 };
        }
        incomplete_gamma(k, self.rate)
    }
}

impl Density for Poisson {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x != x.floor() || x < 0.0 || x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        ln_poisson(x, self.rate)
    }

    fn support(&self) -> Support {
        Support::Integers { low: 0.0, high: f64::INFINITY }
    }
}

cumulative_from_tails!(Poisson, upper, ln_upper, lower, ln_lower);

impl Quantile for Poisson {
    fn ppf(&self, p: f64) -> f64 {
        count_quantile(self, p, 1.0 - p, f64::INFINITY)
    }

    fn isf(&self, q: f64) -> f64 {
        count_quantile(self, 1.0 - q, q, f64::INFINITY)
    }
}

impl Moments for Poisson {
    fn mean(&self) -> f64 {
        self.rate
    }

    fn variance(&self) -> f64 {
        self.rate
    }

    fn skewness(&self) -> f64 {
        1.0 / self.rate.sqrt()
    }

    fn excess_kurtosis(&self) -> f64 {
        1.0 / self.rate
    }
}

impl Entropy for Poisson {
    fn entropy_nats(&self) -> f64 {
        let m = self.rate;
        if m > 1e4 {
            // Evans and Boersma 1988, "The entropy of a Poisson distribution"; the next term is below 1e-16.
            return HALF_LN_2PI + 0.5 + 0.5 * m.ln() - (1.0 / 12.0 + (1.0 / 24.0 + 19.0 / 360.0 / m) / m) / m;
        }
        let low = (m - 40.0 * m.sqrt()).floor().max(0.0) as u64;
        let high = (m + 40.0 * m.sqrt() + 200.0).ceil() as u64;
        (low..=high)
            .map(|k| {
                let ln = ln_poisson(k as f64, m);
                -ln * ln.exp()
            })
            .sum()
    }
}

impl Sample for Poisson {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.sampler.sample(rng)
    }
}
