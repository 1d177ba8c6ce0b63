//! SN-GAN (Miyato et al. 2018): a discriminator whose weights are each brought to a spectral norm of 1, so that its slope is bounded
//! without a penalty.

mod accept;

use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::optim::OptimizerConfig;
use ganvas_nets::resnet::Pooling;

use crate::networks::Networks;
use crate::objectives::Objective;
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Recipe};
use crate::systems::dcgan;

/// A generator against a spectrally normalised discriminator.
pub type Sngan = Adversarial<Spectral>;

/// The SN-GAN.
pub struct Spectral;

impl Recipe for Spectral {
    const INFO: Info = Info {
        id: "sngan",
        title: "SN-GAN",
        paper: "T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida (2018), Spectral Normalization for Generative Adversarial \
                Networks, arXiv:1802.05957",
        summary: "Images, with a discriminator that is kept in bounds by the norms of its weights.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        let (side, config) = dcgan::images(preset, data);
        let (steps, config) = match preset {
            Preset::Small => (2500, normalised(config)),
            Preset::Paper => (50_000, residual()),
        };
        Recommended::new(steps, 64, config).at(side.wanted)
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// A convolutional pair with the paper's discriminator: a spectral norm in every layer, no batch norm, a slope of 0.1, and the
/// hinge objective (setting C of the paper's table 1).
pub fn normalised(mut config: AdversarialConfig) -> AdversarialConfig {
    if let Networks::Dcgan { discriminator_norm, spectral, slope, .. } = &mut config.networks {
        (*discriminator_norm, *spectral, *slope) = (NormKind::None, true, Activation::LeakyRelu01);
    }
    let adam = OptimizerConfig::adam(2e-4, 0.5);
    AdversarialConfig {
        objective: Objective::Hinge,
        generator_optimizer: adam,
        discriminator_optimizer: adam,
        ..config
    }
}

/// The paper's residual pair for 32x32 images, with the authors' published settings.
pub fn residual() -> AdversarialConfig {
    let networks = Networks::Resnet {
        generator_width: 256,
        discriminator_width: 128,
        generator_norm: NormKind::Batch,
        discriminator_norm: NormKind::None,
        spectral: true,
        activation: Activation::Relu,
        pooling: Pooling::Sum,
        init: Initializer::Glorot,
    };
    let adam = OptimizerConfig::Adam { lr: 2e-4, beta1: 0.0, beta2: 0.9, epsilon: 1e-8 };
    AdversarialConfig {
        objective: Objective::Hinge,
        critic_steps: 5,
        generator_optimizer: adam,
        discriminator_optimizer: adam,
        ..AdversarialConfig::new(128, networks)
    }
}
