//! What the closed forms are made of: convex functions less their tangents, which are never negative and vanish with
//! the square of the distance. Summed up instead of subtracted, they keep their digits where the laws nearly agree.

use crate::distributions::numeric::integrate;
use crate::distributions::special::{digamma_rest, ln_gamma, stirling_rest};

/// u - ln(1 + u) for u >= -1: -ln above its tangent at 1.
pub fn ln_rest(u: f64) -> f64 {
    if u.abs() > 0.5 {
        return u - u.ln_1p();
    }
    // ln(1 + u) = 2 atanh(v), and u - 2 v = u v.
    let v = u / (2.0 + u);
    let (square, mut power, mut sum, mut odd) = (v * v, 2.0 * v, u * v, 3.0);
    loop {
        power *= square;
        let next = sum - power / odd;
        if next == sum {
            return sum;
        }
        sum = next;
        odd += 2.0;
    }
}

/// e^t - 1 - t: exp above its tangent at 0.
pub fn exp_rest(t: f64) -> f64 {
    if t.abs() > 0.5 {
        return t.exp_m1() - t;
    }
    let (mut term, mut sum, mut n) = (0.5 * t * t, 0.0, 2.0);
    loop {
        let next = sum + term;
        if next == sum {
            return sum;
        }
        sum = next;
        n += 1.0;
        term *= t / n;
    }
}

/// A positive ratio a / b, by what it exceeds 1 and by its logarithm: none can be had from the others everywhere.
#[derive(Clone, Copy)]
pub struct Ratio {
    value: f64,
    /// a / b - 1.
    pub excess: f64,
    /// ln(a / b).
    pub ln: f64,
}

impl Ratio {
    /// a / b.
    pub fn of(a: f64, b: f64) -> Self {
        Self { value: a / b, ..Self::known((a - b) / b, a.ln() - b.ln()) }
    }

    /// A ratio whose logarithm is known without its last digits, which matter near 1.
    pub fn known(excess: f64, ln: f64) -> Self {
        let value = if excess < -0.5 { ln.exp() } else { 1.0 + excess };
        Self { value, excess, ln: if excess.abs() > 0.5 { ln } else { excess.ln_1p() } }
    }

    /// The product of two.
    pub fn times(self, other: Self) -> Self {
        let near = self.excess.abs().max(other.excess.abs()) <= 0.5;
        let value = self.value * other.value;
        let excess = if near { self.excess + other.excess + self.excess * other.excess } else { value - 1.0 };
        Self { value, ..Self::known(excess, self.ln + other.ln) }
    }

    /// r - 1 - ln r: -ln above its tangent at 1.
    pub fn rest(self) -> f64 {
        if self.excess.abs() > 0.5 { self.excess - self.ln } else { ln_rest(self.excess) }
    }
}

/// psi'(x) - 1/x - 1/(2 x^2) for x > 0: the curvature of the remainder of Stirling's series.
pub fn trigamma_rest(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 15.0 {
        sum += 0.5 * (1.0 / (x * (x + 1.0))).powi(2);
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    let series = 1.0 / 6.0
        - r * (1.0 / 30.0
            - r * (1.0 / 42.0 - r * (1.0 / 30.0 - r * (5.0 / 66.0 - r * (691.0 / 2730.0 - r * (7.0 / 6.0))))));
    sum + series * r / x
}

/// psi'(x), the second derivative of ln Gamma, for x > 0.
pub fn trigamma(x: f64) -> f64 {
    trigamma_rest(x) + (1.0 + 0.5 / x) / x
}

/// The remainder of Stirling's series at y = x + step above its tangent at x; both are given as they may be known
/// better than their difference.
pub fn stirling_bregman(x: f64, y: f64, step: f64) -> f64 {
    if step.abs() <= 0.5 * x {
        // Taylor's theorem with the remainder as an integral, over u = t / step.
        let curvature = |u: f64| (1.0 - u) * trigamma_rest(x + u * step) * step * step;
        return integrate(0.0, 1.0, 1, curvature);
    }
    stirling_rest(y) - stirling_rest(x) + step * digamma_rest(x)
}

/// ln Gamma at y = x + step above its tangent at x.
pub fn ln_gamma_bregman(x: f64, y: f64, step: f64) -> f64 {
    let ln = x.ln() - y.ln();
    y * Ratio::known(-step / y, ln).rest() + 0.5 * Ratio::known(step / x, -ln).rest() + stirling_bregman(x, y, step)
}

/// ln Gamma(1 + c) for c = 1 + step > 0.
pub fn ln_gamma_next(c: f64, step: f64) -> f64 {
    if step.abs() > 0.5 {
        return ln_gamma(1.0 + c);
    }
    // psi(2) = 1 - gamma.
    step * (1.0 - std::f64::consts::EULER_GAMMA) + ln_gamma_bregman(2.0, 2.0 + step, step)
}
