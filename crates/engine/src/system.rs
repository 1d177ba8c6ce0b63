//! What a system is, and how it is registered.
//!
//! A system is what a paper describes. It implements [`Model`] (what a run does with it) and [`System`] (how it is
//! made), and one line, `Definition::of::<It>()`, registers it. Everything else follows from that.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData};
use ganvas_data::{Dataset, ItemShape, Sampling, Split};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::noise::Noise;
use ganvas_nets::state::Part;
use ganvas_prob::stream::Streams;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::accept::{AcceptError, Acceptance};
use crate::config::{ConfigError, one_line};
use crate::enlargement::Enlargement;
use crate::schedule::Schedule;
use crate::step::Step;

/// What a system makes of what: the command line, the metrics and the report follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Samples from noise alone.
    Unconditional,
    /// Samples of a class that is asked for.
    Class,
    /// A large image of a small one.
    SuperResolve,
    /// Items of one domain from items of another.
    Translate,
}

impl Task {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Task::Unconditional => "unconditional",
            Task::Class => "class",
            Task::SuperResolve => "super-resolve",
            Task::Translate => "translate",
        }
    }
}

/// What a person reads of a system.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The word for it on the command line.
    pub id: &'static str,
    /// Its name.
    pub title: &'static str,
    /// Authors, year, title of the paper.
    pub paper: &'static str,
    /// One sentence: what it is for.
    pub summary: &'static str,
    /// What it makes of what.
    pub task: Task,
    /// The networks' phases of one step, in their order.
    pub phases: &'static [&'static str],
}

/// A named set of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Trains on two CPU cores in minutes.
    Small,
    /// The paper's.
    Paper,
}

impl Preset {
    /// Both, in the order of their size.
    pub const ALL: [Preset; 2] = [Preset::Small, Preset::Paper];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Small => "small",
            Preset::Paper => "paper",
        }
    }
}

/// What a system may know of the data that it is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSpec {
    /// Shape of an item.
    pub shape: ItemShape,
    /// Number of classes; 0: no labels.
    pub classes: usize,
    /// Mean of each value over the training items, in the range of the values ([-1, 1] for images). All zero when a
    /// system is made only to be loaded from a checkpoint.
    pub mean: Vec<f32>,
}

impl DataSpec {
    /// Of a data set.
    pub fn of(dataset: &Dataset) -> Self {
        Self { shape: dataset.shape, classes: dataset.class_names.len(), mean: dataset.train_mean() }
    }

    /// Values of an item.
    pub fn values(&self) -> usize {
        self.shape.len()
    }
}

/// A preset for some data: the system's own settings, and what it asks of the run.
#[derive(Clone, Debug)]
pub struct Recommended<C> {
    /// Updates of the whole rule.
    pub steps: u64,
    /// Items of a batch.
    pub batch: usize,
    /// Side that images should be brought to, where it is not the data's own.
    pub resolution: Option<usize>,
    /// The learning rates over time.
    pub schedule: Schedule,
    /// What the norm of a network's gradients is brought down to; 0: it is not.
    pub clip_norm: f64,
    /// The system's own settings.
    pub config: C,
}

impl<C> Recommended<C> {
    /// So many steps on batches of so many items, of the data's own resolution, at constant learning rates.
    pub fn new(steps: u64, batch: usize, config: C) -> Self {
        Self { steps, batch, resolution: None, schedule: Schedule::default(), clip_norm: 0.0, config }
    }

    /// The same with images brought to this side, if any.
    pub fn at(self, resolution: Option<usize>) -> Self {
        Self { resolution, ..self }
    }

    /// The same with these learning rates.
    pub fn scheduled(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// The same with gradients of no larger norm than this.
    pub fn clipped(self, clip_norm: f64) -> Self {
        Self { clip_norm, ..self }
    }
}

/// What a system needs to make its networks.
pub struct Build<'a> {
    /// The run's random streams.
    pub streams: Streams,
    /// The device to train on, tracking gradients.
    pub device: &'a Device,
}

impl Build<'_> {
    /// Initial weights of the network called `name`.
    pub fn init(&self, name: &str, rule: Initializer) -> Init {
        Init::new(&self.streams, name, rule, self.device)
    }
}

/// Some training items on the device.
#[derive(Clone)]
pub struct Batch {
    /// `[batch, values]`; images in [-1, 1], rows of `[channels, height, width]`.
    pub items: Tensor<2>,
    /// `[batch]`, where the data have labels.
    pub labels: Option<Tensor<1, Int>>,
    /// As many items of the second domain, `[batch, values]`, where [two](Sampling::Domains) are asked for. Which of both stand
    /// in a row means nothing.
    pub other: Option<Tensor<2>>,
    /// Shape of an item.
    pub shape: ItemShape,
}

