use super::numeric::tail_quantile;
use super::special::{
    HALF_LN_2PI, Tails, cumulative_from_tails, digamma_rest, incomplete_gamma, ln_gamma_1p, ln_gamma_factor,
    stirling_rest,
};
use super::{is_probability, positive};
use crate::traits::{Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use rand_distr::Distribution;

/// The gamma law: p(x) = x^(shape - 1) exp(-x / scale) / (Gamma(shape) scale^shape) for x >= 0.
///
/// `shape` and `scale` are finite and positive. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 1, chapter 17.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    shape: f64,
    scale: f64,
    sampler: rand_distr::Gamma<f64>,
}

impl Gamma {
    /// The law with these parameters.
    pub fn new(shape: f64, scale: f64) -> Result<Self, ParameterError> {
        positive("Gamma", "shape", shape)?;
        positive("Gamma", "scale", scale)?;
        let sampler = rand_distr::Gamma::new(shape, scale).map_err(|_| ParameterError {
            law: "Gamma",
            parameter: "shape",
            domain: "finite and positive",
            value: shape,
        })?;
        Ok(Self { shape, scale, sampler })
    }

    /// The shape.
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// The scale.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    fn tails(&self, x: f64) -> Tails {
        incomplete_gamma(self.shape, x / self.scale)
    }
}

impl Density for Gamma {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x < 0.0 {
            return f64::NEG_INFINITY;
        }
        if x == 0.0 {
            return if self.shape < 1.0 {
                f64::INFINITY
            } else if self.shape == 1.0 {
                -self.scale.ln()
            } else {
                f64::NEG_INFINITY
            };
        }
        if x == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        if self.shape == 1.0 {
            return -x / self.scale - self.scale.ln();
        }
        let z = x / self.scale;
        if z == f64::INFINITY {
            return f64::NEG_INFINITY;
        }
        ln_gamma_factor(self.shape, z) - x.ln()
    }

    fn support(&self) -> Support {
        Support::Interval { low: 0.0, high: f64::INFINITY }
    }
}

cumulative_from_tails!(Gamma, lower, ln_lower, upper, ln_upper);

impl Quantile for Gamma {
    fn ppf(&self, p: f64) -> f64 {
        if is_probability(p) { self.scale * quantile(self.shape, p, 1.0 - p) } else { f64::NAN }
    }

    fn isf(&self, q: f64) -> f64 {
        if is_probability(q) { self.scale * quantile(self.shape, 1.0 - q, q) } else { f64::NAN }
    }
}

impl Moments for Gamma {
    fn mean(&self) -> f64 {
        self.shape * self.scale
    }

    fn variance(&self) -> f64 {
        self.shape * self.scale * self.scale
    }

    fn skewness(&self) -> f64 {
        2.0 / self.shape.sqrt()
    }

    fn excess_kurtosis(&self) -> f64 {
        6.0 / self.shape
    }
}

impl Entropy for Gamma {
    fn entropy_nats(&self) -> f64 {
        // shape + ln Gamma(shape) + (1 - shape) psi(shape), with the large terms of Stirling's series cancelled.
        let a = self.shape;
        HALF_LN_2PI + 0.5 * a.ln() + stirling_rest(a) - (1.0 - a) * (0.5 / a + digamma_rest(a)) + self.scale.ln()
    }
}

impl Sample for Gamma {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.sampler.sample(rng)
    }
}

/// The x where P(a, x) = p and Q(a, x) = q = 1 - p, solved for in ln x.
fn quantile(a: f64, p: f64, q: f64) -> f64 {
    if p == 0.0 {
        return 0.0;
    }
    if q == 0.0 {
        return f64::INFINITY;
    }
    // P(a, x) <= x^a / Gamma(a + 1).
    let low = (if p <= q { p.ln() } else { (-q).ln_1p() } + ln_gamma_1p(a)) / a;
    if low < -40.0 && p <= q {
        return low.exp();
    }
    // P(X > a + sqrt(2 a t) + t) <= exp(-t).
    let t = -q.ln();
    let high = (a + (2.0 * a * t).sqrt() + t).ln().max(low);
    let bracket = ((low - 1e-12 * low.abs()).max(-750.0).min(high), high);
    tail_quantile((p, q), bracket, |u| incomplete_gamma(a, u.exp()), |u| ln_gamma_factor(a, u.exp())).exp()
}
