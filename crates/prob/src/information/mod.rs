//! Information in finite distributions: entropy, divergences, prefix codes.
//!
//! A distribution is its probabilities, `[n]`, which must add up to 1 within 1e-9 (they are divided by their sum).
//! The unit of what has one is in the name: `_nats` (natural logarithm) or `_bits` (base 2; 1 bit = ln 2 nats).
//!
//! | | Formula | Range |
//! |---|---|---|
//! | surprisal | -log p | [0, inf] |
//! | entropy | H(p) = -sum p log p | [0, log n] |
//! | cross-entropy | H(p, q) = -sum p log q | [H(p), inf] |
//! | KL | sum p log(p / q) | [0, inf] |
//! | Jensen-Shannon | KL(p, m) / 2 + KL(q, m) / 2, m = (p + q) / 2 | [0, log 2] |
//! | Renyi | log(sum p^a q^(1 - a)) / (a - 1) | [0, inf] |
//! | total variation | sum abs(p - q) / 2 | [0, 1] |
//! | Hellinger | sqrt(sum (sqrt p - sqrt q)^2 / 2) | [0, 1] |
//! | chi-square | sum (p - q)^2 / q | [0, inf] |
//!
//! A divergence is infinite where p has mass and q has none, as its formula demands; 0 log 0 is 0. Formulas as in
//! T. M. Cover and J. A. Thomas 2006, "Elements of Information Theory", chapters 2 and 11, and T. van Erven and P.
//! Harremoes 2014, "Renyi divergence and Kullback-Leibler divergence".
//!
//! ```
//! use ganvas_prob::information::{entropy_bits, kl_bits};
//! assert_eq!(entropy_bits(&[0.5, 0.25, 0.125, 0.125])?, 1.75);
//! assert_eq!(kl_bits(&[0.5, 0.5], &[1.0, 0.0])?, f64::INFINITY);
//! # Ok::<(), ganvas_prob::information::InformationError>(())
//! ```

mod divergence;
mod entropy;
mod huffman;

pub use divergence::{
    chi_square, hellinger, js_bits, js_nats, kl_bits, kl_nats, renyi_divergence_bits, renyi_divergence_nats,
    total_variation,
};
pub use entropy::{
    cross_entropy_bits, cross_entropy_nats, entropy_bits, entropy_nats, renyi_entropy_bits, renyi_entropy_nats,
    surprisal_bits, surprisal_nats,
};
pub use huffman::{PrefixCode, huffman};

/// How far from 1 probabilities may add up to.
const SUM_TOLERANCE: f64 = 1e-9;

/// What keeps a measure of information from being computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InformationError {
    /// A probability outside of [0, 1].
    #[error("probability {index} is {value}: it must lie in [0, 1]")]
    Probability {
        /// Its position.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// Probabilities that do not add up to 1 within 1e-9.
    #[error("{count} probabilities add up to {sum}, not to 1")]
    Sum {
        /// How many there are.
        count: usize,
        /// Their sum.
        sum: f64,
    },
    /// Distributions over different numbers of outcomes.
    #[error("{left} probabilities against {right}")]
    Lengths {
        /// Outcomes of the first.
        left: usize,
        /// Outcomes of the second.
        right: usize,
    },
    /// An order of a Renyi entropy or divergence below zero or not a number.
    #[error("the order must be 0 or more, got {order}")]
    Order {
        /// The order given.
        order: f64,
    },
    /// A symbol that a prefix code has no word for.
    #[error("symbol {symbol} at {position} has no code word")]
    Symbol {
        /// The symbol.
        symbol: usize,
        /// Where it stands.
        position: usize,
    },
    /// A text of bits that is no sequence of code words.
    #[error("no code word starts at bit {position}")]
    Bits {
        /// Where the word that cannot be read starts.
        position: usize,
    },
}

/// The probabilities divided by their sum, which must be 1 within 1e-9.
fn pmf(p: &[f64]) -> Result<Vec<f64>, InformationError> {
    if let Some(index) = p.iter().position(|x| !(0.0..=1.0 + SUM_TOLERANCE).contains(x)) {
        return Err(InformationError::Probability { index, value: p[index] });
    }
    let sum: f64 = p.iter().sum();
    if (sum - 1.0).abs() <= SUM_TOLERANCE {
        Ok(p.iter().map(|x| x / sum).collect())
    } else {
        Err(InformationError::Sum { count: p.len(), sum })
    }
}

/// Two distributions over the same outcomes.
fn pair(p: &[f64], q: &[f64]) -> Result<(Vec<f64>, Vec<f64>), InformationError> {
    if p.len() == q.len() {
        Ok((pmf(p)?, pmf(q)?))
    } else {
        Err(InformationError::Lengths { left: p.len(), right: q.len() })
    }
}

/// ln of a sum of exponentials.
pub(crate) fn ln_sum_exp(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top.is_infinite() { top } else { top + terms.iter().map(|t| (t - top).exp()).sum::<f64>().ln() }
}

#[cfg(test)]
mod tests;
