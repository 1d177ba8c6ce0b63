use super::normal::{self, ln_density, ln_mills};
use super::numeric::{integrate, solve};
use super::special::ln_1m_exp;
use super::{is_probability, open01, positive};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;

/// The normal law given that it falls into an interval: p(x) = phi(z) / (sd (Phi(b) - Phi(a))) for low <= x <= high,
/// with z = (x - mean) / sd and a, b the same of `low` and `high`.
///
/// `mean` is finite, `sd` finite and positive, `low < high`, either may be infinite; the interval lies no further than
/// 1e7 sd from the mean. Mean and variance are those of the truncated law. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 1, section 13.10.1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruncatedNormal {
    mean: f64,
    sd: f64,
    low: f64,
    high: f64,
    a: f64,
    b: f64,
    /// The place in [a, b] where the density is largest.
    mode: f64,
    /// ln((Phi(b) - Phi(a)) / phi(mode)).
    ln_total: f64,
}

impl TruncatedNormal {
    /// N(mean, sd^2) within `[low, high]`.
    pub fn new(mean: f64, sd: f64, low: f64, high: f64) -> Result<Self, ParameterError> {
        let law = "TruncatedNormal";
        super::finite(law, "mean", mean)?;
        positive(law, "sd", sd)?;
        ParameterError::unless(low < f64::INFINITY, law, "low", "less than infinity", low)?;
        ParameterError::unless(low < high, law, "high", "greater than low", high)?;
        let (a, b) = ((low - mean) / sd, (high - mean) / sd);
        ParameterError::unless(a <= 1e7, law, "low", "at most 1e7 sd above the mean", low)?;
        ParameterError::unless(b >= -1e7, law, "high", "at most 1e7 sd below the mean", high)?;
        ParameterError::unless(a < b, law, "high", "distinguishable from low", high)?;
        let mode = 0.0_f64.clamp(a, b);
        Ok(Self { mean, sd, low, high, a, b, mode, ln_total: ln_mass(a, b, mode) })
    }

    fn standardise(&self, x: f64) -> f64 {
        ((x - self.mean) / self.sd).clamp(self.a, self.b)
    }

    /// E[g(Z - mode)] for the standardised variable, by quadrature where its density can be seen.
    fn expect(&self, g: impl Fn(f64) -> f64) -> f64 {
        let mode = self.mode;
        // Where z^2 / 2 passes mode^2 / 2 + 750, without cancellation.
        let reach = 1500.0 / ((mode * mode + 1500.0).sqrt() + mode.abs());
        let (low, high) = ((self.a - mode).max(-reach), (self.b - mode).min(reach));
        integrate(low, high, 200, |t| g(t) * (-t * (mode + 0.5 * t) - self.ln_total).exp())
    }

    fn central(&self, k: i32) -> f64 {
        let centre = self.expect(|t| t);
        self.expect(|t| (t - centre).powi(k))
    }
}

/// ln of the density of N(0, 1) at z over that at `mode`.
fn ln_relative(z: f64, mode: f64) -> f64 {
    0.5 * (mode - z) * (mode + z)
}

/// ln((Phi(b) - Phi(a)) / phi(mode)) for a < b, which does not grow with the square of a and b.
fn ln_mass(a: f64, b: f64, mode: f64) -> f64 {
    if a >= b {
        return f64::NEG_INFINITY;
    }
    if a + b > 0.0 {
        return ln_mass(-b, -a, mode);
    }
    // Now |a| >= |b|. Narrow intervals by quadrature, where the difference would cancel.
    let width = b - a;
    if width * a.abs().max(1.0) < 2.0 {
        return ln_relative(b, mode) + integrate(0.0, width, 1, |t| (t * (b - 0.5 * t)).exp()).ln();
    }
    if b > 0.0 {
        return (-normal::cdf(a) - normal::cdf(-b)).ln_1p() - ln_density(mode);
    }
    let ln_b = ln_mills(b);
    ln_relative(b, mode) + ln_b + ln_1m_exp(ln_mills(a) - ln_b + ln_relative(a, b))
}

/// The z in [a, b] where `ln_mass(a, z, mode)` is `target`.
fn quantile(target: f64, a: f64, b: f64, mode: f64) -> f64 {
    let start = if a.is_finite() { a + (b.min(a + 1.0) - a) * 0.5 } else { b.min(0.0) };
    let low = if a.is_finite() { a } else { b.min(0.0) - 60.0 };
    let high = if b.is_finite() { b } else { a.max(0.0) + 60.0 };
    solve(target, low, high, start, |z| {
        let ln = ln_mass(a, z, mode);
        (ln, (ln_relative(z, mode) - ln).exp())
    })
}

