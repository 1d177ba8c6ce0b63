use super::special::{EULER, ln_1m_exp};
use super::{finite, is_probability, open01, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use std::f64::consts::PI;

/// The Gumbel law of maxima: F(x) = exp(-exp(-z)) with z = (x - location) / scale, on all reals.
///
/// `location` is finite, `scale` finite and positive. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 2, chapter 22.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gumbel {
    location: f64,
    scale: f64,
}

impl Gumbel {
    /// The law with these parameters.
    pub fn new(location: f64, scale: f64) -> Result<Self, ParameterError> {
        finite("Gumbel", "location", location)?;
        positive("Gumbel", "scale", scale)?;
        Ok(Self { location, scale })
    }

    /// The location, which is the mode.
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

impl Density for Gumbel {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = self.standardise(x);
        if z == f64::NEG_INFINITY {
            return z;
        }
        -z - (-z).exp() - self.scale.ln()
    }

    fn support(&self) -> Support {
        Support::Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Cumulative for Gumbel {
    fn cdf(&self, x: f64) -> f64 {
        (-(-self.standardise(x)).exp()).exp()
    }

    fn sf(&self, x: f64) -> f64 {
        -(-(-self.standardise(x)).exp()).exp_m1()
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        -(-self.standardise(x)).exp()
    }

    fn ln_sf(&self, x: f64) -> f64 {
        let z = self.standardise(x);
        // Below the smallest normal exp(-z), where 1 - exp(-y) is y.
        if z > 700.0 { -z } else { ln_1m_exp(-(-z).exp()) }
    }
}

impl Quantile for Gumbel {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        self.location - self.scale * (-p.ln()).ln()
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        self.location - self.scale * (-(-q).ln_1p()).ln()
    }
}

impl Moments for Gumbel {
    fn mean(&self) -> f64 {
        self.location + EULER * self.scale
    }

    fn variance(&self) -> f64 {
        (PI * self.scale).powi(2) / 6.0
    }

    fn skewness(&self) -> f64 {
        1.139_547_099_404_648_7
    }

    fn excess_kurtosis(&self) -> f64 {
        2.4
    }
}

impl Entropy for Gumbel {
    fn entropy_nats(&self) -> f64 {
        1.0 + EULER + self.scale.ln()
    }
}

impl Sample for Gumbel {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.ppf(open01(rng))
    }
}
