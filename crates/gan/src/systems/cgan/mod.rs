//! The conditional GAN of Mirza and Osindero (2014): both networks are told the class, and samples are drawn of one that is
//! asked for.

mod accept;

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::optim::OptimizerConfig;

use crate::networks::Networks;
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Conditioning, Recipe};
use crate::systems::gan;

/// A generator and a discriminator that are told the class.
pub type Cgan = Adversarial<Conditioned>;

/// The conditional GAN.
pub struct Conditioned;

impl Recipe for Conditioned {
    const INFO: Info = Info {
        id: "cgan",
        title: "CGAN",
        paper: "M. Mirza, S. Osindero (2014), Conditional Generative Adversarial Nets, arXiv:1411.1784",
        summary: "Samples of a class that is asked for.",
        task: Task::Class,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        let points = !matches!(data.shape, ItemShape::Image { .. });
        match preset {
            // The paper has none for points, whose values its last sigmoid would bound.
            _ if points => {
                let config = conditioned(gan::small(true));
                Recommended::new(8000, 256, config)
            }
            Preset::Small => Recommended::new(12_000, 64, small()),
            Preset::Paper => Recommended::new(125_000, 100, conditioned(gan::paper(500))),
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

/// Networks small enough for two CPU cores, with batch norm in the generator.
pub fn small() -> AdversarialConfig {
    let mut config = conditioned(gan::small(false));
    if let Networks::Mlp { generator, .. } = &mut config.networks {
        (generator.activation, generator.norm) = (Activation::LeakyRelu, NormKind::Batch);
    }
    // At 2e-4 the classes of 91 % of the samples are right, at this rate those of 96 %.
    config.discriminator_optimizer = OptimizerConfig::adam(5e-4, 0.5);
    // Wrong pairs come from nobody otherwise, neither from the data nor from a generator that does as it is told.
    config.regularizers.mismatch = 0.25;
    config
}

fn conditioned(config: AdversarialConfig) -> AdversarialConfig {
    AdversarialConfig { conditioning: Conditioning::Concatenation, ..config }
}
