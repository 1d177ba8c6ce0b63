//! A run: a folder with settings, events, samples and checkpoints.
//!
//! ```text
//! config.toml       everything the run was made from
//! events.jsonl      one line an event: start, tick, samples, eval, checkpoint, resume, stop, end
//! samples/          pictures of the same latents over time
//! checkpoints/      the newest two, each one file
//! best/             the one with the best figure on held-out data
//! failure/          the system before a step that was not finite, where there was one
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use burn::tensor::Device;
use ganvas_data::{Dataset, ItemShape};
use ganvas_nets::state::State;
use ganvas_prob::stream::Streams;

use crate::EngineError;
use crate::checkpoint::{Checkpoint, Header, write_whole};
use crate::config::{Change, ConfigError, DataConfig, Overrides, Precision, RunConfig, VERSION, config_path};
use crate::events::{Event, Log, events, forget_after};
use crate::health::Kind;
use crate::lock::{self, Lock};
use crate::replicas::Replica;
use crate::session::{Tick, restore, shareable};
use crate::sitting::Sitting;
use crate::step::Guard;
use crate::system::{Build, DataSpec, Definition, Model};
use crate::writer;

/// What a picture is made of.
pub struct Shown {
    /// Items, row-major `[n, values]`.
    pub values: Vec<f32>,
    /// Shape of an item.
    pub shape: ItemShape,
    /// How many stand in a row, where that matters.
    pub columns: Option<usize>,
}

/// Makes a picture: the bytes of a file, and its extension; or why none can be made: the
/// run goes on without it. It is called on another thread while training goes on.
pub type Painter = Arc<dyn Fn(&Shown) -> Result<(Vec<u8>, &'static str), String> + Send + Sync>;

/// What looks on while a run trains, and draws its samples.
pub trait Observer {
    /// Every few steps.
    fn tick(&mut self, tick: &Tick, config: &RunConfig);

    /// What draws pictures of samples, or of what else a system does.
    fn painter(&self) -> Painter;

    /// Figures of the system on held-out data, with their names. The first decides which checkpoint is kept as the
    /// best: smaller is better.
    ///
    /// # Errors
    /// If they cannot be measured, why not: the run goes on without them.
    fn measure(&mut self, model: &dyn Model, config: &RunConfig) -> Result<Vec<(String, f64)>, String>;

    /// What goes wrong now, when that has changed.
    fn health(&mut self, current: &[Kind]);

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
    /// Whether it was stopped by request, or its time was over.
    pub stopped: bool,
    /// Steps of this sitting that were skipped, for their loss or gradient was not finite.
    pub skipped: u64,
}

/// Where the latest results of `ganvas eval` are kept.
pub fn metrics_path(folder: &Path) -> PathBuf {
    folder.join("metrics.json")
}

/// Which of a run's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Latest,
    /// The one with the best figure on held-out data.
    Best,
}

impl Which {
    pub(crate) fn folder(self, run: &Path) -> PathBuf {
        run.join(match self {
            Which::Latest => "checkpoints",
            Which::Best => "best",
        })
    }
}

/// A trained system, from its run folder.
pub struct Loaded {
    /// The run's settings.
    pub config: RunConfig,
    /// What the checkpoint says of itself.
    pub header: Header,
    /// The system.
    pub model: Box<dyn Model>,
    /// Whether it draws samples from averaged weights.
    pub averaged: bool,
    /// Newer checkpoints that are damaged.
    pub damaged: Vec<EngineError>,
}

/// Loads a checkpoint of a run, on a device that tracks gradients: `raw` without the averaged weights that it may have.
///
/// # Errors
/// If the folder is no run, has no checkpoint that can be read, or does not fit the system.
pub fn load(
    folder: &Path,
    which: Which,
    config: RunConfig,
    system: &Definition,
    raw: bool,
    device: &Device,
) -> Result<Loaded, EngineError> {
    let (checkpoint, damaged) = newest(folder, which)?;
    let mut model = restored(checkpoint.state, &which.folder(folder), &config, system, device)?;
    if raw {
        model.parts().into_iter().for_each(|(_, part)| part.forget_average());
    }
    let averaged = model.parts().iter().any(|(_, part)| part.is_averaged());
    Ok(Loaded { config, header: checkpoint.header, model, averaged, damaged })
}