impl TruncatedNormal {
    /// The standardised z with P(Z <= z) = p and P(Z > z) = q.
    fn between(&self, p: f64, q: f64) -> f64 {
        if p == 0.0 {
            self.a
        } else if q == 0.0 {
            self.b
        } else if p <= q {
            quantile(self.ln_total + p.ln(), self.a, self.b, self.mode)
        } else {
            -quantile(self.ln_total + q.ln(), -self.b, -self.a, self.mode)
        }
    }

    /// ln cdf and ln sf, each on its own.
    fn ln_tails(&self, x: f64) -> [f64; 2] {
        let z = self.standardise(x);
        [ln_mass(self.a, z, self.mode), ln_mass(z, self.b, self.mode)].map(|ln| (ln - self.ln_total).min(0.0))
    }

    fn place(&self, z: f64) -> f64 {
        (self.mean + self.sd * z).clamp(self.low, self.high)
    }
}

impl Density for TruncatedNormal {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if !(self.low..=self.high).contains(&x) {
            return f64::NEG_INFINITY;
        }
        ln_relative((x - self.mean) / self.sd, self.mode) - self.sd.ln() - self.ln_total
    }

    fn support(&self) -> Support {
        Support::Interval { low: self.low, high: self.high }
    }
}

impl Cumulative for TruncatedNormal {
    fn cdf(&self, x: f64) -> f64 {
        self.ln_cdf(x).exp()
    }

    fn sf(&self, x: f64) -> f64 {
        self.ln_sf(x).exp()
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let [below, above] = self.ln_tails(x);
        if below < above { below } else { ln_1m_exp(above) }
    }

    fn ln_sf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let [below, above] = self.ln_tails(x);
        if above < below { above } else { ln_1m_exp(below) }
    }
}

impl Quantile for TruncatedNormal {
    fn ppf(&self, p: f64) -> f64 {
        if is_probability(p) { self.place(self.between(p, 1.0 - p)) } else { f64::NAN }
    }

    fn isf(&self, q: f64) -> f64 {
        if is_probability(q) { self.place(self.between(1.0 - q, q)) } else { f64::NAN }
    }
}

impl Moments for TruncatedNormal {
    fn mean(&self) -> f64 {
        self.mean + self.sd * (self.mode + self.expect(|t| t))
    }

    fn variance(&self) -> f64 {
        self.sd * self.sd * self.central(2)
    }

    fn skewness(&self) -> f64 {
        self.central(3) / self.central(2).powf(1.5)
    }

    fn excess_kurtosis(&self) -> f64 {
        self.central(4) / self.central(2).powi(2) - 3.0
    }
}

impl Entropy for TruncatedNormal {
    fn entropy_nats(&self) -> f64 {
        self.expect(|t| self.ln_total + t * (self.mode + 0.5 * t)) + self.sd.ln()
    }
}

impl Sample for TruncatedNormal {
    /// Rejection (Robert 1995): from the normal where the interval holds half of its mass, from a shifted exponential
    /// in a tail, from the uniform law where the interval is narrow.
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        use rand_distr::{Distribution, Exp1, StandardNormal};
        let (a, b, sign) = if self.a + self.b < 0.0 { (-self.b, -self.a, -1.0) } else { (self.a, self.b, 1.0) };
        let mode = a.max(0.0);
        let z = if self.ln_total + ln_density(self.mode) > -1.4 {
            loop {
                let z: f64 = StandardNormal.sample(rng);
                if a <= z && z <= b {
                    break z;
                }
            }
        } else if (b - a) * (mode + 1.0) < 2.0 {
            loop {
                let z = a + (b - a) * open01(rng);
                if open01(rng).ln() <= 0.5 * (mode - z) * (mode + z) {
                    break z;
                }
            }
        } else {
            let rate = 0.5 * (a + (a * a + 4.0).sqrt());
            loop {
                let step: f64 = Exp1.sample(rng);
                let z = a + step / rate;
                if z <= b && open01(rng).ln() <= -0.5 * (z - rate) * (z - rate) {
                    break z;
                }
            }
        };
        self.place(sign * z)
    }
}
