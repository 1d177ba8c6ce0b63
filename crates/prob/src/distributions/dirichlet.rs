use super::special::{HALF_LN_2PI, digamma_rest, ln_gamma_factor, stirling_rest};
use super::{Beta, open01};
use crate::traits::{Entropy, Law, ParameterError};
use rand::Rng;
use rand_distr::{Distribution, Gamma};

/// How far from 1 the values of a point of the simplex may add up to.
const SUM_TOLERANCE: f64 = 1e-9;

/// The Dirichlet law over `[k]` probabilities: p(x) = product of x_i^(alpha_i - 1) / B(alpha), where
/// B(alpha) = product of Gamma(alpha_i) / Gamma(sum of alpha), on the simplex of values that are not negative and sum to
/// 1; a density in any k - 1 of them.
///
/// There are two or more `alpha`, each finite and at least 1e-300, with a finite sum. Kotz, Balakrishnan and Johnson,
/// *Continuous Multivariate Distributions*, volume 1, chapter 49.
///
/// ```
/// use ganvas_prob::distributions::Dirichlet;
/// let law = Dirichlet::new(&[1.0, 1.0, 2.0])?;
/// assert_eq!(law.mean(), [0.25, 0.25, 0.5]);
/// // Gamma(4) = 6 times the value of the last.
/// assert!((law.pdf(&[0.25, 0.25, 0.5]) - 3.0).abs() < 1e-14);
/// assert_eq!(law.pdf(&[0.5, 0.5, 0.5]), 0.0);
/// # Ok::<(), ganvas_prob::traits::ParameterError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dirichlet {
    alpha: Vec<f64>,
    total: f64,
    /// Of shape alpha, or alpha + 1 where that is below 1.
    gammas: Vec<Gamma<f64>>,
}

impl Dirichlet {
    /// The law with these parameters, `[k]`.
    pub fn new(alpha: &[f64]) -> Result<Self, ParameterError> {
        let law = "Dirichlet";
        let enough = alpha.len() >= 2;
        ParameterError::unless(enough, law, "number of alpha", "two or more", alpha.len() as f64)?;
        let domain = "finite and at least 1e-300";
        for &a in alpha {
            ParameterError::unless(a.is_finite() && a >= 1e-300, law, "alpha", domain, a)?;
        }
        let total: f64 = alpha.iter().sum();
        ParameterError::unless(total.is_finite(), law, "sum of alpha", "finite", total)?;
        let gamma = |&a: &f64| {
            let shape = if a < 1.0 { a + 1.0 } else { a };
            Gamma::new(shape, 1.0).map_err(|_| ParameterError { law, parameter: "alpha", domain, value: a })
        };
        let gammas = alpha.iter().map(gamma).collect::<Result<_, _>>()?;
        Ok(Self { alpha: alpha.to_vec(), total, gammas })
    }

    /// The parameters, `[k]`.
    pub fn alpha(&self) -> &[f64] {
        &self.alpha
    }

    /// ln p(x) for x `[k]`. Negative infinity where a value is negative or they do not sum to 1 within 1e-9, infinite on
    /// an edge with `alpha` below 1, NaN where x has another size, a NaN, or lies where two such edges disagree.
    pub fn ln_pdf(&self, x: &[f64]) -> f64 {
        if x.len() != self.alpha.len() || x.iter().any(|x| x.is_nan()) {
            return f64::NAN;
        }
        let excess = x.iter().sum::<f64>() - 1.0;
        if x.iter().any(|&x| x < 0.0) || excess.abs() > SUM_TOLERANCE {
            return f64::NEG_INFINITY;
        }
        // Each x_i^alpha_i / Gamma(alpha_i) with e^-(total x_i), which multiply to e^-total: no large terms cancel.
        let term = |(&a, &x): (&f64, &f64)| {
            if x > 0.0 {
                ln_gamma_factor(a, self.total * x) - x.ln()
            } else if a == 1.0 {
                self.total.ln()
            } else {
                (1.0 - a) * f64::INFINITY
            }
        };
        let sum: f64 = self.alpha.iter().zip(x).map(term).sum();
        sum + self.total * excess - ln_gamma_factor(self.total, self.total)
    }

