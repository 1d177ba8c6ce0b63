use super::special::HALF_LN_2PI;
use crate::sampling::{CovarianceFactor, SamplingError, reparameterise_diagonal};
use crate::traits::{Entropy, Law};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// The normal law over vectors: p(x) = exp(-(x - mean)^T Sigma^-1 (x - mean) / 2) / sqrt((2 pi)^d det Sigma) on R^d.
///
/// `mean` is finite, the covariance Sigma symmetric and positive definite. It is kept as its Cholesky factor, or as
/// standard deviations where it is diagonal: then everything costs O(d). Bishop 2006, *Pattern Recognition and Machine
/// Learning*, section 2.3.
///
/// ```
/// use ganvas_prob::distributions::MultivariateNormal;
/// let law = MultivariateNormal::full(&[0.0, 1.0], &[4.0, 2.0, 2.0, 10.0])?;
/// let given = law.conditional(&[0], &[2.0])?;
/// assert_eq!((given.mean(), given.covariance()), (&[2.0][..], vec![9.0]));
/// assert!((law.mahalanobis(&[2.0, 5.0]) - 2f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MultivariateNormal {
    mean: Vec<f64>,
    scale: Scale,
}

/// A square root of the covariance.
#[derive(Clone, Debug, PartialEq)]
enum Scale {
    Diagonal(Vec<f64>),
    Full(CovarianceFactor),
}

