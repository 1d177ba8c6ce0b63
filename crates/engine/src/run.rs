//! A run: a folder with settings, events, samples and checkpoints.
//!
//! ```text
//! config.toml       everything the run was made from
//! events.jsonl      one line an event: start, tick, samples, eval, checkpoint, resume, stop, end
//! samples/          pictures of the same latents over time
//! checkpoints/      the newest two, each one file
//! best/             the one with the best figure on held-out data
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use burn::tensor::Device;
use ganvas_data::{Dataset, ItemShape};
use ganvas_prob::stream::Streams;

use crate::EngineError;
use crate::checkpoint::{Checkpoint, Header, write_whole};
use crate::config::{ConfigError, DataConfig, RunConfig, config_path};
use crate::events::{Event, Log, forget_after};
use crate::session::{Options, Session, Tick, restore, sample, state_of};
use crate::step::Guard;
use crate::system::{Build, DataSpec, Definition, Model};

/// What looks on while a run trains, and draws its samples.
pub trait Observer {
    /// Every few steps.
    fn tick(&mut self, tick: &Tick, config: &RunConfig);

    /// A picture of samples (row-major `[n, values]`) as the bytes of a file, and its extension.
    ///
    /// # Errors
    /// If none can be made, why not: the run goes on without it.
    fn picture(&mut self, samples: &[f32], shape: ItemShape) -> Result<(Vec<u8>, &'static str), String>;

    /// Figures of the system on held-out data, with their names. The first decides which checkpoint is kept as the
    /// best: smaller is better.
    ///
    /// # Errors
    /// If they cannot be measured, why not: the run goes on without them.
    fn measure(&mut self, model: &dyn Model, config: &RunConfig) -> Result<Vec<(String, f64)>, String>;

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

/// Which of a run's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Latest,
    /// The one with the best figure on held-out data.
    Best,
}

impl Which {
    fn folder(self, run: &Path) -> PathBuf {
        run.join(match self {
            Which::Latest => "checkpoints",
            Which::Best => "best",
        })
    }

    /// How many are kept. The one before the newest is there in case that the newest gets damaged.
    fn kept(self) -> usize {
        match self {
            Which::Latest => 2,
            Which::Best => 1,
        }
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
    /// Newer checkpoints that are damaged.
    pub damaged: Vec<EngineError>,
}

/// Loads a checkpoint of a run, on a device that tracks gradients.
///
/// # Errors
/// If the folder is no run, has no checkpoint that can be read, or does not fit the system.
pub fn load(
    folder: &Path,
    which: Which,
    config: RunConfig,
    system: &Definition,
    device: &Device,
) -> Result<Loaded, EngineError> {
    let (checkpoint, damaged) = newest(folder, which)?;
    let build = Build { streams: Streams::new(config.seed), device };
    let mut model = (system.build)(&config.model, &config.data.spec(), &build)?;
    let path = which.folder(folder);
    restore(model.as_mut(), checkpoint.state).map_err(|source| EngineError::Mismatch { path, source })?;
    Ok(Loaded { config, header: checkpoint.header, model, damaged })
}

fn newest(folder: &Path, which: Which) -> Result<(Checkpoint, Vec<EngineError>), EngineError> {
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
        let (checkpoint, damaged) = newest(self.folder, Which::Latest)?;
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
        let path = Which::Latest.folder(self.folder);
        restore(model.as_mut(), checkpoint.state).map_err(|source| EngineError::Mismatch { path, source })?;
        forget_after(self.folder, step)?;
        let mut log = Log::open(self.folder)?;
        log.write(&Event::Resume { step })?;
        observer.note(&format!("going on from step {step}"));
        self.run(&config, model.as_mut(), step, seconds, &mut log, observer)
    }

    fn build(&self, config: &RunConfig) -> Result<Box<dyn Model>, EngineError> {
        let build = Build { streams: Streams::new(config.seed), device: self.device };
        Ok((self.system.build)(&config.model, &DataSpec::of(self.dataset), &build)?)
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
        // What a later step than the checkpoint's has reached counts too: its file is whole.
        let mut best = newest(self.folder, Which::Best).ok().and_then(|(found, _)| found.header.best);
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
            if config.eval_every > 0 && (ends || done.is_multiple_of(config.eval_every)) {
                self.measure(config, &mut session, &mut best, log, observer)?;
            }
            if ends || kept {
                self.save(config, &mut session, Which::Latest, None, log)
                    .map_err(|error| with_last_checkpoint(error, saved))?;
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
        let picture = session
            .aside(|model| observer.picture(&sample(model, config.samples, &streams, &device), config.data.shape));
        let (bytes, extension) = match picture {
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

    /// Measures on held-out data, and keeps the system where none before was better.
    fn measure(
        &self,
        config: &RunConfig,
        session: &mut Session,
        best: &mut Option<(String, f64)>,
        log: &mut Log,
        observer: &mut dyn Observer,
    ) -> Result<(), EngineError> {
        let step = session.steps_done();
        let began = Instant::now();
        let measured = session.aside(|model| observer.measure(model, config)).and_then(|figures| {
            match figures.iter().find(|(_, value)| !value.is_finite()) {
                Some((name, value)) => Err(format!("{name} is {value}")),
                None => Ok(figures),
            }
        });
        let figures = match measured {
            Ok(figures) => figures,
            Err(reason) => {
                let text = format!("no figures on held-out data: {reason}");
                observer.note(&format!("warning: {text}"));
                return log.write(&Event::Warning { step, text });
            }
        };
        let Some((by, value)) = figures.first().cloned() else { return Ok(()) };
        let seconds = began.elapsed().as_secs_f64();
        let is_best = best.as_ref().is_none_or(|(of, least)| *of != by || value < *least);
        log.write(&Event::Eval {
            step,
            seconds,
            by: by.clone(),
            figures: figures.into_iter().collect(),
            best: is_best,
        })?;
        let said = if is_best { ", the best so far" } else { "" };
        observer.note(&format!("step {step}: {by} {} on held-out data{said}", rounded(value)));
        if is_best {
            *best = Some((by, value));
            self.save(config, session, Which::Best, best.clone(), log)?;
        }
        Ok(())
    }

    fn save(
        &self,
        config: &RunConfig,
        session: &mut Session,
        which: Which,
        best: Option<(String, f64)>,
        log: &mut Log,
    ) -> Result<(), EngineError> {
        let header = Header {
            version: config.version.clone(),
            system: config.system.clone(),
            step: session.steps_done(),
            seconds: session.seconds(),
            fingerprint: config.data.fingerprint.clone(),
            config: config.to_toml(),
            best,
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
        let path = Checkpoint { header, state }.write(&which.folder(self.folder), which.kept())?;
        let file = path.strip_prefix(self.folder).unwrap_or(&path).to_string_lossy().into_owned();
        log.write(&Event::Checkpoint { step, file })
    }
}

/// Four significant digits.
fn rounded(value: f64) -> String {
    let magnitude = value.abs().max(1e-300).log10().floor();
    format!("{value:.*}", (3.0 - magnitude).clamp(0.0, 12.0) as usize)
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
