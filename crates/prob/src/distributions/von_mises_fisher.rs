use super::numeric::integrate_all;
use super::open01;
use super::special::ln_gamma;
use crate::traits::{Cumulative, Density, Entropy, Law, ParameterError, Sample, Support};
use rand::Rng;
use rand_distr::{Beta, Distribution, StandardNormal};
use std::f64::consts::PI;

/// The angle t between the mean direction and a draw of the von Mises-Fisher law on the unit sphere of R^dims:
/// p(t) = exp(concentration cos t) sin(t)^(dims - 2) / total for 0 <= t <= pi.
///
/// `dims` is from 2 to 4096, `concentration` in [0, 1e8]; 0 is the uniform law of the sphere. The total is
/// sqrt(pi) Gamma((dims - 1)/2) (2/concentration)^v I_v(concentration) with the modified Bessel function of order
/// v = dims/2 - 1, by Poisson's integral (DLMF 10.32.2): integrals of the density about its mode give it, and the moments of
/// cos t with it, without the cancellation that ratios of Bessel functions have where the concentration is large. Mardia
/// and Jupp, *Directional Statistics*, section 9.3; draws by Wood (1994), "Simulation of the von Mises Fisher
/// distribution".
///
/// ```
/// use ganvas_prob::distributions::FisherAngle;
/// // On the sphere of R^3 the mean of cos t is coth(k) - 1/k.
/// let law = FisherAngle::new(3, 2.0)?;
/// assert!((law.resultant() - (1.0 / 2f64.tanh() - 0.5)).abs() < 1e-14);
/// # Ok::<(), ganvas_prob::traits::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FisherAngle {
    dims: usize,
    concentration: f64,
    /// dims - 2.
    power: f64,
    mode: f64,
    /// ln of the integral of exp(height).
    ln_total: f64,
    /// Mean and variance of 1 - cos t.
    fall: (f64, f64),
    /// ln of the mean of exp(concentration (cos t - 1)) over the uniform law.
    ln_normaliser: f64,
}

/// Of proposals at least 0.6 are accepted: so many are all refused with a probability below 1e-39.
const PROPOSALS: usize = 100;

impl FisherAngle {
    /// The law on the sphere of R^dims.
    pub fn new(dims: usize, concentration: f64) -> Result<Self, ParameterError> {
        let law = "VonMisesFisher";
        ParameterError::unless((2..=4096).contains(&dims), law, "dims", "from 2 to 4096", dims as f64)?;
        let inside = (0.0..=1e8).contains(&concentration);
        ParameterError::unless(inside, law, "concentration", "in [0, 1e8]", concentration)?;
        let (k, power) = (concentration, (dims - 2) as f64);
        let spread = power.hypot(2.0 * k);
        // k sin^2 t = power cos t.
        let (square_of_sine, cosine) = match power + spread {
            0.0 => (0.0, 1.0),
            sum => (2.0 * power / sum, 2.0 * k / sum),
        };
        let mode = square_of_sine.sqrt().atan2(cosine);
        let mut law = Self { dims, concentration, power, mode, ln_total: 0.0, fall: (0.0, 0.0), ln_normaliser: 0.0 };
        let moments = |t: f64| {
            let (weight, fall) = (law.height(t, mode).exp(), -difference(t, mode));
            [weight, weight * fall, weight * fall * fall]
        };
        let (below, above) = (law.outward(mode, -1.0, moments), law.outward(mode, 1.0, moments));
        let [total, first, second] = std::array::from_fn(|i| below[i] + above[i]);
        let mean = first / total;
        law.ln_total = total.ln();
        law.fall = (fall(mode) + mean, second / total - mean * mean);
        let of_uniform = 0.5 * PI.ln() + ln_gamma(0.5 * (power + 1.0)) - ln_gamma(0.5 * dims as f64);
        law.ln_normaliser = law.ln_total + 0.5 * power_of(square_of_sine, power) - k * fall(mode) - of_uniform;
        Ok(law)
    }

    /// The concentration.
    pub fn concentration(&self) -> f64 {
        self.concentration
    }

    /// `E[cos t]` = I_{v+1}(concentration) / I_v(concentration), the length of the mean of the draws on the sphere.
    pub fn resultant(&self) -> f64 {
        1.0 - self.fall.0
    }

    /// 1 - `E[cos t]`, with the digits that this loses to 1 where the concentration is large.
    pub fn fall(&self) -> f64 {
        self.fall.0
    }