impl Batch {
    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.dims()[0]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items of these rows, with their labels.
    pub fn rows(&self, rows: Range<usize>) -> Self {
        let labels = self.labels.clone().map(|labels| labels.slice([rows.clone()]));
        let other = self.other.clone().map(|other| other.slice([rows.clone()]));
        Self { items: self.items.clone().slice([rows]), labels, other, shape: self.shape }
    }

    /// The items as `[batch, channels, height, width]`; points have one channel and one row.
    pub fn images(&self) -> Tensor<4> {
        to_images(self.items.clone(), self.shape)
    }
}

/// Flat items as `[batch, channels, height, width]`; points have one channel and one row.
pub fn to_images(items: Tensor<2>, shape: ItemShape) -> Tensor<4> {
    let batch = items.dims()[0];
    let [channels, height, width] = shape.planes();
    items.reshape([batch, channels, height, width])
}

/// Items from the host, one after the other, on the device: `[n, values]`.
pub fn to_device(values: Vec<f32>, shape: ItemShape, device: &Device) -> Tensor<2> {
    let size = shape.len();
    let n = values.len() / size.max(1);
    Tensor::from_data(TensorData::new(values, [n, size]), device)
}

/// Held-out items are brought to what a likelihood is of once, with this seed, whatever the run's.
pub const OBSERVATION_SEED: u64 = 123;

/// The first `n` items of a split as `model` takes them as observed, with their labels where they have any; `name` tells splits
/// apart.
///
/// The draws that this may take are always the same, so that likelihoods of several models compare.
pub fn observed(
    model: &dyn Likelihood,
    split: &Split,
    n: usize,
    shape: ItemShape,
    name: &str,
    device: &Device,
) -> Batch {
    let noise = Noise::new(Streams::new(OBSERVATION_SEED), name, 0, device);
    let items = model.observe(to_device(split.first(n), shape, device), &noise);
    let count = items.dims()[0];
    let labels = split.labels.as_ref().map(|labels| {
        let labels: Vec<i64> = labels.iter().take(count).map(|&label| label as i64).collect();
        Tensor::from_data(TensorData::new(labels, [count]), device)
    });
    Batch { items, labels, other: None, shape }
}

/// What a run does with a system. It may be moved to the thread of another device.
pub trait Model: Send {
    /// The update rule: one step on one batch.
    fn step(&mut self, batch: &Batch, step: &mut Step);

    /// Batches that one step wants, one after the other in what it is given: a critic that is updated five times for each
    /// update of the generator sees five.
    fn batches(&self) -> usize {
        1
    }

    /// Which items the batches have of the step before which this share of all steps is done, in [0, 1).
    fn sampling(&self, _progress: f64) -> Sampling {
        Sampling::Shuffled
    }

    /// Whether it goes by more of a batch than its gradients (items that it keeps, figures that it reads), on which replicas on several
    /// devices would not agree.
    fn wants_one_device(&self) -> bool {
        false
    }

    /// `n` samples, `[n, values]`, on the noise's device, which does not track gradients. A system that makes nothing of noise
    /// alone gives none, `[0, values]`, and one that enlarges images what it makes of images of noise: another of the traits below says
    /// what they do.
    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2>;

    /// Everything that has to be kept, by name, listed once: a checkpoint is made of it and read into it.
    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)>;

    /// From now on samples have latents within [-psi, psi]: a value outside is drawn again (Brock et al. 2019, section 3.1,
    /// the truncation trick). The smaller psi, the more typical and the less diverse they are. Training goes on as before, and
    /// a checkpoint keeps nothing of it.
    ///
    /// # Errors
    /// If `psi` is no positive number, or latents are not drawn from N(0, I).
    fn truncate(&mut self, _psi: f64) -> Result<(), TruncationError> {
        Err(TruncationError::Unsupported)
    }

    /// The system as a model of the data's density, where it is one.
    fn likelihood(&self) -> Option<&dyn Likelihood> {
        None
    }

    /// The system as one that draws samples of a class, where it is one.
    fn conditional(&self) -> Option<&dyn Conditional> {
        None
    }

    /// The system as an autoencoder, where it is one.
    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        None
    }

    /// The system as one that enlarges images, where it is one.
    fn enlargement(&self) -> Option<&dyn Enlargement> {
        None
    }

    /// The system as one that translates between two domains, where it is one.
    fn translation(&self) -> Option<&dyn Translation> {
        None
    }

    /// The system as one whose latent has parts that can be set, where it is one.
    fn traversal(&self) -> Option<&dyn Traversal> {
        None
    }
}

