//! Closed forms across families: -H(p) - E[ln q], where the expectation needs a moment or two. Terms of both signs are
//! added up: the error is some 1e-15 of the largest of them.

use super::bregman::trigamma;
use crate::distributions::special::{EULER, HALF_LN_2PI, digamma, digamma_rest, ln_beta, ln_gamma};
use crate::distributions::*;
use crate::information::divergence::kl_term;
use crate::traits::{Cumulative, Density, Entropy, Moments, Support};
use std::f64::consts::{FRAC_2_PI, LN_2, PI, SQRT_2};

/// Where a moment does not exist, ln q has no finite expectation.
fn or_infinite(x: f64) -> f64 {
    if x.is_nan() { f64::INFINITY } else { x }
}

fn lies_within(p: Support, from: f64, to: f64) -> bool {
    matches!(p, Support::Interval { low, high } if low >= from && high <= to)
}

/// For any law: only its mean and variance matter.
pub fn to_normal<P: Moments + Entropy>(p: &P, q: &Normal) -> f64 {
    let (shift, spread) = ((p.mean() - q.mean()) / q.sd(), p.variance().sqrt() / q.sd());
    or_infinite(HALF_LN_2PI + 0.5 * (shift * shift + spread * spread) + (q.sd().ln() - p.entropy_nats()))
}

/// For any law: only its mean matters.
pub fn to_exponential<P: Density + Moments + Entropy>(p: &P, q: &Exponential) -> f64 {
    if !lies_within(p.support(), 0.0, f64::INFINITY) {
        return f64::INFINITY;
    }
    or_infinite(q.rate() * p.mean() - (q.rate().ln() + p.entropy_nats()))
}

/// For any law: only its support matters.
pub fn to_uniform<P: Density + Entropy>(p: &P, q: &Uniform) -> f64 {
    let within = lies_within(p.support(), q.low(), q.high());
    if within { (q.high() - q.low()).ln() - p.entropy_nats() } else { f64::INFINITY }
}

/// What a law of positive values has to tell of its logarithm.
pub trait Logs: Entropy {
    /// `E[ln X]`.
    fn mean_ln(&self) -> f64;

    /// The variance of ln X.
    fn variance_ln(&self) -> f64;

    /// ln `E[X^k]` for k > 0.
    fn ln_raw(&self, k: f64) -> f64;
}

impl Logs for Exponential {
    fn mean_ln(&self) -> f64 {
        -EULER - self.rate().ln()
    }

    fn variance_ln(&self) -> f64 {
        PI * PI / 6.0
    }

    fn ln_raw(&self, k: f64) -> f64 {
        ln_gamma(1.0 + k) - k * self.rate().ln()
    }
}

impl Logs for Gamma {
    fn mean_ln(&self) -> f64 {
        digamma(self.shape()) + self.scale().ln()
    }

    fn variance_ln(&self) -> f64 {
        trigamma(self.shape())
    }

    fn ln_raw(&self, k: f64) -> f64 {
        // Gamma(a + k) / Gamma(a) = Gamma(k) / B(a, k).
        ln_gamma(k) - ln_beta(self.shape(), k) + k * self.scale().ln()
    }
}

impl Logs for Weibull {
    fn mean_ln(&self) -> f64 {
        self.scale().ln() - EULER / self.shape()
    }

    fn variance_ln(&self) -> f64 {
        (PI / self.shape()).powi(2) / 6.0
    }

    fn ln_raw(&self, k: f64) -> f64 {
        ln_gamma(1.0 + k / self.shape()) + k * self.scale().ln()
    }
}

impl Logs for LogNormal {
    fn mean_ln(&self) -> f64 {
        self.location()
    }

    fn variance_ln(&self) -> f64 {
        self.scale() * self.scale()
    }

    fn ln_raw(&self, k: f64) -> f64 {
        k * (self.location() + 0.5 * k * self.scale() * self.scale())
    }
}

