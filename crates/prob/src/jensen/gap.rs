use super::JensenError;
use crate::information::pmf;
use crate::sampling::{SamplingError, quadrature};
use crate::traits::{Support, Univariate};

/// Values of a discrete law that are summed over at most.
const VALUES: usize = 1_000_000;
/// Tails below are cut off.
const TAIL: f64 = 1e-300;
/// Where the integral over ln u is cut from the start, so that no part of it is missed.
const CUTS: [f64; 7] = [-690.0, -300.0, -120.0, -40.0, -12.0, -4.0, -std::f64::consts::LN_2];

/// `E[f(X)] - f(E[X])` for X with the values and probabilities `pairs`: at least 0 for convex f, at most 0 for concave
/// f, up to round-off.
///
/// f is not asked at values of probability 0. Mean and gap are sums of differences, so that a common offset of the
/// values, or of f, costs no digits.
///
/// ```
/// use ganvas_prob::jensen::jensen_gap;
/// // The arithmetic mean 5/2 of 1 and 4 is above their geometric mean 2.
/// let gap = jensen_gap(f64::ln, &[(1.0, 0.5), (4.0, 0.5)])?;
/// assert!((gap - (2.0f64 / 2.5).ln()).abs() < 1e-15);
/// # Ok::<(), ganvas_prob::jensen::JensenError>(())
/// ```
///
/// # Errors
/// If the probabilities do not add up to 1 within 1e-9, or f is not finite at a value or at the mean.
pub fn jensen_gap(f: impl Fn(f64) -> f64, pairs: &[(f64, f64)]) -> Result<f64, JensenError> {
    let probabilities = pmf(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>())?;
    let masses = || pairs.iter().zip(&probabilities).filter(|(_, p)| **p > 0.0).map(|((x, _), p)| (*x, *p));
    gap_of_masses(f, masses)
}

/// The same for masses that are given twice, to be summed over twice.
fn gap_of_masses<I: Iterator<Item = (f64, f64)>>(
    f: impl Fn(f64) -> f64,
    masses: impl Fn() -> I,
) -> Result<f64, JensenError> {
    let origin = masses().next().map_or(0.0, |mass| mass.0);
    let mean = origin + masses().map(|(x, p)| p * (x - origin)).sum::<f64>();
    let base = finite(mean, f(mean))?;
    masses().map(|(x, p)| Ok(p * (finite(x, f(x))? - base))).sum()
}

fn finite(x: f64, value: f64) -> Result<f64, JensenError> {
    if value.is_finite() { Ok(value) } else { Err(JensenError::Value { x, value }) }
}

/// `E[f(X)] - f(E[X])` for X with a law on the real line, to about 1e-10 of `E|f(X) - f(E[X])|`.
///
/// For continuous laws by quadrature over the quantiles, `E[f(X)]` being the integral of f(ppf(u)) over (0, 1), taken in
/// ln u so that tails down to 1e-300 count; for discrete laws by summation over at most 1,000,000 values.
///
/// ```
/// use ganvas_prob::{distributions::Normal, jensen::jensen_gap_under};
/// // E[exp(Z)] - exp(E[Z]) for a standard normal Z.
/// let gap = jensen_gap_under(f64::exp, &Normal::new(0.0, 1.0)?)?;
/// assert!((gap - (0.5f64.exp() - 1.0)).abs() < 1e-10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If an expectation does not converge (the mean of a Cauchy law), f is not finite somewhere, or there are too many
/// values.
pub fn jensen_gap_under(f: impl Fn(f64) -> f64, law: &dyn Univariate) -> Result<f64, JensenError> {
    if !matches!(law.support(), Support::Interval { .. }) {
        let values = atoms(law)?;
        return gap_of_masses(f, || values.iter().copied());
    }
    let median = law.ppf(0.5);
    let mean = median + expectation("X", law, |x| x - median)?;
    let base = finite(mean, f(mean))?;
    expectation("f(X)", law, |x| f(x) - base)
}

/// Values and probabilities, outwards from the median until a tail is below 1e-300.
fn atoms(law: &dyn Univariate) -> Result<Vec<(f64, f64)>, JensenError> {
    let whole = matches!(law.support(), Support::Integers { .. });
    let above = |x: f64| if whole { x + 1.0 } else { law.isf(law.sf(x).next_down().max(0.0)) };
    let below = |x: f64| if whole { x - 1.0 } else { law.ppf(law.cdf(x.next_down())) };
    let median = law.ppf(0.5);
    let mut values = vec![median];
    let mut x = median;
    while law.sf(x) > TAIL && above(x) > x && values.len() <= VALUES {
        x = above(x);
        values.push(x);
    }
    x = median;
    while below(x) < x && law.cdf(below(x)) > TAIL && values.len() <= VALUES {
        x = below(x);
        values.push(x);
    }
    if values.len() > VALUES {
        return Err(JensenError::Values { most: VALUES });
    }
    Ok(values.into_iter().map(|x| (x, law.pdf(x))).collect())
}

