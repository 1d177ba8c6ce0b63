//! A generator in the manner of StyleGAN2 (Karras et al. 2020): a constant, modulated convolutions, and the side doubled on the way.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ganvas_engine::step::Step;
use ganvas_engine::system::{Batch, Build, Model};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{Activation, Geometry, ModulatedConv2d, pool};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_nets::state::Part;

const WIDTH: usize = 64;
const LATENT: usize = 64;
/// One at a side of 4, two at each of 8, 16, 32 and 64.
const LAYERS: usize = 9;

#[derive(Module, Debug)]
struct Net {
    constant: Param<Tensor<4>>,
    layers: Vec<ModulatedConv2d>,
    image: ModulatedConv2d,
}

impl Net {
    fn forward(&self, latents: Tensor<2>, pass: Pass) -> Tensor<4> {
        let n = latents.dims()[0];
        let mut x = self.constant.val().expand([n, WIDTH, 4, 4]);
        for (i, layer) in self.layers.iter().enumerate() {
            if i % 2 == 1 {
                x = pool::double(x.into()).value;
            }
            x = Activation::LeakyRelu.forward(layer.forward(x, latents.clone(), pass));
        }
        self.image.forward(x, latents, pass)
    }
}

/// The generator, trained towards images of one grey.
pub struct Synthesis(Trained<Net>);

impl Synthesis {
    /// Before its first step.
    pub fn new(build: &Build) -> Self {
        let mut init = build.init("generator", Initializer::He);
        let layers =
            (0..LAYERS).map(|_| ModulatedConv2d::new(WIDTH, WIDTH, LATENT, Geometry::KEEP, true, &mut init)).collect();
        let image = ModulatedConv2d::new(WIDTH, 3, LATENT, Geometry::POINT, false, &mut init);
        let net = Net { constant: init.normal([1, WIDTH, 4, 4], 0.0, 1.0), layers, image };
        let adam = OptimizerConfig::Adam { lr: 2e-3, beta1: 0.0, beta2: 0.99, epsilon: 1e-8 };
        Self(Trained::new(net, adam))
    }
}

impl Model for Synthesis {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        step.phase("generator").update("generator", &mut self.0, batch, |net, micro| {
            let latents = micro.noise.normal("latent", [micro.batch.len(), LATENT]);
            (net.forward(latents, micro.pass()) - 0.5).square().mean()
        });
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        self.0.shown().forward(noise.normal("latent", [n, LATENT]), Pass::Eval).flatten(1, 3)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("generator", &mut self.0)]
    }
}

/// Operations of an image: forward, for the weights and for the inputs.
pub fn flop() -> f64 {
    let area = |i: usize| (4 << i.div_ceil(2)) as f64;
    let layers: f64 = (0..LAYERS).map(|i| (WIDTH * WIDTH * 9) as f64 * area(i).powi(2)).sum();
    2.0 * 3.0 * (layers + (WIDTH * 3) as f64 * 64.0 * 64.0)
}