impl Logs for Pareto {
    fn mean_ln(&self) -> f64 {
        self.scale().ln() + 1.0 / self.shape()
    }

    fn variance_ln(&self) -> f64 {
        self.shape().powi(-2)
    }

    fn ln_raw(&self, k: f64) -> f64 {
        if k < self.shape() { k * self.scale().ln() - (-k / self.shape()).ln_1p() } else { f64::INFINITY }
    }
}

impl Logs for Beta {
    fn mean_ln(&self) -> f64 {
        // psi(a) - psi(a + b), with psi(x) = ln x - 1/(2 x) - rest(x).
        let (a, n) = (self.alpha(), self.alpha() + self.beta());
        let ln_ratio = if self.beta() < a { (-self.beta() / n).ln_1p() } else { (a / n).ln() };
        ln_ratio - (0.5 / a + digamma_rest(a)) + (0.5 / n + digamma_rest(n))
    }

    fn variance_ln(&self) -> f64 {
        trigamma(self.alpha()) - trigamma(self.alpha() + self.beta())
    }

    fn ln_raw(&self, k: f64) -> f64 {
        ln_beta(self.alpha() + k, self.beta()) - ln_beta(self.alpha(), self.beta())
    }
}

pub fn to_gamma<P: Logs>(p: &P, q: &Gamma) -> f64 {
    gamma_from(p.entropy_nats(), p.mean_ln(), p.ln_raw(1.0), q)
}

fn gamma_from(entropy: f64, mean_ln: f64, ln_mean: f64, q: &Gamma) -> f64 {
    let ln_scale = q.scale().ln();
    (ln_mean - ln_scale).exp() - (q.shape() - 1.0) * (mean_ln - ln_scale) + ln_gamma(q.shape()) + (ln_scale - entropy)
}

pub fn to_weibull<P: Logs>(p: &P, q: &Weibull) -> f64 {
    let (k, ln_scale) = (q.shape(), q.scale().ln());
    (p.ln_raw(k) - k * ln_scale).exp() - (k - 1.0) * (p.mean_ln() - ln_scale) - k.ln() + (ln_scale - p.entropy_nats())
}

pub fn to_log_normal<P: Logs>(p: &P, q: &LogNormal) -> f64 {
    let shift = (p.mean_ln() - q.location()) / q.scale();
    let square = shift * shift + p.variance_ln() / q.scale() / q.scale();
    HALF_LN_2PI + q.scale().ln() + 0.5 * square + (p.mean_ln() - p.entropy_nats())
}

/// From `E[X]` and ln `E[exp(-X / scale)]`.
fn gumbel_from(entropy: f64, mean: f64, ln_transform: f64, q: &Gumbel) -> f64 {
    (mean - q.location()) / q.scale() + (q.location() / q.scale() + ln_transform).exp() + (q.scale().ln() - entropy)
}

pub fn normal_gumbel(p: &Normal, q: &Gumbel) -> f64 {
    let spread = p.sd() / q.scale();
    // The means are subtracted first: each may be large.
    let shift = (p.mean() - q.location()) / q.scale();
    shift + (0.5 * spread * spread - shift).exp() + (q.scale().ln() - p.entropy_nats())
}

pub fn laplace_gumbel(p: &Laplace, q: &Gumbel) -> f64 {
    let (shift, spread) = ((p.location() - q.location()) / q.scale(), p.scale() / q.scale());
    if spread >= 1.0 {
        return f64::INFINITY;
    }
    shift + (-shift).exp() / ((1.0 - spread) * (1.0 + spread)) + (q.scale().ln() - p.entropy_nats())
}

pub fn uniform_gumbel(p: &Uniform, q: &Gumbel) -> f64 {
    let z = |x: f64| (x - q.location()) / q.scale();
    let (low, width) = (z(p.low()), (p.high() - p.low()) / q.scale());
    low + 0.5 * width + (-low).exp() * (-(-width).exp_m1() / width) - width.ln()
}

