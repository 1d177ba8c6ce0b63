//! Special functions of `libm` and `statrs`, put together so that tails keep their relative accuracy.
//!
//! The incomplete gamma and beta functions of `statrs` are accurate but for their factor in front, whose logarithm is
//! a difference of large numbers; the factor is replaced by Loader's (2000, "Fast and accurate computation of
//! binomial probabilities"). Where `statrs` underflows or stops after 140 terms, the sums are taken here; from
//! parameters of 1e4 on the densities are integrated.

use super::numeric::integrate;
use statrs::function::{beta::checked_beta_reg, gamma as statrs_gamma};

/// ln(2 pi) / 2.
pub const HALF_LN_2PI: f64 = 0.918_938_533_204_672_7;
/// The Euler-Mascheroni constant.
pub const EULER: f64 = std::f64::consts::EULER_GAMMA;

/// ln Gamma(x) for positive x.
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// psi(x), the derivative of ln Gamma.
pub fn digamma(x: f64) -> f64 {
    statrs_gamma::digamma(x)
}

/// ln Gamma(x) - [(x - 1/2) ln x - x + ln(2 pi) / 2], the remainder of Stirling's series.
pub fn stirling_rest(x: f64) -> f64 {
    if x < 15.0 {
        return libm::lgamma(1.0 + x) - (x + 0.5) * x.ln() + x - HALF_LN_2PI;
    }
    let r = 1.0 / (x * x);
    (1.0 / 12.0
        - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r * (1.0 / 1680.0 - r * (1.0 / 1188.0 - r * 691.0 / 360_360.0)))))
        / x
}

/// ln x - 1/(2 x) - psi(x), the remainder of the series of digamma.
pub fn digamma_rest(x: f64) -> f64 {
    if x < 15.0 {
        return x.ln() - 0.5 / x - digamma(x);
    }
    let r = 1.0 / (x * x);
    r * (1.0 / 12.0
        - r * (1.0 / 120.0 - r * (1.0 / 252.0 - r * (1.0 / 240.0 - r * (1.0 / 132.0 - r * 691.0 / 32_760.0)))))
}

/// ln(1 + u) - u, without cancellation where u is near 0.
fn ln_1p_rest(u: f64) -> f64 {
    let v = u / (2.0 + u);
    // Of NaN the series would not end.
    if v.abs() >= 0.3 || v.is_nan() {
        return u.ln_1p() - u;
    }
    // ln(1 + u) = 2 (v + v^3 / 3 + v^5 / 5 + ...), and 2 v - u = -u v.
    let mut sum = -u * v;
    let mut power = 2.0 * v;
    let mut odd = 3.0;
    loop {
        power *= v * v;
        let next = sum + power / odd;
        if next == sum {
            return sum;
        }
        sum = next;
        odd += 2.0;
    }
}

/// x ln(x / m) + m - x, without cancellation where x is near m.
pub fn deviance(x: f64, m: f64) -> f64 {
    if x == 0.0 {
        m
    } else if (x - m).abs() < 0.3 * (x + m) {
        -x * ln_1p_rest((m - x) / x)
    } else {
        x * (x.ln() - m.ln()) + m - x
    }
}

/// ln of the Poisson mass m^k e^-m / Gamma(k + 1), for real k > 0 too.
pub fn ln_poisson(k: f64, m: f64) -> f64 {
    if k == 0.0 {
        return -m;
    }
    -stirling_rest(k) - deviance(k, m) - HALF_LN_2PI - 0.5 * k.ln()
}

/// ln of the binomial mass of k successes and l failures, with probabilities x and y = 1 - x, for real k, l too.
pub fn ln_binomial(k: f64, l: f64, x: f64, y: f64) -> f64 {
    let n = k + l;
    if n == 0.0 {
        return 0.0;
    }
    if k == 0.0 {
        return l * if x < y { (-x).ln_1p() } else { y.ln() };
    }
    if l == 0.0 {
        return k * if y < x { (-y).ln_1p() } else { x.ln() };
    }
    let deviance = |k: f64, x: f64| {
        let m = n * x;
        if m < 1e-290 { k * (k.ln() - n.ln() - x.ln()) - k } else { deviance(k, m) }
    };
    stirling_rest(n) - stirling_rest(k) - stirling_rest(l) - deviance(k, x) - deviance(l, y) - HALF_LN_2PI
        + 0.5 * (n.ln() - k.ln() - l.ln())
}

