use super::normal::{self, ln_density};
use super::special::HALF_LN_2PI;
use super::{finite, is_probability, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// The log-normal law: ln X is N(location, scale^2),
/// p(x) = exp(-(ln x - location)^2 / (2 scale^2)) / (x scale sqrt(2 pi))
/// for x > 0.
///
/// `location` is finite, `scale` finite and positive. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 1, chapter 14.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    location: f64,
    scale: f64,
}

impl LogNormal {
    /// The law with these parameters.
    pub fn new(location: f64, scale: f64) -> Result<Self, ParameterError> {
        finite("LogNormal", "location", location)?;
        positive("LogNormal", "scale", scale)?;
        Ok(Self { location, scale })
    }

    /// The mean of ln X.
    pub fn location(&self) -> f64 {
        self.location
    }

    /// The standard deviation of ln X.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    fn standardise(&self, x: f64) -> f64 {
        (x.clamp(0.0, f64::INFINITY).ln() - self.location) / self.scale
    }
}

impl Density for LogNormal {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x <= 0.0 || x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        ln_density(self.standardise(x)) - x.ln() - self.scale.ln()
    }

    fn pdf(&self, x: f64) -> f64 {
        let density = normal::density(self.standardise(x));
        // Below, digits are lost before small x and scale can raise it.
        if density < 1e-290 || density / x < 1e-290 { self.ln_pdf(x).exp() } else { density / x / self.scale }
    }

    fn support(&self) -> Support {
        Support::Interval { low: 0.0, high: f64::INFINITY }
    }
}

impl Cumulative for LogNormal {
    fn cdf(&self, x: f64) -> f64 {
        normal::cdf(self.standardise(x))
    }

    fn sf(&self, x: f64) -> f64 {
        normal::cdf(-self.standardise(x))
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        normal::ln_cdf(self.standardise(x))
    }

    fn ln_sf(&self, x: f64) -> f64 {
        normal::ln_cdf(-self.standardise(x))
    }
}

impl Quantile for LogNormal {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        (self.location + self.scale * normal::ppf(p)).exp()
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        (self.location - self.scale * normal::ppf(q)).exp()
    }
}

impl Moments for LogNormal {
    fn mean(&self) -> f64 {
        (self.location + 0.5 * self.scale * self.scale).exp()
    }

    fn variance(&self) -> f64 {
        let square = self.scale * self.scale;
        square.exp_m1() * (2.0 * self.location + square).exp()
    }

    fn skewness(&self) -> f64 {
        let square = self.scale * self.scale;
        (square.exp() + 2.0) * square.exp_m1().sqrt()
    }

    fn excess_kurtosis(&self) -> f64 {
        let square = self.scale * self.scale;
        (4.0 * square).exp_m1() + 2.0 * (3.0 * square).exp_m1() + 3.0 * (2.0 * square).exp_m1()
    }
}

impl Entropy for LogNormal {
    fn entropy_nats(&self) -> f64 {
        HALF_LN_2PI + 0.5 + self.scale.ln() + self.location
    }
}

impl Sample for LogNormal {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        (self.location + self.scale * z).exp()
    }
}
