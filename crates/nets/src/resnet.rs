//! The residual generator and discriminator of Gulrajani et al. (2017) and Miyato et al. (2018), at any resolution that is a
//! small side doubled a few times: 28 = 7 * 4, 32 = 4 * 8, 64 = 4 * 16.

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::dcgan::levels;
use crate::dual::Dual;
use crate::init::Init;
use crate::labels::{ClassHead, Conditioning, Judgement, following, judged, with_planes};
use crate::layers::{Activation, Conv2d, Geometry, Linear, Norm, NormKind, pool};
use crate::noise::Pass;

/// How a discriminator's last activations become features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Their sums over space; the score has no bias (Miyato et al. 2018).
    Sum,
    /// Their means over space; the score has a bias (Gulrajani et al. 2017).
    Mean,
    /// They are themselves; the score has a bias. For encoders, which must tell where something is.
    Flat,
}

/// Sizes of a residual pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels of the image.
    pub channels: usize,
    /// Side of the image.
    pub resolution: usize,
    /// Size of the latent.
    pub latent: usize,
    /// Channels of every block of the generator.
    pub generator_width: usize,
    /// Channels of every block of the discriminator.
    pub discriminator_width: usize,
    /// What stands before the generator's activations.
    pub generator_norm: NormKind,
    /// What stands before the discriminator's activations, but for the first block.
    pub discriminator_norm: NormKind,
    /// Every weight of the discriminator is brought to a spectral norm of 1.
    pub spectral: bool,
    /// The discriminator's activations; the generator's are ReLU.
    pub activation: Activation,
    /// How the discriminator's last activations become features.
    pub pooling: Pooling,
    /// Classes that both networks know of; 0: none. The generator is told them as further latents, or by its norms where those
    /// are conditional.
    pub classes: usize,
    /// What the discriminator does with them: concatenation is as planes beside the image's channels.
    pub conditioning: Conditioning,
    /// What the discriminator puts out of an image: one score; more where it is an encoder.
    pub outputs: usize,
    /// What follows the generator's last layer: tanh; another where it is a decoder.
    pub last: Activation,
}

impl Shape {
    /// Blocks of this width with batch norm in the generator and none in the discriminator, ReLU, sums, no classes.
    pub fn new(channels: usize, resolution: usize, width: usize, latent: usize) -> Self {
        Self {
            channels,
            resolution,
            latent,
            generator_width: width,
            discriminator_width: width,
            generator_norm: NormKind::Batch,
            discriminator_norm: NormKind::None,
            spectral: false,
            activation: Activation::Relu,
            pooling: Pooling::Sum,
            classes: 0,
            conditioning: Conditioning::Concatenation,
            outputs: 1,
            last: Activation::Tanh,
        }
    }
}

/// A 3x3 convolution within a block. Its initial weights are sqrt 2 times those of the network's rule, as both papers have
/// them: with Glorot's they keep the variance through a ReLU.
fn kernel(inputs: usize, outputs: usize, init: &mut Init) -> Conv2d {
    let mut conv = Conv2d::new(inputs, outputs, Geometry::KEEP, true, init);
    let larger = conv.weight.val().to_data().iter::<f32>().map(|w| w * std::f32::consts::SQRT_2).collect();
    conv.weight = init.parameter(larger, conv.weight.dims());
    conv
}

/// Norm, ReLU, doubling, 3x3 convolution, norm, ReLU, 3x3 convolution; beside it doubling and a 1x1 convolution.
#[derive(Module, Debug)]
struct Up {
    norms: Vec<Norm>,
    convs: Vec<Conv2d>,
    shortcut: Conv2d,
}

impl Up {
    fn new(shape: &Shape, init: &mut Init) -> Self {
        let width = shape.generator_width;
        Self {
            norms: (0..2).map(|_| Norm::told(shape.generator_norm, width, shape.classes, init)).collect(),
            convs: (0..2).map(|_| kernel(width, width, init)).collect(),
            shortcut: Conv2d::new(width, width, Geometry::POINT, true, init),
        }
    }

