//! An autoregressive law of grids of tokens: each token given those above it and to its left (van den Oord, Kalchbrenner and Kavukcuoglu
//! 2016, PixelCNN).

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::init::{Init, Initializer};
use crate::labels::indicators;
use crate::layers::{Activation, Conv2d, Geometry};
use crate::noise::{Noise, Pass};

/// Sizes of a [`PixelCnn`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelCnnConfig {
    /// Channels between the blocks; within one half as many.
    pub width: usize,
    /// Residual blocks, each of which sees a place further in every direction.
    pub blocks: usize,
    /// Side of the first kernel, an odd number.
    pub kernel: usize,
    /// Rule for the initial weights.
    pub init: Initializer,
}

impl PixelCnnConfig {
    /// A first kernel of 7x7, as in the paper, weights by He's rule.
    pub fn new(width: usize, blocks: usize) -> Self {
        Self { width, blocks, kernel: 7, init: Initializer::He }
    }

    /// The first setting that is out of its domain, as (name, what it must be, value).
    pub fn fault(&self) -> Option<(&'static str, &'static str, String)> {
        let rules = [
            ("width", "2 to 1024", self.width, (2..=1024).contains(&self.width)),
            ("blocks", "0 to 100", self.blocks, self.blocks <= 100),
            ("kernel", "an odd number, 3 to 31", self.kernel, self.kernel % 2 == 1 && (3..=31).contains(&self.kernel)),
        ];
        let count =
            rules.iter().find(|rule| !rule.3).map(|&(name, domain, value, _)| (name, domain, value.to_string()));
        count.or_else(|| self.init.fault().map(|(name, domain, value)| (name, domain, value.to_string())))
    }
}

/// Whether an output sees the token of its own place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Centre {
    /// It does not: the first layer, whose inputs are the tokens (type A of the paper).
    Hidden,
    /// It does: all others, whose inputs have not seen it either (type B).
    Seen,
}

/// A convolution that sees no place behind its own, row by row.
///
/// A weight that is cut starts at 0 and gets no gradient, so it stays there: the layer without its mask is the same function.
#[derive(Module, Debug)]
struct MaskedConv2d {
    conv: Conv2d,
    /// 1 where a weight counts, else 0, `[1, 1, kernel, kernel]`. A constant: no part of what is trained or kept.
    mask: Tensor<4>,
}

impl MaskedConv2d {
    fn new(inputs: usize, outputs: usize, kernel: usize, centre: Centre, init: &mut Init) -> Self {
        let geometry = Geometry { kernel, stride: 1, padding: kernel / 2, output_padding: 0 };
        let own = kernel * kernel / 2;
        let counts = |place: usize| place < own || (place == own && centre == Centre::Seen);
        let mask: Vec<f32> = (0..kernel * kernel).map(|place| if counts(place) { 1.0 } else { 0.0 }).collect();
        let seen = mask.iter().sum::<f32>();
        let mask = Tensor::<4>::from_data(TensorData::new(mask, [1, 1, kernel, kernel]), init.device());
        let mut conv = Conv2d::new(inputs, outputs, geometry, true, init);
        // The rule's scale is that of all weights; only those that are seen add up.
        let scale = ((kernel * kernel) as f64 / f64::from(seen)).sqrt();
        let weight = conv.weight.val() * mask.clone().mul_scalar(scale);
        conv.weight = burn::module::Param::from_tensor(weight.detach());
        Self { conv, mask }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.masked(x, self.mask.clone())
    }
}

/// x + conv1(relu(conv3(relu(conv1(relu(x)))))), the middle one masked (figure 5 there).
#[derive(Module, Debug)]
struct Block {
    narrow: Conv2d,
    masked: MaskedConv2d,
    widen: Conv2d,
}

impl Block {
    fn new(width: usize, init: &mut Init) -> Self {
        let half = width / 2;
        Self {
            narrow: Conv2d::new(width, half, Geometry::POINT, true, init),
            masked: MaskedConv2d::new(half, half, 3, Centre::Seen, init),
            widen: Conv2d::new(half, width, Geometry::POINT, true, init),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let relu = |x| Activation::Relu.forward(x);
        let y = relu(self.narrow.forward(relu(x.clone()), Pass::Eval));
        x + self.widen.forward(relu(self.masked.forward(y)), Pass::Eval)
    }
}

/// p(tokens) = product over places, row by row, of p(token | tokens before it); every token is one of so many.
///
/// Untrained it gives every token the same probability.
#[derive(Module, Debug)]
pub struct PixelCnn {
    first: MaskedConv2d,
    blocks: Vec<Block>,
    last: Conv2d,
    tokens: usize,
}

impl PixelCnn {
    /// Of tokens from 0 to `tokens` - 1.
    pub fn new(tokens: usize, config: &PixelCnnConfig, init: &mut Init) -> Self {
        let &PixelCnnConfig { width, blocks, kernel, .. } = config;
        let mut last = Conv2d::new(width, tokens, Geometry::POINT, true, init);
        last.weight = init.parameter(vec![0.0; width * tokens], [tokens, width, 1, 1]);
        Self {
            first: MaskedConv2d::new(tokens, width, kernel, Centre::Hidden, init),
            blocks: (0..blocks).map(|_| Block::new(width, init)).collect(),
            last,
            tokens,
        }
    }

    /// ln p of each token at each place, given those before it: `[batch, height, width]` to `[batch, tokens, height, width]`.
    pub fn log_probabilities(&self, tokens: Tensor<3, Int>) -> Tensor<4> {
        let [n, height, width] = tokens.dims();
        let known = indicators(tokens.flatten(0, 2), self.tokens);
        let known = known.reshape([n, height, width, self.tokens]).permute([0, 3, 1, 2]);
        let x = self.blocks.iter().fold(self.first.forward(known), |x, block| block.forward(x));
        log_softmax(self.last.forward(Activation::Relu.forward(x), Pass::Eval), 1)
    }

