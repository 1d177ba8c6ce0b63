use burn::tensor::{Int, Tensor};
use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::OptimizerConfig;
use serde::{Deserialize, Serialize};

use super::CodePrior;
use crate::systems::parts::{check_count, check_ema, check_optimizer};

/// Which of the paper's models it is: what labels are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// They are not used (Makhzani et al. 2015, figure 1).
    Unsupervised,
    /// Each class has its part of the prior: the discriminator of codes is told the class (ibid., figure 3).
    LabelShaped,
    /// The decoder is told the class, so that the code is what else there is: the style (ibid., figure 6).
    Supervised,
    /// The encoder says the class too, which it learns from few labels, and the decoder is told what it says (ibid., figure 8).
    SemiSupervised,
    /// The same without labels: classes are clusters (ibid., section 6).
    Clustering,
}

impl Variant {
    /// Whether the data have to be labelled.
    pub fn needs_labels(self) -> bool {
        matches!(self, Self::LabelShaped | Self::Supervised | Self::SemiSupervised)
    }

    /// Whether the encoder has a head that says the class.
    pub fn has_label_head(self) -> bool {
        matches!(self, Self::SemiSupervised | Self::Clustering)
    }
}

/// How an item becomes a code in training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coding {
    /// It has one code.
    Deterministic,
    /// z = mu + s eps, s = softplus(.), with a head for each of mu and s.
    Gaussian,
    /// The encoder sees N(0, I) noise beside the item, as many values as the code has.
    Universal,
}

/// Settings of [`Aae`](super::Aae).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AaeConfig {
    /// Values of a code; of a label beside it they are not.
    pub latent: usize,
    /// What labels are for.
    pub variant: Variant,
    /// What codes are to be distributed like.
    pub prior: CodePrior,
    /// What draws of the prior are multiplied by: the standard deviation of a normal one.
    pub prior_scale: f64,
    /// How an item becomes a code.
    pub coding: Coding,
    /// Hidden layers of the encoder.
    pub encoder: MlpConfig,
    /// Hidden layers of the decoder.
    pub decoder: MlpConfig,
    /// What follows the decoder's last layer: `tanh` or `sigmoid` (scaled to (-1, 1)) for images, `identity` for points.
    pub output: Activation,
    /// Hidden layers of the discriminator of codes, and of that of labels.
    pub discriminator: MlpConfig,
    /// What the reconstruction's error, half a sum of squares, is multiplied by.
    pub reconstruction_weight: f64,
    /// What the discriminators' losses are multiplied by; 0: they are not updated.
    pub discriminator_weight: f64,
    /// What the encoder's losses against them are multiplied by; 0: it is not updated by them.
    pub encoder_weight: f64,
    /// Trains encoder and decoder to reconstruct.
    pub reconstruction_optimizer: OptimizerConfig,
    /// Trains the discriminators.
    pub discriminator_optimizer: OptimizerConfig,
    /// Trains the encoder against the discriminators and, apart from that, its label head by labels.
    pub encoder_optimizer: OptimizerConfig,
    /// The share of the steps after which all learning rates are multiplied by `rate_late`.
    pub late: f64,
    /// What they are multiplied by late in training.
    pub rate_late: f64,
    /// Items whose label may be used, for `label-shaped` and `semi-supervised`: the first that training sees; 0: all.
    #[serde(default)]
    pub labelled: usize,
    /// The label head learns from labels in every so many steps, for `semi-supervised`.
    #[serde(default = "ten")]
    pub supervised_every: u64,
    /// Number of clusters, for `clustering`.
    #[serde(default = "sixteen")]
    pub clusters: usize,
    /// Decay of the averaged weights of encoder and decoder that are shown; 0: the trained weights themselves.
    #[serde(default)]
    pub ema: f64,
}

fn ten() -> u64 {
    10
}

fn sixteen() -> usize {
    16
}

impl AaeConfig {
    /// The unsupervised form with a deterministic encoder and the prior N(0, I): two hidden layers of `units` in encoder and
    /// decoder, two of `judging` in the discriminator, tanh at the end, weights 1, 6 and 6, the rates times 0.03 for the last
    /// half of the steps.
    pub fn new(latent: usize, units: usize, judging: usize) -> Self {
        let hidden = |units| MlpConfig::new(&[units; 2], Activation::Relu, Initializer::He);
        Self {
            latent,
            variant: Variant::Unsupervised,
            prior: CodePrior::Normal,
            prior_scale: 1.0,
            coding: Coding::Deterministic,
            encoder: hidden(units),
            decoder: hidden(units),
            output: Activation::Tanh,
            discriminator: hidden(judging),
            reconstruction_weight: 1.0,
            discriminator_weight: 6.0,
            encoder_weight: 6.0,
            reconstruction_optimizer: OptimizerConfig::adam(5e-4, 0.5),
            discriminator_optimizer: OptimizerConfig::adam(1e-3, 0.5),
            encoder_optimizer: OptimizerConfig::adam(5e-4, 0.5),
            late: 0.5,
            rate_late: 0.03,
            labelled: 0,
            supervised_every: ten(),
            clusters: sixteen(),
            ema: 0.0,
        }
    }

