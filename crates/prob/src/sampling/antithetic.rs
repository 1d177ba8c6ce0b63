use super::{SamplingError, open_unit};
use rand::Rng;

/// Draws in pairs F^-1(u), F^-1(1 - u), `[2 n]`: each follows F, and the two of a pair are negatively correlated
/// (J. M. Hammersley and K. W. Morton 1956, "A new Monte Carlo technique: antithetic variates").
///
/// ```
/// use ganvas_prob::{sampling::antithetic_pairs, stream::Streams};
/// let draws = antithetic_pairs(|u| u - 0.5, 3, &mut Streams::new(7).rng("pairs", 0));
/// assert!(draws.len() == 6 && draws.chunks(2).all(|pair| pair[0] == -pair[1]));
/// ```
pub fn antithetic_pairs<R: Rng + ?Sized>(ppf: impl Fn(f64) -> f64, n: usize, rng: &mut R) -> Vec<f64> {
    (0..n).map(|_| open_unit(rng)).flat_map(|u| [u, 1.0 - u]).map(ppf).collect()
}

/// What antithetic pairs say about an expectation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AntitheticEstimate {
    /// The estimate of `E[f]`.
    pub mean: f64,
    /// Its standard error, from the spread of the pairs' means.
    pub standard_error: f64,
    /// The standard error that as many independent draws would have had.
    pub independent_standard_error: f64,
    /// How many pairs there were.
    pub pairs: usize,
}

/// Estimates E[f(X)] from `pairs` antithetic pairs of draws with the quantile function `ppf`. For monotone f the
/// standard error is never above that of as many independent draws; for f symmetric about the median it is sqrt(2)
/// times it.
///
/// ```
/// use ganvas_prob::{sampling::antithetic_mean, stream::Streams};
/// // E[e^U] = e - 1 for U uniform on (0, 1).
/// let estimate = antithetic_mean(|u| u, f64::exp, 10_000, &mut Streams::new(7).rng("exp", 0))?;
/// assert!((estimate.mean - (std::f64::consts::E - 1.0)).abs() < 4.0 * estimate.standard_error);
/// assert!(estimate.standard_error < 0.2 * estimate.independent_standard_error);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
///
/// # Errors
/// If there are fewer than two pairs, or f is not finite at a draw.
pub fn antithetic_mean<R: Rng + ?Sized>(
    ppf: impl Fn(f64) -> f64,
    f: impl Fn(f64) -> f64,
    pairs: usize,
    rng: &mut R,
) -> Result<AntitheticEstimate, SamplingError> {
    if pairs < 2 {
        return Err(SamplingError::Parameter { name: "pairs", domain: "2 or more", value: pairs as f64 });
    }
    let draws = antithetic_pairs(ppf, pairs, rng);
    let values: Vec<f64> = draws.iter().map(|&x| f(x)).collect();
    if let Some(&value) = values.iter().find(|v| !v.is_finite()) {
        return Err(SamplingError::Parameter { name: "f", domain: "finite at every draw", value });
    }
    let means: Vec<f64> = values.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
    let mean = means.iter().sum::<f64>() / pairs as f64;
    let error = |x: &[f64]| {
        let n = x.len() as f64;
        (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt()
    };
    Ok(AntitheticEstimate { mean, standard_error: error(&means), independent_standard_error: error(&values), pairs })
}

#[cfg(test)]
mod tests {
    use super::super::proof::{DRAWS, follows};
    use super::*;
    use crate::stream::Streams;
    use std::f64::consts::E;

    /// Var[e^U] = (e^2 - 1) / 2 - (e - 1)^2, and Cov[e^U, e^(1 - U)] = e - (e - 1)^2.
    #[test]
    fn the_variance_saved_is_the_closed_form() {
        let estimate = antithetic_mean(|u| u, f64::exp, 200_000, &mut Streams::new(1).rng("exp", 0)).unwrap();
        let (variance, covariance) = ((E * E - 1.0) / 2.0 - (E - 1.0).powi(2), E - (E - 1.0).powi(2));
        let paired = ((variance + covariance) / 2.0 / 2e5).sqrt();
        assert!((estimate.standard_error / paired - 1.0).abs() < 0.01);
        assert!((estimate.independent_standard_error / (variance / 4e5).sqrt() - 1.0).abs() < 0.01);
        assert!((estimate.mean - (E - 1.0)).abs() < 4.0 * paired);
    }

    #[test]
    fn the_first_of_a_million_pairs_follow_the_cdf_and_so_do_the_second() {
        let draws = antithetic_pairs(|u: f64| -u.ln(), DRAWS, &mut Streams::new(1).rng("pairs", 0));
        for start in [0, 1] {
            follows(draws[start..].iter().copied().step_by(2).collect(), |x| -(-x).exp_m1());
        }
    }

    #[test]
    fn a_seed_gives_the_pinned_draws() {
        let draws = antithetic_pairs(|u| u, 1, &mut Streams::new(1).rng("pinned", 0));
        assert!(draws.iter().zip(PINNED).all(|(a, b)| (a - b).abs() < 1e-15), "{draws:?}");
    }
    const PINNED: [f64; 2] = [0.9777303038023587, 0.022269696197641298];

    #[test]
    fn an_expectation_that_cannot_be_estimated_is_refused() {
        let mut rng = Streams::new(1).rng("refused", 0);
        assert!(antithetic_mean(|u| u, |x| x, 1, &mut rng).is_err());
        assert!(antithetic_mean(|u| u, |_| f64::NAN, 10, &mut rng).is_err());
    }
}
