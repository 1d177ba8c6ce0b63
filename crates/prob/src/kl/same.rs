//! Closed forms within a family, as sums of terms that are not negative: accurate where the laws nearly agree.

use super::bregman::{Ratio, exp_rest, ln_gamma_bregman, ln_gamma_next, stirling_bregman};
use crate::distributions::numeric::integrate;
use crate::distributions::*;
use crate::information::divergence::kl_term;
use crate::traits::Moments;

/// Of N(., s^2) and N(., t^2), whose means are `shift` t apart.
fn gaussian(shift: f64, s: f64, t: f64) -> f64 {
    let ratio = Ratio::of(s, t);
    ratio.rest() + 0.5 * (ratio.excess * ratio.excess + shift * shift)
}

pub fn normal(p: &Normal, q: &Normal) -> f64 {
    gaussian((p.mean() - q.mean()) / q.sd(), p.sd(), q.sd())
}

pub fn log_normal(p: &LogNormal, q: &LogNormal) -> f64 {
    gaussian((p.location() - q.location()) / q.scale(), p.scale(), q.scale())
}

pub fn exponential(p: &Exponential, q: &Exponential) -> f64 {
    Ratio::of(q.rate(), p.rate()).rest()
}

pub fn gamma(p: &Gamma, q: &Gamma) -> f64 {
    gammas(p.shape(), q.shape(), Ratio::of(p.scale(), q.scale()))
}

/// Of gamma laws with shapes a and b and this ratio of their scales.
fn gammas(a: f64, b: f64, scales: Ratio) -> f64 {
    let means = Ratio::of(a, b).times(scales);
    b * means.rest() + 0.5 * Ratio::of(b, a).rest() + stirling_bregman(a, b, b - a)
}

pub fn exponential_gamma(p: &Exponential, q: &Gamma) -> f64 {
    gammas(1.0, q.shape(), mean_to_scale(p.rate(), q.scale()))
}

pub fn gamma_exponential(p: &Gamma, q: &Exponential) -> f64 {
    gammas(p.shape(), 1.0, scale_to_mean(p.scale(), q.rate()))
}

/// (1 / rate) / scale.
fn mean_to_scale(rate: f64, scale: f64) -> Ratio {
    let inverse = scale_to_mean(scale, rate);
    Ratio::known(-inverse.excess / (1.0 + inverse.excess), -inverse.ln)
}

/// scale / (1 / rate).
fn scale_to_mean(scale: f64, rate: f64) -> Ratio {
    Ratio::known(scale.mul_add(rate, -1.0), scale.ln() + rate.ln())
}

pub fn beta(p: &Beta, q: &Beta) -> f64 {
    dirichlets(&[p.alpha(), p.beta()], &[q.alpha(), q.beta()])
}

pub fn dirichlet(p: &Dirichlet, q: &Dirichlet) -> f64 {
    dirichlets(p.alpha(), q.alpha())
}

/// ln Gamma of each parameter above its tangent, less the same of their sum, where x ln x - x is taken out of
/// ln Gamma: for it alone, the whole is sum(b) KL(mean of q || mean of p).
fn dirichlets(a: &[f64], b: &[f64]) -> f64 {
    let (p_total, q_total): (f64, f64) = (a.iter().sum(), b.iter().sum());
    let step: f64 = a.iter().zip(b).map(|(a, b)| b - a).sum();
    let growth = Ratio::known(step / p_total, q_total.ln() - p_total.ln());
    let term = |(&a, &b): (&f64, &f64)| {
        b * Ratio::of(a, b).times(growth).rest() + 0.5 * Ratio::of(b, a).rest() + stirling_bregman(a, b, b - a)
    };
    let sum: f64 = a.iter().zip(b).map(term).sum();
    (sum - 0.5 * growth.rest() - stirling_bregman(p_total, q_total, step)).max(0.0)
}

pub fn laplace(p: &Laplace, q: &Laplace) -> f64 {
    let shift = (p.location() - q.location()).abs() / p.scale();
    Ratio::of(p.scale(), q.scale()).rest() + p.scale() / q.scale() * exp_rest(-shift)
}

pub fn gumbel(p: &Gumbel, q: &Gumbel) -> f64 {
    let scales = Ratio::of(p.scale(), q.scale());
    gumbels(p.scale() / q.scale(), scales.excess, (q.location() - p.location()) / q.scale())
}

/// Of Gumbel laws, the scale of the first being c = 1 + step times that of the second, whose location is `shift` of
/// its scales above.
fn gumbels(c: f64, step: f64, shift: f64) -> f64 {
    exp_rest(shift + ln_gamma_next(c, step)) + ln_gamma_bregman(1.0, c, step)
}

/// Of Weibull laws with shapes k and l: -ln X has the Gumbel law with location -ln scale and scale 1 / shape.
fn weibulls(k: f64, l: f64, scales: Ratio) -> f64 {
    gumbels(l / k, (l - k) / k, l * scales.ln)
}

pub fn weibull(p: &Weibull, q: &Weibull) -> f64 {
    weibulls(p.shape(), q.shape(), Ratio::of(p.scale(), q.scale()))
}

pub fn exponential_weibull(p: &Exponential, q: &Weibull) -> f64 {
    weibulls(1.0, q.shape(), mean_to_scale(p.rate(), q.scale()))
}

pub fn weibull_exponential(p: &Weibull, q: &Exponential) -> f64 {
    weibulls(p.shape(), 1.0, scale_to_mean(p.scale(), q.rate()))
}

