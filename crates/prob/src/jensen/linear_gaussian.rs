use super::JensenError;
use crate::estimate::Estimate;
use crate::information::ln_sum_exp;
use crate::sampling::CovarianceFactor;
use faer::{Mat, Side, linalg::solvers::DenseSolveCore};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::TAU;

fn length(name: &'static str, got: usize, expected: usize) -> Result<(), JensenError> {
    if got == expected { Ok(()) } else { Err(JensenError::Length { name, expected, got }) }
}

fn finite(name: &'static str, values: &[f64]) -> Result<(), JensenError> {
    match values.iter().find(|x| !x.is_finite()) {
        Some(&value) => Err(JensenError::Parameter { name, domain: "finite", value }),
        None => Ok(()),
    }
}

fn squares(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().map(|x| x * x).sum()
}

/// A Gaussian N(mean, covariance) over latents, diagonal or full: the q(z | x) of a variational bound.
#[derive(Clone, Debug, PartialEq)]
pub struct LatentGaussian {
    mean: Vec<f64>,
    factor: CovarianceFactor,
}

impl LatentGaussian {
    /// N(mean, covariance), the mean `[d]` and the covariance `[d, d]` row-major.
    ///
    /// # Errors
    /// If the sizes differ, a value is not finite, or the covariance is not symmetric or not positive definite.
    pub fn new(mean: &[f64], covariance: &[f64]) -> Result<Self, JensenError> {
        finite("mean", mean)?;
        Ok(Self { mean: mean.to_vec(), factor: CovarianceFactor::new(mean.len(), covariance)? })
    }

    /// N(mean, diag(variance)), both `[d]`.
    ///
    /// # Errors
    /// If the sizes differ, a value is not finite or a variance not positive.
    pub fn diagonal(mean: &[f64], variance: &[f64]) -> Result<Self, JensenError> {
        let dims = mean.len();
        length("variance", variance.len(), dims)?;
        let covariance: Vec<f64> =
            (0..dims * dims).map(|k| if k / dims == k % dims { variance[k / dims] } else { 0.0 }).collect();
        Self::new(mean, &covariance)
    }

    /// The mean, `[d]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance, `[d, d]` row-major.
    pub fn covariance(&self) -> Vec<f64> {
        let lower = self.lower();
        let product = &lower * lower.transpose();
        let dims = self.mean.len();
        (0..dims * dims).map(|k| product[(k / dims, k % dims)]).collect()
    }

    fn lower(&self) -> Mat<f64> {
        let dims = self.mean.len();
        Mat::from_fn(dims, dims, |i, j| self.factor.lower()[i * dims + j])
    }

    /// A draw z, and ln q(z) from the eps that it is made of.
    fn draw<R: Rng + ?Sized>(&self, rng: &mut R) -> Result<(Vec<f64>, f64), JensenError> {
        let eps: Vec<f64> = self.mean.iter().map(|_| StandardNormal.sample(rng)).collect();
        let z = self.factor.reparameterise(&self.mean, &eps)?;
        Ok((z, -0.5 * (eps.len() as f64 * TAU.ln() + self.factor.ln_det() + squares(eps))))
    }
}

/// The linear-Gaussian latent variable model, probabilistic principal component analysis:
/// z ~ N(0, I), x | z ~ N(W z + b, sd^2 I) (M. E. Tipping and C. M. Bishop 1999, "Probabilistic principal component
/// analysis", eq. 2).
///
/// All that a variational autoencoder estimates is exact here, so that
/// ln p(x) = ELBO(q) + KL(q || p(z | x)) can be checked for any Gaussian q. Everything is in nats.
///
/// ```
/// use ganvas_prob::jensen::{LatentGaussian, LinearGaussian};
/// let model = LinearGaussian::new(&[1.0, 0.5, -0.3], &[0.0, 1.0, 0.0], 0.5)?;
/// let x = [0.4, 1.5, 0.1];
/// let q = LatentGaussian::diagonal(&[0.0], &[1.0])?;
/// let sum = model.elbo(&x, &q)? + model.kl_to_posterior(&x, &q)?;
/// assert!((model.ln_density(&x)? - sum).abs() < 1e-13);
/// // The gap closes where q is the posterior.
/// let posterior = model.posterior(&x)?;
/// assert!((model.ln_density(&x)? - model.elbo(&x, &posterior)?).abs() < 1e-13);
/// # Ok::<(), ganvas_prob::jensen::JensenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LinearGaussian {
    /// `[D, d]`.
    weights: Mat<f64>,
    bias: Vec<f64>,
    noise_variance: f64,
    /// I + W^T W / sd^2, the inverse of the posterior's covariance (eq. 6 and 7).
    precision: Mat<f64>,
    covariance: Mat<f64>,
    ln_det_precision: f64,
}

