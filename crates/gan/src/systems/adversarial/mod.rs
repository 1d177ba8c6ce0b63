//! What most adversarial systems are: a generator against a discriminator, of any architecture, objective, penalty and
//! conditioning. Such a system is a [`Recipe`]: its name, presets and acceptance checks.

mod anchors;
mod config;
mod train;

use std::marker::PhantomData;

use burn::tensor::{Tensor, TensorData};
use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Batch, Build, Conditional, DataSpec, Info, Model, Preset, Recommended, System, TruncationError,
};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;
use ganvas_prob::distributions::TruncatedNormal;

use crate::networks::{Discriminator, Generator};
use crate::systems::parts::Prior;

use anchors::Anchors;

pub use config::{AdversarialConfig, Penalty, PenaltyKind, Regularizers};
pub use ganvas_nets::labels::Conditioning;
pub(crate) use ganvas_nets::labels::indicators;

/// What makes a system of its own out of the shared parts.
pub trait Recipe: 'static {
    /// What a person reads of it.
    const INFO: Info;

    /// A data set that it can be tried on.
    const DATA: &'static str = "digits";

    /// The settings of a preset for these data.
    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig>;

    /// Its acceptance checks.
    ///
    /// # Errors
    /// If a check could not be carried out.
    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError>;
}

/// A generator against a discriminator.
pub struct Adversarial<R> {
    pub(crate) generator: Trained<Generator>,
    pub(crate) discriminator: Trained<Discriminator>,
    pub(crate) config: AdversarialConfig,
    /// Classes that are told; 0: none.
    classes: usize,
    /// What LeCam regularisation holds scores to, where it is wanted.
    anchors: Option<Anchors>,
    /// The law of the latents of samples, where it is not the prior.
    truncation: Option<TruncatedNormal>,
    recipe: PhantomData<fn() -> R>,
}

impl<R> Clone for Adversarial<R> {
    fn clone(&self) -> Self {
        Self {
            generator: self.generator.clone(),
            discriminator: self.discriminator.clone(),
            config: self.config.clone(),
            classes: self.classes,
            anchors: self.anchors.clone(),
            truncation: self.truncation,
            recipe: PhantomData,
        }
    }
}

impl<R: Recipe> System for Adversarial<R> {
    const INFO: Info = R::INFO;

    const DATA: &'static str = R::DATA;

    type Config = AdversarialConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        R::preset(preset, data)
    }

    fn build(config: &AdversarialConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check()?;
        let conditional = config.conditioning != Conditioning::None;
        if conditional && data.classes < 2 {
            return Err(ConfigError::domain(
                "data",
                "labelled with two classes or more",
                format!("{} classes", data.classes),
            ));
        }
        if config.regularizers.consistency > 0.0 && !matches!(data.shape, ItemShape::Image { .. }) {
            let weight = config.regularizers.consistency;
            return Err(ConfigError::domain("regularizers.consistency", "0 where data are no images", weight));
        }
        let classes = if conditional { data.classes } else { 0 };
        let (generator, discriminator) =
            config.networks.build(config.latent, classes, config.conditioning, data, build)?;
        Ok(Self {
            generator: Trained::new(generator, config.generator_optimizer).averaged(config.ema),
            discriminator: Trained::new(discriminator, config.discriminator_optimizer),
            config: config.clone(),
            classes,
            anchors: (config.regularizers.lecam > 0.0).then(|| Anchors::new(build.device)),
            truncation: None,
            recipe: PhantomData,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        R::accept(acceptance)
    }
}

impl<R: Recipe> Model for Adversarial<R> {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    fn batches(&self) -> usize {
        self.config.critic_steps
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        match self.classes {
            0 => self.draw(n, None, noise),
            // As many of each class, in turn.
            count => self.sample_of(&(0..n).map(|i| i % count).collect::<Vec<_>>(), noise),
        }
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        let mut parts: Vec<(_, &mut dyn Part)> =
            vec![("generator", &mut self.generator), ("discriminator", &mut self.discriminator)];
        if let Some(anchors) = &mut self.anchors {
            parts.push(("anchors", anchors));
        }
        parts
    }

    fn truncate(&mut self, psi: f64) -> Result<(), TruncationError> {
        match self.config.prior {
            Prior::Uniform => Err(TruncationError::Prior { prior: "uniform" }),
            Prior::Normal => {
                let law = TruncatedNormal::new(0.0, 1.0, -psi, psi).ok().filter(|_| psi.is_finite());
                self.truncation = Some(law.ok_or(TruncationError::Bound { psi })?);
                Ok(())
            }
        }
    }

    fn conditional(&self) -> Option<&dyn Conditional> {
        (self.classes > 0).then_some(self)
    }
}

impl<R: Recipe> Conditional for Adversarial<R> {
    fn classes(&self) -> usize {
        self.classes
    }

    fn sample_of(&self, classes: &[usize], noise: &Noise) -> Tensor<2> {
        let labels: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [classes.len()]), noise.device());
        self.draw(classes.len(), Some(indicators(labels, self.classes)), noise)
    }
}

