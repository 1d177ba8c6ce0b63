use super::numeric::{MOST, first_integer};
use super::special::ln_1m_exp;
use super::{is_probability, open01};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;

/// The geometric law of the number of trials up to the first success: P(X = k) = p (1 - p)^(k - 1) for k = 1, 2, ...
///
/// `p` is in (0, 1]. Johnson, Kemp and Kotz,
/// *Univariate Discrete Distributions*, chapter 5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometric {
    p: f64,
}

impl Geometric {
    /// The law with these parameters.
    pub fn new(p: f64) -> Result<Self, ParameterError> {
        ParameterError::unless(p > 0.0 && p <= 1.0, "Geometric", "p", "in (0, 1]", p)?;
        Ok(Self { p })
    }

    /// The probability of success.
    pub fn p(&self) -> f64 {
        self.p
    }

    /// The smallest k with P(X <= k) >= p = 1 - q.
    fn quantile(&self, p: f64, q: f64) -> f64 {
        // 1 minus a tiny negative number is 1.
        if !(is_probability(p) && is_probability(q)) {
            return f64::NAN;
        }
        let ln_q = if p <= q { (-p).ln_1p() } else { q.ln() };
        if ln_q == 0.0 || self.p == 1.0 {
            return 1.0;
        }
        let k = ln_q / (-self.p).ln_1p();
        if k < MOST {
            first_integer(1.0, MOST, k, |k| if p <= q { self.cdf(k) >= p } else { self.sf(k) <= q })
        } else {
            k
        }
    }
}

impl Density for Geometric {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x != x.floor() || x < 1.0 || x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        if x == 1.0 { self.p.ln() } else { self.p.ln() + (x - 1.0) * (-self.p).ln_1p() }
    }

    fn support(&self) -> Support {
        Support::Integers { low: 1.0, high: f64::INFINITY }
    }
}

impl Cumulative for Geometric {
    fn cdf(&self, x: f64) -> f64 {
        -self.ln_sf(x).exp_m1()
    }

    fn sf(&self, x: f64) -> f64 {
        // The power is exact to the last digit where 1 - p is.
        if self.p < 0.5 || x < 0.0 { self.ln_sf(x).exp() } else { (1.0 - self.p).powf(x.floor()) }
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        ln_1m_exp(self.ln_sf(x))
    }

    fn ln_sf(&self, x: f64) -> f64 {
        let k = x.floor().clamp(0.0, f64::INFINITY);
        if k == 0.0 { 0.0 } else { k * (-self.p).ln_1p() }
    }
}

impl Quantile for Geometric {
    fn ppf(&self, p: f64) -> f64 {
        self.quantile(p, 1.0 - p)
    }

    fn isf(&self, q: f64) -> f64 {
        self.quantile(1.0 - q, q)
    }
}

impl Moments for Geometric {
    fn mean(&self) -> f64 {
        1.0 / self.p
    }

    fn variance(&self) -> f64 {
        (1.0 - self.p) / (self.p * self.p)
    }

    fn skewness(&self) -> f64 {
        (2.0 - self.p) / (1.0 - self.p).sqrt()
    }

    fn excess_kurtosis(&self) -> f64 {
        6.0 + self.p * self.p / (1.0 - self.p)
    }
}

impl Entropy for Geometric {
    fn entropy_nats(&self) -> f64 {
        if self.p == 1.0 { 0.0 } else { -self.p.ln() - (1.0 - self.p) / self.p * (-self.p).ln_1p() }
    }
}

impl Sample for Geometric {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        if self.p == 1.0 { 1.0 } else { (open01(rng).ln() / (-self.p).ln_1p()).ceil().max(1.0) }
    }
}
