use super::{SamplingError, checked_ln};
use crate::traits::{Density, Sample};
use rand::Rng;

/// What weighted draws say about an expectation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImportanceEstimate {
    /// The self-normalised estimate sum(w f) / sum(w) of `E_p[f]`.
    pub mean: f64,
    /// Its standard error by the delta method, sqrt(sum(w^2 (f - mean)^2)) / sum(w).
    pub standard_error: f64,
    /// (sum w)^2 / sum(w^2): how many unweighted draws tell as much.
    pub effective_sample_size: f64,
    /// ln of the mean weight, in nats: an estimate of ln of the integral of p, 0 if it is normalised.
    pub ln_mass: f64,
    /// How many draws there were.
    pub draws: usize,
}

/// The largest log weight, or what is wrong with them.
fn largest(ln_weights: &[f64]) -> Result<f64, SamplingError> {
    let mut top = f64::NEG_INFINITY;
    for (index, &value) in ln_weights.iter().enumerate() {
        if value.is_nan() || value == f64::INFINITY {
            return Err(SamplingError::Weight { index, value });
        }
        top = top.max(value);
    }
    if top == f64::NEG_INFINITY {
        return Err(SamplingError::WeightSum { count: ln_weights.len(), sum: 0.0 });
    }
    Ok(top)
}

/// The effective sample size (sum w)^2 / sum(w^2) of logarithms of weights, `[n]`, the largest of which is subtracted
/// first (A. Kong 1992; J. S. Liu 2001, "Monte Carlo Strategies in Scientific Computing", section 2.5.3).
///
/// ```
/// use ganvas_prob::sampling::effective_sample_size;
/// assert_eq!(effective_sample_size(&[-1e4; 8])?, 8.0);
/// // Weights 3 and 1: 16 / 10.
/// assert!((effective_sample_size(&[3f64.ln(), 0.0])? - 1.6).abs() < 1e-15);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
///
/// # Errors
/// If a log weight is infinite or no number, or all weights are zero.
pub fn effective_sample_size(ln_weights: &[f64]) -> Result<f64, SamplingError> {
    let top = largest(ln_weights)?;
    let (sum, squares) = ln_weights.iter().map(|l| (l - top).exp()).fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
    Ok(sum * sum / squares)
}