    /// ln p(tokens), in nats: `[batch, height, width]` to `[batch]`.
    pub fn log_likelihood(&self, tokens: Tensor<3, Int>) -> Tensor<1> {
        let [n, height, width] = tokens.dims();
        let each = self.log_probabilities(tokens.clone()).gather(1, tokens.unsqueeze_dim(1));
        each.reshape([n, height * width]).sum_dim(1).squeeze_dim(1)
    }

    /// `n` draws of a grid, place by place: `[n, height, width]`. The law has to be one of a network that tracks no gradients.
    pub fn sample(&self, n: usize, [height, width]: [usize; 2], noise: &Noise) -> Tensor<3, Int> {
        let mut tokens = Tensor::<3, Int>::zeros([n, height, width], noise.device());
        for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
            // What is below has no say in it.
            let above = tokens.clone().narrow(1, 0, row + 1);
            let here = self.log_probabilities(above).slice([0..n, 0..self.tokens, row..row + 1, column..column + 1]);
            // The largest of log-probabilities with Gumbel noise is a draw (Gumbel 1954; Maddison et al. 2014).
            let uniform: Tensor<2> = noise.uniform("token", [n, self.tokens], 1e-7, 1.0);
            let gumbel = uniform.log().neg().log().neg();
            let drawn = (here.reshape([n, self.tokens]) + gumbel).argmax(1).reshape([n, 1, 1]);
            tokens = tokens.slice_assign([0..n, row..row + 1, column..column + 1], drawn);
        }
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn net(tokens: usize) -> PixelCnn {
        let config = PixelCnnConfig { kernel: 5, ..PixelCnnConfig::new(8, 2) };
        let mut init = Init::new(&Streams::new(1), "prior", config.init, &Device::flex());
        let mut net = PixelCnn::new(tokens, &config, &mut init);
        // Other than where it starts from, where it says the same of all tokens.
        net.last.weight = init.weight([tokens, 8, 1, 1], 8, tokens);
        net
    }

    fn grid(values: &[i64], side: usize) -> Tensor<3, Int> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, side, side]), &Device::flex())
    }

    /// A token changes what is said of the places behind it, and of no other.
    #[test]
    fn no_place_knows_of_itself_or_of_what_follows() {
        let net = net(3);
        let tokens = vec![0i64; 25];
        let base: Vec<f32> = net.log_probabilities(grid(&tokens, 5)).to_data().iter().collect();
        for place in 0..25 {
            let mut changed = tokens.clone();
            changed[place] = 2;
            let found: Vec<f32> = net.log_probabilities(grid(&changed, 5)).to_data().iter().collect();
            let differs = |other: usize| (0..3).any(|token| found[token * 25 + other] != base[token * 25 + other]);
            assert!((0..=place).all(|other| !differs(other)), "{place} seen too early");
            if place % 5 < 4 {
                assert!(differs(place + 1), "{place} not seen by the next");
            }
        }
    }

    /// Over all grids of 2x2 of three tokens the probabilities add up to 1.
    #[test]
    fn probabilities_of_all_grids_add_up_to_one() {
        let net = net(3);
        let grids: Vec<i64> = (0..81).flat_map(|i| [i % 3, i / 3 % 3, i / 9 % 3, i / 27]).collect();
        let grids = Tensor::from_data(TensorData::new(grids, [81, 2, 2]), &Device::flex());
        let sum = net.log_likelihood(grids).exp().sum().into_scalar::<f64>();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }

    /// The counts of 20,000 draws of 2x2 of two tokens against their probabilities: chi-square with 15 degrees of freedom, 44.3 at
    /// alpha = 1e-4.
    #[test]
    fn draws_have_the_probabilities_of_the_law() {
        let (net, n) = (net(2), 20_000);
        let device = Device::flex();
        let noise = Noise::new(Streams::new(3), "sample", 0, &device);
        let draws: Vec<i64> = net.sample(n, [2, 2], &noise).to_data().iter().collect();
        let mut counts = [0.0; 16];
        draws.chunks(4).for_each(|d| counts[(d[0] + 2 * d[1] + 4 * d[2] + 8 * d[3]) as usize] += 1.0);
        let grids: Vec<i64> = (0..16).flat_map(|i| [i & 1, i >> 1 & 1, i >> 2 & 1, i >> 3]).collect();
        let grids = Tensor::from_data(TensorData::new(grids, [16, 2, 2]), &device);
        let expected: Vec<f64> = net.log_likelihood(grids).exp().to_data().iter().collect();
        let chi: f64 =
            counts.iter().zip(&expected).map(|(count, p)| (count - p * n as f64).powi(2) / (p * n as f64)).sum();
        assert!(chi < 44.3, "{chi}");
        assert!(expected.iter().cloned().fold(0.0, f64::max) > 0.08, "a law that says something: {expected:?}");
    }

    #[test]
    fn untrained_it_says_the_same_of_all_tokens() {
        let config = PixelCnnConfig::new(8, 1);
        let mut init = Init::new(&Streams::new(1), "prior", config.init, &Device::flex());
        let net = PixelCnn::new(4, &config, &mut init);
        let found = net.log_likelihood(grid(&[1, 2, 3, 0], 2)).into_scalar::<f64>();
        assert!((found + 4.0 * 4f64.ln()).abs() < 1e-5, "{found}");
    }
}
