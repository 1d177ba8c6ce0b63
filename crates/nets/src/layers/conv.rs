use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ganvas_kernels::{conv_transpose2d, conv2d};

use crate::dual::Dual;
use crate::export::{Layout, TorchLayer};
use crate::init::Init;
use crate::layers::SpectralNorm;
use crate::noise::Pass;

/// Kernel side, stride and padding of a square convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Side of the kernel.
    pub kernel: usize,
    /// Distance between outputs (inputs, when transposed).
    pub stride: usize,
    /// Zeros around the input (cut from the output, when transposed).
    pub padding: usize,
    /// Rows and columns added at one side of the output; transposed only.
    pub output_padding: usize,
}

impl Geometry {
    /// k4 s2 p1: halves a side exactly, or doubles it when transposed.
    pub const HALVE: Geometry = Geometry { kernel: 4, stride: 2, padding: 1, output_padding: 0 };
    /// k4 s1 p0: 4x4 to 1x1, or 1x1 to 4x4 when transposed.
    pub const COLLAPSE: Geometry = Geometry { kernel: 4, stride: 1, padding: 0, output_padding: 0 };
    /// k5 s2 p2, and output padding 1 when transposed: the kernels of the DCGAN paper.
    pub const HALVE_5: Geometry = Geometry { kernel: 5, stride: 2, padding: 2, output_padding: 1 };
    /// k1 s1 p0: channels alone.
    pub const POINT: Geometry = Geometry { kernel: 1, stride: 1, padding: 0, output_padding: 0 };
    /// k3 s1 p1: keeps a side.
    pub const KEEP: Geometry = Geometry { kernel: 3, stride: 1, padding: 1, output_padding: 0 };
}

/// A two-dimensional convolution.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[outputs, inputs, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
    spectral: Option<SpectralNorm>,
    #[module(skip)]
    geometry: Geometry,
}

impl Conv2d {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "Conv2d",
        torch: "nn.Conv2d",
        values: &[("weight", "weight", Layout::Same), ("bias", "bias", Layout::Same)],
        counters: &[],
    };

    /// From `inputs` to `outputs` channels; the bias starts at zero.
    pub fn new(inputs: usize, outputs: usize, geometry: Geometry, bias: bool, init: &mut Init) -> Self {
        let area = geometry.kernel * geometry.kernel;
        let shape = [outputs, inputs, geometry.kernel, geometry.kernel];
        Self {
            weight: init.weight(shape, inputs * area, outputs * area),
            bias: bias.then(|| init.zeros([outputs])),
            spectral: None,
            geometry,
        }
    }

    /// The same layer with its weight, as a matrix with one row for each output, brought to a spectral norm of 1. The norm of
    /// the convolution itself may be larger.
    pub fn spectral(mut self, init: &mut Init) -> Self {
        self.spectral = Some(SpectralNorm::new(self.weight.val().flatten(1, 3), init));
        self
    }

    /// The kernel that inputs are convolved with, in the shape of `weight`.
    pub fn weight(&self, pass: Pass) -> Tensor<4> {
        let weight = self.weight.val();
        let Some(norm) = &self.spectral else { return weight };
        let shape = weight.dims();
        norm.normalized(weight.flatten(1, 3), pass).reshape(shape)
    }

    /// # Shapes
    /// `[batch, inputs, h, w]` to `[batch, outputs, h', w']` with h' = (h + 2 padding - kernel) / stride + 1.
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        self.dual(x.into(), pass).value
    }

    /// [`forward`](Conv2d::forward), with a tangent.
    pub fn dual(&self, x: Dual<4>, pass: Pass) -> Dual<4> {
        let weight = self.weight(pass);
        let bias = self.bias.as_ref().map(Param::val);
        x.affine(|x| self.apply(x, weight.clone(), bias), |t| self.apply(t, weight.clone(), None))
    }

    /// [`forward`](Conv2d::forward) with the kernel times a mask, which has its shape or sides of 1.
    pub(crate) fn masked(&self, x: Tensor<4>, mask: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        let mask = mask.cast(weight.dtype());
        self.apply(x, weight * mask, self.bias.as_ref().map(Param::val))
    }

    fn apply(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
        let Geometry { stride, padding, .. } = self.geometry;
        conv2d(x, weight, bias, stride, padding)
    }
}

/// A transposed two-dimensional convolution: the gradient of [`Conv2d`] with respect to its input.
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    /// `[inputs, outputs, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
    spectral: Option<SpectralNorm>,
    #[module(skip)]
    geometry: Geometry,
}

