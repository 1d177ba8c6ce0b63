use super::{finite, is_probability, open01, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use std::f64::consts::PI;

/// The Cauchy law: p(x) = 1 / (pi scale (1 + z^2)) with z = (x - location) / scale, on all reals.
///
/// `location` is finite, `scale` finite and positive. No moment exists. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 1, chapter 16.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cauchy {
    location: f64,
    scale: f64,
}

impl Cauchy {
    /// The law with these parameters.
    pub fn new(location: f64, scale: f64) -> Result<Self, ParameterError> {
        finite("Cauchy", "location", location)?;
        positive("Cauchy", "scale", scale)?;
        Ok(Self { location, scale })
    }

    /// The location, which is the median.
    pub fn location(&self) -> f64 {
        self.location
    }

    /// The scale, half of the interquartile range.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    fn standardise(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }
}

impl Density for Cauchy {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = self.standardise(x).abs();
        let ln_square = if z > 1e8 { 2.0 * z.ln() } else { (z * z).ln_1p() };
        -ln_square - (PI * self.scale).ln()
    }

    fn support(&self) -> Support {
        Support::Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Cumulative for Cauchy {
    fn cdf(&self, x: f64) -> f64 {
        cdf(self.standardise(x))
    }

    fn sf(&self, x: f64) -> f64 {
        cdf(-self.standardise(x))
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        ln_cdf(self.standardise(x))
    }

    fn ln_sf(&self, x: f64) -> f64 {
        ln_cdf(-self.standardise(x))
    }
}

impl Quantile for Cauchy {
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

impl Moments for Cauchy {
    fn mean(&self) -> f64 {
        f64::NAN
    }

    fn variance(&self) -> f64 {
        f64::NAN
    }

    fn skewness(&self) -> f64 {
        f64::NAN
    }

    fn excess_kurtosis(&self) -> f64 {
        f64::NAN
    }
}

impl Entropy for Cauchy {
    fn entropy_nats(&self) -> f64 {
        (4.0 * PI * self.scale).ln()
    }
}

impl Sample for Cauchy {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.ppf(open01(rng))
    }
}

/// The cdf for location 0 and scale 1: the angle of (z, 1) from the negative axis, in half turns.
fn cdf(z: f64) -> f64 {
    1.0_f64.atan2(-z) / PI
}

fn ln_cdf(z: f64) -> f64 {
    if z > 0.0 { (-cdf(-z)).ln_1p() } else { cdf(z).ln() }
}

fn quantile(p: f64) -> f64 {
    if p == 0.0 {
        f64::NEG_INFINITY
    } else if p == 1.0 {
        f64::INFINITY
    } else if p < 0.25 {
        -1.0 / (PI * p).tan()
    } else if p <= 0.75 {
        (PI * (p - 0.5)).tan()
    } else {
        1.0 / (PI * (1.0 - p)).tan()
    }
}
