//! The terms of the evidence lower bound. Everything is a sum over values and latents and is given per item, in nats.

mod bounds;
mod divergence;
mod likelihood;

use burn::tensor::Tensor;

pub(crate) use bounds::log_mean_exp;
pub use bounds::{Estimator, importance_weighted, importance_weights, renyi};
pub use divergence::{Kernel, TotalCorrelation, mmd2, total_correlation};
pub use likelihood::{bernoulli, continuous_bernoulli, continuous_bernoulli_mean, discretized_logistic, gaussian};

/// KL(N(mean, exp(log_variance)) || N(0, I)) in closed form (Kingma and Welling 2014, appendix B).
///
/// # Shapes
/// `[n, latent]` each, to `[n]`.
pub fn kl_to_standard_normal(mean: Tensor<2>, log_variance: Tensor<2>) -> Tensor<1> {
    sum_rows(kl_per_latent(mean, log_variance))
}

/// The same latent by latent: the sum over the latents is the divergence.
///
/// # Shapes
/// `[n, latent]` each, to `[n, latent]`.
pub fn kl_per_latent(mean: Tensor<2>, log_variance: Tensor<2>) -> Tensor<2> {
    let terms = ganvas_kernels::exp(log_variance.clone()) + mean.square() - log_variance.add_scalar(1.0);
    terms.mul_scalar(0.5)
}

/// KL(N(mean, exp(log_variance)) || N(other, exp(other_log_variance))) in closed form, latent by latent.
///
/// # Shapes
/// `[n, latent]` each, to `[n, latent]`.
pub fn kl_between(
    (mean, log_variance): (Tensor<2>, Tensor<2>),
    (other, other_log_variance): (Tensor<2>, Tensor<2>),
) -> Tensor<2> {
    let ratio = log_variance - other_log_variance.clone();
    let square = (mean - other).square() * ganvas_kernels::exp(other_log_variance.neg());
    (ganvas_kernels::exp(ratio.clone()) + square - ratio.add_scalar(1.0)).mul_scalar(0.5)
}

/// ln N(z; mean, exp(log_variance)).
///
/// # Shapes
/// `[n, latent]` each, to `[n]`.
pub fn log_normal(z: Tensor<2>, (mean, log_variance): (Tensor<2>, Tensor<2>)) -> Tensor<1> {
    let square = (z - mean).square() * ganvas_kernels::exp(log_variance.clone().neg());
    sum_rows((square + log_variance).add_scalar((2.0 * std::f64::consts::PI).ln())).mul_scalar(-0.5)
}

/// How many latents are active: the posterior mean has a variance over the items of more than 0.01 (Burda et al.
/// 2016: Var_x(E[z|x]) > 10^-2), `[1]`.
///
/// # Shapes
/// `mean`, `[n, latent]` with n at least 2.
pub fn active_units(mean: Tensor<2>) -> Tensor<1> {
    mean.var(0).greater_elem(0.01).float().sum()
}

/// log p(z) - log q(z|x) of a drawn z = mean + exp(log_variance / 2) eps; the constants cancel.
///
/// # Shapes
/// `[n, latent]` each, to `[n]`.
pub fn log_prior_ratio(z: Tensor<2>, log_variance: Tensor<2>, eps: Tensor<2>) -> Tensor<1> {
    sum_rows(log_variance + eps.square() - z.square()).mul_scalar(0.5)
}

pub(crate) fn sum_rows(x: Tensor<2>) -> Tensor<1> {
    x.sum_dim(1).squeeze_dim(1)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_prob::stream::{Streams, normals};

    pub fn one(value: Tensor<1>) -> f64 {
        value.into_scalar::<f64>()
    }

    pub fn row(values: &[f32]) -> Tensor<2> {
        Tensor::<1>::from_floats(values, &Device::flex()).unsqueeze()
    }

    #[test]
    fn kl_is_zero_at_the_prior_and_has_its_closed_form_elsewhere() {
        assert_eq!(one(kl_to_standard_normal(row(&[0.0, 0.0]), row(&[0.0, 0.0]))), 0.0);
        let (m, v) = (0.7f64, -0.4f64);
        let expected = 0.5 * (v.exp() + m * m - 1.0 - v);
        assert!((one(kl_to_standard_normal(row(&[0.7]), row(&[-0.4]))) - expected).abs() < 1e-6);
    }

    /// From the standard normal it is the other closed form; of two laws it is the mean of ln q - ln p: 100,000 draws, within 5 standard
    /// errors.
    #[test]
    fn kl_between_gaussians_is_the_mean_of_their_log_ratio() {
        let n = 100_000;
        let wide = |mean: f32, v: f32| (row(&[mean]).expand([n, 1]), row(&[v]).expand([n, 1]));
        let (q, p, standard) = (wide(0.7, -0.9), wide(-0.4, 0.3), wide(0.0, 0.0));
        let draws = normals(&mut Streams::new(1).rng("eps", 0), n);
        let eps = Tensor::<1>::from_floats(draws.as_slice(), &Device::flex()).reshape([n, 1]);
        let z = q.0.clone() + q.1.clone().mul_scalar(0.5).exp() * eps;
        let ratio: Vec<f64> = (log_normal(z.clone(), q.clone()) - log_normal(z, p.clone())).to_data().iter().collect();
        let estimate = ratio.iter().sum::<f64>() / n as f64;
        let variance = ratio.iter().map(|v| (v - estimate).powi(2)).sum::<f64>() / n as f64;
        let first = |x: Tensor<2>| one(sum_rows(x).narrow(0, 0, 1));
        assert!((estimate - first(kl_between(q.clone(), p))).abs() < 5.0 * (variance / n as f64).sqrt());
        let expected = first(kl_per_latent(q.0.clone(), q.1.clone()));
        assert!((first(kl_between(q, standard)) - expected).abs() < 1e-6);
    }

    /// Unbiased variances 0.02, 0.005 and 0 of two items.
    #[test]
    fn a_unit_is_active_where_its_mean_varies() {
        let mean = Tensor::<2>::from_floats([[0.1, 0.05, 3.0], [-0.1, -0.05, 3.0]], &Device::flex());
        assert_eq!(one(active_units(mean)), 1.0);
    }

    /// The mean of -log_prior_ratio over draws is the KL: 100,000 draws of 2 latents, within 5 standard errors.
    #[test]
    fn the_monte_carlo_kl_agrees_with_the_closed_form() {
        let (n, device) = (100_000, Device::flex());
        let draws = normals(&mut Streams::new(1).rng("eps", 0), 2 * n);
        let eps = Tensor::<1>::from_floats(draws.as_slice(), &device).reshape([n, 2]);
        let wide = |values: &[f32]| row(values).expand([n, 2]);
        let (mean, log_variance) = (wide(&[0.7, -1.2]), wide(&[-0.4, 0.3]));
        let z = mean.clone() + log_variance.clone().mul_scalar(0.5).exp() * eps.clone();
        let values: Vec<f64> = log_prior_ratio(z, log_variance.clone(), eps).neg().to_data().iter().collect();
        let estimate = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - estimate).powi(2)).sum::<f64>() / n as f64;
        let exact = one(kl_to_standard_normal(mean, log_variance).narrow(0, 0, 1));
        assert!((estimate - exact).abs() < 5.0 * (variance / n as f64).sqrt(), "{estimate} against {exact}");
    }
}