/// The self-normalised importance estimate from values f(x_i) and log weights ln p(x_i) - ln q(x_i), both `[n]`
/// (A. B. Owen 2013, "Monte Carlo theory, methods and examples", chapter 9, eq. 9.6 and 9.8).
///
/// # Errors
/// If the sizes differ, a value is not finite, a log weight is infinite or no number, or all weights are zero.
pub fn importance_estimate(values: &[f64], ln_weights: &[f64]) -> Result<ImportanceEstimate, SamplingError> {
    if values.len() != ln_weights.len() {
        return Err(SamplingError::Length { name: "ln_weights", expected: values.len(), got: ln_weights.len() });
    }
    if let Some(&value) = values.iter().find(|v| !v.is_finite()) {
        return Err(SamplingError::Parameter { name: "values", domain: "finite", value });
    }
    let top = largest(ln_weights)?;
    let weights: Vec<f64> = ln_weights.iter().map(|l| (l - top).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let mean = weights.iter().zip(values).map(|(w, f)| w / sum * f).sum::<f64>();
    let spread: f64 = weights.iter().zip(values).map(|(w, f)| (w / sum * (f - mean)).powi(2)).sum();
    Ok(ImportanceEstimate {
        mean,
        standard_error: spread.sqrt(),
        effective_sample_size: sum * sum / weights.iter().map(|w| w * w).sum::<f64>(),
        ln_mass: top + (sum / weights.len() as f64).ln(),
        draws: weights.len(),
    })
}

/// Estimates `E_p[f]` from `n` draws of a proposal q, for p given by its logarithm up to a constant.
///
/// Only where q(x) > 0 wherever p(x) f(x) != 0 is the estimate consistent, and only where p^2/q can be integrated does
/// the standard error mean anything; a small effective sample size is a warning, a large one no proof.
///
/// ```
/// use ganvas_prob::{sampling::{UniformProposal, importance_sampling}, stream::Streams};
/// // The mean of p(x) = 3/8 x^2 on [0, 2] is 3/2, from uniform draws; x^2 alone integrates to 8/3.
/// let proposal = UniformProposal::new(0.0, 2.0)?;
/// let mut rng = Streams::new(7).rng("importance", 0);
/// let estimate = importance_sampling(|x: f64| (x * x).ln(), &proposal, |x| x, 100_000, &mut rng)?;
/// assert!((estimate.mean - 1.5).abs() < 4.0 * estimate.standard_error);
/// assert!((estimate.ln_mass.exp() - 8.0 / 3.0).abs() < 0.03);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
///
/// # Errors
/// If a density is infinite or no number at a draw, f is not finite there, or all weights are zero.
pub fn importance_sampling<Q: Density + Sample, R: Rng + ?Sized>(
    ln_pdf: impl Fn(f64) -> f64,
    proposal: &Q,
    f: impl Fn(f64) -> f64,
    n: usize,
    rng: &mut R,
) -> Result<ImportanceEstimate, SamplingError> {
    let (mut values, mut ln_weights) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for _ in 0..n {
        let x = proposal.sample(rng);
        let (ln_p, ln_q) = (checked_ln(x, ln_pdf(x))?, checked_ln(x, proposal.ln_pdf(x))?);
        if ln_p == f64::NEG_INFINITY {
            // f may be undefined where p has no mass.
            values.push(0.0);
            ln_weights.push(f64::NEG_INFINITY);
        } else {
            values.push(f(x));
            ln_weights.push(ln_p - ln_q);
        }
    }
    importance_estimate(&values, &ln_weights)
}

#[cfg(test)]
mod tests {
    use super::super::{Proposal, UniformProposal};
    use super::*;
    use crate::stream::Streams;
    use rand_distr::{Distribution, StandardNormal};
    use std::f64::consts::TAU;

    /// p = N(0, 1), q = N(m, 1): w = exp(m^2/2 - m x), E_q[w^2] = exp(m^2), so ESS / n tends to exp(-m^2).
    #[test]
    fn the_effective_sample_size_of_a_shifted_normal_is_the_closed_form() {
        let m: f64 = 0.8;
        let draw = |rng: &mut dyn Rng| m + Distribution::<f64>::sample(&StandardNormal, rng);
        let proposal = Proposal::new(draw, move |x: f64| -0.5 * (x - m).powi(2) - 0.5 * TAU.ln());
        let ln_p = |x: f64| -0.5 * x * x - 0.5 * TAU.ln();
        let mut rng = Streams::new(1).rng("shifted", 0);
        let estimate = importance_sampling(ln_p, &proposal, |x| x * x, 1_000_000, &mut rng).unwrap();
        let share = estimate.effective_sample_size / 1e6;
        assert!((share / (-m * m).exp() - 1.0).abs() < 0.01, "{share}");
        assert!((estimate.mean - 1.0).abs() < 4.0 * estimate.standard_error, "{estimate:?}");
        assert!(estimate.ln_mass.abs() < 0.005);
    }

    /// Over 400 repetitions the error that is reported is the one that is made.
    #[test]
    fn the_standard_error_is_the_spread_of_repeated_estimates() {
        let proposal = UniformProposal::new(0.0, 2.0).unwrap();
        let of = |i| {
            let mut rng = Streams::new(2).rng("repeated", i);
            importance_sampling(|x: f64| (x * x).ln(), &proposal, |x| x, 1000, &mut rng).unwrap()
        };
        let estimates: Vec<_> = (0..400).map(of).collect();
        let z: f64 = estimates.iter().map(|e| ((e.mean - 1.5) / e.standard_error).powi(2)).sum::<f64>() / 400.0;
        // The mean of 400 squares of standard normals: 1 with a standard error of sqrt(2 / 400) = 0.07.
        assert!((z - 1.0).abs() < 0.28, "{z}");
    }

    #[test]
    fn a_common_factor_of_the_weights_changes_nothing_but_the_mass() {
        let (values, weights) = ([1.0, 2.0, 4.0], [0.1f64.ln(), 0.2f64.ln(), 0.3f64.ln()]);
        let moved = weights.map(|l| l - 5000.0);
        let (a, b) = (importance_estimate(&values, &weights).unwrap(), importance_estimate(&values, &moved).unwrap());
        assert!((a.mean - 1.7 / 0.6).abs() < 1e-14 && (b.mean - a.mean).abs() < 1e-11);
        assert!((b.effective_sample_size - 0.36 / 0.14).abs() < 1e-10);
        assert!((a.ln_mass - b.ln_mass - 5000.0).abs() < 1e-9);
    }

    #[test]
    fn a_seed_gives_the_pinned_estimate() {
        let proposal = UniformProposal::new(0.0, 1.0).unwrap();
        let mut rng = Streams::new(1).rng("pinned", 0);
        let mean = importance_sampling(|x: f64| x.ln(), &proposal, |x| x, 4, &mut rng).unwrap().mean;
        assert!((mean - PINNED).abs() < 1e-14, "{mean}");
    }
    const PINNED: f64 = 0.8425591439865939;

    #[test]
    fn weights_without_a_sum_are_refused() {
        assert!(matches!(effective_sample_size(&[]), Err(SamplingError::WeightSum { count: 0, .. })));
        assert!(matches!(
            effective_sample_size(&[f64::NEG_INFINITY; 2]),
            Err(SamplingError::WeightSum { count: 2, .. })
        ));
        assert!(matches!(effective_sample_size(&[0.0, f64::NAN]), Err(SamplingError::Weight { index: 1, .. })));
        assert!(importance_estimate(&[1.0], &[]).is_err() && importance_estimate(&[f64::NAN], &[0.0]).is_err());
    }
}
