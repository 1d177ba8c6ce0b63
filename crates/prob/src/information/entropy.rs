use super::{InformationError, ln_sum_exp, pair, pmf};
use std::f64::consts::LN_2;

/// -ln p, in nats; infinite for p = 0.
///
/// # Errors
/// If p is outside of [0, 1].
pub fn surprisal_nats(p: f64) -> Result<f64, InformationError> {
    surprisal(p, f64::ln)
}

/// -log2 p, in bits; infinite for p = 0.
///
/// ```
/// assert_eq!(ganvas_prob::information::surprisal_bits(1.0 / 1024.0)?, 10.0);
/// # Ok::<(), ganvas_prob::information::InformationError>(())
/// ```
///
/// # Errors
/// If p is outside of [0, 1].
pub fn surprisal_bits(p: f64) -> Result<f64, InformationError> {
    surprisal(p, f64::log2)
}

fn surprisal(p: f64, log: fn(f64) -> f64) -> Result<f64, InformationError> {
    // 0 - log 1 is +0, as -log 1 is not.
    if (0.0..=1.0).contains(&p) { Ok(0.0 - log(p)) } else { Err(InformationError::Probability { index: 0, value: p }) }
}

/// H(p) = -sum p ln p, in nats (C. E. Shannon 1948).
///
/// # Errors
/// If `p` is no distribution.
pub fn entropy_nats(p: &[f64]) -> Result<f64, InformationError> {
    Ok(cross(&pmf(p)?, &pmf(p)?, f64::ln))
}

/// H(p) = -sum p log2 p, in bits.
///
/// # Errors
/// If `p` is no distribution.
pub fn entropy_bits(p: &[f64]) -> Result<f64, InformationError> {
    Ok(cross(&pmf(p)?, &pmf(p)?, f64::log2))
}

/// H(p, q) = -sum p ln q, in nats; infinite where p has mass and q has none.
///
/// # Errors
/// If `p` or `q` is no distribution, or their sizes differ.
pub fn cross_entropy_nats(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    pair(p, q).map(|(p, q)| cross(&p, &q, f64::ln))
}

/// H(p, q) = -sum p log2 q, in bits: the mean length of p's symbols in the ideal code for q.
///
/// # Errors
/// As [`cross_entropy_nats`].
pub fn cross_entropy_bits(p: &[f64], q: &[f64]) -> Result<f64, InformationError> {
    pair(p, q).map(|(p, q)| cross(&p, &q, f64::log2))
}

fn cross(p: &[f64], q: &[f64], log: fn(f64) -> f64) -> f64 {
    let sum: f64 = p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * log(*q)).sum();
    0.0 - sum
}

/// The Renyi entropy ln(sum p^a) / (1 - a), in nats (A. Renyi 1961): ln of the support's size for a = 0, Shannon's
/// entropy for a = 1, -ln max p for a = infinity.
///
/// # Errors
/// If `p` is no distribution, or the order is below zero or not a number.
pub fn renyi_entropy_nats(p: &[f64], order: f64) -> Result<f64, InformationError> {
    if order.is_nan() || order < 0.0 {
        return Err(InformationError::Order { order });
    }
    let p: Vec<f64> = pmf(p)?.into_iter().filter(|p| *p > 0.0).collect();
    Ok(if order == 1.0 {
        cross(&p, &p, f64::ln)
    } else if order == f64::INFINITY {
        0.0 - p.iter().copied().fold(0.0, f64::max).ln()
    } else {
        let terms: Vec<f64> = p.iter().map(|p| order * p.ln()).collect();
        (ln_sum_exp(&terms) / (1.0 - order)).max(0.0)
    })
}

/// The Renyi entropy in bits; see [`renyi_entropy_nats`].
///
/// # Errors
/// As there.
pub fn renyi_entropy_bits(p: &[f64], order: f64) -> Result<f64, InformationError> {
    Ok(renyi_entropy_nats(p, order)? / LN_2)
}
