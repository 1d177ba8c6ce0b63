use super::normal;
use super::numeric::solve;
use super::special::{HALF_LN_2PI, ln_1m_exp};
use super::{Empirical, SampleError, is_probability, positive};
use crate::traits::{Cumulative, Density, Moments, Quantile, Sample, Support};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Kernels smaller than e^-40 / n of the largest add nothing to a sum of n.
const NEGLIGIBLE: f64 = 40.0;

/// Above this many standard deviations a kernel lies below x but for 1e-20 of it.
const WHOLE: f64 = 9.5;

/// A kernel density estimate with the Gaussian kernel: p(x) = sum exp(-(x - x_i)^2 / (2 h^2)) / (n h sqrt(2 pi)).
///
/// Values are finite; the bandwidth h, the standard deviation of a kernel, is finite and positive. Values are sorted
/// once, and only those near enough to matter are summed, relative to the nearest: far tails keep their relative
/// accuracy. B. W. Silverman 1986, "Density Estimation for Statistics and Data Analysis", chapters 2 and 3.
///
/// ```
/// use ganvas_prob::{distributions::Kde, traits::{Cumulative, Density, Moments}};
/// let kde = Kde::new(&[-1.0, 1.0], 0.5)?;
/// assert_eq!((kde.cdf(0.0), kde.mean(), kde.variance()), (0.5, 0.0, 1.25));
/// assert!((kde.ln_pdf(101.0) - -20001.0).abs() < 2.0);
/// # Ok::<(), ganvas_prob::distributions::SampleError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Kde {
    sample: Empirical,
    bandwidth: f64,
}

impl Kde {
    /// The estimate from this sample, `[n]` in any order, with a given bandwidth.
    ///
    /// # Errors
    /// If there is no value, one is not finite, or the bandwidth is not finite and positive.
    pub fn new(sample: &[f64], bandwidth: f64) -> Result<Self, SampleError> {
        Self::of(Empirical::new(sample)?, bandwidth)
    }

    /// The same with Silverman's bandwidth 0.9 min(sd, IQR / 1.34) n^(-1/5) (1986, eq. 3.31): for densities that may
    /// be skewed or have two modes.
    ///
    /// sd divides by n - 1; quartiles are interpolated linearly; the IQR is passed over where it is zero.
    ///
    /// # Errors
    /// If there are fewer than two values, one is not finite, or all are the same.
    pub fn silverman(sample: &[f64]) -> Result<Self, SampleError> {
        let sample = Empirical::new(sample)?;
        let iqr = (interpolated(sample.values(), 0.75) - interpolated(sample.values(), 0.25)) / 1.34;
        let sd = deviation(&sample)?;
        let spread = if iqr > 0.0 { sd.min(iqr) } else { sd };
        let bandwidth = 0.9 * spread * (sample.len() as f64).powf(-0.2);
        Self::of(sample, bandwidth)
    }

    /// The same with the bandwidth (4/3)^(1/5) sd n^(-1/5), which is best for a normal law (D. W. Scott 1992,
    /// "Multivariate Density Estimation", section 6.2); sd divides by n - 1. SciPy's `scott` leaves (4/3)^(1/5) = 1.06
    /// out.
    ///
    /// # Errors
    /// If there are fewer than two values, one is not finite, or all are the same.
    pub fn scott(sample: &[f64]) -> Result<Self, SampleError> {
        let sample = Empirical::new(sample)?;
        let bandwidth = deviation(&sample)? * (0.75 * sample.len() as f64).powf(-0.2);
        Self::of(sample, bandwidth)
    }

    fn of(sample: Empirical, bandwidth: f64) -> Result<Self, SampleError> {
        positive("Kde", "bandwidth", bandwidth)?;
        Ok(Self { sample, bandwidth })
    }

    /// The bandwidth.
    pub fn bandwidth(&self) -> f64 {
        self.bandwidth
    }

    /// The values, ascending, `[n]`.
    pub fn values(&self) -> &[f64] {
        self.sample.values()
    }