/// ln(1 - e^x) for x <= 0 (Maechler 2012).
pub fn ln_1m_exp(x: f64) -> f64 {
    if x > -std::f64::consts::LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}

/// ln P(X <= x) and ln P(X > x).
#[derive(Clone, Copy)]
pub struct Tails {
    /// ln P(X <= x).
    pub ln_lower: f64,
    /// ln P(X > x).
    pub ln_upper: f64,
}

impl Tails {
    const NOTHING_BELOW: Self = Self { ln_lower: f64::NEG_INFINITY, ln_upper: 0.0 };
    const NOTHING_ABOVE: Self = Self { ln_lower: 0.0, ln_upper: f64::NEG_INFINITY };

    fn of_lower(ln: f64) -> Self {
        let ln_lower = ln.min(0.0);
        Self { ln_lower, ln_upper: ln_1m_exp(ln_lower) }
    }

    fn of_upper(ln: f64) -> Self {
        let ln_upper = ln.min(0.0);
        Self { ln_lower: ln_1m_exp(ln_upper), ln_upper }
    }

    /// P(X <= x).
    pub fn lower(self) -> f64 {
        if self.ln_lower < self.ln_upper { self.ln_lower.exp() } else { -self.ln_upper.exp_m1() }
    }

    /// P(X > x).
    pub fn upper(self) -> f64 {
        if self.ln_upper < self.ln_lower { self.ln_upper.exp() } else { -self.ln_lower.exp_m1() }
    }
}

/// [`Cumulative`](crate::traits::Cumulative) of a law from its `tails`, which of them is P(X <= x) first.
macro_rules! cumulative_from_tails {
    ($law:ident, $below:ident, $ln_below:ident, $above:ident, $ln_above:ident) => {
        impl $crate::traits::Cumulative for $law {
            fn cdf(&self, x: f64) -> f64 {
                if x.is_nan() { x } else { self.tails(x).$below() }
            }

            fn sf(&self, x: f64) -> f64 {
                if x.is_nan() { x } else { self.tails(x).$above() }
            }

            fn ln_cdf(&self, x: f64) -> f64 {
                if x.is_nan() { x } else { self.tails(x).$ln_below }
            }

            fn ln_sf(&self, x: f64) -> f64 {
                if x.is_nan() { x } else { self.tails(x).$ln_above }
            }
        }
    };
}

pub(super) use cumulative_from_tails;

/// ln(x^a e^-x / Gamma(a)): the density of a Gamma variable in ln x.
pub fn ln_gamma_factor(a: f64, x: f64) -> f64 {
    a.ln() + ln_poisson(a, x)
}

/// ln Gamma(1 + x) for x >= 0, in the relative accuracy of small x.
pub fn ln_gamma_1p(x: f64) -> f64 {
    let y = 1.0 + x;
    // psi(1) = -gamma carries what rounding took from a small x.
    libm::lgamma(y) - EULER * (x - (y - 1.0))
}

/// From here on the tails of gamma and beta laws are integrated: series and continued fractions take the longer, and
/// lose the more digits, the larger the parameters.
const LARGE: f64 = 1e4;

/// The integral of exp(f) from 0 on, where f(0) = 0, f'(0) = -slope, f''(0) = -curvature, and f is parabolic as far as
/// exp(f) can be seen.
fn tail_integral(slope: f64, curvature: f64, f: impl Fn(f64) -> f64) -> f64 {
    let reach = 90.0 / (slope + (slope * slope + 90.0 * curvature).sqrt());
    integrate(0.0, reach, 8, |t| f(t).exp())
}

