//! The generative adversarial network of Goodfellow et al. (2014), fully connected: images and points.

mod accept;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::optim::OptimizerConfig;

use crate::networks::Networks;
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Recipe};
use crate::systems::parts::Prior;

/// A fully connected generator and discriminator.
pub type Gan = Adversarial<Plain>;

/// The plain GAN.
pub struct Plain;

impl Recipe for Plain {
    const INFO: Info = Info {
        id: "gan",
        title: "GAN",
        paper: "I. Goodfellow et al. (2014), Generative Adversarial Nets, arXiv:1406.2661",
        summary: "Samples of an unknown distribution from examples of it, by a generator that learns from a discriminator.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        let recommended = Recommended::new;
        match (data.shape, preset) {
            (ItemShape::Points { .. } | ItemShape::Series { .. }, _) => recommended(8000, 256, small(true)),
            (ItemShape::Image { .. }, Preset::Small) => recommended(12_000, 64, small(false)),
            // 250 epochs of the 50,000 images that the paper trains on, in batches of 100.
            (ItemShape::Image { .. }, Preset::Paper) => recommended(125_000, 100, paper(500)),
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// Networks small enough for two CPU cores, for points or images.
pub fn small(points: bool) -> AdversarialConfig {
    let (hidden, activation, latent, output) = if points {
        (([128, 128], [128, 128]), Activation::Relu, 16, Activation::Identity)
    } else {
        (([128, 256], [256, 128]), Activation::LeakyRelu, 64, Activation::Tanh)
    };
    let networks = Networks::Mlp {
        generator: MlpConfig::new(&hidden.0, activation, Initializer::He),
        discriminator: MlpConfig::new(&hidden.1, activation, Initializer::He),
        output,
        mean_bias: false,
    };
    AdversarialConfig::new(latent, networks)
}

/// The networks of the paper's MNIST experiment, from the authors' published settings. `epoch` is the number of
/// updates in a pass over the data, which the rise of the momentum is counted in.
pub fn paper(epoch: u64) -> AdversarialConfig {
    // The authors halve the discriminator's loss; halving its rate is the same.
    let sgd = |lr: f64| OptimizerConfig::Sgd {
        lr,
        decay: 1.000004,
        lr_min: lr * 1e-5,
        momentum: 0.5,
        momentum_end: 0.7,
        momentum_steps: 250 * epoch,
    };
    let uniform = |bound| Initializer::Uniform { bound };
    let discriminator = MlpConfig {
        maxout: 5,
        keep_input: 0.8,
        keep_hidden: 0.5,
        ..MlpConfig::new(&[240, 240], Activation::Identity, uniform(0.005))
    };
    let networks = Networks::Mlp {
        generator: MlpConfig::new(&[1200, 1200], Activation::Relu, uniform(0.05)),
        discriminator,
        output: Activation::Sigmoid,
        mean_bias: true,
    };
    AdversarialConfig {
        prior: Prior::Uniform,
        generator_optimizer: sgd(0.1),
        discriminator_optimizer: sgd(0.05),
        ..AdversarialConfig::new(100, networks)
    }
}
