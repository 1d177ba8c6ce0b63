use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

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
            Activation::Relu => activation::relu(x),
            Activation::LeakyRelu => activation::leaky_relu(x, 0.2),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.mul_scalar(0.5).tanh(),
        }
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
            (Activation::Tanh, (-1f64).tanh()),
            (Activation::Sigmoid, 2.0 * sigmoid - 1.0),
        ] {
            assert!((at(f) - expected).abs() < 1e-6, "{f:?}");
        }
    }
}
