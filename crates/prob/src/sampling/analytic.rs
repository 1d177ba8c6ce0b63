use super::{SamplingError, open_unit};
use crate::traits::Sample;
use rand::Rng;

/// The inverse transform with a formula for F^-1: F^-1(U) has the cdf F where U is uniform on (0, 1)
/// (L. Devroye 1986, "Non-Uniform Random Variate Generation", section II.2).
///
/// For p(x) = 3/8 x^2 on [0, 2], F(x) = x^3 / 8 and F^-1(u) = 2 u^(1/3); the mean is 3/2:
///
/// ```
/// use ganvas_prob::{sampling::AnalyticInverse, stream::Streams, traits::Sample};
/// let law = AnalyticInverse::new(|u: f64| 2.0 * u.cbrt())?;
/// assert_eq!(law.ppf(0.125), 1.0);
/// let draws = law.sample_n(&mut Streams::new(7).rng("cubic", 0), 100_000);
/// assert!((draws.iter().sum::<f64>() / 1e5 - 1.5).abs() < 0.01);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AnalyticInverse<F> {
    inverse: F,
}

impl<F: Fn(f64) -> f64> AnalyticInverse<F> {
    /// The law with the quantile function `inverse`, a function of u in (0, 1).
    ///
    /// # Errors
    /// If the function is not a number, or falls, somewhere on a grid of 257 points.
    pub fn new(inverse: F) -> Result<Self, SamplingError> {
        let mut before = f64::NEG_INFINITY;
        for i in 0..257 {
            let u = (f64::from(i) + 0.5) / 257.0;
            let x = inverse(u);
            if x.is_nan() {
                return Err(SamplingError::NotANumber { x: u });
            }
            if x < before {
                return Err(SamplingError::NotACdf { x, value: u });
            }
            before = x;
        }
        Ok(Self { inverse })
    }

    /// F^-1(u).
    pub fn ppf(&self, u: f64) -> f64 {
        (self.inverse)(u)
    }
}

impl<F: Fn(f64) -> f64> Sample for AnalyticInverse<F> {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        (self.inverse)(open_unit(rng))
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::{DRAWS, follows};
    use super::*;
    use crate::stream::Streams;

    #[test]
    fn a_million_draws_of_the_worked_example_follow_its_cdf() {
        let law = AnalyticInverse::new(|u: f64| 2.0 * u.cbrt()).unwrap();
        follows(law.sample_n(&mut Streams::new(1).rng("analytic", 0), DRAWS), |x| x.powi(3) / 8.0);
    }

    #[test]
    fn a_seed_gives_the_pinned_draws() {
        let law = AnalyticInverse::new(|u: f64| -(-u).ln_1p()).unwrap();
        let draws = law.sample_n(&mut Streams::new(1).rng("pinned", 0), 2);
        assert!(draws.iter().zip(PINNED).all(|(a, b)| (a - b).abs() < 1e-14), "{draws:?}");
    }
    const PINNED: [f64; 2] = [3.804528439582233, 1.5189768134639647];

    #[test]
    fn a_function_that_falls_or_is_no_number_is_refused() {
        assert!(matches!(AnalyticInverse::new(|u| -u), Err(SamplingError::NotACdf { .. })));
        assert!(matches!(AnalyticInverse::new(|u| (u - 0.5).ln()), Err(SamplingError::NotANumber { .. })));
    }
}