    /// The sum of ln p(x_i), each x_i under the estimate from the others, in nats: the larger, the better the bandwidth
    /// (R. P. W. Duin 1976, IEEE Trans. Comput. C-25). Negative infinity for a single value.
    pub fn leave_one_out_nats(&self) -> f64 {
        let values = self.values();
        let others = (values.len() - 1) as f64;
        let of = |(i, &x): (usize, &f64)| self.ln_kernels(x, &values[..i], &values[i + 1..]) - others.ln();
        if values.len() == 1 { f64::NEG_INFINITY } else { values.iter().enumerate().map(of).sum() }
    }

    /// ln of the sum of the kernels over the values of both parts, which lie below and above x.
    fn ln_kernels(&self, x: f64, below: &[f64], above: &[f64]) -> f64 {
        let gap = |value: Option<&f64>| value.map_or(f64::INFINITY, |v| (x - v).abs());
        let (left, right) = (gap(below.last()), gap(above.first()));
        let nearest = left.min(right) / self.bandwidth;
        let n = (below.len() + above.len()) as f64;
        let reach = self.bandwidth * (nearest * nearest + 2.0 * (NEGLIGIBLE + n.ln())).sqrt();
        let sum = |values: &[f64]| -> f64 {
            let from = values.partition_point(|v| x - v > reach);
            let to = values.partition_point(|v| v - x <= reach);
            values[from..to]
                .iter()
                .map(|v| {
                    let z = ((x - v) / self.bandwidth).abs();
                    (0.5 * (nearest - z) * (nearest + z)).exp()
                })
                .sum()
        };
        (sum(below) + sum(above)).ln() - 0.5 * nearest * nearest - HALF_LN_2PI - self.bandwidth.ln()
    }

    /// The z-score of x at the value whose kernel has most in the tail.
    fn outermost(&self, x: f64, side: Side) -> f64 {
        let values = self.values();
        match side {
            Side::Lower => (x - values[0]) / self.bandwidth,
            Side::Upper => (values[values.len() - 1] - x) / self.bandwidth,
        }
    }

    /// The values whose kernels have a part of the tail that is neither nothing nor all, and how many have all.
    fn window(&self, x: f64, side: Side) -> (&[f64], usize) {
        let values = self.values();
        let depth = self.outermost(x, side).min(0.0);
        let n = values.len();
        let reach = (depth * depth + 2.0 * (NEGLIGIBLE + (n as f64).ln())).sqrt();
        let (left, right) = if matches!(side, Side::Lower) { (WHOLE, reach) } else { (reach, WHOLE) };
        let from = values.partition_point(|v| x - v > left * self.bandwidth);
        let to = values.partition_point(|v| v - x <= right * self.bandwidth);
        (&values[from..to], if matches!(side, Side::Lower) { from } else { n - to })
    }

    fn z(&self, x: f64, value: f64, side: Side) -> f64 {
        match side {
            Side::Lower => (x - value) / self.bandwidth,
            Side::Upper => (value - x) / self.bandwidth,
        }
    }

    fn tail(&self, x: f64, side: Side) -> f64 {
        if x.is_nan() {
            return x;
        }
        if self.outermost(x, side) < -5.0 {
            return self.ln_small_tail(x, side).exp();
        }
        let (window, whole) = self.window(x, side);
        let sum: f64 = window.iter().map(|&value| normal::cdf(self.z(x, value, side))).sum();
        ((whole as f64 + sum) / self.values().len() as f64).min(1.0)
    }

    /// ln of a tail that all values are outside of.
    fn ln_small_tail(&self, x: f64, side: Side) -> f64 {
        let nearest = self.outermost(x, side);
        if nearest == f64::NEG_INFINITY {
            return nearest;
        }
        let ln_mills = normal::ln_mills(nearest);
        let (window, _) = self.window(x, side);
        let sum: f64 = window
            .iter()
            .map(|&value| {
                let z = self.z(x, value, side);
                (0.5 * (nearest - z) * (nearest + z) + (normal::ln_mills(z) - ln_mills)).exp()
            })
            .sum();
        normal::ln_cdf(nearest) + (sum / self.values().len() as f64).ln()
    }

    fn ln_tail(&self, x: f64, side: Side) -> f64 {
        if x.is_nan() {
            return x;
        }
        if self.outermost(x, side) < -5.0 {
            return self.ln_small_tail(x, side);
        }
        let other = if matches!(side, Side::Lower) { Side::Upper } else { Side::Lower };
        if self.outermost(x, other) < -5.0 {
            return ln_1m_exp(self.ln_small_tail(x, other).min(0.0));
        }
        let rest = self.tail(x, other);
        if rest < 0.5 { (-rest).ln_1p() } else { self.tail(x, side).ln() }
    }

