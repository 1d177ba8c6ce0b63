use burn::tensor::Tensor;
use ganvas_kernels::{leaky_relu, leaky_relu_slope, sigmoid, softplus, tanh};
use serde::{Deserialize, Serialize};

use crate::dual::Dual;

/// An element-wise function between layers or at an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0).
    Relu,
    /// x for x >= 0, else 0.2 x: the slope that GANs use.
    LeakyRelu,
    /// x for x >= 0, else 0.1 x (Miyato et al. 2018).
    #[serde(rename = "leaky-relu-0.1")]
    LeakyRelu01,
    /// ln(1 + e^x).
    Softplus,
    /// x sigmoid(x), also called swish (Ramachandran et al. 2017).
    Silu,
    /// tanh x, in (-1, 1).
    Tanh,
    /// 2 sigmoid(x) - 1 = tanh(x / 2), in (-1, 1): a sigmoid's [0, 1] image in the range used here.
    Sigmoid,
}

impl Activation {
    /// The function, element by element.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Identity => x,
            Activation::Relu => leaky_relu(x, 0.0),
            Activation::LeakyRelu => leaky_relu(x, 0.2),
            Activation::LeakyRelu01 => leaky_relu(x, 0.1),
            Activation::Softplus => softplus(x),
            Activation::Silu => x.clone() * sigmoid(x),
            Activation::Tanh => tanh(x),
            Activation::Sigmoid => tanh(x.mul_scalar(0.5)),
        }
    }

    /// [`forward`](Activation::forward), with a tangent. The slope of a rectifier is a constant but at its corner.
    pub fn dual<const D: usize>(self, x: Dual<D>) -> Dual<D> {
        x.map(
            |x| self.forward(x),
            |x, y| match self {
                Activation::Identity => x.ones_like(),
                Activation::Relu => leaky_relu_slope(x, 0.0),
                Activation::LeakyRelu => leaky_relu_slope(x, 0.2),
                Activation::LeakyRelu01 => leaky_relu_slope(x, 0.1),
                Activation::Softplus => sigmoid(x),
                Activation::Silu => {
                    let s = sigmoid(x);
                    // s (1 + x (1 - s)) with y = x s.
                    s.clone() + y.clone() - y * s
                }
                Activation::Tanh => y.square().neg().add_scalar(1.0),
                Activation::Sigmoid => y.square().neg().add_scalar(1.0).mul_scalar(0.5),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn values_at_minus_one() {
        let at = |f: Activation| f.forward(Tensor::<1>::from_floats([-1.0], &Device::flex())).into_scalar::<f64>();
        let sigmoid = 1.0 / (1.0 + 1f64.exp());
        for (f, expected) in [
            (Activation::Identity, -1.0),
            (Activation::Relu, 0.0),
            (Activation::LeakyRelu, -0.2),
            (Activation::LeakyRelu01, -0.1),
            (Activation::Softplus, (-1f64).exp().ln_1p()),
            (Activation::Silu, -sigmoid),
            (Activation::Tanh, (-1f64).tanh()),
            (Activation::Sigmoid, 2.0 * sigmoid - 1.0),
        ] {
            assert!((at(f) - expected).abs() < 1e-6, "{f:?}");
        }
    }
}
