//! The adversarial autoencoder (Makhzani et al. 2015): an autoencoder whose codes a discriminator holds to a distribution that
//! only has to be drawn from.

mod accept;
mod config;
mod labelled;
mod networks;
mod prior;
#[cfg(test)]
mod tests;
mod train;

use burn::tensor::{Device, Int, Tensor, TensorData};
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Autoencoder, Batch, Build, Code, CodeValues, Conditional, DataSpec, Info, Model, OBSERVATION_SEED, Preset,
    Recommended, System, Task, Traversal, with_values,
};
use ganvas_nets::mlp::Mlp;
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::{Optimizer, Trained};
use ganvas_nets::state::Part;
use ganvas_prob::stream::Streams;

use crate::systems::adversarial::indicators;
use labelled::Labelled;
use networks::{Networks, beside};

pub use config::{AaeConfig, Coding, Variant};
pub use prior::CodePrior;

/// Draws that the mean code of a universal encoder is taken over.
const CODES: usize = 16;

/// An encoder and a decoder, a discriminator of codes and, where the encoder says the class, one of labels.
#[derive(Clone)]
pub struct Aae {
    networks: Trained<Networks>,
    discriminator: Trained<Mlp>,
    /// Of the encoder, against the discriminators.
    encoder: Optimizer,
    label_game: Option<LabelGame>,
    /// The items with a label, where not all have one.
    labelled: Option<Labelled>,
    config: AaeConfig,
    /// Classes of the data.
    classes: usize,
    /// Classes that the decoder is told; 0: none.
    told: usize,
}

/// What trains the label head.
#[derive(Clone)]
struct LabelGame {
    discriminator: Trained<Mlp>,
    /// Of the encoder, by labels.
    supervised: Optimizer,
}

impl System for Aae {
    const INFO: Info = Info {
        id: "aae",
        title: "AAE",
        paper: "A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow, B. Frey (2015), Adversarial Autoencoders, arXiv:1511.05644",
        summary: "Codes of a distribution that you choose, by an autoencoder that plays against a discriminator of codes.",
        task: Task::Unconditional,
        phases: &["reconstruction", "discriminator", "label_discriminator", "encoder", "supervised"],
    };

    type Config = AaeConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AaeConfig> {
        AaeConfig::preset(preset, data)
    }

