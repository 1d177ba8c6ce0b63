//! The discriminator of patches (Isola et al. 2017, section 3.2.2): a score for each of many overlapping squares of an image, by
//! convolutions alone, for images of any side.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::init::Init;
use crate::layers::{Activation, Conv2d, Geometry, Norm, NormKind};
use crate::noise::Pass;

/// Sizes of a discriminator of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels of the images; more where what they are of stands beside them.
    pub inputs: usize,
    /// Channels behind the first convolution; they double with each further one, up to eight times as many.
    pub width: usize,
    /// How often the side is halved, once at least.
    pub halvings: usize,
    /// Side of the last two kernels, which have no stride: 3, or 4, which takes a pixel from each side.
    pub last_kernel: usize,
    /// What stands behind all convolutions but the first and the last.
    pub norm: NormKind,
}

impl Shape {
    /// Channels behind convolution `i`.
    fn channels(&self, i: usize) -> usize {
        self.width << i.min(3)
    }

    /// Sides of the map of scores for an image of these sides; none where one would vanish.
    pub fn map(&self, sides: [usize; 2]) -> Option<[usize; 2]> {
        let last = |side: usize| (side + 3).checked_sub(self.last_kernel);
        let mapped = sides.map(|side| last(last(side >> self.halvings)?).filter(|&side| side > 0));
        let [Some(height), Some(width)] = mapped else { return None };
        Some([height, width])
    }
}

/// Images to scores of their patches.
#[derive(Module, Debug)]
pub struct PatchDiscriminator {
    convs: Vec<Conv2d>,
    norms: Vec<Norm>,
    score: Conv2d,
}

impl PatchDiscriminator {
    /// A discriminator of this shape.
    pub fn new(shape: Shape, init: &mut Init) -> Self {
        let last = Geometry { kernel: shape.last_kernel, stride: 1, padding: 1, output_padding: 0 };
        let mut inputs = shape.inputs;
        let mut convs = Vec::with_capacity(shape.halvings + 1);
        let mut norms = Vec::with_capacity(shape.halvings + 1);
        for i in 0..=shape.halvings {
            let geometry = if i < shape.halvings { Geometry::HALVE } else { last };
            convs.push(Conv2d::new(inputs, shape.channels(i), geometry, true, init));
            norms.push(Norm::new(if i == 0 { NormKind::None } else { shape.norm }, shape.channels(i), init));
            inputs = shape.channels(i);
        }
        Self { convs, norms, score: Conv2d::new(inputs, 1, last, true, init) }
    }

    /// # Shapes
    /// `[batch, inputs, h, w]` to scores `[batch, 1, h', w']`, without bounds.
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let x = self.convs.iter().zip(&self.norms).fold(x, |x, (conv, norm)| {
            Activation::LeakyRelu.forward(norm.dual(conv.forward(x, pass).into(), pass).value)
        });
        self.score.forward(x, pass)
    }

    /// The same as one score in a row, `[batch x h' x w', 1]`: their mean is that over all patches of all images.
    pub fn scores(&self, x: Tensor<4>, pass: Pass) -> Tensor<2> {
        let map = self.forward(x, pass);
        let n: usize = map.dims().iter().product();
        map.reshape([n, 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::optim::trainable;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn made(shape: Shape) -> PatchDiscriminator {
        let rule = Initializer::Normal { sd: 0.02 };
        PatchDiscriminator::new(shape, &mut Init::new(&Streams::new(1), "net", rule, &Device::flex().autodiff()))
    }

    const PAPER: Shape = Shape { inputs: 3, width: 64, halvings: 3, last_kernel: 4, norm: NormKind::PlainInstance };
    const SMALL: Shape = Shape { inputs: 3, width: 16, halvings: 2, last_kernel: 3, norm: NormKind::Instance };

    /// That of the authors' code, and the small one's, counted by hand; 256x256 gives 30x30 scores.
    #[test]
    fn networks_have_their_published_size() {
        assert_eq!((trainable(&made(PAPER)), trainable(&made(SMALL))), (2_764_737, 28_273));
        assert_eq!((PAPER.map([256; 2]), SMALL.map([32; 2])), (Some([30; 2]), Some([8; 2])));
        assert_eq!((PAPER.map([16, 64]), PAPER.map([24, 64]), SMALL.map([3; 2])), (None, Some([1, 6]), None));
    }

    /// A score depends on the pixels of its patch alone: of 70x70 in the paper's network, whose patches are 8 pixels apart.
    #[test]
    fn a_score_sees_its_patch_alone() {
        let net = made(Shape { width: 2, norm: NormKind::None, ..PAPER });
        let device = Device::flex().autodiff();
        let x = Tensor::<4>::zeros([1, 3, 128, 128], &device).require_grad();
        let map = net.forward(x.clone(), Pass::Eval);
        assert_eq!(map.dims(), [1, 1, 14, 14]);
        let gradient = x.grad(&map.narrow(2, 7, 1).narrow(3, 7, 1).sum().backward()).unwrap();
        let rows = gradient.abs().sum_dim(1).sum_dim(3).to_data();
        let seen: Vec<usize> = rows.iter::<f32>().enumerate().filter(|(_, sum)| *sum > 0.0).map(|(i, _)| i).collect();
        assert_eq!((seen.len(), seen[69] - seen[0]), (70, 69));
    }
}