/// E[f(X)] for a continuous law, positive and negative parts and both halves apart.
fn expectation(of: &'static str, law: &dyn Univariate, f: impl Fn(f64) -> f64) -> Result<f64, JensenError> {
    let quantiles: [fn(&dyn Univariate, f64) -> f64; 2] = [|law, u| law.ppf(u), |law, u| law.isf(u)];
    let (mut sum, mut size) = (0.0, 0.0);
    for quantile in quantiles {
        let at = |ln_u: f64| quantile(law, ln_u.exp());
        let place = |error| match error {
            SamplingError::NotANumber { x } | SamplingError::Infinite { x } => {
                JensenError::Value { x: at(x), value: f(at(x)) }
            }
            SamplingError::Diverges { x } => JensenError::Diverges { of, x: at(x) },
            other => other.into(),
        };
        let whole = |ln_u: f64| f(at(ln_u)).abs() * ln_u.exp();
        for cut in CUTS.windows(2) {
            size += quadrature::gauss7(&whole, cut[0], cut[1]).map_err(place)?;
        }
        for sign in [1.0, -1.0] {
            // NaN stays.
            let part = |ln_u: f64| match sign * f(at(ln_u)) {
                value if value <= 0.0 => 0.0,
                value => value * ln_u.exp(),
            };
            for cut in CUTS.windows(2) {
                // Where f crosses zero it is round-off: its size is what precision is asked of.
                sum += sign * quadrature::integrate(&part, cut[0], cut[1], 1e-13 * size).map_err(place)?;
            }
        }
        // What is left beyond the first cut is about as much as the integrand there, if it falls at all.
        if whole(CUTS[0]) > 1e-12 * size {
            return Err(JensenError::Diverges { of, x: at(CUTS[0]) });
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::*;

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance * b.abs(), "{a} against {b}");
    }

    #[test]
    fn gaps_of_finite_distributions_are_their_closed_forms() {
        let pairs = [(-1.0, 0.2), (0.5, 0.3), (2.0, 0.5)];
        let mean = 0.95;
        let variance = 0.2 * 1.95f64.powi(2) + 0.3 * 0.45f64.powi(2) + 0.5 * 1.05f64.powi(2);
        close(jensen_gap(|x| x * x, &pairs).unwrap(), variance, 1e-14);
        let exponential = 0.2 * (-1.0f64).exp() + 0.3 * 0.5f64.exp() + 0.5 * 2f64.exp() - f64::exp(mean);
        close(jensen_gap(f64::exp, &pairs).unwrap(), exponential, 1e-14);
        // The entropy of the mean of p and q above the mean of the entropies: Jensen-Shannon, from -x ln x.
        let concave = jensen_gap(|x| -x * x.ln(), &[(0.2, 0.5), (0.7, 0.5)]).unwrap();
        close(concave, 0.5 * (-0.2 * 0.2f64.ln() - 0.7 * 0.7f64.ln()) + 0.45 * 0.45f64.ln(), 1e-14);
        assert!(concave < 0.0);
        assert_eq!(jensen_gap(f64::ln, &[(0.0, 0.0), (3.0, 1.0)]), Ok(0.0));
    }

    #[test]
    fn a_large_common_offset_costs_no_digits() {
        let pairs = [(1e8, 0.5), (1e8 + 1.0, 0.5)];
        assert_eq!(jensen_gap(|x| (x - 1e8).powi(2), &pairs), Ok(0.25));
        assert_eq!(jensen_gap(|x| (x - 1e8).powi(2) + 1e9, &pairs), Ok(0.25));
    }

    /// A second derivative of one sign gives the gap that sign, whatever the law.
    #[test]
    fn the_sign_is_that_of_the_curvature() {
        let laws: [Box<dyn Univariate>; 7] = [
            Box::new(Gamma::new(2.5, 0.1).unwrap()),
            Box::new(Beta::new(0.5, 0.7).unwrap()),
            Box::new(Uniform::new(0.1, 3.0).unwrap()),
            Box::new(LogNormal::new(0.3, 0.6).unwrap()),
            Box::new(Pareto::new(1.0, 3.0).unwrap()),
            Box::new(Geometric::new(0.2).unwrap()),
            Box::new(Discrete::new(&[(0.5, 0.3), (7.0, 0.7)]).unwrap()),
        ];
        for law in &laws {
            let gap = |f: fn(f64) -> f64| jensen_gap_under(f, &**law).unwrap();
            assert!(gap(|x| x.powf(1.5)) > 1e-4 && gap(|x| 1.0 / (1.0 + x)) > 1e-4, "{law:?}");
            assert!(gap(f64::sqrt) < -1e-4 && gap(|x| -(-x).exp()) < -1e-4 && gap(f64::ln_1p) < -1e-4, "{law:?}");
            assert!(gap(|x| 3.0 * x - 1.0).abs() < 1e-9 && gap(|_| 2.0) == 0.0, "{law:?}");
        }
    }

    #[test]
    fn gaps_under_laws_are_their_closed_forms() {
        let normal = Normal::new(0.3, 0.5).unwrap();
        close(jensen_gap_under(f64::exp, &normal).unwrap(), 0.425f64.exp() - 0.3f64.exp(), 1e-10);
        close(jensen_gap_under(|x| x * x, &normal).unwrap(), 0.25, 1e-10);
        // E|Z| = sqrt(2/pi) with a kink at the median, E max(Z, 1) = Phi(1) + phi(1) with one elsewhere.
        let standard = Normal::new(0.0, 1.0).unwrap();
        close(jensen_gap_under(f64::abs, &standard).unwrap(), (2.0 / std::f64::consts::PI).sqrt(), 1e-10);
        let hinge = crate::traits::Cumulative::cdf(&standard, 1.0) + crate::traits::Density::pdf(&standard, 1.0) - 1.0;
        close(jensen_gap_under(|x| x.max(1.0), &standard).unwrap(), hinge, 1e-10);
        // E[ln X] = digamma(shape) + ln scale.
        let gamma = Gamma::new(1.5, 2.0).unwrap();
        let digamma = statrs::function::gamma::digamma(1.5);
        close(jensen_gap_under(f64::ln, &gamma).unwrap(), digamma + 2f64.ln() - 3f64.ln(), 1e-10);
        // Tails that only just have a mean: Pareto with shape 1.2, E[sqrt X] = 1.2 / 0.7, E[X] = 6.
        let pareto = Pareto::new(1.0, 1.2).unwrap();
        close(jensen_gap_under(f64::sqrt, &pareto).unwrap(), 1.2 / 0.7 - 6f64.sqrt(), 1e-9);
        // E[e^X] = exp(rate (e - 1)), where the tail beyond 1 - cdf counts.
        let poisson = Poisson::new(3.0).unwrap();
        let exact = (3.0 * (1f64.exp() - 1.0)).exp() - 3f64.exp();
        close(jensen_gap_under(f64::exp, &poisson).unwrap(), exact, 1e-12);
        let wide = Poisson::new(1e6).unwrap();
        close(jensen_gap_under(|x| x * x, &wide).unwrap(), 1e6, 1e-9);
        let pairs = [(-1.5, 0.2), (0.25, 0.5), (7.0, 0.3)];
        let (law, finite) = (Discrete::new(&pairs).unwrap(), jensen_gap(f64::exp, &pairs).unwrap());
        close(jensen_gap_under(f64::exp, &law).unwrap(), finite, 1e-13);
    }

    #[test]
    fn what_has_no_gap_is_an_error_with_the_place() {
        assert!(matches!(jensen_gap(f64::ln, &[(0.0, 0.5), (1.0, 0.5)]), Err(JensenError::Value { x: 0.0, .. })));
        assert!(matches!(jensen_gap(f64::ln, &[(1.0, 0.5)]), Err(JensenError::Probabilities(_))));
        assert!(matches!(jensen_gap(f64::ln, &[]), Err(JensenError::Probabilities(_))));
        let cauchy = Cauchy::new(0.0, 1.0).unwrap();
        assert!(matches!(jensen_gap_under(|x| x, &cauchy), Err(JensenError::Diverges { of: "X", .. })));
        let exponential = Exponential::new(1.0).unwrap();
        assert!(matches!(jensen_gap_under(f64::exp, &exponential), Err(JensenError::Diverges { of: "f(X)", .. })));
        assert!(matches!(jensen_gap_under(f64::ln, &Normal::new(0.0, 1.0).unwrap()), Err(JensenError::Value { .. })));
        let wide = Geometric::new(1e-9).unwrap();
        assert_eq!(jensen_gap_under(|x| x, &wide), Err(JensenError::Values { most: VALUES }));
    }
}
