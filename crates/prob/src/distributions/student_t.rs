use super::beta::quantile;
use super::special::{digamma_rest, incomplete_beta, ln_beta};
use super::{finite, is_probability, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
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

    fn standardise(&self, x: f64) -> f64 {
        (x - self.location) / self.scale
    }

    /// ln p(location).
    fn ln_peak(&self) -> f64 {
        -ln_beta(0.5 * self.freedom, 0.5) - 0.5 * self.freedom.ln() - self.scale.ln()
    }

    /// ln P(Z > z) for the standardised variable and z >= 0.
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
    fn upper_quantile(&self, q: f64) -> f64 {
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

impl Density for StudentT {
    fn ln_pdf(&self, x: f64) -> f64 {
        let z = self.standardise(x).abs();
        let r = z / self.freedom.sqrt();
        let ln_square = if r > 1e8 { 2.0 * z.ln() - self.freedom.ln() } else { (r * r).ln_1p() };
        self.ln_peak() - 0.5 * (self.freedom + 1.0) * ln_square
    }

    fn support(&self) -> Support {
        Support::Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Cumulative for StudentT {
    fn cdf(&self, x: f64) -> f64 {
        let z = self.standardise(x);
        if z < 0.0 { self.ln_upper(-z).exp() } else { 1.0 - self.ln_upper(z).exp() }
    }

    fn sf(&self, x: f64) -> f64 {
        let z = self.standardise(x);
        if z > 0.0 { self.ln_upper(z).exp() } else { 1.0 - self.ln_upper(-z).exp() }
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        let z = self.standardise(x);
        if z < 0.0 { self.ln_upper(-z) } else { (-self.ln_upper(z).exp()).ln_1p() }
    }

    fn ln_sf(&self, x: f64) -> f64 {
        let z = self.standardise(x);
        if z > 0.0 { self.ln_upper(z) } else { (-self.ln_upper(-z).exp()).ln_1p() }
    }
}

impl Quantile for StudentT {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        self.location + self.scale * if p < 0.5 { -self.upper_quantile(p) } else { self.upper_quantile(1.0 - p) }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        self.location + self.scale * if q < 0.5 { self.upper_quantile(q) } else { -self.upper_quantile(1.0 - q) }
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

impl Entropy for StudentT {
    fn entropy_nats(&self) -> f64 {
        // (n + 1)/2 [psi((n + 1)/2) - psi(n/2)] - ln p(location), the difference of logarithms taken first.
        let n = self.freedom;
        let difference =
            (1.0 / n).ln_1p() + 1.0 / (n * (n + 1.0)) - digamma_rest(0.5 * (n + 1.0)) + digamma_rest(0.5 * n);
        0.5 * (n + 1.0) * difference - self.ln_peak()
    }
}

impl Sample for StudentT {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.location + self.scale * self.sampler.sample(rng)
    }
}
