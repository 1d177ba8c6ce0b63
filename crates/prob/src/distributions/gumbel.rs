use super::location_scale::{Standard, location_scale};
use super::special::{EULER, ln_1m_exp};
use super::{finite, open01, positive};
use crate::traits::{Moments, ParameterError, Sample};
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

impl Sample for Gumbel {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.location + self.scale * self.lower_quantile(open01(rng))
    }
}

impl Standard for Gumbel {
    fn ln_density(&self, z: f64) -> f64 {
        if z == f64::NEG_INFINITY { z } else { -z - (-z).exp() }
    }

    fn below(&self, z: f64) -> f64 {
        (-(-z).exp()).exp()
    }

    fn ln_below(&self, z: f64) -> f64 {
        -(-z).exp()
    }

    fn above(&self, z: f64) -> f64 {
        -(-(-z).exp()).exp_m1()
    }

    fn ln_above(&self, z: f64) -> f64 {
        // Below the smallest normal exp(-z), where 1 - exp(-y) is y.
        if z > 700.0 { -z } else { ln_1m_exp(-(-z).exp()) }
    }

    fn lower_quantile(&self, p: f64) -> f64 {
        -(-p.ln()).ln()
    }

    fn upper_quantile(&self, q: f64) -> f64 {
        -(-(-q).ln_1p()).ln()
    }

    fn entropy(&self) -> f64 {
        1.0 + EULER
    }
}

location_scale!(Gumbel, location, scale);