    /// The variance of cos t, which is the derivative of its mean by the concentration.
    pub fn cosine_variance(&self) -> f64 {
        self.fall.1
    }

    /// ln of the mean of exp(concentration (cos t - 1)) over the uniform law of the sphere: less this,
    /// concentration (cos t - 1) is ln of the density on the sphere over the uniform one. Its derivative by the concentration
    /// is -[`fall`](Self::fall).
    pub fn ln_normaliser(&self) -> f64 {
        self.ln_normaliser
    }

    /// The divergence of the law on the sphere from the uniform one in nats (Davidson et al. 2018). Its derivative by
    /// the concentration is the concentration times [`cosine_variance`](Self::cosine_variance).
    pub fn kl_to_uniform(&self) -> f64 {
        // Rounding leaves about -1e-16 where there is none.
        (-self.concentration * self.fall.0 - self.ln_normaliser).max(0.0)
    }

    /// dt/dconcentration of a draw at a fixed probability: -(dF/dconcentration) / p(t), the implicit reparameterisation of
    /// Figurnov, Mohamed and Mnih (2018, section 3).
    pub fn slope(&self, t: f64) -> f64 {
        if t <= 0.0 {
            return 0.0;
        }
        // dF/dconcentration is the integral of (cos s - E[cos]) p(s) up to t or, as the whole is 0, less that from t on. On
        // either side of the mean it is taken where no terms cancel.
        let term = |s: f64| [(self.fall.0 - fall(s)) * self.height(s, t).exp()];
        if fall(t) < self.fall.0 { -self.outward(t, -1.0, term)[0] } else { self.outward(t, 1.0, term)[0] }
    }

    /// ln p(t) - ln p(from), without cancellation.
    fn height(&self, t: f64, from: f64) -> f64 {
        let ratio = if self.power == 0.0 { 0.0 } else { self.power * (t.sin() / from.sin()).ln() };
        self.concentration * difference(t, from) + ratio
    }

    /// The integral of `f` from t to 0 or, with direction 1, to pi, in panels of four standard deviations at the mode, as far as
    /// it can be seen.
    fn outward<const N: usize>(&self, t: f64, direction: f64, f: impl Fn(f64) -> [f64; N]) -> [f64; N] {
        let width = (4.0 / self.power.hypot(2.0 * self.concentration).sqrt()).min(1.0);
        let (end, mut from, mut sums) = (if direction > 0.0 { PI } else { 0.0 }, t, [0.0; N]);
        while from != end {
            let to = (from + direction * width).clamp(0.0, PI);
            let panel = integrate_all(from.min(to), from.max(to), 1, &f);
            sums.iter_mut().zip(panel).for_each(|(sum, panel)| *sum += panel);
            from = to;
            if panel.iter().zip(sums).all(|(panel, sum)| panel.abs() <= 1e-18 * sum.abs()) {
                break;
            }
        }
        sums
    }

    /// P(T < t), P(T > t).
    fn tails(&self, t: f64) -> (f64, f64) {
        let beyond = |direction| {
            let [mass] = self.outward(t, direction, |s| [self.height(s, t).exp()]);
            (mass.ln() + self.height(t, self.mode) - self.ln_total).exp()
        };
        if t <= 0.0 {
            (0.0, 1.0)
        } else if t >= PI {
            (1.0, 0.0)
        } else if t < self.mode {
            let below = beyond(-1.0);
            (below, 1.0 - below)
        } else {
            let above = beyond(1.0);
            (1.0 - above, above)
        }
    }
}

/// 1 - cos t.
fn fall(t: f64) -> f64 {
    2.0 * (0.5 * t).sin().powi(2)
}

/// cos t - cos s.
fn difference(t: f64, s: f64) -> f64 {
    -2.0 * (0.5 * (t + s)).sin() * (0.5 * (t - s)).sin()
}

/// power ln x, where 0 ln 0 is 0.
fn power_of(x: f64, power: f64) -> f64 {
    if power == 0.0 { 0.0 } else { power * x.ln() }
}

impl Density for FisherAngle {
    fn ln_pdf(&self, t: f64) -> f64 {
        if !(0.0..=PI).contains(&t) {
            return if t.is_nan() { t } else { f64::NEG_INFINITY };
        }
        self.height(t, self.mode) - self.ln_total
    }

    fn support(&self) -> Support {
        Support::Interval { low: 0.0, high: PI }
    }
}

