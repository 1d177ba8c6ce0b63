//! log p(x|z) of decoders: sums over values, in nats per item.

use std::f64::consts::{LN_2, PI};

use burn::tensor::Tensor;
use ganvas_kernels::{softplus, tanh};

use super::sum_rows;

/// log p(x|z) of a Bernoulli decoder from its logits l: sum over values of x l - softplus(l).
///
/// # Shapes
/// `x` in {0, 1} (or [0, 1]) and `logits`, `[n, values]`, to `[n]`.
pub fn bernoulli(x: Tensor<2>, logits: Tensor<2>) -> Tensor<1> {
    ganvas_kernels::bernoulli(x, logits)
}

/// log p(x|z) of a Gaussian decoder with the given mean and one fixed standard deviation for all values.
///
/// # Shapes
/// `x` and `mean`, `[n, values]`, to `[n]`.
pub fn gaussian(x: Tensor<2>, mean: Tensor<2>, sd: f64) -> Tensor<1> {
    let values = x.dims()[1] as f64;
    let constant = -0.5 * values * (2.0 * PI * sd * sd).ln();
    sum_rows((x - mean).square()).mul_scalar(-0.5 / (sd * sd)).add_scalar(constant)
}

/// The log-density of a continuous Bernoulli decoder from its logits l (Loaiza-Ganem and Cunningham 2019, eq. 5 and 6): that
/// of the Bernoulli and the logarithm of the constant l / tanh(l / 2) by which its integral over [0, 1] is 1.
///
/// # Shapes
/// `x` in [0, 1] and `logits`, `[n, values]`, to `[n]`.
pub fn continuous_bernoulli(x: Tensor<2>, logits: Tensor<2>) -> Tensor<1> {
    let constant = by_size(
        logits.clone(),
        // 2 + l^2 / 6 near 0.
        |l| l.square().mul_scalar(1.0 / 12.0).add_scalar(LN_2),
        |l| {
            let l = l.abs();
            l.clone().log() - tanh(l.mul_scalar(0.5)).log()
        },
    );
    bernoulli(x, logits) + sum_rows(constant)
}

/// The mean of a continuous Bernoulli of logit l: sigmoid(l) / tanh(l / 2) - 1 / l, in (0, 1).
///
/// # Shapes
/// Any.
pub fn continuous_bernoulli_mean(logits: Tensor<2>) -> Tensor<2> {
    by_size(
        logits,
        |l| l.mul_scalar(1.0 / 12.0).add_scalar(0.5),
        |l| {
            let both = ganvas_kernels::sigmoid(l.clone()) / tanh(l.clone().mul_scalar(0.5));
            both - l.recip()
        },
    )
}

/// `near` where |l| < 0.1, `far` elsewhere; neither is computed where it is not fit, nor is its gradient.
fn by_size(
    l: Tensor<2>,
    near: impl FnOnce(Tensor<2>) -> Tensor<2>,
    far: impl FnOnce(Tensor<2>) -> Tensor<2>,
) -> Tensor<2> {
    let small = l.clone().detach().abs().lower_elem(0.1);
    let close = near(l.clone().mask_fill(small.clone().bool_not(), 0.0));
    let away = far(l.mask_fill(small.clone(), 1.0));
    away.mask_where(small, close)
}

