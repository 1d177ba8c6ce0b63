use super::numeric::{integrate, solve};
use super::{finite, is_probability, open01};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use std::f64::consts::PI;

/// The von Mises law of an angle: p(x) = exp(concentration cos(x - location)) / (2 pi I0(concentration)) for
/// location - pi <= x <= location + pi.
///
/// `location` is finite, `concentration` in [0, 1e8]. Mean, variance and higher moments are those of x as a real
/// number on this interval; [`Self::resultant`] is the circular one. Mardia and Jupp, *Directional Statistics*,
/// section 3.5.4; draws by Best and Fisher (1979).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VonMises {
    location: f64,
    concentration: f64,
    /// ln of the integral of exp(concentration (cos t - 1)) over the circle.
    ln_total: f64,
}

impl VonMises {
    /// The law with these parameters.
    pub fn new(location: f64, concentration: f64) -> Result<Self, ParameterError> {
        finite("VonMises", "location", location)?;
        let inside = (0.0..=1e8).contains(&concentration);
        ParameterError::unless(inside, "VonMises", "concentration", "in [0, 1e8]", concentration)?;
        let mut law = Self { location, concentration, ln_total: 0.0 };
        law.ln_total = (2.0 * law.panels(0.0, PI, |_| 1.0)).ln();
        Ok(law)
    }

    /// The location, in radians.
    pub fn location(&self) -> f64 {
        self.location
    }

    /// The concentration.
    pub fn concentration(&self) -> f64 {
        self.concentration
    }

    /// The length of the mean of (cos X, sin X): I1(concentration) / I0(concentration).
    pub fn resultant(&self) -> f64 {
        2.0 * self.panels(0.0, PI, f64::cos) * (-self.ln_total).exp()
    }

    /// 1 - cos(X - location): its mean and its variance. The mean is one less [`Self::resultant`], without
    /// cancellation where the concentration is large.
    pub(crate) fn fall(&self) -> (f64, f64) {
        let mass = 2.0 * (-self.ln_total).exp();
        let fall = |t: f64| 2.0 * (0.5 * t).sin().powi(2);
        let mean = mass * self.panels(0.0, PI, fall);
        (mean, mass * self.panels(0.0, PI, |t| (fall(t) - mean).powi(2)))
    }

    /// ln of the integral of exp(concentration (cos t - 1)) over the circle.
    pub(crate) fn ln_total(&self) -> f64 {
        self.ln_total
    }

    /// The integral of g(t) exp(concentration (cos t - cos low)) over `[low, high]` in [0, pi], in panels no wider than
    /// the density is, as far as it can be seen.
    fn panels(&self, low: f64, high: f64, g: impl Fn(f64) -> f64) -> f64 {
        let k = self.concentration;
        // Where 2 k sin((t + low)/2) sin((t - low)/2) passes 750.
        let reach = 2.0 * ((375.0 / k.max(1e-300)).min(1.0) + (0.5 * low).sin().powi(2)).min(1.0).sqrt().asin();
        let high = high.min(reach.max(low));
        let width = (0.5 / k.sqrt()).min(0.4);
        let panels = (((high - low) / width).ceil() as usize).max(1);
        integrate(low, high, panels, |t| g(t) * (-2.0 * k * (0.5 * (t + low)).sin() * (0.5 * (t - low)).sin()).exp())
    }

    /// ln P(X > location + t) for 0 <= t <= pi.
    fn ln_upper(&self, t: f64) -> f64 {
        if t >= PI {
            return f64::NEG_INFINITY;
        }
        let height = -2.0 * self.concentration * (0.5 * t).sin().powi(2);
        self.panels(t, PI, |_| 1.0).ln() + height - self.ln_total
    }

    fn ln_above(&self, t: f64) -> f64 {
        if t >= 0.0 { self.ln_upper(t) } else { (-self.ln_upper(-t.max(-PI)).exp()).ln_1p() }
    }

