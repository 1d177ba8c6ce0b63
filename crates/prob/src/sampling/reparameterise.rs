use super::SamplingError;
use faer::{Mat, Side};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

fn length(name: &'static str, got: usize, expected: usize) -> Result<(), SamplingError> {
    if got == expected { Ok(()) } else { Err(SamplingError::Length { name, expected, got }) }
}

/// mu + sigma * eps, entry by entry: a draw from N(mu, diag(sigma^2)) where eps is one from N(0, I), and a function of
/// mu and sigma that can be differentiated (D. P. Kingma and M. Welling 2014, "Auto-Encoding Variational Bayes",
/// section 2.4).
///
/// # Shapes
/// `mu` and `sigma` are `[d]`, `eps` and the result `[n, d]` row-major.
///
/// ```
/// use ganvas_prob::sampling::reparameterise_diagonal;
/// let z = reparameterise_diagonal(&[1.0, -1.0], &[2.0, 0.5], &[0.5, 2.0, 0.0, 0.0])?;
/// assert_eq!(z, [2.0, 0.0, 1.0, -1.0]);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
///
/// # Errors
/// If the sizes differ, or a standard deviation is negative or no number.
pub fn reparameterise_diagonal(mu: &[f64], sigma: &[f64], eps: &[f64]) -> Result<Vec<f64>, SamplingError> {
    length("sigma", sigma.len(), mu.len())?;
    length("eps", eps.len() % mu.len().max(1), 0)?;
    if let Some(&value) = sigma.iter().find(|s| !(s.is_finite() && **s >= 0.0)) {
        return Err(SamplingError::Parameter { name: "sigma", domain: "finite and not negative", value });
    }
    Ok(eps.iter().zip(mu.iter().zip(sigma).cycle()).map(|(e, (m, s))| s.mul_add(*e, *m)).collect())
}

/// L of a covariance Sigma = L L^T (Cholesky): mu + L eps is a draw from N(mu, Sigma) where eps is one from N(0, I).
///
/// ```
/// use ganvas_prob::sampling::CovarianceFactor;
/// let factor = CovarianceFactor::new(2, &[4.0, 2.0, 2.0, 10.0])?;
/// assert_eq!(factor.lower(), [2.0, 0.0, 1.0, 3.0]);
/// assert_eq!(factor.reparameterise(&[1.0, 0.0], &[1.0, 1.0])?, [3.0, 4.0]);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CovarianceFactor {
    dims: usize,
    /// `[dims, dims]` row-major, zero above the diagonal.
    lower: Vec<f64>,
}

impl CovarianceFactor {
    /// The factor of a covariance, `[dims, dims]` row-major.
    ///
    /// # Errors
    /// If the size differs, it is not symmetric (to 1e-9 of its largest entry) or not positive definite.
    pub fn new(dims: usize, covariance: &[f64]) -> Result<Self, SamplingError> {
        length("covariance", covariance.len(), dims.saturating_mul(dims))?;
        if let Some(&value) = covariance.iter().find(|x| !x.is_finite()) {
            return Err(SamplingError::Parameter { name: "covariance", domain: "finite", value });
        }
        let largest = covariance.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        for row in 0..dims {
            for column in 0..row {
                if (covariance[row * dims + column] - covariance[column * dims + row]).abs() > 1e-9 * largest {
                    return Err(SamplingError::NotSymmetric { row, column });
                }
            }
        }
        let matrix = Mat::from_fn(dims, dims, |i, j| covariance[i * dims + j]);
        let factor = matrix.llt(Side::Lower).map_err(|_| SamplingError::NotPositiveDefinite { dims })?;
        let l = factor.L();
        let lower: Vec<f64> =
            (0..dims * dims).map(|k| if k % dims <= k / dims { l[(k / dims, k % dims)] } else { 0.0 }).collect();
        Ok(Self { dims, lower })
    }

    /// The factor L itself, `[dims, dims]` row-major, with a positive diagonal and zeros above it.
    pub(crate) fn from_lower(dims: usize, lower: Vec<f64>) -> Self {
        Self { dims, lower }
    }

    /// Side of the matrix.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Turns x, `[dims]`, into L^-1 x.
    pub(crate) fn solve_lower(&self, x: &mut [f64]) {
        for i in 0..self.dims {
            let (row, diagonal) = (&self.lower[i * self.dims..i * self.dims + i], self.lower[i * self.dims + i]);
            let sum: f64 = row.iter().zip(&*x).map(|(l, x)| l * x).sum();
            x[i] = (x[i] - sum) / diagonal;
        }
    }

    /// L, `[dims, dims]` row-major, zero above the diagonal.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// ln det Sigma = 2 sum of ln L_ii.
    pub fn ln_det(&self) -> f64 {
        2.0 * (0..self.dims).map(|i| self.lower[i * self.dims + i].ln()).sum::<f64>()
    }

