//! Penalties on the gradient of a critic with respect to its input, with exact second derivatives.

use burn::tensor::Tensor;
use ganvas_nets::dual::Dual;
use ganvas_nets::noise::Noise;
use serde::{Deserialize, Serialize};

/// A function of the norm of the input gradient g of each item; its mean over the items is the penalty, before any weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GradientPenalty {
    /// (|g| - 1)^2 (Gulrajani et al. 2017, eq. 3).
    TwoSided,
    /// max(0, |g| - 1)^2 (Petzka et al. 2018, eq. 8).
    OneSided,
    /// |g|^2 / 2: R1 where taken at real items, R2 at generated ones (Mescheder et al. 2018, eq. 9).
    ZeroCentred,
}

/// The norm is sqrt(|g|^2 + this): where g is zero its slope is too.
const EPSILON: f64 = 1e-12;

/// A penalty, and what is worth knowing of the gradients behind it.
pub struct Penalized {
    /// `[1]`: the penalty. Its derivative with respect to the critic's weights is exact, that with respect to
    /// anything else is not there.
    pub penalty: Tensor<1>,
    /// `[n]`: the norm of each item's gradient.
    pub norms: Tensor<1>,
}

impl GradientPenalty {
    /// The function of the norm, and its derivative over the norm.
    fn at(self, norm: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let over = norm.clone().sub_scalar(1.0);
        match self {
            Self::TwoSided => (over.clone().square(), over.mul_scalar(2.0) / norm),
            Self::OneSided => {
                let over = over.clamp_min(0.0);
                (over.clone().square(), over.mul_scalar(2.0) / norm)
            }
            Self::ZeroCentred => (norm.clone().square().mul_scalar(0.5), norm.ones_like()),
        }
    }

    /// Of a critic at some items.
    ///
    /// The gradient g of the sum of the scores is taken by an ordinary backward pass through `frozen`, the critic with weights
    /// that need no gradient. It is scaled item by item to v = phi'(|g|) / |g| g and, as a constant, pushed forward
    /// through `critic`: the tangent v . g of the scores has the penalty's derivative with respect to the weights, for
    /// d phi(|g|) = phi'(|g|) / |g| g . dg. That holds too where items are coupled, by batch norm for one.
    ///
    /// # Shapes
    /// `items`: `[n, values]`; both functions give `[n, 1]`, and have to be the same function.
    pub fn of(
        self,
        items: Tensor<2>,
        frozen: impl FnOnce(Tensor<2>) -> Tensor<2>,
        critic: impl FnOnce(Dual<2>) -> Dual<2>,
    ) -> Penalized {
        let n = items.dims()[0];
        let items = items.detach();
        let input = items.clone().require_grad();
        let gradients = frozen(input.clone()).sum().backward();
        let gradient = input.grad(&gradients).unwrap_or_else(|| items.clone().inner().zeros_like());
        let norm = gradient.clone().square().sum_dim(1).add_scalar(EPSILON).sqrt();
        let (value, slope) = self.at(norm.clone());
        let direction = Tensor::from_inner(gradient * slope);
        let tangent = critic(Dual::along(items, direction)).tangent;
        let value = Tensor::from_inner(value.mean());
        let penalty = match tangent {
            Some(tangent) => {
                let along = tangent.sum().div_scalar(n as f64);
                along.clone() - along.detach() + value
            }
            None => value,
        };
        Penalized { penalty, norms: Tensor::from_inner(norm.reshape([n])) }
    }
}

/// Points between real and generated items, one share for each pair: e x + (1 - e) G(z), e from U(0, 1)
/// (Gulrajani et al. 2017, section 4). Both are `[n, values]`.
pub fn interpolates(real: Tensor<2>, fake: Tensor<2>, noise: &Noise) -> Tensor<2> {
    let share = noise.uniform("interpolate", [real.dims()[0], 1], 0.0, 1.0);
    real * share.clone() + fake * share.neg().add_scalar(1.0)
}

/// Points around real items: x + sd / 2 u with u from U(0, 1) in each value and sd the batch's standard deviation over all
/// values (Kodali et al. 2017, DRAGAN, in the authors' code).
pub fn perturbed(real: Tensor<2>, noise: &Noise) -> Tensor<2> {
    let draws = noise.uniform("perturb", real.dims(), 0.0, 1.0);
    let centred = real.clone() - real.clone().mean().unsqueeze::<2>();
    let deviation = centred.square().mean().sqrt().unsqueeze::<2>();
    real + draws * deviation.mul_scalar(0.5)
}
