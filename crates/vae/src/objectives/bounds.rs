//! Bounds from several samples of the latents: functions of log-weights ln p(x, z_i) - ln q(z_i|x), `[n, k]`.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use serde::{Deserialize, Serialize};

/// How the encoder's gradient of an importance-weighted bound is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// Through the samples and their density (Burda et al. 2016, eq. 13). Its signal falls below its noise as k grows (Rainforth
    /// et al. 2018).
    #[default]
    Reparameterized,
    /// Through the samples alone, weighted by the squares of the normalised weights (Tucker et al. 2019, eq. 8, DReG): without
    /// bias, and its signal rises with k. For the diagonal posterior.
    DoublyReparameterized,
}

/// The importance-weighted bound ln (1/k) sum_i w_i of log-weights (Burda et al. 2016, eq. 8), the largest taken out
/// before the exponential.
///
/// # Shapes
/// `[n, k]` to `[n]`.
pub fn importance_weighted(log_weights: Tensor<2>) -> Tensor<1> {
    log_mean_exp(log_weights)
}

/// The weights w_i / sum_j w_j that the samples have in the gradient of the bound, cut from any graph.
///
/// # Shapes
/// `[n, k]` to `[n, k]`.
pub fn importance_weights(log_weights: Tensor<2>) -> Tensor<2> {
    softmax(log_weights.detach(), 1)
}

/// The Renyi bound (1 / (1 - alpha)) ln (1/k) sum_i w_i^(1 - alpha) (Li and Turner 2016, eq. 13): alpha = 0 is the
/// importance-weighted bound, near 1 it comes to the evidence lower bound, beyond it is below that. At alpha = 1 it is the
/// latter's mean of log-weights.
///
/// # Shapes
/// `[n, k]` to `[n]`.
pub fn renyi(log_weights: Tensor<2>, alpha: f64) -> Tensor<1> {
    let order = 1.0 - alpha;
    if order.abs() < 1e-6 {
        return log_weights.mean_dim(1).squeeze_dim(1);
    }
    log_mean_exp(log_weights.mul_scalar(order)).div_scalar(order)
}

/// ln (1/k) sum_i e^(x_i) of each row, the largest taken out before the exponential.
pub(crate) fn log_mean_exp(x: Tensor<2>) -> Tensor<1> {
    let k = x.dims()[1] as f64;
    let largest = x.clone().max_dim(1).detach();
    let sum = (x - largest.clone()).exp().sum_dim(1);
    (sum.log() + largest).squeeze_dim::<1>(1).add_scalar(-k.ln())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, row};
    use super::*;
    use burn::tensor::Device;
    use ganvas_nets::noise::Noise;
    use ganvas_prob::stream::Streams;

    #[test]
    fn the_importance_weighted_bound_does_not_underflow() {
        let bound = one(importance_weighted(row(&[-500.0, -500.0, -500.0])));
        assert!((bound + 500.0).abs() < 1e-3);
        let bound = one(importance_weighted(row(&[-500.0, -2000.0])));
        assert!((bound + 500.0 + 2f64.ln()).abs() < 1e-3);
    }

    /// w = e^-1, e^-2 and e^-4.
    #[test]
    fn the_renyi_bound_falls_from_the_importance_weighted_one_through_the_mean() {
        let weights = || row(&[-1.0, -2.0, -4.0]);
        let at = |alpha| one(renyi(weights(), alpha));
        assert!((at(0.0) - one(importance_weighted(weights()))).abs() < 1e-6);
        assert!((at(1.0) + 7.0 / 3.0).abs() < 1e-6);
        assert!((at(1.0 - 1e-3) - at(1.0)).abs() < 2e-3 && (at(1.0 + 1e-3) - at(1.0)).abs() < 2e-3);
        // alpha = 2: -ln of the mean of 1 / w.
        let expected = -((1f64.exp() + 2f64.exp() + 4f64.exp()) / 3.0).ln();
        assert!((at(2.0) - expected).abs() < 1e-5);
        assert!([0.0, 0.5, 1.0, 2.0, 5.0].map(at).windows(2).all(|pair| pair[0] > pair[1]));
    }

    /// Of the same samples: the mean of the bounds of groups lies between the mean of the log-weights and the bound of all, by Jensen's
    /// inequality (Rainforth et al. 2018, section 3).
    #[test]
    fn the_mean_of_several_bounds_lies_between_those_of_one_sample_and_of_all() {
        let (m, k) = (4, 6);
        let noise = Noise::new(Streams::new(1), "weights", 0, &Device::flex());
        let weights = noise.normal::<2>("w", [200, m * k]).mul_scalar(5.0) - 90.0;
        let of = |size: usize| {
            let groups = m * k / size;
            importance_weighted(weights.clone().reshape([200 * groups, size])).reshape([200, groups]).mean_dim(1)
        };
        let (one, groups, all) = (of(1), of(k), of(m * k));
        let least = |x: Tensor<2>| x.min().into_scalar::<f64>();
        assert!(least(groups.clone() - one) > 0.0 && least(all - groups) > 0.0);
    }

    /// The gradient of the bound is the sum of the weights times that of the log-weights.
    #[test]
    fn the_weights_are_the_gradient_of_the_bound() {
        let x = Tensor::<2>::from_floats([[-3.0, -1.0, -1.5], [-800.0, -803.0, -801.0]], &Device::flex().autodiff());
        let x = x.require_grad();
        let gradients = importance_weighted(x.clone()).sum().backward();
        let difference = (x.grad(&gradients).unwrap() - importance_weights(x).inner()).abs().max();
        assert!(difference.into_scalar::<f32>() < 1e-6);
    }
}