    fn dual(&self, x: Dual<4>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<4> {
        let mut y = x.clone();
        for (i, (norm, conv)) in self.norms.iter().zip(&self.convs).enumerate() {
            y = Activation::Relu.dual(norm.dual_given(y, classes.clone(), pass));
            if i == 0 {
                y = pool::double(y);
            }
            y = conv.dual(y, pass);
        }
        // A 1x1 convolution and doubling commute, and this order has a quarter of the work.
        y + pool::double(self.shortcut.dual(x, pass))
    }
}

/// Latents to images.
#[derive(Module, Debug)]
pub struct Generator {
    project: Linear,
    blocks: Vec<Up>,
    norm: Norm,
    image: Conv2d,
    base: usize,
    #[module(skip)]
    last: Activation,
}

impl Generator {
    /// A generator of this shape, or nothing where the resolution cannot be reached by doubling 4 to 7.
    pub fn new(shape: Shape, init: &mut Init) -> Option<Self> {
        let (base, doublings) = levels(shape.resolution)?;
        let width = shape.generator_width;
        let conditional = shape.generator_norm == NormKind::Conditional;
        let inputs = shape.latent + if conditional { 0 } else { shape.classes };
        Some(Self {
            project: Linear::new(inputs, width * base * base, true, init),
            blocks: (0..doublings).map(|_| Up::new(&shape, init)).collect(),
            norm: Norm::told(shape.generator_norm, width, shape.classes, init),
            image: Conv2d::new(width, shape.channels, Geometry::KEEP, true, init),
            base,
            last: shape.last,
        })
    }

    /// The same generator with these values, one for each channel of the image, as the bias of its last layer.
    pub fn with_output_bias(mut self, values: Vec<f32>, init: &mut Init) -> Self {
        let n = values.len();
        self.image.bias = Some(init.parameter(values, [n]));
        self
    }