impl<R> Adversarial<R> {
    fn latents(&self, n: usize, noise: &Noise) -> Tensor<2> {
        match &self.truncation {
            Some(law) => noise.of("latent", [n, self.config.latent], law),
            None => self.config.prior.draw(n, self.config.latent, noise),
        }
    }

    fn draw(&self, n: usize, classes: Option<Tensor<2>>, noise: &Noise) -> Tensor<2> {
        let latents = self.latents(n, noise);
        self.generator.shown().forward(latents, classes, Pass::Eval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::gan::{Gan, small};
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn gan(prior: Prior) -> Gan {
        let config = AdversarialConfig { prior, ..small(true) };
        let shape = ItemShape::Points { dims: 2 };
        let data = DataSpec { shape, classes: 0, mean: vec![0.0; 2] };
        let build = Build { streams: Streams::new(1), device: &Device::flex().autodiff() };
        Gan::build(&config, &data, &build).unwrap()
    }

    #[test]
    fn samples_have_latents_within_the_truncation() {
        let noise = || Noise::new(Streams::new(2), "sample", 0, &Device::flex());
        let mut gan = gan(Prior::Normal);
        let (before, all) = (gan.sample(50, &noise()), gan.latents(500, &noise()));
        assert!(all.abs().max().into_scalar::<f32>() > 2.0);
        gan.truncate(0.5).unwrap();
        let largest: f32 = gan.latents(500, &noise()).abs().max().into_scalar();
        assert!(largest <= 0.5 && largest > 0.49, "{largest}");
        // A ReLU network whose biases are zero still is linear along a ray: smaller latents give smaller samples.
        let spread = |samples: Tensor<2>| samples.square().mean().into_scalar::<f32>();
        assert!(spread(gan.sample(50, &noise())) < 0.3 * spread(before));
    }

    #[test]
    fn truncations_that_cannot_be_are_refused() {
        for psi in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = gan(Prior::Normal).truncate(psi).unwrap_err();
            assert!(matches!(error, TruncationError::Bound { .. }), "{psi}: {error}");
        }
        assert_eq!(gan(Prior::Uniform).truncate(0.5), Err(TruncationError::Prior { prior: "uniform" }));
    }

    fn refused(config: &AdversarialConfig, classes: usize) -> String {
        let shape = ItemShape::Points { dims: 2 };
        let data = DataSpec { shape, classes, mean: vec![0.0; 2] };
        let build = Build { streams: Streams::new(1), device: &Device::flex().autodiff() };
        Gan::build(config, &data, &build).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn settings_out_of_their_domain_are_refused_by_name() {
        let with = |regularizers| AdversarialConfig { regularizers, ..small(true) };
        let none = Regularizers::default;
        for (settings, key) in [
            (Regularizers { label_smoothing: 0.6, ..none() }, "label_smoothing"),
            (Regularizers { label_smoothing: f64::NAN, ..none() }, "label_smoothing"),
            (Regularizers { instance_noise: -1.0, ..none() }, "instance_noise"),
            (Regularizers { lecam: f64::INFINITY, ..none() }, "lecam"),
            (Regularizers { orthogonal: -1.0, ..none() }, "orthogonal"),
            (Regularizers { mismatch: 1.0, ..none() }, "mismatch"),
            // No network is told a class here.
            (Regularizers { mismatch: 0.5, ..none() }, "mismatch"),
            // Points cannot be moved by pixels.
            (Regularizers { consistency: 1.0, ..none() }, "consistency"),
        ] {
            let error = refused(&with(settings), 0);
            assert!(error.contains(&format!("regularizers.{key}")), "{key}: {error}");
        }
        let smoothed = with(Regularizers { label_smoothing: 0.1, ..none() });
        assert_eq!(refused(&smoothed, 0), "");
        let error = refused(&AdversarialConfig { objective: crate::objectives::Objective::Hinge, ..smoothed }, 0);
        assert!(error.contains("non-saturating"), "{error}");
        let told = AdversarialConfig { conditioning: Conditioning::Projection, ..small(true) };
        assert_eq!(refused(&told, 3), "");
        assert!(refused(&told, 0).contains("labelled"), "{}", refused(&told, 0));
        let error = refused(&AdversarialConfig { class_weight: -1.0, ..told }, 3);
        assert!(error.contains("class_weight"), "{error}");
    }
}
