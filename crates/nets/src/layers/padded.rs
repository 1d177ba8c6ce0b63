use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;
use serde::{Deserialize, Serialize};

use crate::init::Init;
use crate::layers::{Conv2d, Geometry};
use crate::noise::Pass;

/// What stands around an image before a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Zeros.
    Zeros,
    /// The image itself, mirrored at its outermost pixels, which are not repeated.
    Reflect,
}

/// A convolution by an odd kernel that keeps the sides, with a bias.
#[derive(Module, Debug)]
pub struct PaddedConv2d {
    conv: Conv2d,
    /// Rows and columns that are mirrored at each side; 0: the convolution has zeros there.
    mirrored: usize,
}

impl PaddedConv2d {
    /// From `inputs` to `outputs` channels; the bias starts at zero.
    pub fn new(inputs: usize, outputs: usize, kernel: usize, padding: Padding, init: &mut Init) -> Self {
        let around = kernel / 2;
        let (mirrored, padding) = if padding == Padding::Reflect { (around, 0) } else { (0, around) };
        let geometry = Geometry { kernel, stride: 1, padding, output_padding: 0 };
        Self { conv: Conv2d::new(inputs, outputs, geometry, true, init), mirrored }
    }

    /// # Shapes
    /// `[batch, inputs, h, w]` to `[batch, outputs, h, w]`. Mirrored sides have to be longer than half the kernel.
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let x = match self.mirrored {
            0 => x,
            n => x.pad([(n, n), (n, n)], PadMode::Reflect),
        };
        self.conv.forward(x, pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    /// A kernel with a single 1 shifts: what comes in at the edge is the image mirrored, and its gradient goes where it came from.
    #[test]
    fn mirrored_pixels_come_in_at_the_edges() {
        let device = Device::flex().autodiff();
        let mut init = Init::new(&Streams::new(1), "net", Initializer::He, &device);
        let mut layer = PaddedConv2d::new(1, 1, 5, Padding::Reflect, &mut init);
        let mut kernel = vec![0.0; 25];
        kernel[10] = 1.0;
        layer.conv.weight = init.parameter(kernel, [1, 1, 5, 5]);
        let x = Tensor::<4>::from_floats(
            [[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]]]],
            &device,
        );
        let x = x.require_grad();
        let y = layer.forward(x.clone(), Pass::Eval);
        // Two to the left of column 0 is column 2, of column 1 column 1.
        let values = |x: Tensor<4>| x.to_data().iter::<f32>().collect::<Vec<_>>();
        assert_eq!(values(y.clone()), [3.0, 2.0, 1.0, 2.0, 7.0, 6.0, 5.0, 6.0, 11.0, 10.0, 9.0, 10.0]);
        let gradient = x.grad(&y.sum().backward()).unwrap();
        assert_eq!(values(Tensor::from_inner(gradient)), [1.0, 2.0, 1.0, 0.0].repeat(3));
    }
}
