use super::{finite, is_probability, open01, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use std::f64::consts::LN_2;

/// The Laplace law: p(x) = exp(-|x - location| / scale) / (2 scale) on all reals.
///
/// `location` is finite, `scale` finite and positive. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 2, chapter 24.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Laplace {
    location: f64,
    scale: f64,
}

impl Laplace {
    /// The law with these parameters.
    pub fn new(location: f64, scale: f64) -> Result<Self, ParameterError> {
        finite("Laplace", "location", location)?;
        positive("Laplace", "scale", scale)?;
        Ok(Self { location, scale })
    }

    /// The location.
    pub fn location(&self) -> f64 {
        self.location
    }

    /// The scale.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    fn standardise(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }
}

impl Density for Laplace {
    fn ln_pdf(&self, x: f64) -> f64 {
        -self.standardise(x).abs() - self.scale.ln() - LN_2
    }

    fn support(&self) -> Support {
        Support::Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Cumulative for Laplace {
    fn cdf(&self, x: f64) -> f64 {
        half_exponential(self.standardise(x))
    }

    fn sf(&self, x: f64) -> f64 {
        half_exponential(-self.standardise(x))
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        ln_half_exponential(self.standardise(x))
    }

    fn ln_sf(&self, x: f64) -> f64 {
        ln_half_exponential(-self.standardise(x))
    }
}

impl Quantile for Laplace {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        self.location + self.scale * quantile(p)
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        self.location - self.scale * quantile(q)
    }
}

impl Moments for Laplace {
    fn mean(&self) -> f64 {
        self.location
    }

    fn variance(&self) -> f64 {
        2.0 * self.scale * self.scale
    }

    fn skewness(&self) -> f64 {
        0.0
    }

    fn excess_kurtosis(&self) -> f64 {
        3.0
    }
}

impl Entropy for Laplace {
    fn entropy_nats(&self) -> f64 {
        1.0 + LN_2 + self.scale.ln()
    }
}

impl Sample for Laplace {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.ppf(open01(rng))
    }
}

/// The cdf for location 0 and scale 1.
fn half_exponential(z: f64) -> f64 {
    if z < 0.0 { 0.5 * z.exp() } else { 1.0 - 0.5 * (-z).exp() }
}

fn ln_half_exponential(z: f64) -> f64 {
    if z < 0.0 { z - LN_2 } else { (-0.5 * (-z).exp()).ln_1p() }
}

fn quantile(p: f64) -> f64 {
    if p < 0.5 { (2.0 * p).ln() } else { -(2.0 * (1.0 - p)).ln() }
}