/// The regularised incomplete gamma function P(a, x) and its complement.
pub fn incomplete_gamma(a: f64, x: f64) -> Tails {
    if x <= 0.0 {
        return Tails::NOTHING_BELOW;
    }
    if x == f64::INFINITY {
        return Tails::NOTHING_ABOVE;
    }
    if x <= 1.0 && a <= 1.0 {
        return Tails::of_lower(ln_lower_gamma_small(a, x));
    }
    let factor = ln_gamma_factor(a, x);
    if a >= LARGE {
        // Outwards from x, at x (1 + sign v).
        let tail = |sign: f64| {
            let slope = sign * (x - (a - 1.0));
            factor + tail_integral(slope, a - 1.0, |v| (a - 1.0) * ln_1p_rest(sign * v) - slope * v).ln()
        };
        return if x < a { Tails::of_lower(tail(-1.0)) } else { Tails::of_upper(tail(1.0)) };
    }
    let theirs = a * x.ln() - x - statrs_gamma::ln_gamma(a);
    let correct = |value: f64, or: fn(f64, f64) -> f64| {
        if value > 0.0 && theirs > -700.0 { value.ln() + (factor - theirs) } else { factor + or(a, x).ln() }
    };
    if x <= 1.0 || x <= a {
        Tails::of_lower(correct(statrs_gamma::checked_gamma_lr(a, x).unwrap_or(0.0), lower_gamma_series))
    } else {
        Tails::of_upper(correct(statrs_gamma::checked_gamma_ur(a, x).unwrap_or(0.0), upper_gamma_fraction))
    }
}

/// ln P(a, x) for a and x in (0, 1], with the relative accuracy that its complement needs for small a: DLMF 8.7.1 with
/// x^a / Gamma(1 + a) in front.
fn ln_lower_gamma_small(a: f64, x: f64) -> f64 {
    let (mut power, mut sum, mut n) = (1.0, 0.0, 0.0);
    loop {
        n += 1.0;
        power *= -x / n;
        let next = sum + power / (a + n);
        if next == sum || next.is_nan() {
            return a * x.ln() - ln_gamma_1p(a) + (a * sum).ln_1p();
        }
        sum = next;
    }
}

/// Sum of x^n / (a (a + 1) ... (a + n)), DLMF 8.7.1.
fn lower_gamma_series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    let mut n = a;
    while term > sum * 1e-17 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum
}

/// The continued fraction DLMF 8.9.2, by Lentz's method.
fn upper_gamma_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut h = d;
    let mut n = 0.0;
    loop {
        n += 1.0;
        let step = -n * (n - a);
        b += 2.0;
        d = 1.0 / (step * d + b);
        c = b + step / c;
        let ratio = d * c;
        h *= ratio;
        if (ratio - 1.0).abs() < 1e-15 || n > 1e7 {
            return h;
        }
    }
}

/// ln(x^a y^b / B(a, b)) for y = 1 - x.
pub fn ln_beta_factor(a: f64, b: f64, x: f64, y: f64) -> f64 {
    ln_binomial(a, b, x, y) + a.ln() + b.ln() - (a + b).ln()
}

/// ln B(a, b), without cancellation for large arguments.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let n = a + b;
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    // a ln(a / n) + b ln(b / n) - (ln a + ln b - ln n) / 2 + the rests
    let entropy = small * (small / n).ln() + large * (-small / n).ln_1p();
    entropy - 0.5 * (a.ln() + b.ln() - n.ln()) + HALF_LN_2PI + stirling_rest(a) + stirling_rest(b) - stirling_rest(n)
}

/// Whether a B(a, b) is near 1, so that its logarithm is small.
fn is_small(a: f64, b: f64) -> bool {
    a < 0.1 * b.min(1.0)
}

/// ln(a B(a, b)), in the relative accuracy of small a.
pub fn ln_a_beta(a: f64, b: f64) -> f64 {
    if is_small(a, b) { ln_gamma_1p(a) - integrate(0.0, a, 1, |t| digamma(b + t)) } else { a.ln() + ln_beta(a, b) }
}

/// Above this, beside a parameter of at most 1, the beta law is a gamma law in -ln(1 - x) to the last digit (M. E. Wise
/// 1950, "The incomplete beta function as a contour integral and a quickly converging series for its inverse"), where
/// series and continued fractions need too many terms.
const HUGE: f64 = 1e9;

