//! InfoGAN (Chen et al. 2016): a part of the latent, the codes, is to be readable from the image, and comes to stand for what
//! varies in the data: the kind of digit, its slant, its width.

mod accept;
mod codes;
mod config;
mod model;
mod train;

use burn::tensor::{Int, Tensor, TensorData};
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Batch, Build, Code, CodeValues, DataSpec, Info, Model, Preset, Recommended, System, Task, Traversal,
};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;

use codes::{Codes, Latents};
use model::{Discriminator, Generator};

pub use config::InfoGanConfig;

/// A generator, and a discriminator that shares its layers with Q, the reader of the codes.
pub struct InfoGan {
    generator: Trained<Generator>,
    discriminator: Trained<Discriminator>,
    codes: Codes,
    config: InfoGanConfig,
}

impl System for InfoGan {
    const INFO: Info = Info {
        id: "infogan",
        title: "InfoGAN",
        paper: "X. Chen, Y. Duan, R. Houthooft, J. Schulman, I. Sutskever, P. Abbeel (2016), InfoGAN: Interpretable \
                Representation Learning by Information Maximizing Generative Adversarial Nets, arXiv:1606.03657",
        summary: "Images whose kind, slant or width can be set, found without labels.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    type Config = InfoGanConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<InfoGanConfig> {
        InfoGanConfig::preset(preset, data)
    }

