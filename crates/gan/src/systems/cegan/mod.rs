//! A classifier for data with rare classes, whose training set is filled up by a class-conditional generator; after CEGAN
//! (Suh, Lee, Lukowicz and Lee 2021).
//!
//! What the paper's networks, losses and settings are could not be read: its aim and its three networks are known. The rest is
//! ours: a class-conditional WGAN-GP with a classifier of its own.

mod accept;
mod classifier;
mod config;
mod statistics;
mod train;

use burn::tensor::{Int, Tensor, TensorData};
use ganvas_data::Sampling;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Batch, Build, Conditional, DataSpec, Info, Model, Preset, Recommended, System, Task, TruncationError,
};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;
use ganvas_prob::distributions::TruncatedNormal;

use crate::networks::{Discriminator, Generator};
use crate::systems::adversarial::{Conditioning, indicators};
use crate::systems::parts::Prior;
use statistics::Statistics;

pub use classifier::Classifier;
pub use config::{CeganConfig, ClassifierConfig, images};

/// A generator, a critic and a classifier that share no layer.
#[derive(Clone)]
pub struct Cegan {
    generator: Trained<Generator>,
    critic: Trained<Discriminator>,
    classifier: Trained<Classifier>,
    statistics: Statistics,
    config: CeganConfig,
    classes: usize,
    truncation: Option<TruncatedNormal>,
}

/// A part of training, and the share of it that is done.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// The classifier learns from real items.
    WarmUp,
    /// Generator and critic learn.
    Adversarial { done: f64 },
    /// The classifier learns from real and generated items.
    Enhancement { done: f64 },
}

impl System for Cegan {
    const INFO: Info = Info {
        id: "cegan",
        title: "CEGAN-style",
        paper: "S. Suh, H. Lee, P. Lukowicz, Y. O. Lee (2021), CEGAN: Classification Enhancement Generative Adversarial Networks \
                for unraveling data imbalance problems, Neural Networks 133, 69-86",
        summary: "A classifier for data with rare classes, which a class-conditional generator fills up.",
        task: Task::Class,
        phases: &["classifier", "critic", "generator"],
    };

    type Config = CeganConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<CeganConfig> {
        config::recommended(preset, data)
    }

    fn build(config: &CeganConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check(data)?;
        let classes = data.classes;
        let (generator, critic) =
            config.networks.build(config.latent, classes, Conditioning::Concatenation, data, build)?;
        let mut init = build.init("classifier", config.classifier.hidden.init);
        let classifier = Classifier::new(&config.classifier, data.shape, classes, &mut init);
        Ok(Self {
            generator: Trained::new(generator, config.generator_optimizer).averaged(config.ema),
            critic: Trained::new(critic, config.critic_optimizer),
            classifier: Trained::new(classifier, config.classifier_optimizer),
            statistics: Statistics::new(classes, &build.device.clone().inner()),
            config: config.clone(),
            classes,
            truncation: None,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for Cegan {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    fn batches(&self) -> usize {
        self.config.critic_steps
    }

    /// At first the classifier's items show how rare each class is. Later it sees as many of each, as the critic does.
    fn sampling(&self, progress: f64) -> Sampling {
        if self.stage(progress) == Stage::WarmUp { Sampling::Shuffled } else { Sampling::Balanced }
    }

    /// As many of each class, in turn.
    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        self.sample_of(&(0..n).map(|i| i % self.classes).collect::<Vec<_>>(), noise)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![
            ("generator", &mut self.generator),
            ("critic", &mut self.critic),
            ("classifier", &mut self.classifier),
            ("statistics", &mut self.statistics),
        ]
    }

    fn truncate(&mut self, psi: f64) -> Result<(), TruncationError> {
        let law = TruncatedNormal::new(0.0, 1.0, -psi, psi).ok().filter(|_| psi.is_finite());
        self.truncation = Some(law.ok_or(TruncationError::Bound { psi })?);
        Ok(())
    }

    fn conditional(&self) -> Option<&dyn Conditional> {
        Some(self)
    }
}

impl Conditional for Cegan {
    fn classes(&self) -> usize {
        self.classes
    }

    fn sample_of(&self, classes: &[usize], noise: &Noise) -> Tensor<2> {
        let n = classes.len();
        let labels: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
        let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [n]), noise.device());
        let latents = match &self.truncation {
            Some(law) => noise.of("latent", [n, self.config.latent], law),
            None => Prior::Normal.draw(n, self.config.latent, noise),
        };
        let told = indicators(labels, self.classes);
        self.generator.shown().forward(latents, Some(told), Pass::Eval)
    }
}

impl Cegan {
    /// What is done where this share of all steps is.
    fn stage(&self, progress: f64) -> Stage {
        let CeganConfig { warm_up, adversarial, .. } = self.config;
        let end = warm_up + adversarial;
        if progress < warm_up {
            Stage::WarmUp
        } else if progress < end {
            Stage::Adversarial { done: (progress - warm_up) / adversarial }
        } else {
            Stage::Enhancement { done: (progress - end) / (1.0 - end).max(f64::MIN_POSITIVE) }
        }
    }

