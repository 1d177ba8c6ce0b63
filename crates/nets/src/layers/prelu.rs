use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ganvas_kernels::leaky_relu;

use crate::export::{Layout, TorchLayer};
use crate::init::Init;

/// x for x >= 0, else a x with a trained slope a for each channel (He et al. 2015, "Delving Deep into Rectifiers", eq. 1).
#[derive(Module, Debug)]
pub struct PRelu {
    /// `[channels]`.
    pub slope: Param<Tensor<1>>,
}

impl PRelu {
    pub(crate) const TORCH: TorchLayer =
        TorchLayer { layer: "PRelu", torch: "nn.PReLU", values: &[("slope", "weight", Layout::Same)], counters: &[] };

    /// For so many channels; slopes start at 0.25 (there, section 2.1).
    pub fn new(channels: usize, init: &mut Init) -> Self {
        Self { slope: init.parameter(vec![0.25; channels], [channels]) }
    }

    /// # Shapes
    /// `[batch, channels, h, w]` to the same.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let positive = leaky_relu(x.clone(), 0.0);
        let slope = self.slope.val().reshape([1, -1, 1, 1]);
        positive.clone() + (x - positive) * slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    #[test]
    fn slopes_are_those_of_their_channels_and_are_trained() {
        let device = Device::flex().autodiff();
        let mut layer = PRelu::new(2, &mut Init::new(&Streams::new(1), "net", Initializer::He, &device));
        assert_eq!(layer.slope.val().to_data().iter::<f32>().collect::<Vec<_>>(), [0.25; 2]);
        layer.slope = Param::from_tensor(Tensor::from_floats([0.5, -2.0], &device));
        let x = Tensor::<4>::from_floats([[[[3.0, -4.0]], [[-5.0, -6.0]]]], &device).require_grad();
        let y = layer.forward(x.clone());
        assert_eq!(y.to_data().iter::<f32>().collect::<Vec<_>>(), [3.0, -2.0, 10.0, 12.0]);
        let gradients = y.sum().backward();
        let of = |data: burn::tensor::TensorData| data.iter::<f32>().collect::<Vec<_>>();
        assert_eq!(of(x.grad(&gradients).unwrap().to_data()), [1.0, 0.5, -2.0, -2.0]);
        assert_eq!(of(layer.slope.grad(&gradients).unwrap().to_data()), [-4.0, -11.0]);
    }
}
