use super::special::ln_1m_exp;
use super::{is_probability, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use rand_distr::{Distribution, Exp1};

/// The exponential law: p(x) = rate exp(-rate x) for x >= 0.
///
/// `rate` is finite and positive; its reciprocal is the mean. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 1, chapter 19.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    rate: f64,
}

impl Exponential {
    /// The law with these parameters.
    pub fn new(rate: f64) -> Result<Self, ParameterError> {
        positive("Exponential", "rate", rate)?;
        Ok(Self { rate })
    }

    /// The rate, the reciprocal of the mean.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

impl Density for Exponential {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x < 0.0 {
            return f64::NEG_INFINITY;
        }
        self.rate.ln() - self.rate * x
    }

    fn pdf(&self, x: f64) -> f64 {
        if x < 0.0 { 0.0 } else { self.rate * (-self.rate * x).exp() }
    }

    fn support(&self) -> Support {
        Support::Interval { low: 0.0, high: f64::INFINITY }
    }
}

impl Cumulative for Exponential {
    fn cdf(&self, x: f64) -> f64 {
        -(-self.rate * x.clamp(0.0, f64::INFINITY)).exp_m1()
    }

    fn sf(&self, x: f64) -> f64 {
        (-self.rate * x.clamp(0.0, f64::INFINITY)).exp()
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        let hazard = self.rate * x.clamp(0.0, f64::INFINITY);
        if hazard < f64::MIN_POSITIVE { hazard.ln() } else { ln_1m_exp(-hazard) }
    }

    fn ln_sf(&self, x: f64) -> f64 {
        -self.rate * x.clamp(0.0, f64::INFINITY)
    }
}

impl Quantile for Exponential {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        -(-p).ln_1p() / self.rate
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        -q.ln() / self.rate
    }
}

impl Moments for Exponential {
    fn mean(&self) -> f64 {
        1.0 / self.rate
    }

    fn variance(&self) -> f64 {
        1.0 / (self.rate * self.rate)
    }

    fn skewness(&self) -> f64 {
        2.0
    }

    fn excess_kurtosis(&self) -> f64 {
        6.0
    }
}

impl Entropy for Exponential {
    fn entropy_nats(&self) -> f64 {
        1.0 - self.rate.ln()
    }
}

impl Sample for Exponential {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let draw: f64 = Exp1.sample(rng);
        draw / self.rate
    }
}
