//! Acceptance checks: figures with thresholds that were set before the run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use ganvas_data::{DataError, Dataset, OpenOptions};
use ganvas_prob::stream::Streams;
use serde::{Deserialize, Deserializer, Serialize};

use crate::EngineError;
use crate::config::ConfigError;
use crate::session::{Options, Session};
use crate::system::{Build, DataSpec, Recommended, System};

/// A check that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The data could not be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A figure could not be computed.
    #[error("a figure could not be computed: {0}")]
    Figure(Box<dyn std::error::Error + Send + Sync>),
}

impl AcceptError {
    /// A figure could not be computed.
    pub fn figure(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Figure(Box::new(error))
    }
}

impl From<ConfigError> for AcceptError {
    fn from(error: ConfigError) -> Self {
        Self::Engine(error.into())
    }
}

/// What a figure has to reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Threshold {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// This, give or take.
    Near {
        /// The expected value.
        value: f64,
        /// The largest difference from it.
        tolerance: f64,
    },
    /// Nothing: the figure is recorded and passes.
    Recorded,
}

impl Threshold {
    fn holds(self, value: f64) -> bool {
        match self {
            Threshold::AtMost(limit) => value <= limit,
            Threshold::AtLeast(limit) => value >= limit,
            Threshold::Near { value: expected, tolerance } => (value - expected).abs() <= tolerance,
            Threshold::Recorded => true,
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Threshold::AtMost(limit) if *limit > 0.0 && *limit < 1e-4 => write!(f, "<= {limit:e}"),
            Threshold::AtMost(limit) => write!(f, "<= {}", rounded(*limit, 1e4)),
            Threshold::AtLeast(limit) => write!(f, ">= {}", rounded(*limit, 1e4)),
            Threshold::Near { value, tolerance } => {
                write!(f, "{} +- {}", rounded(*value, 1e6), rounded(*tolerance, 1e6))
            }
            Threshold::Recorded => write!(f, "recorded"),
        }
    }
}

/// Some decimals are enough to read a threshold that was computed, such as two standard errors.
fn rounded(limit: f64, scale: f64) -> f64 {
    (limit * scale).round() / scale
}

/// How a figure was measured. What was trained says it of itself ([`Trialled::conditions`]); of anything else a text does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// The seed; none where the figure is of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The data set's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// Steps of training; 0: nothing was trained.
    #[serde(skip_serializing_if = "is_zero")]
    pub steps: u64,
    /// Items of a batch.
    #[serde(skip_serializing_if = "is_zero")]
    pub batch: u64,
    /// Seconds that training took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Real items that were compared with.
    #[serde(skip_serializing_if = "is_zero")]
    pub real: u64,
    /// Generated items.
    #[serde(skip_serializing_if = "is_zero")]
    pub fake: u64,
    /// What the paper reports of its own run, where it has this figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper: Option<f64>,
    /// What else matters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Conditions {
    /// So many real and generated items.
    pub fn items(self, real: usize, fake: usize) -> Self {
        Self { real: real as u64, fake: fake as u64, ..self }
    }

    /// What the paper reports.
    pub fn paper(self, value: f64) -> Self {
        Self { paper: Some(value), ..self }
    }

    /// Something more to know.
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }
}

impl<T: Into<String>> From<T> for Conditions {
    fn from(note: T) -> Self {
        Self::default().note(note)
    }
}

impl From<&Conditions> for Conditions {
    fn from(conditions: &Conditions) -> Self {
        conditions.clone()
    }
}

impl std::fmt::Display for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { seed, data, steps, batch, seconds, real, fake, paper, note } = self;
        let steps = (*steps > 0).then(|| format!("{steps} steps of {batch}"));
        let counts = match (*real, *fake) {
            (0, 0) => None,
            (0, fake) => Some(format!("{fake} generated")),
            (real, 0) => Some(format!("{real} real")),
            (real, fake) => Some(format!("{fake} generated, {real} real")),
        };
        let parts = [
            seed.map(|seed| format!("seed {seed}")),
            Some(data.clone()),
            steps,
            seconds.map(|seconds| format!("{seconds:.0} s")),
            counts,
            paper.map(|paper| format!("paper {paper}")),
            Some(note.clone()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        write!(f, "{}", parts.join(", "))
    }
}

/// A figure that was measured against its threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Which of the system's checks it belongs to, and what it is.
    pub name: String,
    /// What was measured.
    #[serde(deserialize_with = "or_nan")]
    pub value: f64,
    /// What it has to reach.
    pub threshold: Threshold,
    /// Whether it does.
    pub passed: bool,
    /// How it was measured.
    pub conditions: Conditions,
}

/// JSON has no word for a number that is not finite: it is `null` there.
fn or_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// The carrying out of a system's checks.
pub struct Acceptance<'a> {
    device: Device,
    cache: Option<PathBuf>,
    seeds: Vec<u64>,
    checks: Vec<Check>,
    tell: &'a mut dyn FnMut(&str),
}

/// A training run of a check.
pub struct Trial<'a> {
    /// The data.
    pub dataset: &'a Arc<Dataset>,
    /// The seed.
    pub seed: u64,
    /// Items of a batch.
    pub batch: usize,
    /// When to stop.
    pub until: Until,
}

/// When a trial stops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Until {
    /// After this many steps.
    Steps(u64),
    /// After this many seconds of training.
    Seconds(f64),
}

