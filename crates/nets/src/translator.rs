//! The residual image-to-image network of Johnson et al. (2016) as Zhu et al. (2017, appendix 7.2) have it: images to images of
//! the same side.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::init::Init;
use crate::layers::{Activation, Conv2d, ConvTranspose2d, Geometry, Norm, NormKind, PaddedConv2d, Padding};
use crate::noise::Pass;

/// Sizes of a translator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels of the images that come in; more where labels stand beside them.
    pub inputs: usize,
    /// Channels of those that go out.
    pub outputs: usize,
    /// Channels at the full side; they double at each halving of it.
    pub width: usize,
    /// How often the side is halved, and doubled again.
    pub halvings: usize,
    /// Residual blocks at the smallest side.
    pub blocks: usize,
    /// Side of the first and of the last kernel, odd.
    pub outer_kernel: usize,
    /// Side of the strided kernels: 3 or 4.
    pub kernel: usize,
    /// What stands behind all convolutions but the last.
    pub norm: NormKind,
    /// What stands around images before kernels without a stride.
    pub padding: Padding,
}

impl Shape {
    /// What the sides of images have to be multiples of.
    pub fn unit(&self) -> usize {
        1 << self.halvings
    }

    /// Halves a side, or doubles it when transposed.
    fn strided(&self) -> Geometry {
        match self.kernel {
            3 => Geometry { kernel: 3, stride: 2, padding: 1, output_padding: 1 },
            _ => Geometry::HALVE,
        }
    }
}

/// Convolution, norm, ReLU, convolution, norm, and what came in; no activation after the sum.
#[derive(Module, Debug)]
struct Block {
    convs: Vec<PaddedConv2d>,
    norms: Vec<Norm>,
}

impl Block {
    fn new(shape: &Shape, channels: usize, init: &mut Init) -> Self {
        Self {
            convs: (0..2).map(|_| PaddedConv2d::new(channels, channels, 3, shape.padding, init)).collect(),
            norms: (0..2).map(|_| Norm::new(shape.norm, channels, init)).collect(),
        }
    }

    fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let mut y = x.clone();
        for (i, (conv, norm)) in self.convs.iter().zip(&self.norms).enumerate() {
            y = norm.dual(conv.forward(y, pass).into(), pass).value;
            if i == 0 {
                y = Activation::Relu.forward(y);
            }
        }
        x + y
    }
}

/// Images to images.
#[derive(Module, Debug)]
pub struct Translator {
    first: PaddedConv2d,
    downs: Vec<Conv2d>,
    blocks: Vec<Block>,
    ups: Vec<ConvTranspose2d>,
    /// Behind the first convolution, then each that halves, then each that doubles.
    norms: Vec<Norm>,
    last: PaddedConv2d,
}

impl Translator {
    /// A translator of this shape.
    pub fn new(shape: Shape, init: &mut Init) -> Self {
        let widths: Vec<usize> = (0..=shape.halvings).map(|halvings| shape.width << halvings).collect();
        let geometry = shape.strided();
        let first = PaddedConv2d::new(shape.inputs, shape.width, shape.outer_kernel, shape.padding, init);
        let downs = widths.windows(2).map(|pair| Conv2d::new(pair[0], pair[1], geometry, true, init)).collect();
        let blocks = (0..shape.blocks).map(|_| Block::new(&shape, widths[shape.halvings], init)).collect();
        let ups =
            widths.windows(2).rev().map(|pair| ConvTranspose2d::new(pair[1], pair[0], geometry, true, init)).collect();
        let behind = widths.iter().chain(widths.iter().rev().skip(1));
        let norms = behind.map(|&channels| Norm::new(shape.norm, channels, init)).collect();
        let last = PaddedConv2d::new(shape.width, shape.outputs, shape.outer_kernel, shape.padding, init);
        Self { first, downs, blocks, ups, norms, last }
    }

    /// # Shapes
    /// `[batch, inputs, h, w]` to `[batch, outputs, h, w]` in (-1, 1); sides are multiples of the shape's unit.
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let mut norms = self.norms.iter();
        let mut behind = |x: Tensor<4>| {
            let x = norms.next().map_or_else(|| x.clone(), |norm| norm.dual(x.clone().into(), pass).value);
            Activation::Relu.forward(x)
        };
        let mut x = behind(self.first.forward(x, pass));
        for down in &self.downs {
            x = behind(down.forward(x, pass));
        }
        x = self.blocks.iter().fold(x, |x, block| block.forward(x, pass));
        for up in &self.ups {
            x = behind(up.forward(x, pass));
        }
        Activation::Tanh.forward(self.last.forward(x, pass))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::optim::trainable;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn init() -> Init {
        Init::new(&Streams::new(1), "net", Initializer::Normal { sd: 0.02 }, &Device::flex().autodiff())
    }

    fn paper(blocks: usize) -> Shape {
        Shape {
            inputs: 3,
            outputs: 3,
            width: 64,
            halvings: 2,
            blocks,
            outer_kernel: 7,
            kernel: 3,
            norm: NormKind::PlainInstance,
            padding: Padding::Reflect,
        }
    }

    fn small() -> Shape {
        let (norm, padding) = (NormKind::Instance, Padding::Zeros);
        Shape { width: 12, blocks: 2, outer_kernel: 3, kernel: 4, norm, padding, ..paper(2) }
    }

    /// Those of the authors' code for 256x256 and for 128x128, and those of the small network, counted by hand.
    #[test]
    fn networks_have_their_published_size() {
        for (shape, size) in [(paper(9), 11_378_179), (paper(6), 7_837_699), (small(), 130_611)] {
            assert_eq!(trainable(&Translator::new(shape, &mut init())), size);
        }
    }

    #[test]
    fn sides_stay_and_values_are_of_images() {
        let x: Tensor<4> = init().normal([2, 3, 16, 24], 0.0, 1.0).val();
        let narrow = Shape { width: 4, blocks: 1, ..paper(1) };
        for shape in [narrow, small(), Shape { inputs: 3, outputs: 1, halvings: 3, ..small() }] {
            let y = Translator::new(shape, &mut init()).forward(x.clone(), Pass::Eval);
            assert_eq!(y.dims(), [2, shape.outputs, 16, 24]);
            assert!(y.abs().max().into_scalar::<f32>() < 1.0);
        }
    }
}