/// A system of these settings in the state that a checkpoint, found at `path`, has kept, on a device that tracks gradients.
///
/// # Errors
/// If the settings are out of their domain, or the state is not one of this system.
pub fn restored(
    state: State,
    path: &Path,
    config: &RunConfig,
    system: &Definition,
    device: &Device,
) -> Result<Box<dyn Model>, EngineError> {
    let build = Build { streams: Streams::new(config.seed), device };
    let mut model = (system.build)(&config.model, &config.data.spec(), &build)?;
    let misfit = |source| EngineError::Mismatch { path: path.to_owned(), source };
    restore(model.as_mut(), state).map_err(misfit)?;
    Ok(model)
}

pub(crate) fn newest(folder: &Path, which: Which) -> Result<(Checkpoint, Vec<EngineError>), EngineError> {
    Checkpoint::newest(&which.folder(folder)).map_err(|error| match (error, which) {
        (EngineError::NoCheckpoint { detail, .. }, Which::Latest) => {
            EngineError::NoCheckpoint { path: folder.to_owned(), detail }
        }
        (EngineError::NoCheckpoint { detail, .. }, Which::Best) => {
            EngineError::NoBest { path: folder.to_owned(), detail }
        }
        (other, _) => other,
    })
}

/// Whether a device, which `word` stands for, has what a run is to be trained in.
///
/// # Errors
/// If it has not.
pub fn has(device: &Device, word: &str, precision: Precision) -> Result<(), ConfigError> {
    match precision.is_on(device) {
        true => Ok(()),
        false => Err(ConfigError::domain("precision", format!("what {word} has"), precision.name())),
    }
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
    /// Further ones, which share every batch with it.
    pub others: &'a [Device],
    /// What a person calls them, in this order.
    pub words: &'a [String],
    /// When losses are checked.
    pub guard: Guard,
    /// Training stops after the step in which this becomes true.
    pub stop: &'a AtomicBool,
    /// Training stops after the step in which this much time of this sitting is over.
    pub time: Option<Duration>,
}