    /// # Shapes
    /// `[batch, latent]`, and the classes' indicators `[batch, classes]` where they are told, to
    /// `[batch, channels, resolution, resolution]`, in (-1, 1) where its last function is tanh.
    pub fn given(&self, z: Tensor<2>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<4> {
        self.dual(z.into(), classes, pass).value
    }

    /// [`given`](Generator::given), with a tangent along a direction of the latents.
    pub fn dual(&self, z: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<4> {
        let (z, classes) = following(z, classes, std::slice::from_ref(&self.norm));
        let x = self.project.dual(z, pass);
        let [batch, values] = x.value.dims();
        let x = x.reshape([batch, values / (self.base * self.base), self.base, self.base]);
        let x = self.blocks.iter().fold(x, |x, block| block.dual(x, classes.clone(), pass));
        let x = Activation::Relu.dual(self.norm.dual_given(x, classes, pass));
        self.last.dual(self.image.dual(x, pass))
    }
}

/// Activation, 3x3 convolution, activation, 3x3 convolution, and, where it halves the side, means of 2x2 squares; beside it
/// nothing or, where it halves, a 1x1 convolution and such means. The first block of a network has no activation before its
/// first convolution and no norms.
#[derive(Module, Debug)]
struct Down {
    norms: Vec<Norm>,
    convs: Vec<Conv2d>,
    shortcut: Option<Conv2d>,
    first: bool,
}

impl Down {
    fn new(inputs: usize, shape: &Shape, halves: bool, first: bool, init: &mut Init) -> Self {
        let width = shape.discriminator_width;
        let kind = if first { NormKind::None } else { shape.discriminator_norm };
        let spectral = |conv: Conv2d, init: &mut Init| if shape.spectral { conv.spectral(init) } else { conv };
        let mut conv = |inputs| {
            let conv = kernel(inputs, width, init);
            spectral(conv, init)
        };
        let convs = vec![conv(inputs), conv(width)];
        let norms = [inputs, width].into_iter().map(|channels| Norm::new(kind, channels, init)).collect();
        let shortcut = halves.then(|| {
            let conv = Conv2d::new(inputs, width, Geometry::POINT, true, init);
            spectral(conv, init)
        });
        Self { norms, convs, shortcut, first }
    }

    fn dual(&self, x: Dual<4>, activation: Activation, pass: Pass) -> Dual<4> {
        let mut y = x.clone();
        for (i, (norm, conv)) in self.norms.iter().zip(&self.convs).enumerate() {
            if !(self.first && i == 0) {
                y = activation.dual(norm.dual(y, pass));
            }
            y = conv.dual(y, pass);
        }
        match &self.shortcut {
            // A 1x1 convolution and means commute, and this order has a quarter of the work.
            Some(shortcut) => pool::halve(y) + shortcut.dual(pool::halve(x), pass),
            None => y + x,
        }
    }
}

/// Images to scores.
#[derive(Module, Debug)]
pub struct Discriminator {
    blocks: Vec<Down>,
    score: Linear,
    head: Option<ClassHead>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    pooling: Pooling,
    #[module(skip)]
    image: [usize; 3],
}

impl Discriminator {
    /// A discriminator of this shape, or nothing where the resolution cannot be reached by doubling 4 to 7. It halves the side
    /// until that is at most 8, once at least; two blocks that keep it follow.
    pub fn new(shape: Shape, init: &mut Init) -> Option<Self> {
        levels(shape.resolution)?;
        let mut halvings = 1;
        while shape.resolution >> halvings > 8 {
            halvings += 1;
        }
        let planes = if shape.conditioning == Conditioning::Concatenation { shape.classes } else { 0 };
        let width = shape.discriminator_width;
        let blocks = (0..halvings + 2)
            .map(|i| {
                let inputs = if i == 0 { shape.channels + planes } else { width };
                Down::new(inputs, &shape, i < halvings, i == 0, init)
            })
            .collect();
        let side = shape.resolution >> halvings;
        let features = if shape.pooling == Pooling::Flat { width * side * side } else { width };
        let mut score = Linear::new(features, shape.outputs, shape.pooling != Pooling::Sum, init);
        if shape.spectral {
            score = score.spectral(init);
        }
        let head = ClassHead::new(shape.conditioning, features, shape.classes, shape.spectral, init);
        let image = [shape.channels, shape.resolution, shape.resolution];
        Some(Self { blocks, score, head, activation: shape.activation, pooling: shape.pooling, image })
    }

    /// Scores of flat images, given what they are said to be: told to the head for classes where there is one, otherwise as
    /// planes after the channels.
    ///
    /// # Shapes
    /// `[batch, channels resolution^2]` and `[batch, classes]` to scores `[batch, 1]`.
    pub fn judge(&self, items: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Judgement {
        let (planes, classes) = match self.head {
            None => (classes, None),
            Some(_) => (None, classes),
        };
        let x = with_planes(items, self.image, planes);
        let x = self.activation.dual(self.blocks.iter().fold(x, |x, block| block.dual(x, self.activation, pass)));
        let features = match self.pooling {
            Pooling::Sum => pool::sum_over_space(x),
            Pooling::Mean => pool::mean_over_space(x),
            Pooling::Flat => x.flatten(1, 3),
        };
        judged(&self.head, self.score.dual(features.clone(), pass), features, classes, pass)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::activation;

    use super::*;
    use crate::init::Initializer;
    use crate::noise::Noise;
    use crate::optim::trainable;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn init() -> Init {
        Init::new(&Streams::new(1), "net", Initializer::Glorot, &Device::flex().autodiff())
    }

    fn sizes(shape: Shape) -> (usize, usize) {
        let init = &mut init();
        (trainable(&Generator::new(shape, init).unwrap()), trainable(&Discriminator::new(shape, init).unwrap()))
    }

    /// The pairs for CIFAR-10 of Miyato et al. (2018), table 4, and of Gulrajani et al. (2017), appendix F.
    #[test]
    fn the_pairs_at_32_pixels_have_their_published_size() {
        let wgan_gp = Shape { pooling: Pooling::Mean, ..Shape::new(3, 32, 128, 128) };
        assert_eq!(sizes(wgan_gp), (1_204_483, 1_053_825));
        let sn_gan = Shape { generator_width: 256, spectral: true, ..Shape::new(3, 32, 128, 128) };
        assert_eq!(sizes(sn_gan), (4_276_739, 1_053_824));
    }

    /// With ten classes: 10 rows of 256 gains and as many offsets in each of seven norms in place of one gain and one offset,
    /// and an embedding of 10 rows of 128 features.
    #[test]
    fn classes_add_what_they_should() {
        let told = Shape {
            generator_width: 256,
            generator_norm: NormKind::Conditional,
            classes: 10,
            conditioning: Conditioning::Projection,
            ..Shape::new(3, 32, 128, 128)
        };
        assert_eq!(sizes(told), (4_276_739 + 7 * 2 * 9 * 256, 1_053_824 + 1280));
    }

    #[test]
    fn any_side_that_halves_is_reached() {
        let device = Device::flex().autodiff();
        let noise = Noise::new(Streams::new(1), "phase", 0, &device);
        let pass = Pass::Train(&noise);
        for side in [8, 12, 16, 28, 40, 64] {
            let shape = Shape::new(2, side, 4, 8);
            let images = Generator::new(shape, &mut init()).unwrap().given(noise.normal("z", [2, 8]), None, pass);
            assert_eq!(images.dims(), [2, 2, side, side]);
            let discriminator = Discriminator::new(shape, &mut init()).unwrap();
            assert_eq!(discriminator.judge(images.flatten(1, 3).into(), None, pass).score.value.dims(), [2, 1]);
        }
        assert!(Generator::new(Shape::new(2, 30, 4, 8), &mut init()).is_none());
        assert!(Discriminator::new(Shape::new(2, 7, 4, 8), &mut init()).is_none());
    }

    /// Each block in the order of the papers, where the shortcut doubles before its convolution and halves after it.
    #[test]
    fn blocks_are_those_of_the_papers() {
        let noise = Noise::new(Streams::new(1), "phase", 0, &Device::flex().autodiff());
        let pass = Pass::Train(&noise);
        let init = &mut init();
        let same = |found: Tensor<4>, expected: Tensor<4>| {
            assert_eq!(found.dims(), expected.dims());
            let size: f32 = expected.clone().abs().max().into_scalar();
            assert!((found - expected).abs().max().into_scalar::<f32>() < 1e-5 * size);
        };
        let relu = activation::relu::<4>;
        let double = |x: Tensor<4>| {
            let wide = x.reshape([2, 4, 6, 6, 1]).repeat_dim(4, 2).reshape([2, 4, 6, 1, 12]);
            wide.repeat_dim(3, 2).reshape([2, 4, 12, 12])
        };
        let x = noise.normal("x", [2, 4, 6, 6]);
        let shape = Shape::new(4, 24, 4, 8);
        let up = Up::new(&shape, init);
        let norm = |i: usize, x: Tensor<4>| up.norms[i].dual(x.into(), pass).value;
        let y = up.convs[0].forward(double(relu(norm(0, x.clone()))), pass);
        let y = up.convs[1].forward(relu(norm(1, y)), pass);
        same(up.dual(x.clone().into(), None, pass).value, y + up.shortcut.forward(double(x.clone()), pass));
        let half = |x: Tensor<4>| {
            let x = x.reshape([2, 4, 3, 2, 3, 2]);
            x.mean_dim(5).mean_dim(3).reshape([2, 4, 3, 3])
        };
        for (halves, first) in [(true, true), (true, false), (false, false)] {
            let down = Down::new(4, &shape, halves, first, init);
            let y = down.convs[0].forward(if first { x.clone() } else { relu(x.clone()) }, pass);
            let y = down.convs[1].forward(relu(y), pass);
            let expected = match &down.shortcut {
                Some(shortcut) => half(y) + half(shortcut.forward(x.clone(), pass)),
                None => y + x.clone(),
            };
            same(down.dual(x.clone().into(), Activation::Relu, pass).value, expected);
        }
    }

    /// Glorot's weights times sqrt 2 keep the mean square through ReLU and a 3x3 convolution, but for what padding takes.
    #[test]
    fn initial_blocks_keep_the_scale() {
        let noise = Noise::new(Streams::new(1), "phase", 0, &Device::flex().autodiff());
        let x = noise.normal("x", [4, 64, 16, 16]);
        let y = kernel(64, 64, &mut init()).forward(activation::relu(x), Pass::Eval);
        let square: f32 = y.narrow(2, 1, 14).narrow(3, 1, 14).square().mean().into_scalar();
        assert!((square - 1.0).abs() < 0.1, "{square}");
    }
}