/// A system that a check has trained.
pub struct Trialled<S> {
    /// The system.
    pub system: S,
    /// Steps done.
    pub steps: u64,
    /// Seconds that training took.
    pub seconds: f64,
    /// What the steps that were reported recorded.
    pub ticks: Vec<crate::session::Tick>,
    conditions: Conditions,
}

impl<S> Trialled<S> {
    /// How it was trained.
    pub fn conditions(&self) -> Conditions {
        self.conditions.clone()
    }
}

impl<'a> Acceptance<'a> {
    /// Checks on a device that tracks gradients, with these seeds for what is random; `tell` hears of the progress.
    pub fn new(device: Device, cache: Option<PathBuf>, seeds: Vec<u64>, tell: &'a mut dyn FnMut(&str)) -> Self {
        Self { device, cache, seeds, checks: Vec::new(), tell }
    }

    /// The device, tracking gradients.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The device without gradients.
    pub fn plain_device(&self) -> Device {
        self.device.clone().inner()
    }

    /// The seeds for what is random.
    pub fn seeds(&self) -> Vec<u64> {
        self.seeds.clone()
    }

    /// A data set.
    ///
    /// # Errors
    /// If it cannot be had.
    pub fn data(&self, id: &str) -> Result<Arc<Dataset>, AcceptError> {
        Ok(Arc::new(ganvas_data::open(id, &OpenOptions { cache: self.cache.clone(), ..Default::default() })?))
    }

    /// A data set of images, cut into squares of this side.
    ///
    /// # Errors
    /// If it cannot be had.
    pub fn cut(&self, id: &str, side: usize) -> Result<Arc<Dataset>, AcceptError> {
        let options = OpenOptions { cache: self.cache.clone(), crop: Some(side), ..Default::default() };
        Ok(Arc::new(ganvas_data::open(id, &options)?))
    }

    /// Tells the person who waits what is being done.
    pub fn tell(&mut self, text: &str) {
        (self.tell)(text);
    }

    /// Measures a figure against its threshold.
    pub fn check(&mut self, name: &str, value: f64, threshold: Threshold, conditions: impl Into<Conditions>) {
        let passed = threshold.holds(value);
        let word = if passed { "ok" } else { "FALLS SHORT" };
        self.tell(&format!("{name}: {value:.5} ({threshold}) {word}"));
        let conditions = conditions.into();
        self.checks.push(Check { name: name.into(), value, threshold, passed, conditions });
    }

    /// All figures so far.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// A new system, trained.
    ///
    /// # Errors
    /// If the settings do not suit the data or training fails.
    pub fn train<S: System>(&mut self, config: &S::Config, trial: &Trial) -> Result<Trialled<S>, AcceptError> {
        let steps = match trial.until {
            Until::Steps(steps) => steps,
            Until::Seconds(_) => u64::MAX,
        };
        self.train_with(config, trial, Options::new(Streams::new(trial.seed), trial.batch, steps))
    }

    /// A new system, trained as a preset has it: its steps, batch, rates over time and largest gradient norm.
    ///
    /// # Errors
    /// As [`train`](Acceptance::train).
    pub fn train_preset<S: System>(
        &mut self,
        preset: &Recommended<S::Config>,
        dataset: &Arc<Dataset>,
        seed: u64,
    ) -> Result<Trialled<S>, AcceptError> {
        let trial = Trial { dataset, seed, batch: preset.batch, until: Until::Steps(preset.steps) };
        let options = Options {
            schedule: preset.schedule.clone(),
            clip_norm: preset.clip_norm,
            ..Options::new(Streams::new(seed), preset.batch, preset.steps)
        };
        self.train_with(&preset.config, &trial, options)
    }

    fn train_with<S: System>(
        &mut self,
        config: &S::Config,
        trial: &Trial,
        options: Options,
    ) -> Result<Trialled<S>, AcceptError> {
        let build = Build { streams: options.streams, device: &self.device };
        let mut system = S::build(config, &DataSpec::of(trial.dataset), &build)?;
        let batch = trial.batch;
        let mut ticks = Vec::new();
        let device = self.device.clone();
        let mut session = Session::new(&mut system, trial.dataset, &device, options, 0, 0.0)?;
        let mut told = Instant::now();
        loop {
            let last = match trial.until {
                Until::Steps(steps) => session.steps_done() + 1 >= steps,
                Until::Seconds(seconds) => session.seconds() >= seconds,
            };
            ticks.extend(session.step(last)?.tick);
            if last {
                break;
            }
            if told.elapsed().as_secs() >= 20 {
                told = Instant::now();
                let (steps, seconds) = (session.steps_done(), session.seconds());
                let (of, id, seed) = (until(trial.until), S::INFO.id, trial.seed);
                self.tell(&format!("  {id}, seed {seed}: step {steps}, {seconds:.0} s {of}"));
            }
        }
        let (steps, seconds) = (session.steps_done(), session.seconds());
        drop(session);
        let conditions = Conditions {
            seed: Some(trial.seed),
            data: trial.dataset.id.clone(),
            steps,
            batch: batch as u64,
            seconds: Some(seconds),
            ..Conditions::default()
        };
        Ok(Trialled { system, steps, seconds, ticks, conditions })
    }
}

fn until(until: Until) -> String {
    match until {
        Until::Steps(steps) => format!("of {steps} steps"),
        Until::Seconds(seconds) => format!("of {seconds:.0} s"),
    }
}