    fn build(config: &InfoGanConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check()?;
        let (generator, discriminator) = model::networks(config, data, build)?;
        Ok(Self {
            generator: Trained::new(generator, config.generator_optimizer).averaged(config.ema),
            discriminator: Trained::new(discriminator, config.discriminator_optimizer),
            codes: config.codes(),
            config: config.clone(),
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for InfoGan {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        self.show(&self.codes.draw(n, noise))
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("generator", &mut self.generator), ("discriminator", &mut self.discriminator)]
    }

    fn traversal(&self) -> Option<&dyn Traversal> {
        Some(self)
    }
}

impl InfoGan {
    /// The images of some latents, `[n, values]`.
    fn show(&self, latents: &Latents) -> Tensor<2> {
        self.generator.shown().forward(self.codes.joined(latents), Pass::Eval)
    }

    /// What Q gives for images `[n, values]`, on the device without gradients: `[n, outputs]`.
    fn read(&self, items: Tensor<2>) -> Tensor<2> {
        let net = burn::module::Module::valid(&self.discriminator.net);
        net.read(net.features(items, Pass::Eval), Pass::Eval)
    }
}

/// The codes are called `c1`, `c2` and so on, first the categorical ones. Continuous ones are drawn from [-1, 1] in training
/// and shown twice as far, as in the paper's figure 2.
impl Traversal for InfoGan {
    fn codes(&self) -> Vec<Code> {
        let categorical = self.codes.categorical.iter().map(|&count| CodeValues::Categorical(count));
        let continuous = (0..self.codes.continuous).map(|_| CodeValues::Continuous { from: -2.0, to: 2.0 });
        let name = |(i, values)| Code { name: format!("c{}", i + 1), values };
        categorical.chain(continuous).enumerate().map(name).collect()
    }

    fn traverse(&self, code: usize, values: &[f64], noise: &Noise) -> Tensor<2> {
        let n = values.len();
        let drawn = self.codes.draw(1, noise);
        let mut latents = Latents {
            noise: drawn.noise.repeat_dim(0, n),
            classes: drawn.classes.into_iter().map(|class| class.repeat_dim(0, n)).collect(),
            continuous: drawn.continuous.into_iter().map(|value| value.repeat_dim(0, n)).collect(),
        };
        match self.codes.categorical.get(code) {
            Some(_) => {
                let classes: Vec<i64> = values.iter().map(|&value| value as i64).collect();
                latents.classes[code] = Tensor::<1, Int>::from_data(TensorData::new(classes, [n]), noise.device());
            }
            None => {
                let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
                let values = Tensor::from_data(TensorData::new(values, [n, 1]), noise.device());
                latents.continuous[code - latents.classes.len()] = values;
            }
        }
        self.show(&latents)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::tensor::Device;
    use ganvas_data::ItemShape;
    use ganvas_engine::session::{Options, state_of};
    use ganvas_nets::init::Initializer;
    use ganvas_prob::stream::Streams;

    use super::*;

    const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 8, width: 8 };

    fn config() -> InfoGanConfig {
        InfoGanConfig {
            noise: 4,
            categorical: vec![3, 2],
            continuous: 2,
            width: 4,
            units: 16,
            head: 8,
            // Large enough weights that a few steps show what they do.
            init: Initializer::He,
            ..InfoGanConfig::new(Preset::Small)
        }
    }

    fn built(config: &InfoGanConfig) -> Result<InfoGan, ConfigError> {
        let data = DataSpec { shape: SHAPE, classes: 0, mean: vec![0.0; SHAPE.len()] };
        let device = Device::flex().autodiff();
        InfoGan::build(config, &data, &Build { streams: Streams::new(1), device: &device })
    }

    /// A system after three steps, with the figures of the last.
    fn trained(config: &InfoGanConfig) -> (InfoGan, BTreeMap<String, f64>) {
        let mut system = built(config).unwrap();
        let device = Device::flex().autodiff();
        let options = Options::new(Streams::new(1), 8, 3);
        let items = Noise::new(Streams::new(1), "items", 0, &device).uniform("items", [8, 64], -1.0, 1.0);
        let batch = Batch { items, labels: None, other: None, shape: SHAPE };
        let mut figures = BTreeMap::new();
        for index in 0..3 {
            let mut step = Step::new(&options, index, &device, true);
            system.step(&batch, &mut step);
            figures = step.finish().unwrap().into_iter().map(|(name, value)| (name, value.into())).collect();
        }
        (system, figures)
    }

    /// Everything kept of the system whose name has one of these parts.
    fn kept(system: &mut InfoGan, parts: &[&str]) -> Vec<f64> {
        let state = state_of(system);
        let entries = state.entries().iter().filter(|(name, _)| parts.iter().any(|part| name.contains(part)));
        let values: Vec<f64> = entries.flat_map(|(_, data)| data.iter::<f64>().collect::<Vec<_>>()).collect();
        assert!(!values.is_empty(), "nothing is called {parts:?}");
        values
    }

    /// What is measured against must be what it claims: all but Q's own layers train as if codes had no weight at all.
    #[test]
    fn the_baseline_is_a_gan_with_a_reader_beside_it() {
        const GAN: [&str; 4] = ["generator", "downs", "shared", "score"];
        const READER: [&str; 2] = ["head", "discriminator.codes"];
        let unweighted = InfoGanConfig { categorical_weight: 0.0, continuous_weight: 0.0, ..config() };
        let (mut baseline, _) = trained(&InfoGanConfig { maximize: false, ..config() });
        let (mut unweighted, _) = trained(&unweighted);
        let (mut infogan, _) = trained(&config());
        let start = kept(&mut built(&config()).unwrap(), &READER);
        assert_eq!(kept(&mut baseline, &GAN), kept(&mut unweighted, &GAN));
        assert_ne!(kept(&mut baseline, &READER), start);
        for part in GAN {
            assert_ne!(kept(&mut infogan, &[part]), kept(&mut baseline, &[part]), "{part} does not learn the codes");
        }
    }

    #[test]
    fn information_has_the_entropy_as_its_ceiling() {
        let (system, figures) = trained(&config());
        let information = figures["mutual_information"];
        assert!(information < system.codes.entropy() && information > -1.0, "{figures:?}");
        assert!(figures["codes/error"] > 0.0 && figures["codes/error"] < 4.0, "{figures:?}");
        let continuous = InfoGanConfig { categorical: Vec::new(), ..config() };
        assert!(!trained(&continuous).1.contains_key("mutual_information"));
    }

    #[test]
    fn a_traversal_moves_its_code_alone() {
        let (system, _) = trained(&config());
        let device = Device::flex();
        let noise = || Noise::new(Streams::new(5), "traverse", 0, &device);
        let rows = |code: usize, values: &[f64]| -> Vec<Vec<f32>> {
            let images: Vec<f32> = system.traverse(code, values, &noise()).to_data().iter().collect();
            images.chunks(64).map(<[f32]>::to_vec).collect()
        };
        let drawn = system.codes.draw(1, &noise());
        let whole: Vec<f32> = system.show(&drawn).to_data().iter().collect();
        let mut values: Vec<f64> =
            drawn.classes.iter().map(|class| class.clone().into_scalar::<i64>() as f64).collect();
        values.extend(drawn.continuous.iter().map(|value| value.clone().into_scalar::<f64>()));
        let codes = system.codes();
        assert_eq!(codes.iter().map(|code| code.name.as_str()).collect::<Vec<_>>(), ["c1", "c2", "c3", "c4"]);
        assert_eq!(codes[1].values, CodeValues::Categorical(2));
        assert_eq!(codes[3].values, CodeValues::Continuous { from: -2.0, to: 2.0 });
        for (code, &value) in values.iter().enumerate() {
            let other = if code < 2 { 1.0 - value.min(1.0) } else { value + 1.0 };
            let found = rows(code, &[value, other]);
            let difference = |row: &[f32]| row.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(difference(&found[0]) < 1e-6, "code {code} at what it was drawn as");
            assert!(difference(&found[1]) > 1e-4, "code {code} moved");
        }
    }

    #[test]
    fn settings_out_of_their_domain_are_named() {
        for (wrong, key) in [
            (InfoGanConfig { noise: 0, ..config() }, "noise"),
            (InfoGanConfig { units: 5000, ..config() }, "units"),
            (InfoGanConfig { categorical: vec![10, 1], ..config() }, "categorical"),
            (InfoGanConfig { categorical: vec![], continuous: 0, ..config() }, "continuous"),
            (InfoGanConfig { continuous: 65, ..config() }, "continuous"),
            (InfoGanConfig { categorical_weight: -1.0, ..config() }, "categorical_weight"),
            (InfoGanConfig { continuous_weight: f64::NAN, ..config() }, "continuous_weight"),
            (InfoGanConfig { width: 0, ..config() }, "networks.width"),
            (InfoGanConfig { init: Initializer::Normal { sd: -1.0 }, ..config() }, "init.sd"),
            (InfoGanConfig { ema: 1.0, ..config() }, "ema"),
        ] {
            let error = built(&wrong).err().expect(key).to_string();
            assert!(error.contains(key), "{key}: {error}");
        }
    }
}
