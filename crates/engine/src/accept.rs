//! Acceptance checks: figures with thresholds that were set before the run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use ganvas_data::{DataError, Dataset, OpenOptions};
use ganvas_prob::stream::Streams;
use serde::Serialize;

use crate::EngineError;
use crate::config::ConfigError;
use crate::session::{Options, Session};
use crate::system::{Build, DataSpec, System};

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
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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
            Threshold::AtMost(limit) => write!(f, "<= {}", rounded(*limit)),
            Threshold::AtLeast(limit) => write!(f, ">= {}", rounded(*limit)),
            Threshold::Near { value, tolerance } => write!(f, "{value} +- {tolerance}"),
            Threshold::Recorded => write!(f, "recorded"),
        }
    }
}

/// Four decimals are enough to read a threshold that was computed, such as two standard errors.
fn rounded(limit: f64) -> f64 {
    (limit * 1e4).round() / 1e4
}

/// A figure that was measured against its threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Which of the system's checks it belongs to, and what it is.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// What it has to reach.
    pub threshold: Threshold,
    /// Whether it does.
    pub passed: bool,
    /// Conditions: seed, data, counts, steps.
    pub conditions: String,
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

    /// Tells the person who waits what is being done.
    pub fn tell(&mut self, text: &str) {
        (self.tell)(text);
    }

    /// Measures a figure against its threshold.
    pub fn check(&mut self, name: &str, value: f64, threshold: Threshold, conditions: impl Into<String>) {
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
        let streams = Streams::new(trial.seed);
        let build = Build { streams, device: &self.device };
        let mut system = S::build(config, &DataSpec::of(trial.dataset), &build)?;
        let steps = match trial.until {
            Until::Steps(steps) => steps,
            Until::Seconds(_) => u64::MAX,
        };
        let batch = trial.batch;
        let options = Options::new(streams, batch, steps);
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
        Ok(Trialled { system, steps, seconds, ticks })
    }
}

fn until(until: Until) -> String {
    match until {
        Until::Steps(steps) => format!("of {steps} steps"),
        Until::Seconds(seconds) => format!("of {seconds:.0} s"),
    }
}