impl MultivariateNormal {
    /// Independent values: N(mean, diag(sd^2)), both `[d]`.
    ///
    /// # Errors
    /// If the sizes differ, a mean is not finite or a standard deviation not finite and positive.
    pub fn diagonal(mean: &[f64], sd: &[f64]) -> Result<Self, SamplingError> {
        finite(mean)?;
        if sd.len() != mean.len() {
            return Err(SamplingError::Length { name: "sd", expected: mean.len(), got: sd.len() });
        }
        match sd.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            Some(&value) => Err(SamplingError::Parameter { name: "sd", domain: "finite and positive", value }),
            None => Ok(Self { mean: mean.to_vec(), scale: Scale::Diagonal(sd.to_vec()) }),
        }
    }

    /// N(mean, covariance), `[d]` and `[d, d]` row-major.
    ///
    /// # Errors
    /// If the sizes differ, a value is not finite, or the covariance is not symmetric (to 1e-9 of its largest entry) or
    /// not positive definite.
    pub fn full(mean: &[f64], covariance: &[f64]) -> Result<Self, SamplingError> {
        finite(mean)?;
        let factor = CovarianceFactor::new(mean.len(), covariance)?;
        Ok(Self { mean: mean.to_vec(), scale: Scale::Full(factor) })
    }

    /// The mean, `[d]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance, `[d, d]` row-major.
    pub fn covariance(&self) -> Vec<f64> {
        let d = self.mean.len();
        let entry = |i: usize, j: usize| match &self.scale {
            Scale::Diagonal(sd) => {
                if i == j {
                    sd[i] * sd[i]
                } else {
                    0.0
                }
            }
            Scale::Full(factor) => {
                let l = factor.lower();
                (0..=i.min(j)).map(|k| l[i * d + k] * l[j * d + k]).sum()
            }
        };
        (0..d * d).map(|k| entry(k / d, k % d)).collect()
    }

    /// The standard deviations, `[d]`, where the law was made from them.
    pub fn diagonal_sd(&self) -> Option<&[f64]> {
        match &self.scale {
            Scale::Diagonal(sd) => Some(sd),
            Scale::Full(_) => None,
        }
    }

    /// The Cholesky factor of the covariance.
    pub fn factor(&self) -> CovarianceFactor {
        match &self.scale {
            Scale::Diagonal(sd) => {
                let d = sd.len();
                let entry = |k: usize| if k / d == k % d { sd[k / d] } else { 0.0 };
                CovarianceFactor::from_lower(d, (0..d * d).map(entry).collect())
            }
            Scale::Full(factor) => factor.clone(),
        }
    }

    /// L^-1 (x - mean), whose values are independent and N(0, 1); `None` where x has another size.
    fn whiten(&self, x: &[f64]) -> Option<Vec<f64>> {
        if x.len() != self.mean.len() {
            return None;
        }
        let mut z: Vec<f64> = x.iter().zip(&self.mean).map(|(x, m)| x - m).collect();
        match &self.scale {
            Scale::Diagonal(sd) => z.iter_mut().zip(sd).for_each(|(z, s)| *z /= s),
            Scale::Full(factor) => factor.solve_lower(&mut z),
        }
        Some(z)
    }

    /// ln det Sigma / 2.
    fn half_ln_det(&self) -> f64 {
        match &self.scale {
            Scale::Diagonal(sd) => sd.iter().map(|s| s.ln()).sum(),
            Scale::Full(factor) => 0.5 * factor.ln_det(),
        }
    }

    /// sqrt((x - mean)^T Sigma^-1 (x - mean)) for x `[d]`; NaN where it has another size.
    pub fn mahalanobis(&self, x: &[f64]) -> f64 {
        self.whiten(x).map_or(f64::NAN, |z| z.iter().map(|z| z * z).sum::<f64>().sqrt())
    }

    /// ln p(x) for x `[d]`; NaN where it has another size.
    pub fn ln_pdf(&self, x: &[f64]) -> f64 {
        self.whiten(x).map_or(f64::NAN, |z| {
            let square: f64 = z.iter().map(|z| z * z).sum();
            -0.5 * square - self.half_ln_det() - HALF_LN_2PI * z.len() as f64
        })
    }

    /// p(x) for x `[d]`; NaN where it has another size.
    pub fn pdf(&self, x: &[f64]) -> f64 {
        self.ln_pdf(x).exp()
    }

    /// The law of the values at `indices`, in that order (Bishop 2006, eq. 2.98).
    ///
    /// # Errors
    /// If an index is out of range or given twice.
    pub fn marginal(&self, indices: &[usize]) -> Result<Self, SamplingError> {
        self.check(indices)?;
        let mean: Vec<f64> = indices.iter().map(|&i| self.mean[i]).collect();
        match &self.scale {
            Scale::Diagonal(sd) => {
                let sd = indices.iter().map(|&i| sd[i]).collect();
                Ok(Self { mean, scale: Scale::Diagonal(sd) })
            }
            Scale::Full(_) => Self::full(&mean, &self.block(indices)),
        }
    }

    /// The law of the other values, in their order, given that those at `indices` are `values` (Bishop 2006, eqs. 2.81
    /// and 2.82). It is read off the Cholesky factor of the covariance in which the given values come first, so the
    /// result is positive definite by construction.
    ///
    /// # Errors
    /// If an index is out of range or given twice, there is not one value for each, or a value is not finite.
    pub fn conditional(&self, indices: &[usize], values: &[f64]) -> Result<Self, SamplingError> {
        self.check(indices)?;
        if values.len() != indices.len() {
            return Err(SamplingError::Length { name: "values", expected: indices.len(), got: values.len() });
        }
        if let Some(&value) = values.iter().find(|x| !x.is_finite()) {
            return Err(SamplingError::Parameter { name: "values", domain: "finite", value });
        }
        let others: Vec<usize> = (0..self.mean.len()).filter(|i| !indices.contains(i)).collect();
        if let Scale::Diagonal(_) = self.scale {
            return self.marginal(&others);
        }
        let order: Vec<usize> = indices.iter().chain(&others).copied().collect();
        let (d, given) = (order.len(), indices.len());
        let factor = CovarianceFactor::new(d, &self.block(&order))?;
        let lower = factor.lower();
        let mut eps = vec![0.0; d];
        eps.iter_mut().zip(values.iter().zip(indices)).for_each(|(e, (x, &i))| *e = x - self.mean[i]);
        factor.solve_lower(&mut eps);
        let row = |i: usize| &lower[(given + i) * d..(given + i + 1) * d];
        let mean = others
            .iter()
            .enumerate()
            .map(|(i, &k)| self.mean[k] + row(i)[..given].iter().zip(&eps).map(|(l, e)| l * e).sum::<f64>())
            .collect();
        let rest = (0..others.len()).flat_map(|i| row(i)[given..].to_vec()).collect();
        Ok(Self { mean, scale: Scale::Full(CovarianceFactor::from_lower(others.len(), rest)) })
    }

    /// The rows and columns of the covariance at `indices`.
    fn block(&self, indices: &[usize]) -> Vec<f64> {
        let (covariance, d) = (self.covariance(), self.mean.len());
        indices.iter().flat_map(|&i| indices.iter().map(move |&j| (i, j))).map(|(i, j)| covariance[i * d + j]).collect()
    }

    fn check(&self, indices: &[usize]) -> Result<(), SamplingError> {
        for (k, &index) in indices.iter().enumerate() {
            let wrong = |domain| Err(SamplingError::Parameter { name: "indices", domain, value: index as f64 });
            if index >= self.mean.len() {
                return wrong("smaller than the number of values of a draw");
            }
            if indices[..k].contains(&index) {
                return wrong("distinct");
            }
        }
        Ok(())
    }

    /// mean + L eps: a draw where eps is one from N(0, I), `[n, d]` row-major like the result.
    ///
    /// # Errors
    /// If the last row of `eps` is not full.
    pub fn transform(&self, eps: &[f64]) -> Result<Vec<f64>, SamplingError> {
        match &self.scale {
            Scale::Diagonal(sd) => reparameterise_diagonal(&self.mean, sd, eps),
            Scale::Full(factor) => factor.reparameterise(&self.mean, eps),
        }
    }

    /// One draw, `[d]`.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        let mut x = vec![0.0; self.mean.len()];
        self.fill(rng, &mut x);
        x
    }

    /// `n` draws, `[n, d]` row-major.
    pub fn sample_n<R: Rng + ?Sized>(&self, rng: &mut R, n: usize) -> Vec<f64> {
        let d = self.mean.len();
        let mut rows = vec![0.0; n * d];
        rows.chunks_exact_mut(d.max(1)).for_each(|row| self.fill(rng, row));
        rows
    }

    fn fill<R: Rng + ?Sized>(&self, rng: &mut R, out: &mut [f64]) {
        out.fill_with(|| StandardNormal.sample(rng));
        match &self.scale {
            Scale::Diagonal(sd) => out.iter_mut().zip(self.mean.iter().zip(sd)).for_each(|(x, (m, s))| *x = m + s * *x),
            Scale::Full(factor) => {
                let (lower, d) = (factor.lower(), self.mean.len());
                // From the last value on, as each needs only those before it.
                for i in (0..d.min(out.len())).rev() {
                    let row = &lower[i * d..=i * d + i];
                    out[i] = self.mean[i] + row.iter().zip(&*out).map(|(l, e)| l * e).sum::<f64>();
                }
            }
        }
    }
}

fn finite(mean: &[f64]) -> Result<(), SamplingError> {
    match mean.iter().find(|m| !m.is_finite()) {
        Some(&value) => Err(SamplingError::Parameter { name: "mean", domain: "finite", value }),
        None => Ok(()),
    }
}

impl Entropy for MultivariateNormal {
    fn entropy_nats(&self) -> f64 {
        (HALF_LN_2PI + 0.5) * self.mean.len() as f64 + self.half_ln_det()
    }
}

impl Law for MultivariateNormal {
    fn dims(&self) -> usize {
        self.mean.len()
    }

    fn ln_density(&self, x: &[f64]) -> f64 {
        self.ln_pdf(x)
    }

    fn draw(&self, rng: &mut dyn Rng, out: &mut [f64]) {
        self.fill(rng, out);
    }
}
