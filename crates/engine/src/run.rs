//! A run: a folder with settings, events, samples and checkpoints.
//!
//! ```text
//! config.toml       everything the run was made from
//! events.jsonl      one line an event: start, tick, samples, checkpoint, resume, stop, end
//! samples/          pictures of the same latents over time
//! checkpoints/      the newest two, each one file
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::Device;
use ganvas_data::{Dataset, ItemShape};
use ganvas_prob::stream::Streams;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::checkpoint::{Checkpoint, Header, write_whole};
use crate::config::{ConfigError, DataConfig, RunConfig, config_path};
use crate::session::{Options, Session, Tick, restore, sample, state_of};
use crate::step::Guard;
use crate::system::{Build, DataSpec, Definition, Model};

/// A line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Training begins.
    Start {
        /// Trained values of all networks.
        parameters: usize,
    },
    /// Training goes on from a checkpoint.
    Resume {
        /// Steps done.
        step: u64,
    },
    /// A report of one step.
    Tick {
        /// Steps done.
        step: u64,
        /// Seconds of training so far.
        seconds: f64,
        /// Items seen each second.
        items_per_second: f64,
        /// Losses by phase, gradient norms by network, and what else was recorded.
        figures: std::collections::BTreeMap<String, f32>,
    },
    /// A picture of samples.
    Samples {
        /// Steps done.
        step: u64,
        /// File, from the run folder.
        file: String,
    },
    /// A checkpoint.
    Checkpoint {
        /// Steps done.
        step: u64,
        /// File, from the run folder.
        file: String,
    },
    /// Something that a reader of the run should know.
    Warning {
        /// Steps done.
        step: u64,
        /// What.
        text: String,
    },
    /// Stopped before the end, by request.
    Stop {
        /// Steps done.
        step: u64,
        /// Seconds of training so far.
        seconds: f64,
    },
    /// All steps are done.
    End {
        /// Steps done.
        step: u64,
        /// Seconds of training so far.
        seconds: f64,
    },
}

impl Event {
    /// Steps done when it happened.
    pub fn step(&self) -> u64 {
        match self {
            Event::Start { .. } => 0,
            Event::Resume { step }
            | Event::Tick { step, .. }
            | Event::Samples { step, .. }
            | Event::Checkpoint { step, .. }
            | Event::Warning { step, .. }
            | Event::Stop { step, .. }
            | Event::End { step, .. } => *step,
        }
    }
}

/// What looks on while a run trains, and draws its samples.
pub trait Observer {
    /// Every few steps.
    fn tick(&mut self, tick: &Tick, config: &RunConfig);

    /// A picture of samples (row-major `[n, values]`) as the bytes of a file, and its extension.
    ///
    /// # Errors
    /// If none can be made, why not: the run goes on without it.
    fn picture(&mut self, samples: &[f32], shape: ItemShape) -> Result<(Vec<u8>, &'static str), String>;

    /// Something to tell the person who waits.
    fn note(&mut self, text: &str);
}

/// How training ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Steps done.
    pub step: u64,
    /// Seconds of training, over all sittings.
    pub seconds: f64,
    /// Whether it was stopped by request.
    pub stopped: bool,
}

/// Where the latest results of `ganvas eval` are kept.
pub fn metrics_path(folder: &Path) -> PathBuf {
    folder.join("metrics.json")
}

fn events_path(folder: &Path) -> PathBuf {
    folder.join("events.jsonl")
}

fn checkpoints_path(folder: &Path) -> PathBuf {
    folder.join("checkpoints")
}

/// The events of a run so far. A last line that was cut off by a crash is left out.
///
/// # Errors
/// If they cannot be read.
pub fn events(folder: &Path) -> Result<Vec<Event>, EngineError> {
    let path = events_path(folder);
    let text = fs::read_to_string(&path).map_err(EngineError::io("read", &path))?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// A trained system, from its run folder.
pub struct Loaded {
    /// The run's settings.
    pub config: RunConfig,
    /// What the checkpoint says of itself.
    pub header: Header,
    /// The system.
    pub model: Box<dyn Model>,
    /// Newer checkpoints that are damaged.
    pub damaged: Vec<EngineError>,
}

/// Loads the newest checkpoint of a run, on a device that tracks gradients.
///
/// # Errors
/// If the folder is no run, has no checkpoint that can be read, or does not fit the system.
pub fn load(folder: &Path, config: RunConfig, system: &Definition, device: &Device) -> Result<Loaded, EngineError> {
    let (checkpoint, damaged) = newest(folder)?;
    let build = Build { streams: Streams::new(config.seed), device };
    let mut model = (system.build)(&config.model, &config.data.spec(), &build)?;
    let path = checkpoints_path(folder);
    restore(model.as_mut(), checkpoint.state).map_err(|source| EngineError::Mismatch { path, source })?;
    Ok(Loaded { config, header: checkpoint.header, model, damaged })
}

fn newest(folder: &Path) -> Result<(Checkpoint, Vec<EngineError>), EngineError> {
    Checkpoint::newest(&checkpoints_path(folder)).map_err(|error| match error {
        EngineError::NoCheckpoint { detail, .. } => EngineError::NoCheckpoint { path: folder.to_owned(), detail },
        other => other,
    })
}

/// What a run is trained with.
pub struct Training<'a> {
    /// The run folder.
    pub folder: &'a Path,
    /// The system.
    pub system: &'a Definition,
    /// The data.
    pub dataset: &'a Arc<Dataset>,
    /// The device, tracking gradients.
    pub device: &'a Device,
    /// When losses are checked.
    pub guard: Guard,
    /// Training stops after the step in which this becomes true.
    pub stop: &'a AtomicBool,
}

