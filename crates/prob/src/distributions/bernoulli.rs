use super::{is_probability, open01};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;

/// The Bernoulli law: P(X = 1) = p, P(X = 0) = 1 - p.
///
/// `p` is in [0, 1]. Johnson, Kemp and Kotz,
/// *Univariate Discrete Distributions*, chapter 3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bernoulli {
    p: f64,
}

impl Bernoulli {
    /// The law with these parameters.
    pub fn new(p: f64) -> Result<Self, ParameterError> {
        ParameterError::unless(is_probability(p), "Bernoulli", "p", "in [0, 1]", p)?;
        Ok(Self { p })
    }

    /// P(X = 1).
    pub fn p(&self) -> f64 {
        self.p
    }
}

impl Density for Bernoulli {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            x
        } else if x == 0.0 {
            (-self.p).ln_1p()
        } else if x == 1.0 {
            self.p.ln()
        } else {
            f64::NEG_INFINITY
        }
    }

    fn support(&self) -> Support {
        Support::Integers { low: 0.0, high: 1.0 }
    }
}

impl Cumulative for Bernoulli {
    fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            x
        } else if x < 0.0 {
            0.0
        } else if x < 1.0 {
            1.0 - self.p
        } else {
            1.0
        }
    }

    fn sf(&self, x: f64) -> f64 {
        if x.is_nan() {
            x
        } else if x < 0.0 {
            1.0
        } else if x < 1.0 {
            self.p
        } else {
            0.0
        }
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        if (0.0..1.0).contains(&x) { (-self.p).ln_1p() } else { self.cdf(x).ln() }
    }
}

impl Quantile for Bernoulli {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        if p <= 1.0 - self.p { 0.0 } else { 1.0 }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        if self.p <= q { 0.0 } else { 1.0 }
    }
}

impl Moments for Bernoulli {
    fn mean(&self) -> f64 {
        self.p
    }

    fn variance(&self) -> f64 {
        self.p * (1.0 - self.p)
    }

    fn skewness(&self) -> f64 {
        (1.0 - 2.0 * self.p) / (self.p * (1.0 - self.p)).sqrt()
    }

    fn excess_kurtosis(&self) -> f64 {
        let variance = self.p * (1.0 - self.p);
        (1.0 - 6.0 * variance) / variance
    }
}

impl Entropy for Bernoulli {
    fn entropy_nats(&self) -> f64 {
        let term = |p: f64, ln_p: f64| if p == 0.0 { 0.0 } else { -p * ln_p };
        term(self.p, self.p.ln()) + term(1.0 - self.p, (-self.p).ln_1p())
    }
}

impl Sample for Bernoulli {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        if open01(rng) < self.p { 1.0 } else { 0.0 }
    }
}
