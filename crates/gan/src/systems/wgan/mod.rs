//! The Wasserstein GAN: a critic whose loss estimates a distance, kept Lipschitz by clipped weights (Arjovsky, Chintala and
//! Bottou 2017) or by a penalty on its gradient (Gulrajani et al. 2017).

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
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Penalty, PenaltyKind, Recipe};
use crate::systems::dcgan;

/// With clipped weights.
pub type Wgan = Adversarial<Clipped>;

/// With a gradient penalty.
pub type WganGp = Adversarial<Penalized>;

/// The WGAN.
pub struct Clipped;

/// The WGAN-GP.
pub struct Penalized;

impl Recipe for Clipped {
    const INFO: Info = Info {
        id: "wgan",
        title: "WGAN",
        paper: "M. Arjovsky, S. Chintala, L. Bottou (2017), Wasserstein Generative Adversarial Networks, arXiv:1701.07875",
        summary: "A critic that estimates how far samples are from the data, kept in bounds by clipping its weights.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        let recommended = recommended(preset, data);
        Recommended { config: clipped(recommended.config), ..recommended }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::clipped(acceptance)
    }
}

impl Recipe for Penalized {
    const INFO: Info = Info {
        id: "wgan-gp",
        title: "WGAN-GP",
        paper: "I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville (2017), Improved Training of Wasserstein GANs, \
                arXiv:1704.00028",
        summary: "A critic that estimates how far samples are from the data, kept in bounds by a penalty on its gradient.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        recommended(preset, data)
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::penalized(acceptance)
    }
}

/// The penalised form for these data.
fn recommended(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
    match (data.shape, preset) {
        (ItemShape::Points { .. } | ItemShape::Series { .. }, Preset::Small) => {
            Recommended::new(3000, 256, points(128))
        }
        (ItemShape::Points { .. } | ItemShape::Series { .. }, Preset::Paper) => {
            Recommended::new(100_000, 256, points(512))
        }
        (ItemShape::Image { .. }, Preset::Small) => Recommended::new(2500, 64, images()),
        (ItemShape::Image { .. }, Preset::Paper) => {
            let (side, mut config) = dcgan::images(preset, data);
            if let Networks::Dcgan { discriminator_norm, .. } = &mut config.networks {
                // The penalty is each item's own, which batch norm would couple.
                *discriminator_norm = NormKind::Layer;
            }
            let adam = OptimizerConfig::Adam { lr: 1e-4, beta1: 0.0, beta2: 0.9, epsilon: 1e-8 };
            let config = penalized(config, 10.0, adam);
            Recommended::new(200_000, 64, config).at(side.wanted)
        }
    }
}

/// Both networks of the paper's experiments on points (Gulrajani et al. 2017, figure 1), of this width; the penalty's weight is that of
/// the authors' code there.
pub fn points(width: usize) -> AdversarialConfig {
    let hidden = MlpConfig::new(&[width; 3], Activation::Relu, Initializer::He);
    let networks = Networks::Mlp {
        generator: hidden.clone(),
        discriminator: hidden,
        output: Activation::Identity,
        mean_bias: false,
    };
    // At the smaller network's rate the weights of single steps move about: averaged, two in three more of its samples are near a
    // mode.
    let (rate, ema) = if width < 512 { (5e-4, 0.99) } else { (1e-4, 0.0) };
    let adam = OptimizerConfig::Adam { lr: rate, beta1: 0.5, beta2: 0.9, epsilon: 1e-8 };
    AdversarialConfig { ema, ..penalized(AdversarialConfig::new(2, networks), 0.1, adam) }
}

/// Fully connected networks without any norm for small images.
pub fn images() -> AdversarialConfig {
    let adam = OptimizerConfig::Adam { lr: 1e-4, beta1: 0.5, beta2: 0.9, epsilon: 1e-8 };
    penalized(crate::systems::gan::small(false), 10.0, adam)
}

fn penalized(config: AdversarialConfig, weight: f64, adam: OptimizerConfig) -> AdversarialConfig {
    AdversarialConfig {
        objective: Objective::Wasserstein,
        penalty: Penalty { kind: PenaltyKind::GradientPenalty, weight, every: 1 },
        critic_steps: 5,
        generator_optimizer: adam,
        discriminator_optimizer: adam,
        ..config
    }
}

/// The same networks with clipped weights, by the first paper's optimiser.
fn clipped(config: AdversarialConfig) -> AdversarialConfig {
    let rmsprop = OptimizerConfig::RmsProp { lr: 5e-5, alpha: 0.99, epsilon: 1e-8 };
    AdversarialConfig {
        penalty: Penalty::default(),
        clip: 0.01,
        ema: 0.0,
        generator_optimizer: rmsprop,
        discriminator_optimizer: rmsprop,
        ..config
    }
}