    /// The logits of items `[n, values]` on the device without gradients, `[n, classes]`.
    pub fn classify(&self, items: Tensor<2>) -> Tensor<2> {
        self.classifier.shown().forward(items, Pass::Eval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_data::ItemShape;
    use ganvas_engine::session::{Options, state_of};
    use ganvas_nets::noise::Noise;
    use ganvas_nets::state::State;
    use ganvas_prob::stream::Streams;

    const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 8, width: 8 };

    fn build(config: &CeganConfig) -> Cegan {
        let data = DataSpec { shape: SHAPE, classes: 3, mean: vec![0.0; 64] };
        Cegan::build(config, &data, &Build { streams: Streams::new(1), device: &Device::flex().autodiff() }).unwrap()
    }

    /// Bright where its class is: rows 0 to 2, 3 to 5, 6 and 7. 9 of 12 items are of class 0, 2 of class 1, 1 of class 2.
    fn batch() -> Batch {
        let device = Device::flex().autodiff();
        let classes: Vec<i64> = [vec![0; 9], vec![1, 1, 2]].concat();
        let noise = Noise::new(Streams::new(2), "items", 0, &device).normal("x", [12, 64]).mul_scalar(0.1);
        let bright: Vec<f32> =
            classes.iter().flat_map(|&class| (0..64).map(move |i| if i / 24 == class { 0.9 } else { -0.9 })).collect();
        let items = Tensor::<2>::from_data(TensorData::new(bright, [12, 64]), &device) + noise;
        let labels = Tensor::<1, Int>::from_data(TensorData::new(classes, [12]), &device);
        Batch { items, labels: Some(labels), other: None, shape: SHAPE }
    }

    /// After so many of 100 steps.
    fn go_on(cegan: &mut Cegan, steps: std::ops::Range<u64>) -> Vec<(String, f32)> {
        let (options, device) = (Options::new(Streams::new(3), 4, 100), Device::flex().autodiff());
        let mut figures = Vec::new();
        for index in steps {
            let mut step = Step::new(&options, index, &device, true);
            cegan.step(&batch(), &mut step);
            figures = step.finish().unwrap();
        }
        figures
    }

    fn changed(before: &State, after: &State, network: &str) -> bool {
        let of = |state: &State| -> Vec<Vec<f32>> {
            let entries = state.entries().iter().filter(|(name, _)| name.starts_with(network));
            entries.map(|(_, data)| data.iter::<f32>().collect()).collect()
        };
        of(before) != of(after)
    }

    #[test]
    fn each_part_of_training_changes_its_own_networks() {
        let mut cegan = build(&images());
        let all = ["generator", "critic", "classifier", "statistics"];
        for (step, balanced, moved) in [
            (0, false, [false, false, true, true]),
            (4, true, [true, true, false, false]),
            (73, true, [true, true, false, false]),
            (74, true, [false, false, true, false]),
            (99, true, [false, false, true, false]),
        ] {
            assert_eq!(cegan.sampling(step as f64 / 100.0) == Sampling::Balanced, balanced, "step {step}");
            let before = state_of(&mut cegan);
            go_on(&mut cegan, step..step + 1);
            let after = state_of(&mut cegan);
            assert_eq!(all.map(|network| changed(&before, &after, network)), moved, "step {step}");
        }
    }

    #[test]
    fn the_classifier_is_heard_once_it_is_due_and_only_if_coupled() {
        let heard = |coupling: f64, step: u64| {
            let figures = go_on(&mut build(&CeganConfig { coupling, ..images() }), step..step + 1);
            figures.iter().any(|(name, _)| name == "classifier/generated")
        };
        // 70 steps of the generator from 4 on; 0.4 of them are 28.
        assert!(!heard(0.2, 31) && heard(0.2, 32) && heard(0.2, 73) && !heard(0.0, 60));
    }

    /// Before generated items have a weight, and where none are wanted, the loss is that of the real ones.
    #[test]
    fn generated_items_come_in_little_by_little() {
        for (step, generated, alike) in [(74, 0.5, true), (99, 0.0, true), (99, 0.5, false)] {
            let mut cegan = build(&CeganConfig { ambiguity: 0.0, generated, ..images() });
            go_on(&mut cegan, 0..4);
            let figures = go_on(&mut cegan, step..step + 1);
            let of = |name: &str| figures.iter().find(|(other, _)| other == name).map(|(_, value)| *value).unwrap();
            let apart = (of("classifier") - of("classifier/real")).abs() / of("classifier/real");
            assert_eq!(apart < 1e-5, alike, "{figures:?}");
        }
    }

    /// With every mistake a pair, the loss has another term.
    #[test]
    fn ambiguous_classes_add_to_the_loss() {
        let mut cegan = build(&CeganConfig { ambiguous_share: 1e-6, generated: 0.0, ..images() });
        go_on(&mut cegan, 0..1);
        let figures = go_on(&mut cegan, 99..100);
        let of = |name: &str| figures.iter().find(|(other, _)| other == name).map(|(_, value)| *value).unwrap();
        assert!(of("classifier/pairs") >= 1.0, "{figures:?}");
        let expected = of("classifier/real") + 0.5 * of("classifier/ambiguity");
        assert!(
            of("classifier/ambiguity") > 0.0 && (of("classifier") - expected).abs() < 1e-4 * expected,
            "{figures:?}"
        );
    }

    #[test]
    fn the_classifier_learns_and_samples_are_of_the_class_that_is_asked_for() {
        let mut cegan = build(&CeganConfig { latent: 4, ..images() });
        go_on(&mut cegan, 0..4);
        let noise = || Noise::new(Streams::new(4), "sample", 0, &Device::flex());
        let all = cegan.sample(6, &noise());
        let same = cegan.sample_of(&[0, 1, 2, 0, 1, 2], &noise());
        assert_eq!(all.to_data(), same.to_data());
        cegan.truncate(0.5).unwrap();
        assert_ne!(cegan.sample(6, &noise()).to_data(), same.to_data());
        assert!(matches!(cegan.truncate(-1.0), Err(TruncationError::Bound { .. })));
        for _ in 0..20 {
            go_on(&mut cegan, 0..4);
        }
        let told: Vec<i64> = cegan.classify(batch().items.inner()).argmax(1).to_data().iter().collect();
        assert_eq!(told, [vec![0; 9], vec![1, 1, 2]].concat());
    }

    #[test]
    fn settings_out_of_their_domain_are_named() {
        let data = |classes| DataSpec { shape: SHAPE, classes, mean: vec![0.0; 64] };
        let streams = Streams::new(1);
        let device = Device::flex().autodiff();
        let refused = |config: CeganConfig, classes: usize, word: &str| {
            let error = Cegan::build(&config, &data(classes), &Build { streams, device: &device }).err().unwrap();
            assert!(error.to_string().contains(word), "{error}");
        };
        refused(images(), 0, "data");
        refused(images(), 1000, "256");
        refused(CeganConfig { warm_up: 0.5, ..images() }, 3, "adversarial");
        refused(CeganConfig { warm_up: 0.0, ..images() }, 3, "warm_up");
        refused(CeganConfig { generated: 1.5, ..images() }, 3, "generated");
        refused(CeganConfig { mismatch: 1.0, ..images() }, 3, "mismatch");
        refused(CeganConfig { ramp: f64::NAN, ..images() }, 3, "ramp");
        refused(CeganConfig { ambiguity: -1.0, ..images() }, 3, "ambiguity");
        refused(CeganConfig { critic_steps: 0, ..images() }, 3, "critic_steps");
        let classifier = |convolutions: &[usize]| ClassifierConfig::new(convolutions, &[64]);
        refused(CeganConfig { classifier: classifier(&[8; 4]), ..images() }, 3, "classifier.convolutions");
        refused(CeganConfig { classifier: classifier(&[8; 70]), ..images() }, 3, "classifier.convolutions");
        refused(CeganConfig { classifier: classifier(&[0]), ..images() }, 3, "classifier.convolutions");
    }

    /// The sizes at 28x28 with ten classes: 244,112 and 236,545.
    #[test]
    fn presets_are_built_for_images_and_points() {
        let device = Device::flex().autodiff();
        let image = ItemShape::Image { channels: 1, height: 28, width: 28 };
        for (shape, classes) in [(image, 10), (SHAPE, 10), (ItemShape::Points { dims: 2 }, 8)] {
            let data = DataSpec { shape, classes, mean: vec![0.0; shape.len()] };
            for preset in Preset::ALL {
                let recommended = Cegan::preset(preset, &data);
                let build = Build { streams: Streams::new(1), device: &device };
                if preset == Preset::Paper && recommended.resolution.is_some() {
                    continue;
                }
                let mut cegan = Cegan::build(&recommended.config, &data, &build).unwrap();
                let sizes: Vec<usize> = cegan.parts().iter().map(|(_, part)| part.parameters()).collect();
                if (shape, preset) == (image, Preset::Small) {
                    assert_eq!(sizes, [244_112, 236_545, 52_138, 0]);
                }
            }
        }
    }
}