pub fn exponential_gumbel(p: &Exponential, q: &Gumbel) -> f64 {
    gumbel_from(p.entropy_nats(), 1.0 / p.rate(), -(1.0 / (p.rate() * q.scale())).ln_1p(), q)
}

pub fn gamma_gumbel(p: &Gamma, q: &Gumbel) -> f64 {
    gumbel_from(p.entropy_nats(), p.mean(), -p.shape() * (p.scale() / q.scale()).ln_1p(), q)
}

/// By the mean of the folded normal law (Leone, Nelson and Nottingham 1961).
pub fn normal_laplace(p: &Normal, q: &Laplace) -> f64 {
    let shift = (p.mean() - q.location()).abs() / p.sd();
    let folded = FRAC_2_PI.sqrt() * (-0.5 * shift * shift).exp() + shift * libm::erf(shift / SQRT_2);
    p.sd() / q.scale() * folded + LN_2 + (q.scale().ln() - p.entropy_nats())
}

pub fn uniform_laplace(p: &Uniform, q: &Laplace) -> f64 {
    let (low, high) = (p.low() - q.location(), p.high() - q.location());
    let width = p.high() - p.low();
    let distance = if low >= 0.0 || high <= 0.0 {
        (0.5 * (low + high)).abs()
    } else {
        0.5 * (low * (low / width) + high * (high / width))
    };
    distance / q.scale() + LN_2 + (q.scale() / width).ln()
}

/// `E[ln X]` for the uniform law on [low, high], 0 <= low.
fn uniform_mean_ln(low: f64, high: f64) -> f64 {
    let r = (high - low) / (high + low);
    if r > 0.5 {
        let below = if low == 0.0 { 0.0 } else { low * (low / high).ln() };
        return high.ln() - below / (high - low) - 1.0;
    }
    // The mean of ln(m (1 + u)), |u| <= r: ln m - sum of r^(2 k) / (2 k (2 k + 1)).
    let mut power = 1.0;
    let series: f64 = (1..=40)
        .map(|k| {
            power *= r * r;
            power / f64::from(2 * k * (2 * k + 1))
        })
        .sum();
    (0.5 * (low + high)).ln() - series
}

pub fn uniform_gamma(p: &Uniform, q: &Gamma) -> f64 {
    if p.low() < 0.0 {
        return f64::INFINITY;
    }
    gamma_from(p.entropy_nats(), uniform_mean_ln(p.low(), p.high()), p.mean().ln(), q)
}

pub fn uniform_beta(p: &Uniform, q: &Beta) -> f64 {
    if p.low() < 0.0 || p.high() > 1.0 {
        return f64::INFINITY;
    }
    let (below, above) = (uniform_mean_ln(p.low(), p.high()), uniform_mean_ln(1.0 - p.high(), 1.0 - p.low()));
    ln_beta(q.alpha(), q.beta()) - (q.alpha() - 1.0) * below - (q.beta() - 1.0) * above - p.entropy_nats()
}

pub fn uniform_pareto(p: &Uniform, q: &Pareto) -> f64 {
    if p.low() < q.scale() {
        return f64::INFINITY;
    }
    let mean_ln = uniform_mean_ln(p.low(), p.high());
    (q.shape() + 1.0) * (mean_ln - q.scale().ln()) - q.shape().ln() + (q.scale().ln() - p.entropy_nats())
}

/// To any law of counts.
pub fn bernoulli_counts<Q: Density + Cumulative>(p: &Bernoulli, q: &Q) -> f64 {
    kl_term(1.0 - p.p(), q.pdf(0.0)) + kl_term(p.p(), q.pdf(1.0)) + q.sf(1.0)
}

pub fn binomial_bernoulli(p: &Binomial, q: &Bernoulli) -> f64 {
    if p.n() > 1 && p.p() > 0.0 {
        return f64::INFINITY;
    }
    let success = if p.n() == 0 { 0.0 } else { p.p() };
    kl_term(1.0 - success, 1.0 - q.p()) + kl_term(success, q.p())
}