impl Training<'_> {
    /// Makes the run folder and trains.
    ///
    /// # Errors
    /// If the folder is there already or cannot be written, the settings do not suit the data, or training fails.
    pub fn start(&self, config: &RunConfig, observer: &mut dyn Observer) -> Result<Outcome, EngineError> {
        let mut model = self.build(config)?;
        if config_path(self.folder).exists() || is_filled(self.folder) {
            return Err(EngineError::Exists { path: self.folder.to_owned() });
        }
        fs::create_dir_all(self.folder).map_err(EngineError::io("create", self.folder))?;
        let path = config_path(self.folder);
        write_whole(&path, config.to_toml().as_bytes()).map_err(EngineError::io("write", &path))?;
        let parameters = model.parts().iter().map(|(_, part)| part.parameters()).sum();
        let mut log = Log::open(self.folder)?;
        log.write(&Event::Start { parameters })?;
        self.run(config, model.as_mut(), 0, 0.0, &mut log, observer)
    }

    /// Goes on with the run that is in the folder; `steps` may ask for more than it was made for.
    ///
    /// # Errors
    /// If there is no checkpoint, or the data or the system are not those of the run.
    pub fn resume(&self, steps: Option<u64>, observer: &mut dyn Observer) -> Result<Outcome, EngineError> {
        let mut config = RunConfig::of_run(self.folder)?;
        let changed =
            |what, before: &str, now: &str| EngineError::Changed { what, before: before.into(), now: now.into() };
        if config.system != self.system.info.id {
            return Err(changed("system", &config.system, self.system.info.id));
        }
        let now = DataConfig::of(self.dataset);
        if config.data.fingerprint != now.fingerprint {
            let name = |data: &DataConfig| format!("{} ({}...)", data.id, data.fingerprint.get(..12).unwrap_or(""));
            return Err(changed("data", &name(&config.data), &name(&now)));
        }
        let (checkpoint, damaged) = newest(self.folder)?;
        if let Some(steps) = steps
            && steps < checkpoint.header.step
        {
            let least = format!("at least {}, which are done", checkpoint.header.step);
            return Err(ConfigError::domain("steps", least, steps).into());
        }
        for error in damaged {
            observer.note(&format!("warning: {error}; it is set aside and an older checkpoint is used"));
            if let EngineError::Damaged { path, .. } = &error {
                let aside = path.with_extension("damaged");
                fs::rename(path, &aside).map_err(EngineError::io("rename", path))?;
            }
        }
        if let Some(steps) = steps
            && steps != config.steps
        {
            config.steps = steps;
            let path = config_path(self.folder);
            write_whole(&path, config.to_toml().as_bytes()).map_err(EngineError::io("write", &path))?;
        }
        let mut model = self.build(&config)?;
        let Header { step, seconds, .. } = checkpoint.header;
        let path = checkpoints_path(self.folder);
        restore(model.as_mut(), checkpoint.state).map_err(|source| EngineError::Mismatch { path, source })?;
        self.forget_after(step)?;
        let mut log = Log::open(self.folder)?;
        log.write(&Event::Resume { step })?;
        observer.note(&format!("going on from step {step}"));
        self.run(&config, model.as_mut(), step, seconds, &mut log, observer)
    }

    fn build(&self, config: &RunConfig) -> Result<Box<dyn Model>, EngineError> {
        let build = Build { streams: Streams::new(config.seed), device: self.device };
        Ok((self.system.build)(&config.model, &DataSpec::of(self.dataset), &build)?)
    }

    /// Events of steps that will be done again.
    fn forget_after(&self, step: u64) -> Result<(), EngineError> {
        let kept = events(self.folder)?.into_iter().filter(|event| event.step() <= step);
        let lines: String = kept.map(|event| line(&event)).collect();
        let path = events_path(self.folder);
        write_whole(&path, lines.as_bytes()).map_err(EngineError::io("write", &path))
    }

    fn run(
        &self,
        config: &RunConfig,
        model: &mut dyn Model,
        step: u64,
        seconds: f64,
        log: &mut Log,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, EngineError> {
        let options = Options {
            streams: Streams::new(config.seed),
            batch: config.batch,
            steps: config.steps,
            log_every: config.log_every,
            threads: config.threads,
            guard: self.guard,
        };
        let mut session = Session::new(model, self.dataset, self.device, options, step, seconds)?;
        let mut saved = (step > 0).then_some(step);
        if step == 0 {
            self.draw(config, &mut session, log, observer)?;
        }
        while session.steps_done() < config.steps {
            let next = session.steps_done() + 1;
            let kept = config.checkpoint_every > 0 && next.is_multiple_of(config.checkpoint_every);
            // What is going to be kept is checked, on every device.
            let checked = kept || next == config.steps || self.stop.load(Ordering::Relaxed);
            let tick = session.step(checked).map_err(|error| with_last_checkpoint(error, saved))?;
            if let Some(tick) = tick {
                log.tick(&tick)?;
                observer.tick(&tick, config);
            }
            let done = session.steps_done();
            let stopped = self.stop.load(Ordering::Relaxed) && done < config.steps;
            let ends = stopped || done == config.steps;
            if ends || (config.sample_every > 0 && done.is_multiple_of(config.sample_every)) {
                self.draw(config, &mut session, log, observer)?;
            }
            if ends || kept {
                self.save(config, &mut session, log).map_err(|error| with_last_checkpoint(error, saved))?;
                saved = Some(done);
            }
            if stopped {
                let seconds = session.seconds();
                log.write(&Event::Stop { step: done, seconds })?;
                return Ok(Outcome { step: done, seconds, stopped: true });
            }
        }
        let (step, seconds) = (session.steps_done(), session.seconds());
        log.write(&Event::End { step, seconds })?;
        Ok(Outcome { step, seconds, stopped: false })
    }

    /// The same latents each time, so that one sees them change.
    fn draw(
        &self,
        config: &RunConfig,
        session: &mut Session,
        log: &mut Log,
        observer: &mut dyn Observer,
    ) -> Result<(), EngineError> {
        let step = session.steps_done();
        let device = self.device.clone().inner();
        let streams = Streams::new(config.seed).fork("pictures");
        let samples = sample(session.model(), config.samples, &streams, &device);
        let (bytes, extension) = match observer.picture(&samples, config.data.shape) {
            Ok(picture) => picture,
            Err(reason) => {
                let text = format!("no picture of the samples: {reason}");
                observer.note(&format!("warning: {text}"));
                return log.write(&Event::Warning { step, text });
            }
        };
        let file = format!("samples/step-{step:09}.{extension}");
        let path = self.folder.join(&file);
        let folder = self.folder.join("samples");
        fs::create_dir_all(&folder).map_err(EngineError::io("create", &folder))?;
        write_whole(&path, &bytes).map_err(EngineError::io("write", &path))?;
        log.write(&Event::Samples { step, file })
    }

    fn save(&self, config: &RunConfig, session: &mut Session, log: &mut Log) -> Result<(), EngineError> {
        let header = Header {
            version: config.version.clone(),
            system: config.system.clone(),
            step: session.steps_done(),
            seconds: session.seconds(),
            fingerprint: config.data.fingerprint.clone(),
            config: config.to_toml(),
        };
        let step = header.step;
        let state = state_of(session.model());
        if let Some(entry) = state.not_finite() {
            return Err(EngineError::NonFinite {
                what: "a value",
                network: entry.to_owned(),
                phase: "checkpoint".into(),
                step,
                value: f32::NAN,
                kept: String::new(),
            });
        }
        let path = Checkpoint { header, state }.write(&checkpoints_path(self.folder))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        log.write(&Event::Checkpoint { step, file: format!("checkpoints/{name}") })
    }
}

