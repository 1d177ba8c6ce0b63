use super::special::ln_1m_exp;
use super::{is_probability, open01, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;

/// The Pareto law: p(x) = shape scale^shape / x^(shape + 1) for x >= scale.
///
/// `scale` and `shape` are finite and positive. The moment of order k is infinite where k >= shape; skewness and
/// kurtosis are NaN where they do not exist. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 1, chapter 20.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    scale: f64,
    shape: f64,
}

impl Pareto {
    /// The law with these parameters.
    pub fn new(scale: f64, shape: f64) -> Result<Self, ParameterError> {
        positive("Pareto", "scale", scale)?;
        positive("Pareto", "shape", shape)?;
        Ok(Self { scale, shape })
    }

    /// The scale, the lower end of the support.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The shape, the exponent of the tail.
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// ln(x / scale), zero below the support.
    fn ln_ratio(&self, x: f64) -> f64 {
        if x <= self.scale {
            return 0.0;
        }
        let (excess, ratio) = ((x - self.scale) / self.scale, x / self.scale);
        if excess < 1.0 {
            excess.ln_1p()
        } else if ratio.is_finite() {
            ratio.ln()
        } else {
            x.ln() - self.scale.ln()
        }
    }
}

impl Density for Pareto {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x < self.scale {
            return f64::NEG_INFINITY;
        }
        self.shape.ln() - self.scale.ln() - (self.shape + 1.0) * self.ln_ratio(x)
    }

    fn support(&self) -> Support {
        Support::Interval { low: self.scale, high: f64::INFINITY }
    }
}

impl Cumulative for Pareto {
    fn cdf(&self, x: f64) -> f64 {
        -(-self.shape * self.ln_ratio(x)).exp_m1()
    }

    fn sf(&self, x: f64) -> f64 {
        (-self.shape * self.ln_ratio(x)).exp()
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        ln_1m_exp(self.ln_sf(x))
    }

    fn ln_sf(&self, x: f64) -> f64 {
        -self.shape * self.ln_ratio(x)
    }
}

impl Quantile for Pareto {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        self.scale * (-(-p).ln_1p() / self.shape).exp()
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        self.scale * (-q.ln() / self.shape).exp()
    }
}

impl Moments for Pareto {
    fn mean(&self) -> f64 {
        if self.shape > 1.0 { self.shape * self.scale / (self.shape - 1.0) } else { f64::INFINITY }
    }

    fn variance(&self) -> f64 {
        let a = self.shape;
        if a > 2.0 { self.scale * self.scale * a / ((a - 1.0).powi(2) * (a - 2.0)) } else { f64::INFINITY }
    }

    fn skewness(&self) -> f64 {
        let a = self.shape;
        if a > 3.0 { 2.0 * (1.0 + a) / (a - 3.0) * (1.0 - 2.0 / a).sqrt() } else { f64::NAN }
    }

    fn excess_kurtosis(&self) -> f64 {
        let a = self.shape;
        if a > 4.0 { 6.0 * (a * a * (a + 1.0) - 6.0 * a - 2.0) / (a * (a - 3.0) * (a - 4.0)) } else { f64::NAN }
    }
}

impl Entropy for Pareto {
    fn entropy_nats(&self) -> f64 {
        (self.scale / self.shape).ln() + 1.0 + 1.0 / self.shape
    }
}

impl Sample for Pareto {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // `ppf` in fewer steps; 1 - u is exact.
        self.scale * (1.0 - open01(rng)).powf(-1.0 / self.shape)
    }
}