/// The logarithm of the probability that a discretised logistic decoder gives to one of 256 levels, which lie at -1, -1 +
/// 2/255, ... 1 (Kingma et al. 2016, eq. 18; Salimans et al. 2017, eq. 2): the logistic law's mass within 1/255 about the
/// level; the lowest and the highest have all beyond.
///
/// With a = (x + 1/255 - m) / s and b = (x - 1/255 - m) / s it is ln(sigmoid(a) - sigmoid(b)) = -softplus(-a) - softplus(b) +
/// ln(1 - e^(b - a)), whose last term is the same for all values.
///
/// # Shapes
/// `x` and `mean`, `[n, values]`, and `log_scale`, `[1]`, to `[n]`.
pub fn discretized_logistic(x: Tensor<2>, mean: Tensor<2>, log_scale: Tensor<1>) -> Tensor<1> {
    const HALF: f64 = 1.0 / 255.0;
    let shape = x.dims();
    // Below a level has all of the mass, above it has none that a 32-bit float could tell from 0.
    let log_scale = log_scale.clamp(-7.0, 5.0);
    let inverse = log_scale.clone().neg().exp().unsqueeze::<2>().expand(shape);
    let difference = x.clone() - mean;
    let above = (difference.clone().add_scalar(HALF) * inverse.clone()).neg();
    let below = difference.sub_scalar(HALF) * inverse;
    let width = log_scale.neg().exp().mul_scalar(2.0 * HALF);
    let width = width.neg().exp().neg().add_scalar(1.0).log().unsqueeze::<2>().expand(shape);
    let (lowest, highest) = (x.clone().lower_elem(HALF - 1.0), x.greater_elem(1.0 - HALF));
    let (upper, lower) = (softplus(above), softplus(below));
    let inside = upper.clone() + lower.clone() - width;
    sum_rows(inside.mask_where(lowest, upper).mask_where(highest, lower)).neg()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{one, row};
    use super::*;
    use burn::tensor::Device;

    /// 784 ln 2 = 543.4: sums, not means, over the values.
    #[test]
    fn zero_logits_cost_a_bit_a_pixel() {
        let logits = Tensor::zeros([1, 784], &Device::flex());
        let x = Tensor::ones([1, 784], &Device::flex());
        assert!((one(bernoulli(x, logits)) + 784.0 * LN_2).abs() < 1e-2);
    }

    #[test]
    fn a_bernoulli_that_is_sure_and_right_costs_nothing_and_wrong_its_logit() {
        assert!(one(bernoulli(row(&[1.0, 0.0]), row(&[90.0, -90.0]))).abs() < 1e-6);
        assert!((one(bernoulli(row(&[1.0]), row(&[-90.0]))) + 90.0).abs() < 1e-4);
    }

    #[test]
    fn the_gaussian_has_its_density() {
        let expected = -0.5 * (0.5f64 / 0.3).powi(2) - (0.3 * (2.0 * PI).sqrt()).ln();
        assert!((one(gaussian(row(&[1.0]), row(&[0.5]), 0.3)) - expected).abs() < 1e-5);
    }

    /// Integrals by the midpoint rule with 2,000 points, on both sides of where the series takes over.
    #[test]
    fn the_continuous_bernoulli_is_a_density_with_its_mean() {
        for logit in [-30.0, -3.0, -0.11, -0.09, 0.0, 0.05, 0.099, 0.101, 1.0, 12.0, 80.0f32] {
            let n = 2000;
            let grid: Vec<f32> = (0..n).map(|i| (i as f32 + 0.5) / n as f32).collect();
            let x = Tensor::<1>::from_floats(grid.as_slice(), &Device::flex()).reshape([n, 1]);
            let logits = Tensor::full([n, 1], logit, &Device::flex());
            let density: Vec<f64> = continuous_bernoulli(x, logits).exp().to_data().iter().collect();
            let mass = density.iter().sum::<f64>() / n as f64;
            let mean = density.iter().zip(&grid).map(|(d, &x)| d * f64::from(x)).sum::<f64>() / n as f64;
            assert!((mass - 1.0).abs() < 2e-3, "{logit}: {mass}");
            let found = continuous_bernoulli_mean(row(&[logit])).into_scalar::<f64>();
            assert!((found - mean / mass).abs() < 1e-3, "{logit}: {found} against {mean}");
        }
    }

    #[test]
    fn the_continuous_bernoulli_has_a_gradient_everywhere() {
        for logit in [-200.0, -0.1, 0.0, 1e-6, 0.1, 200.0f32] {
            let logits = Tensor::<2>::from_floats([[logit]], &Device::flex().autodiff()).require_grad();
            let x = Tensor::<2>::from_floats([[0.5]], &Device::flex().autodiff());
            let gradients = continuous_bernoulli(x, logits.clone()).sum().backward();
            let found: f32 = logits.grad(&gradients).unwrap().into_scalar();
            // The derivative of the log-density in its natural parameter is x less the mean.
            let expected = 0.5 - continuous_bernoulli_mean(row(&[logit])).into_scalar::<f32>();
            assert!((found - expected).abs() < 1e-3, "{logit}: {found} against {expected}");
        }
    }

    /// The probabilities of all 256 levels add up to 1, for means and scales inside, at the edge and beyond.
    #[test]
    fn the_levels_of_a_discretized_logistic_add_up_to_one() {
        let levels: Vec<f32> = (0..256).map(|i| i as f32 / 127.5 - 1.0).collect();
        let x = Tensor::<1>::from_floats(levels.as_slice(), &Device::flex()).reshape([256, 1]);
        for (mean, log_scale) in [(0.0, -3.0), (0.97, -4.0), (-1.4, -2.0), (0.3, 1.0), (0.0, -20.0), (5.0, -7.0f32)] {
            let means = Tensor::full([256, 1], mean, &Device::flex());
            let log_scale_of = Tensor::from_floats([log_scale], &Device::flex());
            let logs = discretized_logistic(x.clone(), means, log_scale_of);
            let sum = logs.exp().to_data().iter::<f64>().sum::<f64>();
            assert!((sum - 1.0).abs() < 1e-3, "{mean}, {log_scale}: {sum}");
        }
    }

    /// A mean far away: the probability underflows, its logarithm is about -(distance) / scale.
    #[test]
    fn far_levels_have_a_finite_logarithm() {
        let far = one(discretized_logistic(row(&[0.5]), row(&[-0.5]), Tensor::from_floats([-6.0], &Device::flex())));
        assert!(far.is_finite() && far < -350.0 && far > -450.0, "{far}");
    }
}