    fn above(&self, t: f64) -> f64 {
        if t >= 0.0 { self.ln_upper(t).exp() } else { 1.0 - self.ln_upper(-t.max(-PI)).exp() }
    }

    /// t >= 0 where P(X > location + t) = q <= 1/2.
    fn upper_quantile(&self, q: f64) -> f64 {
        if q == 0.0 {
            return PI;
        }
        if q == 0.5 {
            return 0.0;
        }
        solve(-q.ln(), 0.0, PI, (1.0 / self.concentration.sqrt()).min(1.0), |t| {
            let ln = self.ln_upper(t);
            let ln_density = -2.0 * self.concentration * (0.5 * t).sin().powi(2) - self.ln_total;
            (-ln, (ln_density - ln).exp())
        })
    }

    fn central(&self, k: i32) -> f64 {
        2.0 * self.panels(0.0, PI, |t| t.powi(k)) * (-self.ln_total).exp()
    }
}

impl Density for VonMises {
    fn ln_pdf(&self, x: f64) -> f64 {
        let t = x - self.location;
        if t.abs() > PI {
            return f64::NEG_INFINITY;
        }
        -2.0 * self.concentration * (0.5 * t).sin().powi(2) - self.ln_total
    }

    fn support(&self) -> Support {
        Support::Interval { low: self.location - PI, high: self.location + PI }
    }
}

impl Cumulative for VonMises {
    fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { self.above(self.location - x) }
    }

    fn sf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { self.above(x - self.location) }
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { self.ln_above(self.location - x) }
    }

    fn ln_sf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { self.ln_above(x - self.location) }
    }
}

impl Quantile for VonMises {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        if p <= 0.5 { self.location - self.upper_quantile(p) } else { self.location + self.upper_quantile(1.0 - p) }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        if q <= 0.5 { self.location + self.upper_quantile(q) } else { self.location - self.upper_quantile(1.0 - q) }
    }
}

impl Moments for VonMises {
    fn mean(&self) -> f64 {
        self.location
    }

    fn variance(&self) -> f64 {
        self.central(2)
    }

    fn skewness(&self) -> f64 {
        0.0
    }

    fn excess_kurtosis(&self) -> f64 {
        self.central(4) / self.variance().powi(2) - 3.0
    }
}

impl Entropy for VonMises {
    fn entropy_nats(&self) -> f64 {
        let fall = 2.0 * self.panels(0.0, PI, |t| (0.5 * t).sin().powi(2)) * (-self.ln_total).exp();
        self.ln_total + 2.0 * self.concentration * fall
    }
}

impl Sample for VonMises {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let k = self.concentration;
        if k < 1e-8 {
            return self.location + PI * (2.0 * open01(rng) - 1.0);
        }
        // Their f enters as `fall` = 1 - f, which keeps its digits where the concentration is large.
        // `excess` is s - 1.
        let excess = if k < 1e-5 {
            1.0 / k + k - 1.0
        } else {
            let tau = 1.0 + (1.0 + 4.0 * k * k).sqrt();
            let rho = (tau - (2.0 * tau).sqrt()) / (2.0 * k);
            (1.0 - rho).powi(2) / (2.0 * rho)
        };
        loop {
            let half_angle = 0.5 * PI * open01(rng);
            let (sine, cosine) = half_angle.sin_cos();
            // z = cos(2 half_angle); fall = 1 - (1 + s z) / (s + z)
            let denominator = excess + 2.0 * cosine * cosine;
            let fall = 2.0 * excess * sine * sine / denominator;
            let c = k * (excess + fall);
            let u = open01(rng);
            if c * (2.0 - c) > u || (c / u).ln() + 1.0 >= c {
                let t = 2.0 * (0.5 * fall).sqrt().min(1.0).asin();
                return self.location + if open01(rng) < 0.5 { -t } else { t };
            }
        }
    }
}