    fn build(config: &AaeConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check(data)?;
        let told = config.told(data.classes);
        let judge = |name: &str, inputs: usize| {
            let mut init = build.init(name, config.discriminator.init);
            let net = Mlp::new(inputs, 1, &config.discriminator, &mut init);
            Trained::new(net, config.discriminator_optimizer)
        };
        // One entry for each class and one for a code without label.
        let shaped = if config.variant == Variant::LabelShaped { data.classes + 1 } else { 0 };
        let networks = Networks::new(config, data.values(), told, build);
        let encoder = Optimizer::new(&networks, config.encoder_optimizer);
        let label_game = config
            .variant
            .has_label_head()
            .then(|| LabelGame { discriminator: judge("label_discriminator", told), supervised: encoder.clone() });
        let some = config.labelled > 0 && matches!(config.variant, Variant::LabelShaped | Variant::SemiSupervised);
        Ok(Self {
            networks: Trained::new(networks, config.reconstruction_optimizer).averaged(config.ema),
            discriminator: judge("discriminator", config.latent + shaped),
            encoder,
            label_game,
            labelled: some.then(|| Labelled::new(config.labelled, data.values(), build.device)),
            config: config.clone(),
            classes: data.classes,
            told,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for Aae {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    fn wants_one_device(&self) -> bool {
        self.labelled.is_some()
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        // As many of each class or cluster, in turn.
        let count = if self.config.variant == Variant::LabelShaped { self.classes } else { self.told };
        match count {
            0 => self.decode(self.draw_codes(n, None, noise), None),
            _ => self.sample_of(&(0..n).map(|i| i % count).collect::<Vec<_>>(), noise),
        }
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        let mut parts: Vec<(&'static str, &mut dyn Part)> = vec![
            ("networks", &mut self.networks),
            ("discriminator", &mut self.discriminator),
            ("encoder", &mut self.encoder),
        ];
        if let Some(game) = &mut self.label_game {
            parts.push(("label_discriminator", &mut game.discriminator));
            parts.push(("supervised", &mut game.supervised));
        }
        if let Some(labelled) = &mut self.labelled {
            parts.push(("labelled", labelled));
        }
        parts
    }

    fn conditional(&self) -> Option<&dyn Conditional> {
        self.config.variant.needs_labels().then_some(self)
    }

    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn traversal(&self) -> Option<&dyn Traversal> {
        Some(self)
    }
}

/// By what the decoder is told, or by the part of the prior that is the class's.
impl Conditional for Aae {
    fn classes(&self) -> usize {
        self.classes
    }

    fn sample_of(&self, classes: &[usize], noise: &Noise) -> Tensor<2> {
        let of = (self.config.variant == Variant::LabelShaped).then_some(classes);
        self.decode(self.draw_codes(classes.len(), of, noise), Some(classes))
    }
}

/// A code is of `latent` values; of an encoder with a label head the probability of each class follows.
impl Autoencoder for Aae {
    fn code_size(&self) -> usize {
        self.config.latent + if self.label_game.is_some() { self.told } else { 0 }
    }

    fn needs_class(&self) -> bool {
        self.config.variant == Variant::Supervised
    }

    fn encode(&self, items: Tensor<2>, _: Option<&[usize]>) -> Tensor<2> {
        let encoder = self.networks.shown().encoder;
        let of = |noise: Option<&Noise>| {
            let coded = encoder.forward(items.clone(), noise, Pass::Eval);
            let label = coded.label();
            beside(coded.code, label)
        };
        if !encoder.is_universal() {
            return of(None);
        }
        // The mean of a code of which only draws are to be had: by draws that are always the same.
        let noise = Noise::new(Streams::new(OBSERVATION_SEED), "encode", 0, &items.device());
        (1..CODES).fold(of(Some(&noise)), |sum, _| sum + of(Some(&noise))).div_scalar(CODES as f64)
    }

    /// A code without the class that the decoder wants is decoded by what its label part says, or as of all classes evenly.
    fn decode(&self, codes: Tensor<2>, classes: Option<&[usize]>) -> Tensor<2> {
        let [n, size] = codes.dims();
        let latent = self.config.latent;
        let told = (self.told > 0).then(|| match classes {
            Some(classes) => indicators(numbers(classes, &codes.device()), self.told),
            None if size > latent => codes.clone().narrow(1, latent, size - latent),
            None => Tensor::full([n, self.told], 1.0 / self.told as f64, &codes.device()),
        });
        let code = codes.narrow(1, 0, latent);
        self.networks.shown().decoder.forward(beside(code, told), Pass::Eval)
    }
}

impl Traversal for Aae {
    fn codes(&self) -> Vec<Code> {
        let reach = 2.0 * self.config.prior_scale * self.config.prior.sd();
        let values = CodeValues::Continuous { from: -reach, to: reach };
        let mut codes: Vec<Code> = (1..=self.config.latent).map(|i| Code { name: format!("z{i}"), values }).collect();
        if self.told > 0 {
            let name = if self.config.variant == Variant::Clustering { "cluster" } else { "class" };
            codes.push(Code { name: name.into(), values: CodeValues::Categorical(self.told) });
        }
        codes
    }

    fn traverse(&self, code: usize, values: &[f64], noise: &Noise) -> Tensor<2> {
        let latent = self.draw_codes(1, None, noise);
        let class = noise.classes("class", 1, self.told.max(1)).into_scalar::<i64>() as usize;
        let (codes, classes) = if code < self.config.latent {
            (with_values(latent, code, values), vec![class; values.len()])
        } else {
            (latent.repeat_dim(0, values.len()), values.iter().map(|&value| value as usize).collect())
        };
        self.decode(codes, (self.told > 0).then_some(&classes))
    }
}

impl Aae {
    /// `[n, latent]` draws of what codes are to be distributed like; where labels shape it, of these classes.
    fn draw_codes(&self, n: usize, classes: Option<&[usize]>, noise: &Noise) -> Tensor<2> {
        let of = classes.map(|classes| numbers(classes, noise.device()));
        self.config.draw_codes(n, self.classes, of, noise)
    }
}

/// Classes as a tensor.
fn numbers(classes: &[usize], device: &Device) -> Tensor<1, Int> {
    let numbers: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
    Tensor::from_data(TensorData::new(numbers, [classes.len()]), device)
}