    /// p(x) for x `[k]`; see [`Self::ln_pdf`].
    pub fn pdf(&self, x: &[f64]) -> f64 {
        self.ln_pdf(x).exp()
    }

    /// `E[X]`, `[k]`.
    pub fn mean(&self) -> Vec<f64> {
        self.alpha.iter().map(|a| a / self.total).collect()
    }

    /// The covariance, `[k, k]` row-major; singular, as the values sum to 1.
    pub fn covariance(&self) -> Vec<f64> {
        let (mean, k) = (self.mean(), self.alpha.len());
        let entry = |i: usize, j: usize| {
            let other = if i == j { self.others(i) / self.total } else { -mean[j] };
            mean[i] * other / (self.total + 1.0)
        };
        (0..k * k).map(|n| entry(n / k, n % k)).collect()
    }

    /// The sum of all parameters but one.
    fn others(&self, index: usize) -> f64 {
        self.alpha.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, a)| a).sum()
    }

    /// The law of one of the values.
    ///
    /// # Errors
    /// If `index` is out of range, or the beta law refuses the parameters.
    pub fn marginal(&self, index: usize) -> Result<Beta, ParameterError> {
        let inside = index < self.alpha.len();
        ParameterError::unless(inside, "Dirichlet", "index", "smaller than the number of alpha", index as f64)?;
        Beta::new(self.alpha[index], self.others(index))
    }

    /// One draw, `[k]`: normalised, and exact for small `alpha`, where all values but one may underflow to zero.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let mut x = vec![0.0; self.alpha.len()];
        self.fill(rng, &mut x);
        x
    }

    /// `n` draws, `[n, k]` row-major.
    pub fn sample_n<R: Rng + ?Sized>(&self, rng: &mut R, n: usize) -> Vec<f64> {
        let k = self.alpha.len();
        let mut rows = vec![0.0; n * k];
        rows.chunks_exact_mut(k).for_each(|row| self.fill(rng, row));
        rows
    }

    /// Gamma variables divided by their sum, in logarithms; a Gamma(a) variable is a Gamma(a + 1) one times
    /// U^(1 / a) (Marsaglia and Tsang 2000, section 6).
    fn fill<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [f64]) {
        for (x, (gamma, &a)) in out.iter_mut().zip(self.gammas.iter().zip(&self.alpha)) {
            *x = gamma.sample(rng).ln() + if a < 1.0 { open01(rng).ln() / a } else { 0.0 };
        }
        let top = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        out.iter_mut().for_each(|x| *x = (*x - top).exp());
        let sum: f64 = out.iter().sum();
        out.iter_mut().for_each(|x| *x /= sum);
    }
}

impl Entropy for Dirichlet {
    fn entropy_nats(&self) -> f64 {
        // ln B(alpha) + (total - k) psi(total) - sum of (alpha_i - 1) psi(alpha_i), with the large terms of Stirling's
        // series cancelled.
        let (n, k) = (self.total, self.alpha.len() as f64);
        let psi = |x: f64| 0.5 / x + digamma_rest(x);
        let term = |&a: &f64| 0.5 * (a / n).ln() + stirling_rest(a) + (a - 1.0) * psi(a);
        let sum: f64 = self.alpha.iter().map(term).sum();
        sum - 0.5 * (k - 1.0) * n.ln() - stirling_rest(n) - (n - k) * psi(n) + (k - 1.0) * HALF_LN_2PI
    }
}

impl Law for Dirichlet {
    fn dims(&self) -> usize {
        self.alpha.len()
    }

    fn ln_density(&self, x: &[f64]) -> f64 {
        self.ln_pdf(x)
    }

    fn draw(&self, rng: &mut dyn Rng, out: &mut [f64]) {
        self.fill(rng, out);
    }
}