    /// mu + L eps.
    ///
    /// # Shapes
    /// `mu` is `[d]`, `eps` and the result `[n, d]` row-major.
    ///
    /// # Errors
    /// If the sizes differ.
    pub fn reparameterise(&self, mu: &[f64], eps: &[f64]) -> Result<Vec<f64>, SamplingError> {
        length("mu", mu.len(), self.dims)?;
        length("eps", eps.len() % self.dims.max(1), 0)?;
        let mut z = Vec::with_capacity(eps.len());
        for row in eps.chunks_exact(self.dims.max(1)) {
            for (i, m) in mu.iter().enumerate() {
                let l = &self.lower[i * self.dims..=i * self.dims + i];
                z.push(m + l.iter().zip(row).map(|(l, e)| l * e).sum::<f64>());
            }
        }
        Ok(z)
    }

    /// `n` draws from N(mu, Sigma), `[n, d]` row-major.
    ///
    /// # Errors
    /// If `mu` has another size.
    pub fn sample_n<R: Rng + ?Sized>(&self, mu: &[f64], rng: &mut R, n: usize) -> Result<Vec<f64>, SamplingError> {
        let eps: Vec<f64> = (0..n * self.dims).map(|_| StandardNormal.sample(rng)).collect();
        self.reparameterise(mu, &eps)
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::{DRAWS, follows};
    use super::*;
    use crate::stream::Streams;
    use statrs::distribution::{ContinuousCDF, Normal};

    const SIGMA: [f64; 9] = [4.0, 1.2, -0.5, 1.2, 2.0, 0.3, -0.5, 0.3, 1.0];

    #[test]
    fn the_factor_times_itself_is_the_covariance() {
        let factor = CovarianceFactor::new(3, &SIGMA).unwrap();
        let l = factor.lower();
        for (k, expected) in SIGMA.iter().enumerate() {
            let product: f64 = (0..3).map(|m| l[k / 3 * 3 + m] * l[k % 3 * 3 + m]).sum();
            assert!((product - expected).abs() < 1e-14);
        }
        let det = 4.0 * (2.0 - 0.09) - 1.2 * (1.2 + 0.15) - 0.5 * (0.36 + 1.0);
        assert!((factor.ln_det() - f64::ln(det)).abs() < 1e-13);
    }

    /// Every projection of a Gaussian is a Gaussian: a^T z has the mean a^T mu and the variance a^T Sigma a.
    #[test]
    fn projections_of_a_million_draws_follow_the_normal_cdf() {
        let (mu, a) = ([1.0, -2.0, 0.5], [0.7, -1.0, 2.0]);
        let factor = CovarianceFactor::new(3, &SIGMA).unwrap();
        let rows = factor.sample_n(&mu, &mut Streams::new(1).rng("full", 0), DRAWS).unwrap();
        let draws = rows.chunks_exact(3).map(|z| z.iter().zip(a).map(|(z, a)| z * a).sum()).collect();
        let variance: f64 = (0..9).map(|k| a[k / 3] * a[k % 3] * SIGMA[k]).sum();
        let law = Normal::new(0.7 + 2.0 + 1.0, variance.sqrt()).unwrap();
        follows(draws, |x| law.cdf(x));
    }

    #[test]
    fn diagonal_and_full_agree_where_the_covariance_is_diagonal() {
        let eps = [0.3, -1.0, 2.0, 0.1];
        let full = CovarianceFactor::new(2, &[9.0, 0.0, 0.0, 0.25]).unwrap().reparameterise(&[1.0, 2.0], &eps).unwrap();
        let diagonal = reparameterise_diagonal(&[1.0, 2.0], &[3.0, 0.5], &eps).unwrap();
        assert!(full.iter().zip(&diagonal).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    #[test]
    fn a_seed_gives_the_pinned_draws() {
        let factor = CovarianceFactor::new(2, &[4.0, 2.0, 2.0, 10.0]).unwrap();
        let draws = factor.sample_n(&[0.0, 0.0], &mut Streams::new(1).rng("pinned", 0), 1).unwrap();
        assert!(draws.iter().zip(PINNED).all(|(a, b)| (a - b).abs() < 1e-14), "{draws:?}");
    }
    const PINNED: [f64; 2] = [4.494424072273282, 3.8696228579783947];

    #[test]
    fn what_is_no_covariance_is_refused() {
        let of = |d, c: &[f64]| CovarianceFactor::new(d, c).unwrap_err();
        assert!(matches!(of(2, &[1.0]), SamplingError::Length { expected: 4, got: 1, .. }));
        assert_eq!(of(2, &[1.0, 0.5, 0.0, 1.0]), SamplingError::NotSymmetric { row: 1, column: 0 });
        assert_eq!(of(2, &[1.0, 2.0, 2.0, 1.0]), SamplingError::NotPositiveDefinite { dims: 2 });
        assert!(matches!(of(1, &[f64::NAN]), SamplingError::Parameter { .. }));
        assert!(reparameterise_diagonal(&[0.0], &[-1.0], &[0.0]).is_err());
        assert!(reparameterise_diagonal(&[0.0, 0.0], &[1.0, 1.0], &[0.0]).is_err());
        assert_eq!(reparameterise_diagonal(&[], &[], &[]), Ok(vec![]));
        assert_eq!(CovarianceFactor::new(0, &[]).unwrap().reparameterise(&[], &[]), Ok(vec![]));
    }
}
