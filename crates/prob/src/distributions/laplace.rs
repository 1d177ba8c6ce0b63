use super::location_scale::{Standard, location_scale};
use super::{finite, open01, positive};
use crate::traits::{Moments, ParameterError, Sample};
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

impl Sample for Laplace {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.location + self.scale * self.lower_quantile(open01(rng))
    }
}

impl Standard for Laplace {
    fn ln_density(&self, z: f64) -> f64 {
        -z.abs() - LN_2
    }

    fn density(&self, z: f64) -> f64 {
        0.5 * (-z.abs()).exp()
    }

    fn below(&self, z: f64) -> f64 {
        if z < 0.0 { 0.5 * z.exp() } else { 1.0 - 0.5 * (-z).exp() }
    }

    fn ln_below(&self, z: f64) -> f64 {
        if z < 0.0 { z - LN_2 } else { (-0.5 * (-z).exp()).ln_1p() }
    }

    fn lower_quantile(&self, p: f64) -> f64 {
        if p < 0.5 { (2.0 * p).ln() } else { -(2.0 * (1.0 - p)).ln() }
    }

    fn entropy(&self) -> f64 {
        1.0 + LN_2
    }
}

location_scale!(Laplace, location, scale);