fn is_filled(folder: &Path) -> bool {
    folder.is_file() || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn with_last_checkpoint(error: EngineError, saved: Option<u64>) -> EngineError {
    match error {
        EngineError::NonFinite { what, network, phase, step, value, .. } => {
            let kept = saved.map_or("; no checkpoint was written yet".into(), |s| format!("; step {s} is saved"));
            EngineError::NonFinite { what, network, phase, step, value, kept }
        }
        other => other,
    }
}

fn line(event: &Event) -> String {
    let mut text = serde_json::to_string(event).expect("an event is strings and numbers");
    text.push('\n');
    text
}

/// `events.jsonl`, open to be added to.
struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn open(folder: &Path) -> Result<Self, EngineError> {
        let path = events_path(folder);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Ok(Self { file: file.map_err(EngineError::io("write", &path))?, path })
    }

    fn write(&mut self, event: &Event) -> Result<(), EngineError> {
        self.file.write_all(line(event).as_bytes()).map_err(EngineError::io("write", &self.path))
    }

    fn tick(&mut self, tick: &Tick) -> Result<(), EngineError> {
        self.write(&Event::Tick {
            step: tick.step,
            seconds: tick.seconds,
            items_per_second: tick.items_per_second,
            figures: tick.figures.iter().cloned().collect(),
        })
    }
}
