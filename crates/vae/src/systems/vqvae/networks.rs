use burn::module::Module;
use burn::tensor::{Int, Tensor};
use ganvas_data::ItemShape;
use ganvas_engine::system::{Build, to_images};
use ganvas_nets::init::Init;
use ganvas_nets::layers::{Activation, Codebook, Conv2d, ConvTranspose2d, Geometry, Values};
use ganvas_nets::noise::Pass;

use super::VqVaeConfig;

/// Encoder, codebook and decoder, and the logarithm of the decoder's scale where that is learned.
#[derive(Module, Debug)]
pub(super) struct Networks {
    down: Vec<Conv2d>,
    coded: Vec<Block>,
    code: Conv2d,
    pub codebook: Codebook,
    open: Conv2d,
    decoded: Vec<Block>,
    up: Vec<ConvTranspose2d>,
    log_scale: Option<Values<1>>,
    #[module(skip)]
    shape: ItemShape,
}

/// x + conv1(relu(conv3(relu(x)))).
#[derive(Module, Debug)]
struct Block {
    first: Conv2d,
    second: Conv2d,
}

impl Block {
    fn new(width: usize, init: &mut Init) -> Self {
        let half = (width / 2).max(1);
        Self {
            first: Conv2d::new(width, half, Geometry::KEEP, true, init),
            second: Conv2d::new(half, width, Geometry::POINT, true, init),
        }
    }

    fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let y = relu(self.first.forward(relu(x.clone()), pass));
        x + self.second.forward(y, pass)
    }
}

fn relu(x: Tensor<4>) -> Tensor<4> {
    Activation::Relu.forward(x)
}

impl Networks {
    /// For images of this shape, whose sides can be halved as often as the settings say; `bias`, one for each channel, is what the
    /// decoder puts out before it has learned anything.
    pub fn new(config: &VqVaeConfig, shape: ItemShape, bias: Vec<f32>, build: &Build) -> Self {
        let &VqVaeConfig { width, blocks, halvings, codes, size, .. } = config;
        let [channels, ..] = shape.planes();
        // Channels after so many halvings.
        let at = |level: usize| if level == 0 { channels } else { (width >> (halvings - level)).max(1) };
        let mut init = build.init("encoder", config.init);
        let down = (1..=halvings).map(|l| Conv2d::new(at(l - 1), at(l), Geometry::HALVE, true, &mut init)).collect();
        let coded = (0..blocks).map(|_| Block::new(width, &mut init)).collect();
        let code = Conv2d::new(width, size, Geometry::POINT, true, &mut init);
        let mut init = build.init("decoder", config.init);
        let open = Conv2d::new(size, width, Geometry::KEEP, true, &mut init);
        let decoded = (0..blocks).map(|_| Block::new(width, &mut init)).collect();
        let mut up: Vec<_> = (1..=halvings)
            .rev()
            .map(|l| ConvTranspose2d::new(at(l), at(l - 1), Geometry::HALVE, true, &mut init))
            .collect();
        if let Some(last) = up.last_mut() {
            let count = bias.len();
            last.bias = Some(init.parameter(bias, [count]));
        }
        // A tenth of it, for Adam's steps are of one size for all.
        let scale = |scale: f64| Values::new(init.parameter(vec![scale.ln() as f32 / 10.0], [1]));
        let log_scale = config.decoder.learned().map(scale);
        let codebook = Codebook::new(codes, size, build.device);
        Self { down, coded, code, codebook, open, decoded, up, log_scale, shape }
    }

    /// What the decoder's scale is learned to be, its logarithm.
    pub fn log_scale(&self) -> Option<Tensor<1>> {
        self.log_scale.as_ref().map(|value| value.get().mul_scalar(10.0))
    }

    /// `[n, values]` observed to a vector for each place, row by row: `[n * height * width, size]`.
    pub fn encode(&self, observed: Tensor<2>, pass: Pass) -> Tensor<2> {
        let x = to_images(observed, self.shape);
        let last = self.down.len() - 1;
        let x = self.down.iter().enumerate().fold(x, |x, (i, layer)| {
            let x = layer.forward(x, pass);
            if i == last { x } else { relu(x) }
        });
        let x = self.coded.iter().fold(x, |x, block| block.forward(x, pass));
        rows(self.code.forward(relu(x), pass))
    }

    /// Vectors of `[height, width]` places an item, as [`encode`](Networks::encode) has them, to what is said of the items:
    /// `[n, values]`.
    pub fn decode(&self, vectors: Tensor<2>, [height, width]: [usize; 2], pass: Pass) -> Tensor<2> {
        let [count, size] = vectors.dims();
        let grid = vectors.reshape([count / (height * width), height, width, size]).permute([0, 3, 1, 2]);
        let x = self.open.forward(grid, pass);
        let x = self.decoded.iter().fold(x, |x, block| block.forward(x, pass));
        self.up.iter().fold(x, |x, layer| layer.forward(relu(x), pass)).flatten(1, 3)
    }

    /// The tokens of observed items, `[n, height, width]`.
    pub fn tokens(&self, observed: Tensor<2>, [height, width]: [usize; 2]) -> Tensor<3, Int> {
        let [n, _] = observed.dims();
        self.codebook.nearest(self.encode(observed, Pass::Eval)).reshape([n, height, width])
    }
}

/// `[n, size, height, width]` to `[n * height * width, size]`.
fn rows(grid: Tensor<4>) -> Tensor<2> {
    let [n, size, height, width] = grid.dims();
    grid.permute([0, 2, 3, 1]).reshape([n * height * width, size])
}
