use super::is_probability;
use super::numeric::tail_quantile;
use super::special::{
    HALF_LN_2PI, Tails, cumulative_from_tails, digamma_rest, incomplete_beta, ln_a_beta, ln_beta_factor, stirling_rest,
};
use crate::traits::{Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use rand_distr::Distribution;

/// The beta law: p(x) = x^(alpha - 1) (1 - x)^(beta - 1) / B(alpha, beta) for 0 <= x <= 1.
///
/// `alpha` and `beta` lie between 1e-300 and 1e300. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 2, chapter 25.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    alpha: f64,
    beta: f64,
    sampler: rand_distr::Beta<f64>,
}

impl Beta {
    /// The law with these parameters.
    pub fn new(alpha: f64, beta: f64) -> Result<Self, ParameterError> {
        for (parameter, value) in [("alpha", alpha), ("beta", beta)] {
            let inside = (1e-300..=1e300).contains(&value);
            ParameterError::unless(inside, "Beta", parameter, "from 1e-300 to 1e300", value)?;
        }
        let sampler = rand_distr::Beta::new(alpha, beta).map_err(|_| ParameterError {
            law: "Beta",
            parameter: "alpha",
            domain: "large enough to draw from",
            value: alpha,
        })?;
        Ok(Self { alpha, beta, sampler })
    }

    /// The exponent of x, plus one.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The exponent of 1 - x, plus one.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    fn tails(&self, x: f64) -> Tails {
        incomplete_beta(self.alpha, self.beta, x, 1.0 - x)
    }
}

impl Density for Beta {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if !(0.0..=1.0).contains(&x) {
            return f64::NEG_INFINITY;
        }
        let edge = |exponent: f64, other: f64| {
            if exponent < 1.0 {
                f64::INFINITY
            } else if exponent == 1.0 {
                other.ln()
            } else {
                f64::NEG_INFINITY
            }
        };
        if x == 0.0 {
            return edge(self.alpha, self.beta);
        }
        if x == 1.0 {
            return edge(self.beta, self.alpha);
        }
        ln_beta_factor(self.alpha, self.beta, x, 1.0 - x) - x.ln() - (-x).ln_1p()
    }

    fn support(&self) -> Support {
        Support::Interval { low: 0.0, high: 1.0 }
    }
}

cumulative_from_tails!(Beta, lower, ln_lower, upper, ln_upper);

impl Quantile for Beta {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        quantile(self.alpha, self.beta, p, 1.0 - p).0
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        quantile(self.alpha, self.beta, 1.0 - q, q).0
    }
}

impl Moments for Beta {
    fn mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    fn variance(&self) -> f64 {
        let n = self.alpha + self.beta;
        (self.alpha / n) * (self.beta / n) / (n + 1.0)
    }

    fn skewness(&self) -> f64 {
        let (a, b) = (self.alpha, self.beta);
        2.0 * (b - a) * (a + b + 1.0).sqrt() / ((a + b + 2.0) * a.sqrt() * b.sqrt())
    }

    fn excess_kurtosis(&self) -> f64 {
        let (a, b) = (self.alpha, self.beta);
        let n = a + b;
        6.0 * ((a - b).powi(2) * (n + 1.0) - a * b * (n + 2.0)) / (a * b * (n + 2.0) * (n + 3.0))
    }
}

impl Entropy for Beta {
    fn entropy_nats(&self) -> f64 {
        // ln B - (a - 1) psi(a) - (b - 1) psi(b) + (a + b - 2) psi(a + b), the large terms of Stirling's series and of
        // that of psi(x) = ln x - rest(x) cancelled.
        let (a, b) = (self.alpha, self.beta);
        let n = a + b;
        let rest = |x: f64| 0.5 / x + digamma_rest(x);
        HALF_LN_2PI + 0.5 * ((a / n).ln() + b.ln()) - n.ln() + stirling_rest(a) + stirling_rest(b) - stirling_rest(n)
            + (a - 1.0) * rest(a)
            + (b - 1.0) * rest(b)
            - (n - 2.0) * rest(n)
    }
}

impl Sample for Beta {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.sampler.sample(rng)
    }
}

/// x and 1 - x, where I_x(a, b) = p and its complement is q = 1 - p.
pub(super) fn quantile(a: f64, b: f64, p: f64, q: f64) -> (f64, f64) {
    if p == 0.0 {
        return (0.0, 1.0);
    }
    if q == 0.0 {
        return (1.0, 0.0);
    }
    let half = incomplete_beta(a, b, 0.5, 0.5);
    let left = if p <= q { half.lower() >= p } else { half.upper() <= q };
    if left {
        let x = half_quantile(a, b, p, q);
        (x, 1.0 - x)
    } else {
        let y = half_quantile(b, a, q, p);
        (1.0 - y, y)
    }
}

/// The same for x <= 1/2, solved in ln x for the smaller of p and q.
fn half_quantile(a: f64, b: f64, p: f64, q: f64) -> f64 {
    // I_x(a, b) <= x^a / (a B(a, b)) max(1, (1 - x)^(b - 1)).
    let ln_constant = ln_a_beta(a, b);
    let leading = (if p <= q { p.ln() } else { (-q).ln_1p() } + ln_constant) / a;
    if leading + b.max(1.0).ln() < -40.0 {
        return leading.exp();
    }
    let low = leading - ((1.0 - b) * std::f64::consts::LN_2).max(0.0) / a;
    let high = 0.5_f64.ln();
    let ln_density = |u: f64| {
        let y = -u.exp_m1();
        ln_beta_factor(a, b, u.exp(), y) - y.ln()
    };
    let tails = |u: f64| incomplete_beta(a, b, u.exp(), -u.exp_m1());
    tail_quantile((p, q), ((low - 1e-12 * low.abs()).min(high), high), tails, ln_density).exp()
}