impl Training<'_> {
    /// Whether a device may fail or be lost while it trains: all may but this machine's processor.
    pub fn may_lose_devices(&self) -> bool {
        !self.others.is_empty() || self.guard == Guard::AtTicks
    }

    /// The system on the device, and on each of the others, which have to have what it is to be trained in.
    fn on_each(
        &self,
        config: &RunConfig,
        make: impl Fn(&Device) -> Result<Box<dyn Model>, EngineError>,
    ) -> Result<(Box<dyn Model>, Vec<Replica>), EngineError> {
        for (i, device) in std::iter::once(self.device).chain(self.others).enumerate() {
            has(device, self.words.get(i).map_or("the device", String::as_str), config.precision)?;
        }
        let first = make(self.device)?;
        shareable(first.as_ref(), config.batch, 1 + self.others.len())?;
        let replica = |device: &Device| Ok(Replica { model: make(device)?, device: device.clone() });
        Ok((first, self.others.iter().map(replica).collect::<Result<_, EngineError>>()?))
    }

    /// Makes the run folder and trains.
    ///
    /// # Errors
    /// If the folder is there already or cannot be written, the settings do not suit the data, or training fails.
    pub fn start(&self, config: &RunConfig, observer: &mut dyn Observer) -> Result<Outcome, EngineError> {
        let spec = DataSpec::of(self.dataset);
        let (mut model, replicas) = self.on_each(config, |device| {
            let build = Build { streams: Streams::new(config.seed), device };
            Ok((self.system.build)(&config.model, &spec, &build)?)
        })?;
        if config_path(self.folder).exists() || is_filled(self.folder) {
            return Err(EngineError::Exists { path: self.folder.to_owned() });
        }
        fs::create_dir_all(self.folder).map_err(EngineError::io("create", self.folder))?;
        let lock = Lock::take(self.folder)?;
        let path = config_path(self.folder);
        write_whole(&path, config.to_toml().as_bytes()).map_err(EngineError::io("write", &path))?;
        let parameters = model.parts().iter().map(|(_, part)| part.parameters()).sum();
        let mut log = Log::open(self.folder)?;
        log.write(&Event::Start { parameters });
        Sitting::new(self, config, (model.as_mut(), replicas), (0, 0.0, None), log, observer)?.train(lock)
    }

    /// Goes on with the run that is in the folder. It may have more steps than it was made for; anything else that is not
    /// as it was has to be allowed by name: settings by their keys, `data`, `version`.
    ///
    /// # Errors
    /// If there is no checkpoint, or something differs that is not allowed to.
    pub fn resume(
        &self,
        overrides: &Overrides,
        allowed: &[String],
        observer: &mut dyn Observer,
    ) -> Result<Outcome, EngineError> {
        let made = RunConfig::of_run(self.folder)?;
        let lock = Lock::take(self.folder)?;
        writer::clear(self.folder);
        if made.system != self.system.info.id {
            let (what, before, now) = ("system".into(), made.system, self.system.info.id.into());
            return Err(EngineError::Changed { what, before, now });
        }
        let (mut config, mut changes) = made.with(overrides)?;
        changes.retain(|change| change.key != "steps");
        let now = DataConfig::of(self.dataset);
        if made.data.fingerprint != now.fingerprint {
            let name = |data: &DataConfig| format!("{} ({}...)", data.name(), data.fingerprint.get(..12).unwrap_or(""));
            changes.push(Change { key: "data".into(), before: name(&made.data), now: name(&now) });
            config.data = now;
        }
        if made.version != VERSION {
            changes.push(Change { key: "version".into(), before: made.version.clone(), now: VERSION.into() });
            config.version = VERSION.into();
        }
        if let Some(Change { key, before, now }) = changes.iter().find(|change| !allowed.contains(&change.key)).cloned()
        {
            return Err(EngineError::Changed { what: key, before, now });
        }
        let (checkpoint, damaged) = newest(self.folder, Which::Latest)?;
        let step = checkpoint.header.step;
        if config.steps < step {
            return Err(ConfigError::domain("steps", format!("at least {step}, which are done"), config.steps).into());
        }
        // Before anything is written it is known that the checkpoint fits.
        let path = Which::Latest.folder(self.folder);
        let restored = |device: &Device| restored(checkpoint.state.clone(), &path, &config, self.system, device);
        let (mut model, replicas) = self.on_each(&config, restored)?;
        for error in damaged {
            observer.note(&format!("warning: {error}; it is set aside and an older checkpoint is used"));
            if let EngineError::Damaged { path, .. } = &error {
                let aside = path.with_extension("damaged");
                fs::rename(path, &aside).map_err(EngineError::io("rename", path))?;
            }
        }
        if config != made {
            let path = config_path(self.folder);
            write_whole(&path, config.to_toml().as_bytes()).map_err(EngineError::io("write", &path))?;
        }
        let unreadable = forget_after(self.folder, step)?;
        if unreadable > 0 {
            observer.note(&format!("warning: {unreadable} lines of events.jsonl cannot be read and are left out"));
        }
        let seconds = events(self.folder)?.0.iter().rev().find_map(Event::seconds).unwrap_or(0.0);
        let mut log = Log::open(self.folder)?;
        log.write(&Event::Resume { step });
        for Change { key, before, now } in changes {
            log.write(&Event::Warning { step, text: format!("{key} was {before}, from here on it is {now}") });
        }
        observer.note(&format!("going on from step {step}"));
        Sitting::new(
            self,
            &config,
            (model.as_mut(), replicas),
            (step, seconds, checkpoint.header.loss_scale),
            log,
            observer,
        )?
        .train(lock)
    }
}

/// Whether something is there beside the lock of one that did not get further.
fn is_filled(folder: &Path) -> bool {
    let other = |entry: std::io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() != lock::NAME);
    folder.is_file() || fs::read_dir(folder).is_ok_and(|mut entries| entries.any(other))
}