impl LinearGaussian {
    /// The model with `weights` `[D, d]` row-major, `bias` `[D]` and the standard deviation of the noise.
    ///
    /// # Errors
    /// If the bias is empty, the weights are not a multiple of it, a value is not finite, the noise is not positive, or
    /// the posterior cannot be told from a singular one.
    pub fn new(weights: &[f64], bias: &[f64], noise_sd: f64) -> Result<Self, JensenError> {
        let dims = bias.len();
        if dims == 0 {
            return Err(JensenError::Length { name: "bias", expected: 1, got: 0 });
        }
        let latents = weights.len() / dims;
        length("weights", weights.len(), latents * dims)?;
        finite("weights", weights)?;
        finite("bias", bias)?;
        let noise_variance = noise_sd * noise_sd;
        if !(noise_sd > 0.0 && noise_variance.is_normal()) {
            let domain = "positive, its square in the range of f64";
            return Err(JensenError::Parameter { name: "noise_sd", domain, value: noise_sd });
        }
        let weights = Mat::from_fn(dims, latents, |i, j| weights[i * latents + j]);
        let scaled = weights.transpose() * &weights;
        let precision = Mat::from_fn(latents, latents, |i, j| {
            f64::from(i == j) + 0.5 * (scaled[(i, j)] + scaled[(j, i)]) / noise_variance
        });
        let singular = crate::sampling::SamplingError::NotPositiveDefinite { dims: latents };
        let factor = precision.llt(Side::Lower).map_err(|_| singular)?;
        let ln_det_precision = 2.0 * (0..latents).map(|i| factor.L()[(i, i)].ln()).sum::<f64>();
        let covariance = factor.inverse();
        Ok(Self { weights, bias: bias.to_vec(), noise_variance, precision, covariance, ln_det_precision })
    }

    /// Size of x.
    pub fn dims(&self) -> usize {
        self.bias.len()
    }

    /// Size of z.
    pub fn latents(&self) -> usize {
        self.weights.ncols()
    }

    /// x - W z - b.
    fn residual(&self, x: &[f64], z: &[f64]) -> Vec<f64> {
        let mut residual: Vec<f64> = x.iter().zip(&self.bias).map(|(x, b)| x - b).collect();
        for (j, z) in z.iter().enumerate() {
            residual.iter_mut().enumerate().for_each(|(i, r)| *r -= self.weights[(i, j)] * z);
        }
        residual
    }

    /// ln p(x | z) + ln p(z).
    fn ln_joint(&self, x: &[f64], z: &[f64]) -> f64 {
        let (dims, latents) = (self.dims() as f64, z.len() as f64);
        -0.5 * (squares(self.residual(x, z)) / self.noise_variance
            + squares(z.iter().copied())
            + dims * self.noise_variance.ln()
            + (dims + latents) * TAU.ln())
    }

    /// The posterior mean (W^T W + sd^2 I)^-1 W^T (x - b).
    fn posterior_mean(&self, x: &[f64]) -> Result<Vec<f64>, JensenError> {
        length("x", x.len(), self.dims())?;
        finite("x", x)?;
        let residual = self.residual(x, &[]);
        let latents = self.latents();
        let projected: Vec<f64> = (0..latents)
            .map(|j| {
                residual.iter().enumerate().map(|(i, r)| self.weights[(i, j)] * r).sum::<f64>() / self.noise_variance
            })
            .collect();
        Ok((0..latents).map(|i| (0..latents).map(|j| self.covariance[(i, j)] * projected[j]).sum()).collect())
    }

    /// ln p(x) = ln N(x; b, W W^T + sd^2 I), for x `[D]`.
    ///
    /// # Errors
    /// If x has another size or a value is not finite.
    pub fn ln_density(&self, x: &[f64]) -> Result<f64, JensenError> {
        let mean = self.posterior_mean(x)?;
        // ln p(x, z) - ln p(z | x) at the posterior mean: a sum of squares where Woodbury's identity has a difference.
        Ok(self.ln_joint(x, &mean) + 0.5 * (mean.len() as f64 * TAU.ln() - self.ln_det_precision))
    }