impl ConvTranspose2d {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "ConvTranspose2d",
        torch: "nn.ConvTranspose2d",
        values: &[("weight", "weight", Layout::Same), ("bias", "bias", Layout::Same)],
        counters: &[],
    };

    /// From `inputs` to `outputs` channels; the bias starts at zero.
    pub fn new(inputs: usize, outputs: usize, geometry: Geometry, bias: bool, init: &mut Init) -> Self {
        let area = geometry.kernel * geometry.kernel;
        let shape = [inputs, outputs, geometry.kernel, geometry.kernel];
        Self {
            weight: init.weight(shape, inputs * area, outputs * area),
            bias: bias.then(|| init.zeros([outputs])),
            spectral: None,
            geometry,
        }
    }

    /// The same layer with its weight, as a matrix with one row for each output, brought to a spectral norm of 1. The norm of
    /// the convolution itself may be larger.
    pub fn spectral(mut self, init: &mut Init) -> Self {
        self.spectral = Some(SpectralNorm::new(self.weight.val().swap_dims(0, 1).flatten(1, 3), init));
        self
    }

    /// The kernel that inputs are convolved with, in the shape of `weight`.
    pub fn weight(&self, pass: Pass) -> Tensor<4> {
        let weight = self.weight.val();
        let Some(norm) = &self.spectral else { return weight };
        let [inputs, outputs, rows, columns] = weight.dims();
        let matrix = weight.swap_dims(0, 1).flatten(1, 3);
        norm.normalized(matrix, pass).reshape([outputs, inputs, rows, columns]).swap_dims(0, 1)
    }

    /// # Shapes
    /// `[batch, inputs, h, w]` to `[batch, outputs, h', w']` with
    /// h' = (h - 1) stride - 2 padding + kernel + output padding.
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        self.dual(x.into(), pass).value
    }

    /// [`forward`](ConvTranspose2d::forward), with a tangent.
    pub fn dual(&self, x: Dual<4>, pass: Pass) -> Dual<4> {
        let weight = self.weight(pass);
        let bias = self.bias.as_ref().map(Param::val);
        x.affine(|x| self.apply(x, weight.clone(), bias), |t| self.apply(t, weight.clone(), None))
    }

    fn apply(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
        let Geometry { stride, padding, output_padding, .. } = self.geometry;
        conv_transpose2d(x, weight, bias, stride, padding, output_padding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn init() -> Init {
        Init::new(&Streams::new(1), "net", Initializer::He, &Device::flex())
    }

    #[test]
    fn geometries_halve_double_and_collapse() {
        let device = Device::flex();
        let mut init = init();
        let x = || Tensor::<4>::ones([1, 2, 16, 16], &device);
        for (geometry, down, up) in [
            (Geometry::HALVE, 8, 32),
            (Geometry::HALVE_5, 8, 32),
            (Geometry::COLLAPSE, 13, 19),
            (Geometry::KEEP, 16, 16),
        ] {
            let y = Conv2d::new(2, 3, geometry, true, &mut init).forward(x(), Pass::Eval);
            assert_eq!(y.dims(), [1, 3, down, down], "{geometry:?}");
            let y = ConvTranspose2d::new(2, 3, geometry, true, &mut init).forward(x(), Pass::Eval);
            assert_eq!(y.dims(), [1, 3, up, up], "{geometry:?}");
        }
    }

    /// <conv(x), y> = <x, conv^T(y)>: what defines the transposed convolution.
    #[test]
    fn the_transposed_convolution_is_the_adjoint() {
        let mut init = init();
        let conv = Conv2d::new(2, 3, Geometry::HALVE, false, &mut init);
        let mut transposed = ConvTranspose2d::new(3, 2, Geometry::HALVE, false, &mut init);
        transposed.weight = conv.weight.clone();
        let x: Tensor<4> = init.weight([2, 2, 8, 8], 1, 1).val();
        let y: Tensor<4> = init.weight([2, 3, 4, 4], 1, 1).val();
        let left = (conv.forward(x.clone(), Pass::Eval) * y.clone()).sum().into_scalar::<f64>();
        let right = (x * transposed.forward(y, Pass::Eval)).sum().into_scalar::<f64>();
        assert!((left - right).abs() < 1e-4 * left.abs().max(1.0), "{left} against {right}");
    }
}
