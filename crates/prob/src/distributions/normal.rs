use super::location_scale::{Standard, location_scale};
use super::special::HALF_LN_2PI;
use super::{finite, positive};
use crate::traits::{Moments, ParameterError, Sample};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2, TAU};

/// The normal law: p(x) = exp(-(x - mean)^2 / (2 sd^2)) / (sd sqrt(2 pi)) on all reals.
///
/// `mean` is finite, the standard deviation `sd` finite and positive. Johnson, Kotz and Balakrishnan, *Continuous
/// Univariate Distributions*, volume 1, chapter 13.
///
/// ```
/// use ganvas_prob::{distributions::Normal, traits::{Cumulative, Quantile}};
/// let standard = Normal::new(0.0, 1.0)?;
/// assert!((standard.sf(1.959963984540054) - 0.025).abs() < 1e-15);
/// assert!((standard.isf(1e-300) - 37.0470962993612).abs() < 1e-12);
/// assert!(Normal::new(0.0, -1.0).is_err());
/// # Ok::<(), ganvas_prob::traits::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    mean: f64,
    sd: f64,
}

impl Normal {
    /// N(mean, sd^2).
    pub fn new(mean: f64, sd: f64) -> Result<Self, ParameterError> {
        finite("Normal", "mean", mean)?;
        positive("Normal", "sd", sd)?;
        Ok(Self { mean, sd })
    }

    /// The standard deviation.
    pub fn sd(&self) -> f64 {
        self.sd
    }
}

/// ln of the density of N(0, 1).
pub(super) fn ln_density(z: f64) -> f64 {
    -0.5 * z * z - HALF_LN_2PI
}

/// The density of N(0, 1).
pub(super) fn density(z: f64) -> f64 {
    if z.is_nan() || z.abs() > 39.0 {
        return ln_density(z).exp();
    }
    // z^2 in two parts, the first without rounding (Cody 1969): digits of a large exponent are digits of the result.
    let coarse = (16.0 * z).trunc() / 16.0;
    (-0.5 * coarse * coarse).exp() * (-0.5 * (z - coarse) * (z + coarse)).exp() / TAU.sqrt()
}

/// The cdf of N(0, 1).
pub(super) fn cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// ln of the cdf of N(0, 1).
pub(super) fn ln_cdf(z: f64) -> f64 {
    if z > 0.0 {
        return (-cdf(-z)).ln_1p();
    }
    if z > -30.0 {
        return cdf(z).ln();
    }
    ln_density(z) + ln_mills(z)
}

/// ln of the cdf over the density of N(0, 1), for z <= 0.
pub(super) fn ln_mills(z: f64) -> f64 {
    if z > -30.0 {
        return cdf(z).ln() - ln_density(z);
    }
    // Abramowitz and Stegun 26.2.12; the tenth term is below 1e-20 here.
    let r = 1.0 / (z * z);
    let mut term = 1.0;
    let mut sum = 0.0;
    for k in 1..=9 {
        term *= -r * f64::from(2 * k - 1);
        sum += term;
    }
    sum.ln_1p() - (-z).ln()
}

/// The quantile of N(0, 1).
pub(super) fn ppf(p: f64) -> f64 {
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    if p > 0.5 {
        return -ppf(1.0 - p);
    }
    let ln_p = p.ln();
    let mut z = if p < 1e-300 { -37.0 } else { -SQRT_2 * statrs::function::erf::erfc_inv(2.0 * p) };
    if z > -0.1 {
        return z;
    }
    for _ in 0..3 {
        let value = ln_cdf(z);
        let slope = (ln_density(z) - value).exp();
        z -= (value - ln_p) / slope;
    }
    z
}

impl Moments for Normal {
    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        self.sd * self.sd
    }

    fn skewness(&self) -> f64 {
        0.0
    }

    fn excess_kurtosis(&self) -> f64 {
        0.0
    }
}

impl Sample for Normal {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        self.mean + self.sd * z
    }
}

impl Standard for Normal {
    fn ln_density(&self, z: f64) -> f64 {
        ln_density(z)
    }

    fn density(&self, z: f64) -> f64 {
        density(z)
    }

    fn below(&self, z: f64) -> f64 {
        cdf(z)
    }

    fn ln_below(&self, z: f64) -> f64 {
        ln_cdf(z)
    }

    fn lower_quantile(&self, p: f64) -> f64 {
        ppf(p)
    }

    fn entropy(&self) -> f64 {
        HALF_LN_2PI + 0.5
    }
}

location_scale!(Normal, mean, sd);