    /// p(z | x) = N((W^T W + sd^2 I)^-1 W^T (x - b), (I + W^T W / sd^2)^-1), for x `[D]` (eq. 6).
    ///
    /// # Errors
    /// If x has another size or a value is not finite.
    pub fn posterior(&self, x: &[f64]) -> Result<LatentGaussian, JensenError> {
        let latents = self.latents();
        let covariance: Vec<f64> =
            (0..latents * latents).map(|k| self.covariance[(k / latents, k % latents)]).collect();
        LatentGaussian::new(&self.posterior_mean(x)?, &covariance)
    }

    /// ELBO(q) = E_q[ln p(x | z) + ln p(z) - ln q(z)], without Monte Carlo.
    ///
    /// # Errors
    /// If x or q has another size or a value of x is not finite.
    pub fn elbo(&self, x: &[f64], q: &LatentGaussian) -> Result<f64, JensenError> {
        length("x", x.len(), self.dims())?;
        finite("x", x)?;
        length("q", q.mean.len(), self.latents())?;
        let lower = q.lower();
        let spread = &self.weights * &lower;
        let entropy = 0.5 * (q.mean.len() as f64 * (1.0 + TAU.ln()) + q.factor.ln_det());
        let traces = spread.squared_norm_l2() / self.noise_variance + lower.squared_norm_l2();
        Ok(self.ln_joint(x, &q.mean) - 0.5 * traces + entropy)
    }

    /// KL(q || p(z | x)): the Jensen gap of the ELBO.
    ///
    /// # Errors
    /// If x or q has another size or a value of x is not finite.
    pub fn kl_to_posterior(&self, x: &[f64], q: &LatentGaussian) -> Result<f64, JensenError> {
        length("q", q.mean.len(), self.latents())?;
        let mean = self.posterior_mean(x)?;
        let latents = mean.len();
        let shift: Vec<f64> = mean.iter().zip(&q.mean).map(|(m, q)| m - q).collect();
        let lower = q.lower();
        let covariance = &lower * lower.transpose();
        let mut sum = -self.ln_det_precision - q.factor.ln_det() - latents as f64;
        for (i, a) in shift.iter().enumerate() {
            for (j, b) in shift.iter().enumerate() {
                sum += self.precision[(i, j)] * (covariance[(i, j)] + a * b);
            }
        }
        Ok(0.5 * sum)
    }

    /// `n` log weights ln p(x, z) - ln q(z) of draws z from q, in nats.
    ///
    /// # Errors
    /// If x or q has another size or a value of x is not finite.
    pub fn ln_weights<R: Rng + ?Sized>(
        &self,
        x: &[f64],
        q: &LatentGaussian,
        n: usize,
        rng: &mut R,
    ) -> Result<Vec<f64>, JensenError> {
        length("x", x.len(), self.dims())?;
        finite("x", x)?;
        length("q", q.mean.len(), self.latents())?;
        (0..n).map(|_| q.draw(rng).map(|(z, ln_q)| self.ln_joint(x, &z) - ln_q)).collect()
    }

