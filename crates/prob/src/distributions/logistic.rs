use super::location_scale::{Standard, location_scale};
use super::{finite, open01, positive};
use crate::traits::{Moments, ParameterError, Sample};
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

impl Sample for Logistic {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.location + self.scale * self.lower_quantile(open01(rng))
    }
}

impl Standard for Logistic {
    fn ln_density(&self, z: f64) -> f64 {
        let z = z.abs();
        -z - 2.0 * (-z).exp().ln_1p()
    }

    fn density(&self, z: f64) -> f64 {
        let e = (-z.abs()).exp();
        e / (1.0 + e) / (1.0 + e)
    }

    fn below(&self, z: f64) -> f64 {
        1.0 / (1.0 + (-z).exp())
    }

    fn ln_below(&self, z: f64) -> f64 {
        if z < 0.0 { z - z.exp().ln_1p() } else { -(-z).exp().ln_1p() }
    }

    fn lower_quantile(&self, p: f64) -> f64 {
        // In the middle the difference of the logarithms would cancel.
        if (0.25..=0.75).contains(&p) { ((2.0 * p - 1.0) / (1.0 - p)).ln_1p() } else { p.ln() - (-p).ln_1p() }
    }

    fn entropy(&self) -> f64 {
        2.0
    }
}

location_scale!(Logistic, location, scale);