impl Cumulative for FisherAngle {
    fn cdf(&self, t: f64) -> f64 {
        if t.is_nan() { t } else { self.tails(t).0 }
    }

    fn sf(&self, t: f64) -> f64 {
        if t.is_nan() { t } else { self.tails(t).1 }
    }
}

impl Sample for FisherAngle {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let (k, most) = (self.concentration, self.power + 1.0);
        // Wood's b; his x0 is 1 - rest, his W 1 - fall: both keep their digits where the concentration is large.
        let b = most / (2.0 * k + most.hypot(2.0 * k));
        let rest = 2.0 * b / (1.0 + b);
        let Ok(beta) = Beta::new(0.5 * most, 0.5 * most) else { return self.mode };
        let mut fall = 0.0;
        for _ in 0..PROPOSALS {
            let z = beta.sample(rng);
            fall = 2.0 * b * z / (1.0 - (1.0 - b) * z);
            let ratio = (rest + (1.0 - rest) * fall) / (rest * (2.0 - rest));
            if k * (rest - fall) + most * ratio.ln() >= open01(rng).ln() {
                break;
            }
        }
        2.0 * (0.5 * fall).sqrt().min(1.0).asin()
    }
}

/// The von Mises-Fisher law on the unit sphere of R^d: p(x) = exp(concentration mean.x) / total, a density by the sphere's
/// area.
///
/// `mean` is a direction: of any length but 0, and brought to 1. Parameters and reference are those of [`FisherAngle`].
#[derive(Clone, Debug, PartialEq)]
pub struct VonMisesFisher {
    mean: Vec<f64>,
    angle: FisherAngle,
}

impl VonMisesFisher {
    /// The law with this mean direction, `[d]`.
    pub fn new(mean: &[f64], concentration: f64) -> Result<Self, ParameterError> {
        let angle = FisherAngle::new(mean.len(), concentration)?;
        let length = mean.iter().fold(0.0, |length: f64, x| length.hypot(*x));
        let inside = length.is_finite() && length > 0.0;
        ParameterError::unless(inside, "VonMisesFisher", "length of the mean", "finite and positive", length)?;
        Ok(Self { mean: mean.iter().map(|x| x / length).collect(), angle })
    }

    /// The mean direction, `[d]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The angle between it and a draw.
    pub fn angle(&self) -> &FisherAngle {
        &self.angle
    }

    /// ln p(x) for x `[d]`. Negative infinity where x is off the sphere by more than 1e-9, NaN where it has another size.
    pub fn ln_pdf(&self, x: &[f64]) -> f64 {
        if x.len() != self.mean.len() || x.iter().any(|x| x.is_nan()) {
            return f64::NAN;
        }
        if (x.iter().fold(0.0, |length: f64, x| length.hypot(*x)) - 1.0).abs() > 1e-9 {
            return f64::NEG_INFINITY;
        }
        // 1 - mean.x, without cancellation.
        let fall = 0.5 * self.mean.iter().zip(x).map(|(m, x)| (m - x).powi(2)).sum::<f64>();
        -self.angle.concentration * fall - self.angle.ln_normaliser - ln_area(x.len())
    }
}

/// ln of the area of the unit sphere of R^d.
fn ln_area(d: usize) -> f64 {
    let half = 0.5 * d as f64;
    2f64.ln() + half * PI.ln() - ln_gamma(half)
}

impl Entropy for VonMisesFisher {
    fn entropy_nats(&self) -> f64 {
        ln_area(self.mean.len()) - self.angle.kl_to_uniform()
    }
}

impl Law for VonMisesFisher {
    fn dims(&self) -> usize {
        self.mean.len()
    }

    fn ln_density(&self, x: &[f64]) -> f64 {
        self.ln_pdf(x)
    }

    /// cos t times the mean and sin t times a direction that is uniform about it.
    fn draw(&self, rng: &mut dyn Rng, out: &mut [f64]) {
        let (sine, cosine) = self.angle.sample(rng).sin_cos();
        out.fill_with(|| StandardNormal.sample(rng));
        let along: f64 = out.iter().zip(&self.mean).map(|(x, m)| x * m).sum();
        out.iter_mut().zip(&self.mean).for_each(|(x, m)| *x -= along * m);
        let length = out.iter().fold(0.0, |length: f64, x| length.hypot(*x)).max(f64::MIN_POSITIVE);
        out.iter_mut().zip(&self.mean).for_each(|(x, m)| *x = cosine * m + sine * *x / length);
    }
}