/// Why samples cannot have truncated latents.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TruncationError {
    /// The system does not draw its samples from latents that could be.
    #[error("this system has no latents that could be truncated")]
    Unsupported,
    /// Its latents have another distribution.
    #[error("only latents from N(0, I) are truncated, those of this run have the prior `{prior}`")]
    Prior {
        /// The word for it in the settings.
        prior: &'static str,
    },
    /// The bound is out of its domain.
    #[error("a truncation must be a positive number, got {psi}")]
    Bound {
        /// What was asked for.
        psi: f64,
    },
}

/// A system that draws samples of a class that is asked for.
pub trait Conditional {
    /// The number of classes.
    fn classes(&self) -> usize;

    /// A sample for each entry of `classes`, which are less than their number: `[n, values]`, on the noise's device.
    fn sample_of(&self, classes: &[usize], noise: &Noise) -> Tensor<2>;
}

/// A system that codes an item in fewer values, and an item from its code.
pub trait Autoencoder {
    /// Values of a code.
    fn code_size(&self) -> usize;

    /// Whether decoding wants the class of each item to be told.
    fn needs_class(&self) -> bool {
        false
    }

    /// Whether coding wants it too.
    fn codes_by_class(&self) -> bool {
        false
    }

    /// The codes `[n, code_size]` of items `[n, values]`; where coding is random, its mean.
    fn encode(&self, items: Tensor<2>, classes: Option<&[usize]>) -> Tensor<2>;

    /// A draw of the code of each item; where coding is not random, the code.
    fn draw(&self, items: Tensor<2>, classes: Option<&[usize]>, _noise: &Noise) -> Tensor<2> {
        self.encode(items, classes)
    }

    /// The items `[n, values]` of codes `[n, code_size]`. A system that is told the class wants one of each code.
    fn decode(&self, codes: Tensor<2>, classes: Option<&[usize]>) -> Tensor<2>;
}

/// From which of two domains to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first to the second.
    AToB,
    /// From the second to the first.
    BToA,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::AToB, Direction::BToA];

    /// The other one.
    pub fn reversed(self) -> Self {
        match self {
            Direction::AToB => Direction::BToA,
            Direction::BToA => Direction::AToB,
        }
    }

    /// The class of the domain that it begins at.
    pub fn from(self) -> usize {
        match self {
            Direction::AToB => 0,
            Direction::BToA => 1,
        }
    }

    /// The class of the domain that it ends at.
    pub fn to(self) -> usize {
        self.reversed().from()
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Direction::AToB => "ab",
            Direction::BToA => "ba",
        }
    }
}

/// A system that translates items of one domain to another.
pub trait Translation {
    /// What items `[n, values]`, on a device that does not track gradients, become in the other domain, each by itself.
    fn translate(&self, items: Tensor<2>, direction: Direction) -> Tensor<2>;
}

/// A part of the latent that means something, and that a person may set.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// What it is called.
    pub name: String,
    /// What values it takes.
    pub values: CodeValues,
}

/// What values a code takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CodeValues {
    /// One of so many, from 0.
    Categorical(usize),
    /// Any, distributed like N(0, 1); shown at even quantiles of it.
    Normal,
    /// Any; shown between these.
    Continuous {
        /// The lowest that is shown.
        from: f64,
        /// The highest.
        to: f64,
    },
}

/// A system whose latent has parts that a person may set one by one.
pub trait Traversal {
    /// The parts.
    fn codes(&self) -> Vec<Code>;

    /// A sample for each of `values` of the code numbered `code`, `[n, values of an item]`, on the noise's device. All else
    /// of the latent is drawn once and stays, the same for every code with the same noise.
    fn traverse(&self, code: usize, values: &[f64], noise: &Noise) -> Tensor<2>;
}

/// One latent, `[1, latent]`, for each of `values`, which stand at `place` of it: `[n, latent]`.
pub fn with_values(latent: Tensor<2>, place: usize, values: &[f64]) -> Tensor<2> {
    let (n, device) = (values.len(), latent.device());
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    let column = Tensor::from_data(TensorData::new(values, [n, 1]), &device);
    latent.repeat_dim(0, n).slice_assign([0..n, place..place + 1], column)
}

