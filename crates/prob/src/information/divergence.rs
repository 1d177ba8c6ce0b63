use super::{InformationError, ln_sum_exp, pair};
use crate::kl::bregman::ln_rest;
use std::f64::consts::LN_2;

/// KL(p || q) = sum p ln(p / q), in nats (S. Kullback and R. A. Leibler 1951); infinite where p has mass and q has
/// none. Never below zero: see [`kl_bits`] for bits.
///
/// # Errors
/// If `p` or `q` is no distribution, or their sizes differ.
pub fn kl_nats(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    pair(p, q).map(|(p, q)| p.iter().zip(&q).map(|(&p, &q)| kl_term(p, q)).sum())
}

/// KL(p || q) = sum p log2(p / q), in bits: what the ideal code for q wastes on each of p's symbols.
///
/// # Errors
/// As [`kl_nats`].
pub fn kl_bits(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    Ok(kl_nats(p, q)? / LN_2)
}

/// p ln(p / q) - p + q. The last two add up to nothing over a distribution; with them no term is negative, and
/// distributions close to each other lose no digits.
pub(crate) fn kl_term(p: f64, q: f64) -> f64 {
    if p == 0.0 {
        return q;
    }
    let excess = (q - p) / p;
    let term = if excess.abs() < 0.5 { p * ln_rest(excess) } else { (q - p) + p * (p.ln() - q.ln()) };
    term.max(0.0)
}

/// The Jensen-Shannon divergence, in nats: KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2, at most ln 2
/// (J. Lin 1991, "Divergence measures based on the Shannon entropy"). Not its root, which is a metric.
///
/// # Errors
/// If `p` or `q` is no distribution, or their sizes differ.
pub fn js_nats(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    let (p, q) = pair(p, q)?;
    let half = |p: f64, q: f64| {
        let m = 0.5 * (p + q);
        // Two of the smallest numbers there are have no mean.
        if m > 0.0 { 0.5 * kl_term(p, m) } else { 0.0 }
    };
    let sum: f64 = p.iter().zip(&q).map(|(&p, &q)| half(p, q) + half(q, p)).sum();
    Ok(sum.min(LN_2))
}

/// The Jensen-Shannon divergence in bits, at most 1; see [`js_nats`].
///
/// # Errors
/// As there.
pub fn js_bits(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    Ok(js_nats(p, q)? / LN_2)
}

/// The total variation distance sum |p - q| / 2: the largest difference of the probabilities of any event.
///
/// # Errors
/// If `p` or `q` is no distribution, or their sizes differ.
pub fn total_variation(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    let (p, q) = pair(p, q)?;
    Ok((0.5 * p.iter().zip(&q).map(|(p, q)| (p - q).abs()).sum::<f64>()).min(1.0))
}

/// The Hellinger distance sqrt(sum (sqrt p - sqrt q)^2 / 2), in [0, 1] (E. Hellinger 1909).
///
/// # Errors
/// If `p` or `q` is no distribution, or their sizes differ.
pub fn hellinger(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    let (p, q) = pair(p, q)?;
    let sum: f64 = p.iter().zip(&q).map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2)).sum();
    Ok((0.5 * sum).sqrt().min(1.0))
}

/// Pearson's chi-square divergence sum (p - q)^2 / q (K. Pearson 1900); infinite where p has mass and q has none.
///
/// # Errors
/// If `p` or `q` is no distribution, or their sizes differ.
pub fn chi_square(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    let (p, q) = pair(p, q)?;
    let term = |(&p, &q): (&f64, &f64)| if p == q { 0.0 } else { (p - q) * ((p - q) / q) };
    Ok(p.iter().zip(&q).map(term).sum())
}

/// The Renyi divergence ln(sum p^a q^(1 - a)) / (a - 1), in nats (T. van Erven and P. Harremoes 2014): -ln q(p > 0) for
/// a = 0, KL for a = 1, ln max(p / q) for a = infinity.
///
/// # Errors
/// If `p` or `q` is no distribution, their sizes differ, or the order is below zero or not a number.
pub fn renyi_divergence_nats(p: &[f64], q: &[f64], order: f64) -> Result<f64, InformationError> {
    if order.is_nan() || order < 0.0 {
        return Err(InformationError::Order { order });
    }
    if order == 1.0 {
        return kl_nats(p, q);
    }
    let (p, q) = pair(p, q)?;
    let both = p.iter().zip(&q).filter(|(p, _)| **p > 0.0);
    Ok(if order == f64::INFINITY {
        both.map(|(p, q)| p.ln() - q.ln()).fold(0.0, f64::max)
    } else if order > 1.0 && both.clone().any(|(_, q)| *q == 0.0) {
        f64::INFINITY
    } else {
        let terms: Vec<f64> =
            both.filter(|(_, q)| **q > 0.0).map(|(p, q)| order * p.ln() + (1.0 - order) * q.ln()).collect();
        (ln_sum_exp(&terms) / (order - 1.0)).max(0.0)
    })
}

/// The Renyi divergence in bits; see [`renyi_divergence_nats`].
///
/// # Errors
/// As there.
pub fn renyi_divergence_bits(p: &[f64], q: &[f64], order: f64) -> Result<f64, InformationError> {
    Ok(renyi_divergence_nats(p, q, order)? / LN_2)
}
