use super::beta::quantile;
use super::location_scale::{Standard, location_scale};
use super::special::{digamma_rest, incomplete_beta, ln_beta};
use super::{finite, positive};
use crate::traits::{Moments, ParameterError, Sample};
use rand::Rng;
use rand_distr::Distribution;

/// Student's t: p(x) = (1 + z^2 / freedom)^(-(freedom + 1) / 2) / (scale sqrt(freedom) B(freedom / 2, 1 / 2)) with
/// z = (x - location) / scale, on all reals.
///
/// `location` is finite, `scale` and `freedom`, the degrees of freedom, finite and positive. The mean is NaN for
/// freedom <= 1; the variance is infinite for 1 < freedom <= 2, NaN below. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 2, chapter 28.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StudentT {
    location: f64,
    scale: f64,
    freedom: f64,
    sampler: rand_distr::StudentT<f64>,
}

impl StudentT {
    /// The law with these parameters.
    pub fn new(location: f64, scale: f64, freedom: f64) -> Result<Self, ParameterError> {
        finite("StudentT", "location", location)?;
        positive("StudentT", "scale", scale)?;
        positive("StudentT", "freedom", freedom)?;
        let sampler = rand_distr::StudentT::new(freedom).map_err(|_| ParameterError {
            law: "StudentT",
            parameter: "freedom",
            domain: "finite and positive",
            value: freedom,
        })?;
        Ok(Self { location, scale, freedom, sampler })
    }

    /// ln of the density of Z at 0.
    fn ln_peak(&self) -> f64 {
        -ln_beta(0.5 * self.freedom, 0.5) - 0.5 * self.freedom.ln()
    }

    /// ln P(Z > z) for z >= 0.
    fn ln_upper(&self, z: f64) -> f64 {
        if z.is_nan() {
            return z;
        }
        let a = 0.5 * self.freedom;
        let r = z / self.freedom.sqrt();
        if r > 1e10 {
            // I_x(a, 1/2) = x^a / (a B(a, 1/2)) for x = r^-2, which may underflow.
            let ln_r = z.ln() - 0.5 * self.freedom.ln();
            return -self.freedom * ln_r - a.ln() - ln_beta(a, 0.5) - std::f64::consts::LN_2;
        }
        let square = r * r;
        let tails = incomplete_beta(0.5, a, square / (1.0 + square), 1.0 / (1.0 + square));
        tails.ln_upper - std::f64::consts::LN_2
    }

    /// z >= 0 where P(Z > z) = q <= 1/2.
    fn outer_quantile(&self, q: f64) -> f64 {
        let a = 0.5 * self.freedom;
        if q == 0.0 {
            return f64::INFINITY;
        }
        // Far out, where 1 / (1 + z^2 / freedom) may underflow.
        let ln_x = ((2.0 * q).ln() + a.ln() + ln_beta(a, 0.5)) / a;
        if ln_x < -45.0 {
            return self.freedom.sqrt() * (-0.5 * ln_x).exp();
        }
        let (y, x) = quantile(0.5, a, 1.0 - 2.0 * q, 2.0 * q);
        (self.freedom * y / x).sqrt()
    }
}

impl Moments for StudentT {
    fn mean(&self) -> f64 {
        if self.freedom > 1.0 { self.location } else { f64::NAN }
    }

    fn variance(&self) -> f64 {
        if self.freedom > 2.0 {
            self.scale * self.scale * self.freedom / (self.freedom - 2.0)
        } else if self.freedom > 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        }
    }

    fn skewness(&self) -> f64 {
        if self.freedom > 3.0 { 0.0 } else { f64::NAN }
    }

    fn excess_kurtosis(&self) -> f64 {
        if self.freedom > 4.0 {
            6.0 / (self.freedom - 4.0)
        } else if self.freedom > 2.0 {
            f64::INFINITY
        } else {
            f64::NAN
        }
    }
}

impl Sample for StudentT {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.location + self.scale * self.sampler.sample(rng)
    }
}

impl Standard for StudentT {
    fn ln_density(&self, z: f64) -> f64 {
        let z = z.abs();
        let r = z / self.freedom.sqrt();
        let ln_square = if r > 1e8 { 2.0 * z.ln() - self.freedom.ln() } else { (r * r).ln_1p() };
        self.ln_peak() - 0.5 * (self.freedom + 1.0) * ln_square
    }

    fn below(&self, z: f64) -> f64 {
        if z < 0.0 { self.ln_upper(-z).exp() } else { 1.0 - self.ln_upper(z).exp() }
    }

    fn ln_below(&self, z: f64) -> f64 {
        if z < 0.0 { self.ln_upper(-z) } else { (-self.ln_upper(z).exp()).ln_1p() }
    }

    fn lower_quantile(&self, p: f64) -> f64 {
        if p < 0.5 { -self.outer_quantile(p) } else { self.outer_quantile(1.0 - p) }
    }

    fn entropy(&self) -> f64 {
        // (n + 1)/2 [psi((n + 1)/2) - psi(n/2)] - ln p(0), the difference of logarithms taken first.
        let n = self.freedom;
        let difference =
            (1.0 / n).ln_1p() + 1.0 / (n * (n + 1.0)) - digamma_rest(0.5 * (n + 1.0)) + digamma_rest(0.5 * n);
        0.5 * (n + 1.0) * difference - self.ln_peak()
    }
}

location_scale!(StudentT, location, scale);