/// The regularised incomplete beta function I_x(a, b) and its complement; `y` is 1 - x, given so that neither
/// cancels.
pub fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> Tails {
    if x <= 0.0 {
        return Tails::NOTHING_BELOW;
    }
    if y <= 0.0 {
        return Tails::NOTHING_ABOVE;
    }
    // -ln x and -ln y, from the smaller of x and y.
    let minus_ln = |x: f64, y: f64| if x < 0.5 { -x.ln() } else { -(-y).ln_1p() };
    if b > HUGE && a <= 1.0 {
        return incomplete_gamma(a, (b + 0.5 * (a - 1.0)) * minus_ln(y, x));
    }
    if a > HUGE && b <= 1.0 {
        let mirrored = incomplete_gamma(b, (a + 0.5 * (b - 1.0)) * minus_ln(x, y));
        return Tails { ln_lower: mirrored.ln_upper, ln_upper: mirrored.ln_lower };
    }
    if x < (a + 1.0) / (a + b + 2.0) {
        Tails::of_lower(ln_lower_beta(a, b, x, y))
    } else {
        Tails::of_upper(ln_lower_beta(b, a, y, x))
    }
}

/// ln I_x(a, b) for x below the mean.
fn ln_lower_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if is_small(a, b) {
        // Near 1, with the relative accuracy that its complement needs.
        return a * x.ln() - ln_a_beta(a, b) + (a * beta_series(a, b, x)).ln_1p();
    }
    let factor = ln_beta_factor(a, b, x, y);
    if a.min(b) >= LARGE {
        // From x downwards, at x - x y w. The product is not rounded before it is subtracted.
        let slope = (-(a + b - 2.0)).mul_add(x, a - 1.0);
        let f = |w: f64| (a - 1.0) * ln_1p_rest(-y * w) + (b - 1.0) * ln_1p_rest(x * w) - slope * w;
        return factor + tail_integral(slope, (a - 1.0) * y * y + (b - 1.0) * x * x, f).ln();
    }
    if a.min(b) > 1.0 && a.max(b) > 1e3 {
        return factor + beta_fraction(a, b, x, y).ln();
    }
    if x * b.max(1.0) < 0.5 {
        return factor - b * (-x).ln_1p() + (1.0 / a + beta_series(a, b, x)).ln();
    }
    let theirs = statrs_gamma::ln_gamma(a + b) - statrs_gamma::ln_gamma(a) - statrs_gamma::ln_gamma(b)
        + a * x.ln()
        + b * (1.0 - x).ln();
    match checked_beta_reg(a, b, x) {
        Ok(value) if value > 0.0 && theirs > -700.0 && a.max(b) < 3e3 => value.ln() + (factor - theirs),
        _ => factor + beta_fraction(a, b, x, y).ln(),
    }
}

/// Sum of (1 - b)_n / n! x^n / (a + n) for n >= 1, DLMF 8.17.7 with 15.2.1.
fn beta_series(a: f64, b: f64, x: f64) -> f64 {
    let mut power = 1.0;
    let mut sum = 0.0;
    let mut n = 0.0;
    loop {
        n += 1.0;
        power *= (n - b) / n * x;
        let term = power / (a + n);
        sum += term;
        if term.abs() <= 1e-17 * sum.abs() || n > 1e6 {
            return sum;
        }
    }
}

/// The continued fraction of Didonato and Morris (1992, "Algorithm 708", function BFRAC).
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let lambda = if a > b { (a + b) * y - b } else { a - (a + b) * x };
    let c = 1.0 + lambda;
    let c0 = b / a;
    let c1 = 1.0 + 1.0 / a;
    let (mut n, mut p, mut s) = (0.0, 1.0, a + 1.0);
    let (mut before, mut over) = (0.0, 1.0);
    let (mut next, mut under) = (1.0, c / c1);
    let mut ratio = c1 / c;
    loop {
        n += 1.0;
        let t = n / a;
        let w = n * (b - n) * x;
        let mut e = a / s;
        let alpha = p * (p + c0) * e * e * (w * x);
        e = (1.0 + t) / (c1 + t + t);
        let beta = n + w / s + e * (c + n * (1.0 + y));
        p = 1.0 + t;
        s += 2.0;
        (before, next) = (next, alpha * before + beta * next);
        (over, under) = (under, alpha * over + beta * under);
        let last = ratio;
        ratio = next / under;
        if (ratio - last).abs() <= 1e-15 * ratio || n > 1e6 || ratio.is_nan() {
            return ratio;
        }
        before /= under;
        over /= under;
        next = ratio;
        under = 1.0;
    }
}
