//! The least squares GAN (Mao et al. 2017): squared error in place of cross-entropy, so that samples which are far from the
//! data still learn, and networks without batch norm train.

mod accept;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::optim::OptimizerConfig;

use crate::networks::Networks;
use crate::objectives::Objective;
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Recipe};
use crate::systems::dcgan;
use crate::systems::parts::Prior;

/// A generator against a discriminator by least squares.
pub type Lsgan = Adversarial<LeastSquares>;

/// The LSGAN.
pub struct LeastSquares;

impl Recipe for LeastSquares {
    const INFO: Info = Info {
        id: "lsgan",
        title: "LSGAN",
        paper: "X. Mao, Q. Li, H. Xie, R. Y. K. Lau, Z. Wang, S. P. Smolley (2017), Least Squares Generative Adversarial \
                Networks, arXiv:1611.04076",
        summary: "Images without batch norm, by a squared error that does not saturate.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        if !matches!(data.shape, ItemShape::Image { .. }) {
            return Recommended::new(24_000, 256, points());
        }
        let (side, config) = dcgan::images(preset, data);
        match preset {
            Preset::Small => {
                let config = without_norms(config);
                Recommended::new(2500, 64, config).at(side.wanted)
            }
            Preset::Paper => {
                let adam = OptimizerConfig::adam(1e-3, 0.5);
                let config = AdversarialConfig {
                    latent: 1024,
                    prior: Prior::Uniform,
                    objective: Objective::LeastSquares,
                    generator_optimizer: adam,
                    discriminator_optimizer: adam,
                    ..config
                };
                Recommended::new(100_000, 64, config).at(side.wanted)
            }
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// A convolutional pair with biases in place of batch norm. Orthogonal initial weights and a generator at four times the
/// discriminator's rate: at 2e-4 for both, with He's, samples stay blots that hardly change from 2,500 steps to 6,000.
pub fn without_norms(mut config: AdversarialConfig) -> AdversarialConfig {
    if let Networks::Dcgan { generator_norm, discriminator_norm, all_convolutional, init, .. } = &mut config.networks {
        (*generator_norm, *discriminator_norm) = (NormKind::None, NormKind::None);
        *all_convolutional = false;
        *init = Initializer::Orthogonal { gain: 1.4 };
    }
    AdversarialConfig {
        objective: Objective::LeastSquares,
        generator_optimizer: OptimizerConfig::adam(2e-3, 0.5),
        discriminator_optimizer: OptimizerConfig::adam(5e-4, 0.5),
        ..config
    }
}

/// The authors' networks for a ring of modes, smaller.
pub fn points() -> AdversarialConfig {
    let hidden = MlpConfig::new(&[128, 128], Activation::Tanh, Initializer::Orthogonal { gain: 1.4 });
    let networks = Networks::Mlp {
        generator: hidden.clone(),
        discriminator: hidden,
        output: Activation::Identity,
        mean_bias: false,
    };
    AdversarialConfig {
        objective: Objective::LeastSquares,
        generator_optimizer: OptimizerConfig::adam(1e-3, 0.5),
        discriminator_optimizer: OptimizerConfig::adam(1e-4, 0.5),
        ..AdversarialConfig::new(32, networks)
    }
}
