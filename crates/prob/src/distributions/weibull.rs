use super::numeric::integrate;
use super::special::{EULER, ln_1m_exp, ln_gamma};
use super::{is_probability, open01, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;

/// The Weibull law: F(x) = 1 - exp(-(x / scale)^shape) for x >= 0.
///
/// `shape` and `scale` are finite and positive. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 1, chapter 21.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    shape: f64,
    scale: f64,
}

impl Weibull {
    /// The law with these parameters.
    pub fn new(shape: f64, scale: f64) -> Result<Self, ParameterError> {
        positive("Weibull", "shape", shape)?;
        positive("Weibull", "scale", scale)?;
        Ok(Self { shape, scale })
    }

    /// The shape.
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// The scale.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// -ln sf(x).
    fn hazard(&self, x: f64) -> f64 {
        (x.clamp(0.0, f64::INFINITY) / self.scale).powf(self.shape)
    }

    /// E[(X / scale)^k].
    fn raw(&self, k: f64) -> f64 {
        ln_gamma(1.0 + k / self.shape).exp()
    }

    /// The central moments of order 2, 3 and 4 for scale 1. Large shapes, whose raw moments cancel, by quadrature over
    /// the exponential variable.
    fn central(&self) -> [f64; 3] {
        if self.shape < 5.0 {
            let [m1, m2, m3, m4] = [1.0, 2.0, 3.0, 4.0].map(|k| self.raw(k));
            let second = m2 - m1 * m1;
            let third = m3 - m1 * (3.0 * second + m1 * m1);
            let fourth = m4 - m1 * (4.0 * third + m1 * (6.0 * second + m1 * m1));
            return [second, third, fourth];
        }
        // With x = exp(u / shape), where u = ln of an exponential variable has density exp(u - e^u).
        let shift = ln_gamma(1.0 + 1.0 / self.shape);
        [2, 3, 4].map(|k| {
            let root = |u: f64| shift.exp() * (u / self.shape - shift).exp_m1();
            integrate(-60.0, 6.0, 100, |u| (u - u.exp()).exp() * root(u).powi(k))
        })
    }
}

impl Density for Weibull {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x < 0.0 {
            return f64::NEG_INFINITY;
        }
        if x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        let z = x / self.scale;
        let power = z.powf(self.shape);
        if power == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        let ln_power = if self.shape == 1.0 { 0.0 } else { (self.shape - 1.0) * z.ln() };
        let ratio = self.shape / self.scale;
        let ln_ratio = if ratio.is_normal() { ratio.ln() } else { self.shape.ln() - self.scale.ln() };
        ln_ratio + ln_power - power
    }

    fn pdf(&self, x: f64) -> f64 {
        let z = x / self.scale;
        // The powers, as long as neither they nor their product underflow or overflow, keep digits that logarithms lose.
        let (power, survival) = (z.powf(self.shape - 1.0), (-z.powf(self.shape)).exp());
        let product = power * survival;
        if x > 0.0 && survival > 1e-300 && product > 1e-290 && power < 1e290 {
            self.shape / self.scale * product
        } else {
            self.ln_pdf(x).exp()
        }
    }

    fn support(&self) -> Support {
        Support::Interval { low: 0.0, high: f64::INFINITY }
    }
}

impl Cumulative for Weibull {
    fn cdf(&self, x: f64) -> f64 {
        -(-self.hazard(x)).exp_m1()
    }

    fn sf(&self, x: f64) -> f64 {
        (-self.hazard(x)).exp()
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        let hazard = self.hazard(x);
        if hazard < 1e-300 && x > 0.0 { self.shape * (x / self.scale).ln() } else { ln_1m_exp(-hazard) }
    }

    fn ln_sf(&self, x: f64) -> f64 {
        -self.hazard(x)
    }
}

impl Quantile for Weibull {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        self.scale * (-(-p).ln_1p()).powf(1.0 / self.shape)
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        self.scale * (-q.ln()).powf(1.0 / self.shape)
    }
}

impl Moments for Weibull {
    fn mean(&self) -> f64 {
        self.scale * self.raw(1.0)
    }

    fn variance(&self) -> f64 {
        self.scale * self.scale * self.central()[0]
    }

    fn skewness(&self) -> f64 {
        let [second, third, _] = self.central();
        third / second.powf(1.5)
    }

    fn excess_kurtosis(&self) -> f64 {
        let [second, _, fourth] = self.central();
        fourth / (second * second) - 3.0
    }
}

impl Entropy for Weibull {
    fn entropy_nats(&self) -> f64 {
        EULER * (1.0 - 1.0 / self.shape) + self.scale.ln() - self.shape.ln() + 1.0
    }
}

impl Sample for Weibull {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        // 1 - u is exact, and its logarithm takes less time than that of `ppf`.
        self.scale * (-(1.0 - open01(rng)).ln()).powf(1.0 / self.shape)
    }
}