    /// The importance-weighted bound L_k = E[ln (1/k) sum_i p(x, z_i) / q(z_i)] by `repetitions` times `k` draws
    /// (Y. Burda, R. Grosse and R. Salakhutdinov 2016, "Importance weighted autoencoders", eq. 8):
    /// ELBO = L_1 <= L_k <= L_(k + 1) <= ln p(x).
    ///
    /// # Errors
    /// If x or q has another size, a value of x is not finite, `k` is 0, or there are fewer than two repetitions.
    pub fn importance_bound<R: Rng + ?Sized>(
        &self,
        x: &[f64],
        q: &LatentGaussian,
        k: usize,
        repetitions: usize,
        rng: &mut R,
    ) -> Result<Estimate, JensenError> {
        for (name, domain, value, least) in [("k", "1 or more", k, 1), ("repetitions", "2 or more", repetitions, 2)] {
            if value < least {
                return Err(JensenError::Parameter { name, domain, value: value as f64 });
            }
        }
        let bound = |_| Ok(ln_sum_exp(&self.ln_weights(x, q, k, rng)?) - (k as f64).ln());
        let bounds: Vec<f64> = (0..repetitions).map(bound).collect::<Result<_, JensenError>>()?;
        Ok(Estimate::of(&bounds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{StreamRng, Streams};

    /// `n` draws from N(0, 1).
    fn normals(rng: &mut StreamRng, n: usize) -> Vec<f64> {
        (0..n).map(|_| StandardNormal.sample(rng)).collect()
    }

    fn random_model(rng: &mut StreamRng, dims: usize, latents: usize) -> LinearGaussian {
        let sd = f64::exp(normals(rng, 1)[0]);
        LinearGaussian::new(&normals(rng, dims * latents), &normals(rng, dims), sd).unwrap()
    }

    /// A A^T / d + 0.1 I.
    fn random_covariance(rng: &mut StreamRng, dims: usize) -> Vec<f64> {
        let a = normals(rng, dims * dims);
        let row = |i: usize| &a[i * dims..(i + 1) * dims];
        let product = |i, j| row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum::<f64>() / dims as f64;
        (0..dims * dims).map(|k| product(k / dims, k % dims) + if k / dims == k % dims { 0.1 } else { 0.0 }).collect()
    }

    /// ln N(x; b, W W^T + sd^2 I), through the D x D covariance.
    fn ln_marginal(model: &LinearGaussian, x: &[f64]) -> f64 {
        let dims = model.dims();
        let product = &model.weights * model.weights.transpose();
        let covariance = Mat::from_fn(dims, dims, |i, j| product[(i, j)] + f64::from(i == j) * model.noise_variance);
        let factor = covariance.llt(Side::Lower).unwrap();
        let (l, mut y) = (factor.L(), vec![0.0; dims]);
        for i in 0..dims {
            let known: f64 = (0..i).map(|j| l[(i, j)] * y[j]).sum();
            y[i] = (x[i] - model.bias[i] - known) / l[(i, i)];
        }
        let ln_det: f64 = (0..dims).map(|i| 2.0 * l[(i, i)].ln()).sum();
        -0.5 * (dims as f64 * TAU.ln() + ln_det + squares(y))
    }

    #[test]
    fn the_evidence_is_the_elbo_and_the_gap_to_twelve_digits() {
        let mut worst: f64 = 0.0;
        for index in 0..300 {
            let mut rng = Streams::new(1).rng("models", index);
            let (dims, latents) = (1 + index as usize % 12, index as usize % 7);
            let model = random_model(&mut rng, dims, latents);
            let (x, mean) = (normals(&mut rng, dims), normals(&mut rng, latents));
            let evidence = model.ln_density(&x).unwrap();
            let direct = ln_marginal(&model, &x);
            assert!((evidence - direct).abs() <= 1e-12 * direct.abs().max(1.0), "{evidence} against {direct}");
            let full = LatentGaussian::new(&mean, &random_covariance(&mut rng, latents)).unwrap();
            let variance: Vec<f64> = normals(&mut rng, latents).iter().map(|n| n.exp()).collect();
            let diagonal = LatentGaussian::diagonal(&mean, &variance).unwrap();
            for q in [full, diagonal, model.posterior(&x).unwrap()] {
                let (elbo, gap) = (model.elbo(&x, &q).unwrap(), model.kl_to_posterior(&x, &q).unwrap());
                assert!(gap >= -1e-13 * latents as f64, "{gap}");
                let error = (evidence - elbo - gap).abs() / evidence.abs().max(elbo.abs()).max(1.0);
                worst = worst.max(error);
                assert!(error <= 1e-12, "ln p(x) = {evidence}, ELBO {elbo}, KL {gap}: {error:e}");
            }
        }
        println!("largest relative error of ln p(x) = ELBO + KL: {worst:e}");
    }

    #[test]
    fn the_elbo_is_the_mean_of_the_log_weights() {
        let mut rng = Streams::new(2).rng("elbo", 0);
        let model = random_model(&mut rng, 5, 3);
        let x = normals(&mut rng, 5);
        let q = LatentGaussian::new(&normals(&mut rng, 3), &random_covariance(&mut rng, 3)).unwrap();
        let bound = model.importance_bound(&x, &q, 1, 200_000, &mut rng).unwrap();
        let elbo = model.elbo(&x, &q).unwrap();
        assert!((bound.mean - elbo).abs() < 4.0 * bound.stderr, "{bound:?} against {elbo}");
    }

    /// p(x | z) = N(W z, I / 4) with W_ij = cos(i (j + 1) / 2 + 3 j / 10), D = 8 and d = 2.
    fn sheet() -> LinearGaussian {
        let weight = |k: usize| {
            let (i, j) = ((k / 2) as f64, (k % 2) as f64);
            (0.5 * i * (j + 1.0) + 0.3 * j).cos()
        };
        LinearGaussian::new(&(0..16).map(weight).collect::<Vec<_>>(), &[0.0; 8], 0.5).unwrap()
    }

    /// x from the model.
    fn observe(model: &LinearGaussian, rng: &mut StreamRng) -> Vec<f64> {
        let z = normals(rng, model.latents());
        let noise = model.noise_variance.sqrt();
        model.residual(&vec![0.0; model.dims()], &z).iter().map(|r| noise * normals(rng, 1)[0] - r).collect()
    }

    /// Its posterior mean + 0.1, and 1.69 times the diagonal of its covariance.
    fn loose(model: &LinearGaussian, x: &[f64]) -> LatentGaussian {
        let posterior = model.posterior(x).unwrap();
        let (mean, covariance) = (posterior.mean(), posterior.covariance());
        LatentGaussian::diagonal(&[mean[0] + 0.1, mean[1] + 0.1], &[1.69 * covariance[0], 1.69 * covariance[3]])
            .unwrap()
    }

    #[test]
    fn the_posterior_and_the_mean_evidence_of_the_sheet() {
        let model = sheet();
        let covariance = model.posterior(&[0.0; 8]).unwrap().covariance();
        for (got, expected) in covariance.iter().zip([0.0525, 0.01193, 0.01193, 0.05956]) {
            assert!((got - expected).abs() < 1e-4 * 0.5, "{covariance:?}");
        }
        // E ln p(x) = -(D (1 + ln 2 pi) + ln det C) / 2, with the determinant lemma for C = W W^T + I / 4.
        let ln_det = model.ln_det_precision + 8.0 * 0.25f64.ln();
        let expected = -0.5 * (8.0 * (1.0 + TAU.ln()) + ln_det);
        assert!((expected + 8.7135).abs() < 5e-5, "{expected}");
        let mut rng = Streams::new(3).rng("evidence", 0);
        let values: Vec<f64> = (0..20_000).map(|_| model.ln_density(&observe(&model, &mut rng)).unwrap()).collect();
        let mean = values.iter().sum::<f64>() / 2e4;
        // The variance of a chi-square with 8 degrees of freedom, over 4.
        assert!((mean - expected).abs() < 4.0 * (4.0 / 2e4f64).sqrt(), "{mean}");
    }

    #[test]
    fn every_log_weight_of_the_posterior_is_the_evidence() {
        let model = sheet();
        let mut rng = Streams::new(4).rng("exact", 0);
        for _ in 0..100 {
            let x = observe(&model, &mut rng);
            let evidence = model.ln_density(&x).unwrap();
            let weights = model.ln_weights(&x, &model.posterior(&x).unwrap(), 20, &mut rng).unwrap();
            assert!(weights.iter().all(|w| (w - evidence).abs() < 1e-10), "{weights:?} against {evidence}");
        }
    }

    /// The gaps of 2,000 x as on the sheet: 0.370, 0.056 +- 0.02, 0.005 +- 0.005 for k = 1, 5, 50.
    #[test]
    fn the_gap_of_the_sheet_shrinks_with_k() {
        let model = sheet();
        let mut rng = Streams::new(5).rng("gap", 0);
        let observed: Vec<Vec<f64>> = (0..2000).map(|_| observe(&model, &mut rng)).collect();
        let exact: f64 =
            observed.iter().map(|x| model.kl_to_posterior(x, &loose(&model, x)).unwrap()).sum::<f64>() / 2e3;
        assert!((exact - 0.370).abs() < 5e-4, "{exact}");
        let gap = |k: usize, rng: &mut StreamRng| {
            let gaps: Vec<f64> = observed
                .iter()
                .map(|x| {
                    let weights = model.ln_weights(x, &loose(&model, x), k, rng).unwrap();
                    model.ln_density(x).unwrap() - ln_sum_exp(&weights) + (k as f64).ln()
                })
                .collect();
            let mean = gaps.iter().sum::<f64>() / 2e3;
            (mean, (squares(gaps.iter().map(|g| g - mean)) / 2e3 / 2e3).sqrt())
        };
        let (one, error) = gap(1, &mut rng);
        assert!((one - exact).abs() < 4.0 * error, "{one} +- {error}");
        let (five, fifty) = (gap(5, &mut rng).0, gap(50, &mut rng).0);
        assert!((five - 0.056).abs() < 0.02 && (fifty - 0.005).abs() < 0.005, "{five}, {fifty}");
        println!("gaps: exact {exact}, {one} +- {error} (k = 1), {five} (k = 5), {fifty} (k = 50)");
    }

    /// L_1 <= L_k <= L_(k + 1) <= ln p(x), and k (ln p(x) - L_k) tends to half the chi-square divergence of posterior
    /// from q (J. Domke and D. Sheldon 2018, "Importance weighting and variational inference", theorem 3). With
    /// R = p(x, z) / (p(x) q(z)), whose mean is 1, the gap is E[R - 1 - ln R], of far less variance than -ln R.
    #[test]
    fn bounds_rise_with_k_at_the_rate_of_the_variance() {
        let model = sheet();
        let mut rng = Streams::new(6).rng("rate", 0);
        let x = observe(&model, &mut rng);
        let (q, evidence) = (loose(&model, &x), model.ln_density(&x).unwrap());
        let mut gap = |k: usize, repetitions: usize| {
            let gaps: Vec<f64> = (0..repetitions)
                .map(|_| {
                    let weights = model.ln_weights(&x, &q, k, &mut rng).unwrap();
                    let ln = ln_sum_exp(&weights) - (k as f64).ln() - evidence;
                    ln.exp_m1() - ln
                })
                .collect();
            let mean = gaps.iter().sum::<f64>() / repetitions as f64;
            (mean, squares(gaps.iter().map(|g| g - mean)).sqrt() / repetitions as f64)
        };
        let gaps = [1, 2, 3, 4, 5, 8, 16, 64].map(|k| gap(k, 400_000 / k));
        for pair in gaps.windows(2) {
            assert!(pair[0].0 > pair[1].0 + 2.0 * pair[0].1.hypot(pair[1].1), "{gaps:?}");
        }
        assert!(gaps[7].0 > 2.0 * gaps[7].1);
        // 1 + chi-square = |Q| exp(s^T (2 Q - S)^-1 s) / sqrt(|S| |2 Q - S|) for N(m, S) and N(m + s, Q).
        let (p, q) = (model.posterior(&x).unwrap().covariance(), q.covariance());
        let det = |m: &[f64]| m[0] * m[3] - m[1] * m[2];
        let c: Vec<f64> = p.iter().zip(&q).map(|(p, q)| 2.0 * q - p).collect();
        let form = 0.01 * (c[0] + c[3] - c[1] - c[2]) / det(&c);
        let chi_square = det(&q) * form.exp() / (det(&p) * det(&c)).sqrt() - 1.0;
        let (limit, error) = gap(256, 20_000);
        assert!(
            (256.0 * limit - 0.5 * chi_square).abs() < 256.0 * 4.0 * error + 0.05 * chi_square,
            "{chi_square}, {limit} +- {error}"
        );
    }

    #[test]
    fn what_is_no_model_or_no_observation_is_refused() {
        let of = |w: &[f64], b: &[f64], sd| LinearGaussian::new(w, b, sd).unwrap_err();
        assert!(matches!(of(&[1.0, 2.0, 3.0], &[0.0, 0.0], 1.0), JensenError::Length { name: "weights", .. }));
        assert!(matches!(of(&[], &[], 1.0), JensenError::Length { name: "bias", .. }));
        assert!(matches!(of(&[f64::NAN], &[0.0], 1.0), JensenError::Parameter { name: "weights", .. }));
        for sd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-200] {
            assert!(matches!(of(&[1.0], &[0.0], sd), JensenError::Parameter { name: "noise_sd", .. }));
        }
        let model = sheet();
        let q = LatentGaussian::diagonal(&[0.0], &[1.0]).unwrap();
        assert!(model.elbo(&[0.0; 8], &q).is_err() && model.kl_to_posterior(&[0.0; 8], &q).is_err());
        assert!(model.ln_density(&[0.0; 7]).is_err() && model.posterior(&[f64::NAN; 8]).is_err());
        let mut rng = Streams::new(7).rng("refused", 0);
        let posterior = model.posterior(&[0.0; 8]).unwrap();
        assert!(model.importance_bound(&[0.0; 8], &posterior, 0, 10, &mut rng).is_err());
        assert!(model.importance_bound(&[0.0; 8], &posterior, 1, 1, &mut rng).is_err());
        assert!(LatentGaussian::diagonal(&[0.0], &[0.0]).is_err() && LatentGaussian::diagonal(&[0.0], &[]).is_err());
    }
}