pub fn pareto(p: &Pareto, q: &Pareto) -> f64 {
    if p.scale() < q.scale() {
        return f64::INFINITY;
    }
    Ratio::of(q.shape(), p.shape()).rest() + q.shape() * Ratio::of(p.scale(), q.scale()).ln
}

pub fn uniform(p: &Uniform, q: &Uniform) -> f64 {
    if p.low() < q.low() || q.high() < p.high() {
        return f64::INFINITY;
    }
    (((p.low() - q.low()) + (q.high() - p.high())) / (p.high() - p.low())).ln_1p()
}

/// Chyzak and Nielsen 2019, "A closed-form formula for the Kullback-Leibler divergence between Cauchy distributions":
/// ln(((s + t)^2 + (l - m)^2) / (4 s t)).
pub fn cauchy(p: &Cauchy, q: &Cauchy) -> f64 {
    let over = |x: f64| (x / p.scale()) * (x / q.scale());
    (0.25 * (over(p.scale() - q.scale()) + over(p.location() - q.location()))).ln_1p()
}

/// On the circle, where an angle and the same one turn on are one.
pub fn von_mises(p: &VonMises, q: &VonMises) -> f64 {
    let (k, l) = (p.concentration(), q.concentration());
    let (fall, _) = p.fall();
    let step = l - k;
    let about_concentration = if step.abs() <= 0.5 * k.max(0.5) {
        // Whose curvature is the variance of the cosine.
        let curvature = |u: f64| VonMises::new(0.0, k + u * step).map_or(f64::NAN, |law| law.fall().1);
        step * step * integrate(0.0, 1.0, 1, |u| (1.0 - u) * curvature(u))
    } else {
        q.ln_total() - p.ln_total() + step * fall
    };
    about_concentration + 2.0 * l * (1.0 - fall) * (0.5 * (p.location() - q.location())).sin().powi(2)
}

fn bernoullis(p: f64, q: f64) -> f64 {
    kl_term(p, q) + kl_term(1.0 - p, 1.0 - q)
}

pub fn bernoulli(p: &Bernoulli, q: &Bernoulli) -> f64 {
    bernoullis(p.p(), q.p())
}

/// NaN, that is no closed form, where q has more trials than p.
pub fn binomial(p: &Binomial, q: &Binomial) -> f64 {
    if p.n() == q.n() {
        p.n() as f64 * bernoullis(p.p(), q.p())
    } else if p.n() > q.n() && p.p() > 0.0 {
        f64::INFINITY
    } else {
        f64::NAN
    }
}

/// Of the trials one by one, of which there are 1 / p on the average.
pub fn geometric(p: &Geometric, q: &Geometric) -> f64 {
    bernoullis(p.p(), q.p()) / p.p()
}

pub fn poisson(p: &Poisson, q: &Poisson) -> f64 {
    p.mean() * Ratio::of(q.mean(), p.mean()).rest()
}

pub fn categorical(p: &Categorical, q: &Categorical) -> f64 {
    atoms(indexed(p), indexed(q))
}

pub fn discrete(p: &Discrete, q: &Discrete) -> f64 {
    atoms(p.pairs(), q.pairs())
}

pub fn categorical_discrete(p: &Categorical, q: &Discrete) -> f64 {
    atoms(indexed(p), q.pairs())
}

pub fn discrete_categorical(p: &Discrete, q: &Categorical) -> f64 {
    atoms(p.pairs(), indexed(q))
}

fn indexed(law: &Categorical) -> impl Iterator<Item = (f64, f64)> + '_ {
    law.probabilities().enumerate().map(|(k, p)| (k as f64, p))
}

/// Of laws on finitely many values, given in ascending order.
fn atoms(p: impl Iterator<Item = (f64, f64)>, q: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut q = q.peekable();
    let mut sum = 0.0;
    for (value, mass) in p {
        while let Some((_, other)) = q.next_if(|(there, _)| *there < value) {
            sum += other;
        }
        let other = q.next_if(|(there, _)| *there == value).map_or(0.0, |(_, other)| other);
        sum += if mass == 0.0 && other == 0.0 { 0.0 } else { kl_term(mass, other) };
    }
    sum + q.map(|(_, other)| other).sum::<f64>()
}

/// With X = L_q^-1 (L_p - L_q): sum of X_ii - ln(1 + X_ii) + (sum of X_ij^2 + |L_q^-1 (mean_p - mean_q)|^2) / 2.
pub fn multivariate_normal(p: &MultivariateNormal, q: &MultivariateNormal) -> f64 {
    let d = p.mean().len();
    if d != q.mean().len() {
        return f64::NAN;
    }
    if let (Some(s), Some(t)) = (p.diagonal_sd(), q.diagonal_sd()) {
        return (0..d).map(|i| gaussian((p.mean()[i] - q.mean()[i]) / t[i], s[i], t[i])).sum();
    }
    let (first, factor) = (p.factor(), q.factor());
    let here = first.lower();
    let mut sum = 0.5 * q.mahalanobis(p.mean()).powi(2);
    let mut column = vec![0.0; d];
    for j in 0..d {
        for (i, x) in column.iter_mut().enumerate() {
            *x = here[i * d + j] - factor.lower()[i * d + j];
        }
        factor.solve_lower(&mut column);
        sum += Ratio::of(here[j * d + j], factor.lower()[j * d + j]).rest()
            + 0.5 * column.iter().map(|x| x * x).sum::<f64>();
    }
    sum
}
