use super::location_scale::{Standard, location_scale};
use super::{finite, open01, positive};
use crate::traits::{Moments, ParameterError, Sample};
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
}

// None exists.
impl Moments for Cauchy {}

impl Sample for Cauchy {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // The branches of the quantile keep digits of p that a draw's u does not have.
        self.location + self.scale * (PI * (open01(rng) - 0.5)).tan()
    }
}

impl Standard for Cauchy {
    fn ln_density(&self, z: f64) -> f64 {
        let z = z.abs();
        -if z > 1e8 { 2.0 * z.ln() } else { (z * z).ln_1p() } - PI.ln()
    }

    fn density(&self, z: f64) -> f64 {
        1.0 / (PI * (1.0 + z * z))
    }

    /// The angle of (z, 1) from the negative axis, in half turns.
    fn below(&self, z: f64) -> f64 {
        1.0_f64.atan2(-z) / PI
    }

    fn ln_below(&self, z: f64) -> f64 {
        if z > 0.0 { (-self.below(-z)).ln_1p() } else { self.below(z).ln() }
    }

    fn lower_quantile(&self, p: f64) -> f64 {
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

    fn entropy(&self) -> f64 {
        (4.0 * PI).ln()
    }
}

location_scale!(Cauchy, location, scale);
