use super::{finite, is_probability, open01, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use std::f64::consts::PI;

/// The logistic law: F(x) = 1 / (1 + exp(-(x - location) / scale)), p(x) = F(x) (1 - F(x)) / scale on all reals.
///
/// `location` is finite, `scale` finite and positive. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 2, chapter 23.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logistic {
    location: f64,
    scale: f64,
}

impl Logistic {
    /// The law with these parameters.
    pub fn new(location: f64, scale: f64) -> Result<Self, ParameterError> {
        finite("Logistic", "location", location)?;
        positive("Logistic", "scale", scale)?;
        Ok(Self { location, scale })
    }

    fn standardise(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }
}

impl Density for Logistic {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = self.standardise(x).abs();
        -z - 2.0 * (-z).exp().ln_1p() - self.scale.ln()
    }

    fn support(&self) -> Support {
        Support::Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Cumulative for Logistic {
    fn cdf(&self, x: f64) -> f64 {
        1.0 / (1.0 + (-self.standardise(x)).exp())
    }

    fn sf(&self, x: f64) -> f64 {
        1.0 / (1.0 + self.standardise(x).exp())
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        ln_sigmoid(self.standardise(x))
    }

    fn ln_sf(&self, x: f64) -> f64 {
        ln_sigmoid(-self.standardise(x))
    }
}

impl Quantile for Logistic {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        self.location + self.scale * (p.ln() - (-p).ln_1p())
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        self.location + self.scale * ((-q).ln_1p() - q.ln())
    }
}

impl Moments for Logistic {
    fn mean(&self) -> f64 {
        self.location
    }

    fn variance(&self) -> f64 {
        (PI * self.scale).powi(2) / 3.0
    }

    fn skewness(&self) -> f64 {
        0.0
    }

    fn excess_kurtosis(&self) -> f64 {
        1.2
    }
}

impl Entropy for Logistic {
    fn entropy_nats(&self) -> f64 {
        2.0 + self.scale.ln()
    }
}

impl Sample for Logistic {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.ppf(open01(rng))
    }
}

fn ln_sigmoid(z: f64) -> f64 {
    if z < 0.0 { z - z.exp().ln_1p() } else { -(-z).exp().ln_1p() }
}