    pub(super) fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self> {
        let recommended = Recommended::new;
        match (data.shape, preset) {
            (ItemShape::Points { .. } | ItemShape::Series { .. }, _) => {
                let config = Self { output: Activation::Identity, ..Self::new(2, 128, 128) };
                recommended(6000, 256, config)
            }
            (ItemShape::Image { .. }, Preset::Small) => recommended(6000, 128, Self::new(8, 256, 128)),
            // 1,000 passes over 60,000 images in batches of 100.
            (ItemShape::Image { .. }, Preset::Paper) => recommended(600_000, 100, Self::paper()),
        }
    }

    /// The networks and the optimisers of the paper's likelihood experiment on MNIST (appendix A.1).
    fn paper() -> Self {
        let hidden = MlpConfig::new(&[1000; 2], Activation::Relu, Initializer::Normal { sd: 0.01 });
        let sgd = |lr: f64, momentum| OptimizerConfig::Sgd {
            lr,
            decay: 1.0,
            lr_min: 0.0,
            momentum,
            momentum_end: momentum,
            momentum_steps: 1,
        };
        Self {
            prior_scale: 5.0,
            encoder: hidden.clone(),
            decoder: hidden.clone(),
            discriminator: hidden,
            output: Activation::Sigmoid,
            discriminator_weight: 1.0,
            encoder_weight: 1.0,
            reconstruction_optimizer: sgd(0.01, 0.9),
            discriminator_optimizer: sgd(0.1, 0.1),
            encoder_optimizer: sgd(0.1, 0.1),
            late: 1.0,
            ..Self::new(8, 1000, 1000)
        }
    }

    /// `[n, latent]` draws of what codes are to be distributed like, for data of so many classes; where labels shape it,
    /// row i is of class `of[i]`.
    pub(super) fn draw_codes(&self, n: usize, classes: usize, of: Option<Tensor<1, Int>>, noise: &Noise) -> Tensor<2> {
        let parts = if self.variant == Variant::LabelShaped { classes } else { 10 };
        self.prior.draw(n, self.latent, parts, of, noise).mul_scalar(self.prior_scale)
    }

    /// Classes that the decoder is told, for data of so many.
    pub(super) fn told(&self, classes: usize) -> usize {
        match self.variant {
            Variant::Unsupervised | Variant::LabelShaped => 0,
            Variant::Supervised | Variant::SemiSupervised => classes,
            Variant::Clustering => self.clusters,
        }
    }

    pub(super) fn check(&self, data: &DataSpec) -> Result<(), ConfigError> {
        const MOST_LABELLED: usize = 1 << 20;
        check_count("latent", self.latent, 4096)?;
        if self.prior.has_parts() && self.latent != 2 {
            return Err(ConfigError::domain("latent", "2 with a prior of the plane", self.latent));
        }
        if !(self.prior_scale > 0.0 && self.prior_scale.is_finite()) {
            return Err(ConfigError::domain("prior_scale", "a positive number", self.prior_scale));
        }
        if self.variant == Variant::LabelShaped && !self.prior.has_parts() {
            return Err(ConfigError::domain(
                "prior",
                "`ring` or `swiss-roll` where labels shape it",
                "one without parts",
            ));
        }
        if self.variant.needs_labels() && data.classes < 2 {
            let got = format!("{} classes", data.classes);
            return Err(ConfigError::domain("data", "labelled with two classes or more", got));
        }
        for (key, weight) in [
            ("reconstruction_weight", self.reconstruction_weight),
            ("discriminator_weight", self.discriminator_weight),
            ("encoder_weight", self.encoder_weight),
        ] {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(ConfigError::domain(key, "zero or more", weight));
            }
        }
        if !(0.0..=1.0).contains(&self.late) {
            return Err(ConfigError::domain("late", "in [0, 1]", self.late));
        }
        if !(self.rate_late > 0.0 && self.rate_late.is_finite()) {
            return Err(ConfigError::domain("rate_late", "a positive number", self.rate_late));
        }
        if self.labelled > MOST_LABELLED {
            return Err(ConfigError::domain("labelled", format!("at most {MOST_LABELLED}"), self.labelled));
        }
        check_count("supervised_every", self.supervised_every as usize, 1_000_000)?;
        if !(2..=1000).contains(&self.clusters) {
            return Err(ConfigError::domain("clusters", "2 to 1000", self.clusters));
        }
        let (values, told) = (data.values(), self.told(data.classes));
        let judged = self.latent.max(told) + data.classes + 1;
        for (key, config, inputs, outputs) in [
            ("encoder", &self.encoder, values + self.latent, 2 * self.latent + told),
            ("decoder", &self.decoder, self.latent + told, values),
            ("discriminator", &self.discriminator, judged, 1),
        ] {
            if let Some((name, domain, value)) = config.fault(inputs, outputs) {
                return Err(ConfigError::domain(format!("{key}.{name}"), domain, value));
            }
        }
        check_optimizer("reconstruction_optimizer", &self.reconstruction_optimizer)?;
        check_optimizer("discriminator_optimizer", &self.discriminator_optimizer)?;
        check_optimizer("encoder_optimizer", &self.encoder_optimizer)?;
        check_ema(self.ema)
    }
}