    /// Where the tail is q, for 0 < q <= 1/2.
    fn quantile(&self, q: f64, side: Side) -> f64 {
        let values = self.values();
        let (shift, sign) = match side {
            Side::Lower => (self.bandwidth * normal::ppf(q), 1.0),
            Side::Upper => (-self.bandwidth * normal::ppf(q), -1.0),
        };
        let (low, high) = (values[0] + shift, values[values.len() - 1] + shift);
        if !(low.is_finite() && high.is_finite()) {
            return low;
        }
        let start = match side {
            Side::Lower => self.sample.ppf(q),
            Side::Upper => self.sample.isf(q),
        };
        // A little outside, so that the ends' rounding does not shut the root out.
        let slack = f64::EPSILON * (low.abs().max(high.abs()) + self.bandwidth);
        solve(sign * q.ln(), low - slack, high + slack, start, |x| {
            let ln = self.ln_tail(x, side);
            (sign * ln, (self.ln_pdf(x) - ln).exp())
        })
    }
}

#[derive(Clone, Copy)]
enum Side {
    Lower,
    Upper,
}

/// The unbiased standard deviation.
fn deviation(sample: &Empirical) -> Result<f64, SampleError> {
    let count = sample.len();
    if count < 2 {
        return Err(SampleError::TooFew { law: "Kde with a rule for its bandwidth", needed: 2, count });
    }
    Ok((sample.variance() * (count as f64 / (count - 1) as f64)).sqrt())
}

/// The quantile of sorted values that lies linearly between the two nearest (definition 7 of R. J. Hyndman and Y. Fan
/// 1996, "Sample Quantiles in Statistical Packages").
fn interpolated(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    let (i, share) = (place as usize, place.fract());
    let above = sorted[(i + 1).min(sorted.len() - 1)];
    sorted[i] * (1.0 - share) + above * share
}

impl Density for Kde {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if x.is_infinite() {
            return f64::NEG_INFINITY;
        }
        let values = self.values();
        let (below, above) = values.split_at(values.partition_point(|&v| v <= x));
        self.ln_kernels(x, below, above) - (values.len() as f64).ln()
    }

    fn support(&self) -> Support {
        Support::Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Cumulative for Kde {
    fn cdf(&self, x: f64) -> f64 {
        self.tail(x, Side::Lower)
    }

    fn sf(&self, x: f64) -> f64 {
        self.tail(x, Side::Upper)
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        self.ln_tail(x, Side::Lower)
    }

    fn ln_sf(&self, x: f64) -> f64 {
        self.ln_tail(x, Side::Upper)
    }
}

impl Quantile for Kde {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            f64::NAN
        } else if p == 0.0 {
            f64::NEG_INFINITY
        } else if p == 1.0 {
            f64::INFINITY
        } else if p <= 0.5 {
            self.quantile(p, Side::Lower)
        } else {
            self.quantile(1.0 - p, Side::Upper)
        }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            f64::NAN
        } else if q == 0.0 {
            f64::INFINITY
        } else if q == 1.0 {
            f64::NEG_INFINITY
        } else if q <= 0.5 {
            self.quantile(q, Side::Upper)
        } else {
            self.quantile(1.0 - q, Side::Lower)
        }
    }
}

/// The cumulants of the sample and of the kernel add up; the kernel has none beyond the second.
impl Moments for Kde {
    fn mean(&self) -> f64 {
        self.sample.mean()
    }

    fn variance(&self) -> f64 {
        self.sample.variance() + self.bandwidth * self.bandwidth
    }

    fn skewness(&self) -> f64 {
        self.sample.central(3) / self.variance().powf(1.5)
    }

    fn excess_kurtosis(&self) -> f64 {
        (self.sample.central(4) - 3.0 * self.sample.central(2).powi(2)) / self.variance().powi(2)
    }
}

impl Sample for Kde {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let z: f64 = StandardNormal.sample(rng);
        self.sample.sample(rng) + self.bandwidth * z
    }
}
