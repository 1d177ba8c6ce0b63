//! The networks of Ledig et al. (2017), "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", figure
//! 4: SRResNet, which enlarges images of any size, and the discriminator of what it makes.

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::init::Init;
use crate::layers::{Activation, BatchNorm, Conv2d, Geometry, Linear, PRelu, pool};
use crate::noise::Pass;

/// Sizes of an SRResNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SrResNetConfig {
    /// Channels of every layer but the image.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// Side of the first layer's kernel; odd.
    pub first_kernel: usize,
    /// Side of the last layer's kernel; odd.
    pub last_kernel: usize,
}

impl SrResNetConfig {
    /// The setting that is out of its domain, as (name, what it must be, value).
    pub fn fault(&self) -> Option<(&'static str, &'static str, usize)> {
        let odd = |kernel: usize| kernel % 2 == 1 && kernel < 32;
        [
            ("width", "1 to 1024", self.width, (1..=1024).contains(&self.width)),
            ("blocks", "0 to 100", self.blocks, self.blocks <= 100),
            ("first_kernel", "odd and less than 32", self.first_kernel, odd(self.first_kernel)),
            ("last_kernel", "odd and less than 32", self.last_kernel, odd(self.last_kernel)),
        ]
        .into_iter()
        .find(|rule| !rule.3)
        .map(|(name, domain, value, _)| (name, domain, value))
    }
}

/// k`side`, which keeps the sides of an image.
fn keep(side: usize) -> Geometry {
    Geometry { kernel: side, padding: side / 2, ..Geometry::KEEP }
}

/// A convolution without bias, whose norm would take it away again.
fn normed(width: usize, init: &mut Init) -> (Conv2d, BatchNorm) {
    (Conv2d::new(width, width, Geometry::KEEP, false, init), BatchNorm::new(width, init))
}

/// Convolution, norm, PReLU, convolution, norm, and what came in added.
#[derive(Module, Debug)]
struct Block {
    convs: Vec<Conv2d>,
    norms: Vec<BatchNorm>,
    activation: PRelu,
}

impl Block {
    fn new(width: usize, init: &mut Init) -> Self {
        let (convs, norms) = (0..2).map(|_| normed(width, init)).unzip();
        Self { convs, norms, activation: PRelu::new(width, init) }
    }

    fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let y = self.norms[0].forward(self.convs[0].forward(x.clone(), pass), pass);
        let y = self.activation.forward(y);
        x + self.norms[1].forward(self.convs[1].forward(y, pass), pass)
    }
}

/// A convolution to four times the channels, which then become twice the sides, and PReLU.
#[derive(Module, Debug)]
struct Up {
    conv: Conv2d,
    activation: PRelu,
}

impl Up {
    fn new(width: usize, init: &mut Init) -> Self {
        let mut conv = Conv2d::new(width, 4 * width, Geometry::KEEP, true, init);
        // The four kernels of a square start equal, so that at first every square is plain and no checkerboard shows (Aitken et al.
        // 2017, "Checkerboard artifact free sub-pixel convolution", section 3).
        let kernel = width * 9;
        let values: Vec<f32> = conv.weight.val().to_data().iter().collect();
        let equal = values.chunks_exact(kernel).step_by(4).flat_map(|one| one.repeat(4)).collect();
        conv.weight = init.parameter(equal, conv.weight.dims());
        Self { conv, activation: PRelu::new(width, init) }
    }

    fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        self.activation.forward(pool::shuffle(self.conv.forward(x, pass), 2))
    }
}

/// Images to larger ones; fully convolutional.
#[derive(Module, Debug)]
pub struct SrResNet {
    head: Conv2d,
    activation: PRelu,
    blocks: Vec<Block>,
    tail: Conv2d,
    norm: BatchNorm,
    ups: Vec<Up>,
    image: Conv2d,
    #[module(skip)]
    config: SrResNetConfig,
}

impl SrResNet {
    /// For images of so many channels, with sides doubled so often.
    pub fn new(channels: usize, doublings: usize, config: SrResNetConfig, init: &mut Init) -> Self {
        let width = config.width;
        let head = Conv2d::new(channels, width, keep(config.first_kernel), true, init);
        let activation = PRelu::new(width, init);
        let blocks = (0..config.blocks).map(|_| Block::new(width, init)).collect();
        let (tail, norm) = normed(width, init);
        let ups = (0..doublings).map(|_| Up::new(width, init)).collect();
        let image = Conv2d::new(width, channels, keep(config.last_kernel), true, init);
        Self { head, activation, blocks, tail, norm, ups, image, config }
    }

    /// # Shapes
    /// `[batch, channels, h, w]` in [0, 1] to `[batch, channels, h factor, w factor]`, around [-1, 1].
    pub fn forward(&self, low: Tensor<4>, pass: Pass) -> Tensor<4> {
        let x = self.activation.forward(self.head.forward(low, pass));
        let y = self.blocks.iter().fold(x.clone(), |y, block| block.forward(y, pass));
        let y = x + self.norm.forward(self.tail.forward(y, pass), pass);
        self.image.forward(self.ups.iter().fold(y, |y, up| up.forward(y, pass)), pass)
    }

    /// How many pixels of the small image to each side a pixel of the large one depends on, in evaluation.
    pub fn reach(&self) -> usize {
        let factor = 1 << self.ups.len();
        // In pixels of the large image: each convolution by half its kernel, at the scale at which it works.
        let small = self.config.first_kernel / 2 + 2 * self.config.blocks + 1;
        let ups: usize = (0..self.ups.len()).map(|i| factor >> i).sum();
        (factor * small + ups + self.config.last_kernel / 2).div_ceil(factor)
    }
}