/// The evidence lower bound of some items and what it is made of; likelihoods and divergences in nats per item.
pub struct Bounded {
    /// ln p(x|z) of one sample of the latents, `[n]`.
    pub likelihood: Tensor<1>,
    /// The divergence of the posterior from the prior, in closed form where there is one, `[n]`.
    pub kl: Tensor<1>,
    /// The same latent by latent, `[n, latent]`, where it has such parts.
    pub per_latent: Option<Tensor<2>>,
    /// The mean of the posterior, `[n, latent]`.
    pub mean: Tensor<2>,
    /// The squared distance of an item from what is decoded, summed over its values, `[n]`.
    pub error: Tensor<1>,
}

impl Bounded {
    /// The evidence lower bound, `[n]`.
    pub fn elbo(&self) -> Tensor<1> {
        self.likelihood.clone() - self.kl.clone()
    }
}

/// A system that bounds the log-likelihood of what it is shown.
pub trait Likelihood {
    /// What the likelihood is of, in few words: `"pixels drawn"` (0 or 1, the grey level as probability), for one.
    fn observation(&self) -> &'static str;

    /// Whether it is a probability and no density: only then does it mean something in bits.
    fn is_discrete(&self) -> bool;

    /// What the model takes as observed: items `[n, values]` in [-1, 1] to, for one, draws in {0, 1}.
    fn observe(&self, items: Tensor<2>, noise: &Noise) -> Tensor<2>;

    /// The evidence lower bound of observed items with one sample of the latents.
    fn elbo(&self, observed: &Batch, noise: &Noise) -> Bounded;

    /// The importance-weighted bound with `k` samples (Burda et al. 2016, eq. 8), `[n]`, in nats per item. The memory it takes
    /// does not grow with `k` but for a number for each item and sample.
    fn bound(&self, observed: &Batch, k: usize, noise: &Noise) -> Tensor<1>;

    /// The log-likelihood of `test` when every value is drawn independently from its marginal in `train`, `[n]`; both are
    /// `[n, values]` as observed.
    fn independent(&self, train: Tensor<2>, test: Tensor<2>) -> Tensor<1>;
}

/// How a system is made.
pub trait System: Model + Sized + 'static {
    /// What a person reads of it.
    const INFO: Info;

    /// A data set that it can be tried on, which is part of the program or computed.
    const DATA: &'static str = "digits";

    /// Its settings; unknown keys must be refused.
    type Config: Serialize + DeserializeOwned;

    /// The settings of a preset for these data.
    fn preset(preset: Preset, data: &DataSpec) -> Recommended<Self::Config>;

    /// The system before its first step.
    ///
    /// # Errors
    /// If a setting is out of its domain or does not suit the data.
    fn build(config: &Self::Config, data: &DataSpec, build: &Build) -> Result<Self, ConfigError>;

    /// Its acceptance checks, which train as needed.
    ///
    /// # Errors
    /// If a check could not be carried out; one that falls short is not an error.
    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError>;
}

type PresetFn = fn(Preset, &DataSpec) -> Result<Recommended<toml::Table>, ConfigError>;
type BuildFn = fn(&toml::Table, &DataSpec, &Build) -> Result<Box<dyn Model>, ConfigError>;
type AcceptFn = fn(&mut Acceptance) -> Result<(), AcceptError>;

/// A system as the registry holds it: its type is forgotten, its settings are a TOML table.
#[derive(Clone, Copy)]
pub struct Definition {
    /// What a person reads of it.
    pub info: Info,
    /// A data set that it can be tried on.
    pub data: &'static str,
    /// The settings of a preset for some data.
    pub preset: PresetFn,
    /// The system before its first step.
    pub build: BuildFn,
    /// Its acceptance checks.
    pub accept: AcceptFn,
}

impl Definition {
    /// The entry of a system.
    pub const fn of<S: System>() -> Self {
        Self { info: S::INFO, data: S::DATA, preset: preset_table::<S>, build: build_boxed::<S>, accept: S::accept }
    }
}

fn preset_table<S: System>(preset: Preset, data: &DataSpec) -> Result<Recommended<toml::Table>, ConfigError> {
    let Recommended { steps, batch, resolution, schedule, clip_norm, config } = S::preset(preset, data);
    let config = toml::Table::try_from(config).map_err(|e| ConfigError::Parse { reason: e.to_string() })?;
    Ok(Recommended { steps, batch, resolution, schedule, clip_norm, config })
}

fn build_boxed<S: System>(config: &toml::Table, data: &DataSpec, build: &Build) -> Result<Box<dyn Model>, ConfigError> {
    let config = config.clone().try_into().map_err(|e: toml::de::Error| ConfigError::Parse { reason: one_line(&e) })?;
    Ok(Box::new(S::build(&config, data, build)?))
}
