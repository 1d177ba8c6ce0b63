use burn::module::Module;
use burn::tensor::Tensor;

use super::{Conv2d, Geometry, Linear};
use crate::init::Init;
use crate::noise::Pass;

/// A convolution whose kernels a style scales, input channel by input channel, and whose outputs are then brought back to the scale of
/// its inputs (Karras et al. 2020, eq. 1 to 3).
///
/// With s the scales of an item and w the weights, its kernels are w s / sqrt(sum (w s)^2 + 1e-8), the sum over inputs and places. A
/// convolution is linear in its inputs and its kernels, so the inputs are scaled before and the outputs after it: no item needs kernels
/// of its own.
#[derive(Module, Debug)]
pub struct ModulatedConv2d {
    conv: Conv2d,
    style: Linear,
    demodulates: bool,
}

impl ModulatedConv2d {
    const EPSILON: f64 = 1e-8;

    /// From `inputs` to `outputs` channels with styles from `latent` numbers, which start as scales about 1. Where it does not
    /// `demodulate`, as in front of an image, outputs keep the scale that they have.
    pub fn new(
        inputs: usize,
        outputs: usize,
        latent: usize,
        geometry: Geometry,
        demodulate: bool,
        init: &mut Init,
    ) -> Self {
        let conv = Conv2d::new(inputs, outputs, geometry, false, init);
        let style = Linear::new(latent, inputs, true, init).with_bias(vec![1.0; inputs], init);
        Self { conv, style, demodulates: demodulate }
    }

    /// # Shapes
    /// `[batch, inputs, height, width]` and `[batch, latent]` to `[batch, outputs, height, width]`, the sides by the geometry.
    pub fn forward(&self, x: Tensor<4>, latents: Tensor<2>, pass: Pass) -> Tensor<4> {
        let style = self.style.forward(latents, pass);
        let [batch, inputs] = style.dims();
        let y = self.conv.forward(x * style.clone().reshape([batch, inputs, 1, 1]), pass);
        if !self.demodulates {
            return y;
        }
        let weight = self.conv.weight(pass);
        let outputs = weight.dims()[0];
        let squares = weight.square().sum_dim(3).sum_dim(2).reshape([outputs, inputs]);
        let lengths = style.square().matmul(squares.transpose()).add_scalar(Self::EPSILON).sqrt();
        y / lengths.reshape([batch, outputs, 1, 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::noise::Noise;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    /// Against kernels of each item, scaled and brought to length 1 one by one.
    #[test]
    fn it_is_a_convolution_by_kernels_of_each_item() {
        let device = Device::flex();
        let mut init = Init::new(&Streams::new(1), "net", Initializer::He, &device);
        let noise = Noise::new(Streams::new(2), "test", 0, &device);
        let (x, w) = (noise.normal("x", [3, 4, 6, 6]), noise.normal("w", [3, 5]));
        for demodulate in [true, false] {
            let layer = ModulatedConv2d::new(4, 2, 5, Geometry::KEEP, demodulate, &mut init);
            let found = layer.forward(x.clone(), w.clone(), Pass::Eval);
            assert_eq!(found.dims(), [3, 2, 6, 6]);
            for item in 0..3 {
                let style: Vec<f32> =
                    layer.style.forward(w.clone().narrow(0, item, 1), Pass::Eval).to_data().iter().collect();
                let mut kernels: Vec<f32> = layer.conv.weight.val().to_data().iter().collect();
                kernels.iter_mut().enumerate().for_each(|(at, k)| *k *= style[at / 9 % 4]);
                if demodulate {
                    for kernel in kernels.chunks_mut(36) {
                        let length = kernel.iter().map(|k| k * k).sum::<f32>().sqrt();
                        kernel.iter_mut().for_each(|k| *k /= length);
                    }
                }
                let mut own = Conv2d::new(4, 2, Geometry::KEEP, false, &mut init);
                own.weight = init.parameter(kernels, [2, 4, 3, 3]);
                let expected = own.forward(x.clone().narrow(0, item, 1), Pass::Eval);
                let difference = (found.clone().narrow(0, item, 1) - expected).abs().max().into_scalar::<f32>();
                assert!(difference < 1e-5, "item {item}, {demodulate}: {difference}");
            }
        }
    }

    /// Inputs of variance 1 leave as such, whatever the style.
    #[test]
    fn outputs_keep_the_scale_of_the_inputs() {
        let device = Device::flex();
        let mut init = Init::new(&Streams::new(1), "net", Initializer::He, &device);
        let noise = Noise::new(Streams::new(2), "test", 0, &device);
        let layer = ModulatedConv2d::new(16, 8, 4, Geometry::KEEP, true, &mut init);
        let (x, w) = (noise.normal("x", [4, 16, 24, 24]), noise.normal("w", [4, 4]).mul_scalar(10.0));
        let variance = layer.forward(x, w, Pass::Eval).square().mean().into_scalar::<f64>();
        assert!((variance - 1.0).abs() < 0.1, "{variance}");
    }
}