/// Images to a logit; the sides are halved four times, upwards, and the channels doubled three times.
#[derive(Module, Debug)]
pub struct SrDiscriminator {
    convs: Vec<Conv2d>,
    /// Behind each but the first of them.
    norms: Vec<BatchNorm>,
    dense: Linear,
    score: Linear,
}

impl SrDiscriminator {
    /// For images of this shape, `[channels, height, width]`, with so many channels in its first layer and units in its last but one.
    pub fn new([channels, height, width]: [usize; 3], first: usize, units: usize, init: &mut Init) -> Self {
        let (mut convs, mut norms, mut inputs) = (Vec::new(), Vec::new(), channels);
        for i in 0..8 {
            let (outputs, stride) = (first << (i / 2), 1 + i % 2);
            convs.push(Conv2d::new(inputs, outputs, Geometry { stride, ..Geometry::KEEP }, i == 0, init));
            if i > 0 {
                norms.push(BatchNorm::new(outputs, init));
            }
            inputs = outputs;
        }
        let dense = Linear::new(inputs * height.div_ceil(16) * width.div_ceil(16), units, true, init);
        Self { convs, norms, dense, score: Linear::new(units, 1, true, init) }
    }

    /// # Shapes
    /// `[batch, channels, height, width]` in [-1, 1] to `[batch, 1]`.
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<2> {
        let mut x = x;
        for (i, conv) in self.convs.iter().enumerate() {
            x = conv.forward(x, pass);
            if i > 0 {
                x = self.norms[i - 1].forward(x, pass);
            }
            x = Activation::LeakyRelu.forward(x);
        }
        let x = Activation::LeakyRelu.forward(self.dense.forward(x.flatten(1, 3), pass));
        self.score.forward(x, pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::noise::Noise;
    use crate::optim::trainable;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    const SMALL: SrResNetConfig = SrResNetConfig { width: 24, blocks: 3, first_kernel: 9, last_kernel: 3 };
    const PAPER: SrResNetConfig = SrResNetConfig { width: 64, blocks: 16, first_kernel: 9, last_kernel: 9 };

    fn init(device: &Device) -> Init {
        Init::new(&Streams::new(1), "net", Initializer::He, device)
    }

    /// With a bias in front of each norm, which would take it away, there would be 33 64 more in the paper's generator, 7 24 more in the
    /// small one (85,107), and 348 more in the small discriminator (190,677).
    #[test]
    fn networks_have_the_size_of_the_papers() {
        let init = &mut init(&Device::flex().autodiff());
        assert_eq!(trainable(&SrResNet::new(3, 2, PAPER, init)), 1_548_547);
        assert_eq!(trainable(&SrResNet::new(3, 2, SMALL, init)), 85_107 - 7 * 24);
        assert_eq!(trainable(&SrDiscriminator::new([3, 96, 96], 64, 1024, init)), 23_563_649);
        assert_eq!(trainable(&SrDiscriminator::new([3, 32, 32], 12, 64, init)), 190_677 - 348);
    }

    #[test]
    fn images_of_any_size_are_enlarged() {
        let device = Device::flex();
        let noise = Noise::new(Streams::new(1), "phase", 0, &device);
        for (channels, doublings, height, width) in [(3, 2, 5, 7), (1, 1, 2, 2), (1, 2, 1, 1)] {
            let net = SrResNet::new(channels, doublings, SMALL, &mut init(&device));
            let low = noise.uniform("low", [2, channels, height, width], 0.0, 1.0);
            for pass in [Pass::Eval, Pass::Train(&noise)] {
                let large = net.forward(low.clone(), pass);
                assert_eq!(large.dims(), [2, channels, height << doublings, width << doublings]);
                let [_, _, height, width] = large.dims();
                let judge = SrDiscriminator::new([channels, height, width], 2, 4, &mut init(&device));
                assert_eq!(judge.forward(large, pass).dims(), [2, 1]);
            }
        }
    }

    /// Before its first step each square that a pixel becomes is plain, but for what the last layer's kernel brings in.
    #[test]
    fn kernels_of_a_square_start_equal() {
        let device = Device::flex();
        let up = Up::new(3, &mut init(&device));
        let x = Noise::new(Streams::new(1), "phase", 0, &device).normal("x", [1, 3, 4, 4]);
        let y = up.forward(x, Pass::Eval);
        let plain = pool::double(pool::halve(y.clone().into())).value;
        assert!((y - plain).abs().max().into_scalar::<f32>() < 1e-5);
    }

    /// A change of one pixel changes what is within reach of it, and nothing else.
    #[test]
    fn the_reach_is_where_changes_end() {
        let device = Device::flex();
        for (config, doublings) in [(SMALL, 2), (SrResNetConfig { blocks: 1, last_kernel: 9, ..SMALL }, 1)] {
            let net = SrResNet::new(1, doublings, config, &mut init(&device));
            let (side, factor, reach) = (41, 1 << doublings, net.reach());
            let low = Tensor::<4>::zeros([1, 1, side, side], &device);
            let mut spot = vec![0.0; side * side];
            spot[20 * side + 20] = 1.0;
            let spot = Tensor::<1>::from_floats(spot.as_slice(), &device).reshape([1, 1, side, side]);
            let change = (net.forward(low, Pass::Eval) - net.forward(spot, Pass::Eval)).abs();
            let rows: Vec<f32> = change.max_dim(3).to_data().iter().collect();
            let first = rows.iter().position(|&x| x > 1e-9).unwrap();
            let last = rows.iter().rposition(|&x| x > 1e-9).unwrap();
            assert!(20 - first / factor <= reach && last / factor - 20 <= reach, "{first} to {last}, {reach}");
            assert!(20 - first / factor + 1 >= reach, "{reach} is more than it takes");
        }
    }
}
