//! Recurrent GANs (Esteban, Hyland and Raetsch 2017): series from noise that is fresh at every step, judged at every step, and the same
//! of a class that is asked for.

mod accept;

use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::optim::OptimizerConfig;

use crate::networks::Networks;
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Conditioning, Recipe, Regularizers};

/// Series from noise.
pub type Rgan = Adversarial<Recurrent>;

/// Series of a class.
pub type Rcgan = Adversarial<RecurrentConditional>;

/// RGAN.
pub struct Recurrent;

/// RCGAN.
pub struct RecurrentConditional;

const PAPER: &str = "C. Esteban, S. L. Hyland, G. Raetsch (2017), Real-valued (Medical) Time Series Generation with Recurrent \
                     Conditional GANs, arXiv:1706.02633";

impl Recipe for Recurrent {
    const INFO: Info = Info {
        id: "rgan",
        title: "RGAN",
        paper: PAPER,
        summary: "Series of one or more channels.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    const DATA: &'static str = "sines";

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        match preset {
            Preset::Small => Recommended::new(8000, 64, small(data)).clipped(CLIP),
            // 100 passes over 10,000 series; each step takes five batches.
            Preset::Paper => Recommended::new(7143, 28, AdversarialConfig { critic_steps: 5, ..paper(data, 5) }),
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::unconditional(acceptance)
    }
}

impl Recipe for RecurrentConditional {
    const INFO: Info = Info {
        id: "rcgan",
        title: "RCGAN",
        paper: PAPER,
        summary: "Series of a class that is asked for, fit to train a classifier with.",
        task: Task::Class,
        phases: &["discriminator", "generator"],
    };

    const DATA: &'static str = "waves3";

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        let told = |config, generator_steps| AdversarialConfig {
            conditioning: Conditioning::Concatenation,
            generator_steps,
            ..config
        };
        match preset {
            Preset::Small => Recommended::new(4000, 64, told(small(data), 2)).clipped(CLIP),
            // 1,005 passes over 10,600 series.
            Preset::Paper => Recommended::new(380_000, 28, told(paper(data, 10), 3)),
        }
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::conditional(acceptance)
    }
}

/// The largest norm of a network's gradients in `small`.
const CLIP: f64 = 5.0;

/// Memories of 32 units, five values of noise a step. Without noise on what is judged the frequencies of waves collapse to the lowest.
fn small(data: &DataSpec) -> AdversarialConfig {
    let regularizers = Regularizers { instance_noise: 0.3, ..Regularizers::default() };
    AdversarialConfig { regularizers, ema: 0.99, ..recurrent(data, 32, 5) }
}

/// The paper's memories of 100 units.
fn paper(data: &DataSpec, noise: usize) -> AdversarialConfig {
    recurrent(data, 100, noise)
}

/// Both memories of so many units, with so many values of noise a step. The discriminator descends without momentum: with Adam it wins
/// outright.
fn recurrent(data: &DataSpec, units: usize, noise: usize) -> AdversarialConfig {
    let [_, steps, _] = data.shape.planes();
    let networks = Networks::Recurrent {
        generator_units: units,
        discriminator_units: units,
        output: Activation::Tanh,
        init: Initializer::Glorot,
        output_init: Initializer::Normal { sd: 1.0 },
    };
    let descent =
        OptimizerConfig::Sgd { lr: 0.1, decay: 1.0, lr_min: 0.0, momentum: 0.0, momentum_end: 0.0, momentum_steps: 1 };
    AdversarialConfig {
        generator_optimizer: OptimizerConfig::adam(1e-3, 0.9),
        discriminator_optimizer: descent,
        ..AdversarialConfig::new(noise * steps, networks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Tensor};
    use ganvas_data::ItemShape;
    use ganvas_engine::session::{Options, state_of};
    use ganvas_engine::step::Step;
    use ganvas_engine::system::{Batch, Build, Conditional, Model, System};
    use ganvas_nets::noise::Noise;
    use ganvas_prob::stream::Streams;

    const SHAPE: ItemShape = ItemShape::Series { steps: 6, channels: 2 };

    fn data(shape: ItemShape) -> DataSpec {
        DataSpec { shape, classes: 3, mean: vec![0.0; shape.len()] }
    }

    fn build(device: &Device) -> Build<'_> {
        Build { streams: Streams::new(1), device }
    }

    #[test]
    fn both_presets_suit_series_and_nothing_else() {
        let device = Device::flex().autodiff();
        for preset in Preset::ALL {
            let config = Rgan::preset(preset, &data(SHAPE)).config;
            assert!(Rgan::build(&config, &data(SHAPE), &build(&device)).is_ok());
            let points = data(ItemShape::Points { dims: 2 });
            let config = Rgan::preset(preset, &points).config;
            let error = Rgan::build(&config, &points, &build(&device)).err().unwrap().to_string();
            assert!(error.contains("series"), "{error}");
        }
    }

    #[test]
    fn settings_that_do_not_suit_are_named() {
        let device = Device::flex().autodiff();
        let config = || small(&data(SHAPE));
        let units = |units| {
            let mut config = config();
            if let Networks::Recurrent { generator_units, .. } = &mut config.networks {
                *generator_units = units;
            }
            config
        };
        for (wrong, key) in [
            (AdversarialConfig { latent: 31, ..config() }, "latent"),
            (AdversarialConfig { conditioning: Conditioning::Projection, ..config() }, "conditioning"),
            (AdversarialConfig { generator_steps: 0, ..config() }, "generator_steps"),
            (units(0), "networks.generator_units"),
            (units(5000), "networks.generator_units"),
        ] {
            let error = Rgan::build(&wrong, &data(SHAPE), &build(&device)).err().expect(key).to_string();
            assert!(error.contains(key), "{key}: {error}");
        }
    }

    /// Two updates of the generator for one of the discriminator; a class that is asked for changes what is drawn of the same noise.
    #[test]
    fn a_step_updates_the_generator_as_often_as_is_said() {
        let device = Device::flex().autodiff();
        let config = RecurrentConditional::preset(Preset::Small, &data(SHAPE)).config;
        let mut system = Rcgan::build(&config, &data(SHAPE), &build(&device)).unwrap();
        let noise = Noise::new(Streams::new(2), "items", 0, &device);
        let batch = Batch {
            items: noise.uniform("items", [8, 12], -1.0, 1.0),
            other: None,
            labels: Some(noise.classes("labels", 8, 3)),
            shape: SHAPE,
        };
        let options = Options::new(Streams::new(1), 8, 10);
        let mut step = Step::new(&options, 0, &device, true);
        system.step(&batch, &mut step);
        step.finish().unwrap();
        let state = state_of(&mut system);
        let updates = |name: &str| state.entries()[&format!("{name}/optimizer/updates")].iter::<i64>().next();
        assert_eq!((updates("generator"), updates("discriminator")), (Some(2), Some(1)));
        let plain = Device::flex();
        let of = |class: usize| -> Vec<f32> {
            let noise = Noise::new(Streams::new(3), "sample", 0, &plain);
            let series: Tensor<2> = system.sample_of(&[class; 4], &noise);
            series.to_data().iter().collect()
        };
        assert_eq!(of(0).len(), 4 * 12);
        assert_ne!(of(0), of(1));
        assert!(of(2).iter().all(|x| x.abs() <= 1.0));
    }
}
