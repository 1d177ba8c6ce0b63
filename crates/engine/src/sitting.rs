//! One sitting of a run: from a step to the last, or to where it is stopped.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ganvas_prob::stream::Streams;

use crate::EngineError;
use crate::checkpoint::{Checkpoint, Header};
use crate::config::{RunConfig, config_path};
use crate::enlargement;
use crate::events::{Event, Log, events};
use crate::health::Health;
use crate::lock::Lock;
use crate::replicas::Replica;
use crate::run::{Observer, Outcome, Shown, Training, Which, newest};
use crate::session::{Options, Session, sample, state_of};
use crate::step::LossScale;
use crate::system::{Direction, Model};
use crate::translation;
use crate::writer::{Job, Writer, Written};

/// Images of a strip of both directions.
const STRIP: usize = 6;

/// A run while it trains.
pub(crate) struct Sitting<'t, 'm> {
    training: &'t Training<'t>,
    config: &'t RunConfig,
    session: Session<'m>,
    log: Log,
    observer: &'t mut dyn Observer,
    began: Instant,
    /// The step of the newest checkpoint.
    saved: Option<u64>,
    /// What the best checkpoint was kept for.
    best: Option<(String, f64)>,
    skipped: u64,
    health: Health,
    /// Why the newest state could not be kept, until it could.
    unsaved: Option<EngineError>,
    writer: Writer,
    /// In which training waited for checkpoints and pictures.
    waited: Duration,
}

impl<'t, 'm> Sitting<'t, 'm> {
    /// Of a system and its replicas on other devices, after so many steps and seconds.
    pub(crate) fn new(
        training: &'t Training<'t>,
        config: &'t RunConfig,
        (model, replicas): (&'m mut dyn Model, Vec<Replica>),
        (step, seconds, scale): (u64, f64, Option<LossScale>),
        log: Log,
        observer: &'t mut dyn Observer,
    ) -> Result<Self, EngineError> {
        let options = Options::of(config, training.guard);
        let session = Session::new(model, training.dataset, training.device, options, step, seconds)?;
        Ok(Self {
            session: session.beside(replicas)?.scaled(scale),
            training,
            config,
            log,
            observer,
            began: Instant::now(),
            saved: (step > 0).then_some(step),
            // What a later step than the checkpoint's has reached counts too: its file is whole.
            best: newest(training.folder, Which::Best).ok().and_then(|(found, _)| found.header.best),
            skipped: 0,
            health: Health::replay(&events(training.folder)?.0).0,
            unsaved: None,
            writer: Writer::start(training.folder)?,
            waited: Duration::ZERO,
        })
    }

    /// Trains, with the lock of the run folder in hand.
    pub(crate) fn train(mut self, _lock: Lock) -> Result<Outcome, EngineError> {
        let outcome = self.guarded();
        let written = self.writer.finish();
        self.note_written(written);
        let outcome = outcome.map_err(|error| self.failed(error))?;
        let (step, seconds, waited) = (outcome.step, outcome.seconds, self.waited.as_secs_f64());
        self.log.write(&match outcome.stopped {
            true => Event::Stop { step, seconds, waited },
            false => Event::End { step, seconds, waited },
        });
        match self.unsaved.or(self.log.finish()) {
            None => Ok(outcome),
            Some(error) => Err(error),
        }
    }

    /// Notes a failure, says what is saved, and keeps the system as it was before a step that was not finite, so that the
    /// step can be done again and looked at.
    fn failed(&mut self, error: EngineError) -> EngineError {
        let mut kept =
            self.saved.map_or("; no checkpoint was written yet".into(), |saved| format!("; step {saved} is saved"));
        let (what, network, phase, step, value) = match error {
            EngineError::NonFinite { what, network, phase, step, value, .. } => (what, network, phase, step, value),
            EngineError::Device { device, step, reason, .. } => {
                self.log.write(&Event::Warning { step, text: format!("device {device} failed: {reason}") });
                return EngineError::Device { device, step, reason, kept };
            }
            other => return other,
        };
        let checkpoint = self.checkpoint(None);
        match checkpoint.write(&self.training.folder.join("failure"), 1) {
            Ok(path) => kept += &format!("; the state before the step is {}", path.display()),
            Err(error) => self.warn(error.to_string()),
        }
        let event = Event::Failure {
            step,
            what: what.into(),
            network: network.clone(),
            phase: phase.clone(),
            value: value.to_string(),
        };
        self.log.write(&event);
        EngineError::NonFinite { what, network, phase, step, value, kept }.in_system(&self.config.system)
    }

    /// The steps; where a device may be lost, as an error what it throws then.
    fn guarded(&mut self) -> Result<Outcome, EngineError> {
        if !self.training.may_lose_devices() {
            // What is thrown is a fault of the program.
            return self.steps();
        }
        catch_unwind(AssertUnwindSafe(|| self.steps())).unwrap_or_else(|thrown| {
            let (i, reason) = self.session.failed(thrown.as_ref());
            let mut device = self.training.words.get(i).map_or_else(|| i.to_string(), Clone::clone);
            if !self.training.others.is_empty() {
                // Who waits for tensors of one that is lost fails with it.
                device += ", or another that it exchanges gradients with,";
            }
            Err(EngineError::Device { device, step: self.session.steps_done(), reason, kept: String::new() })
        })
    }

    fn steps(&mut self) -> Result<Outcome, EngineError> {
        let config = self.config;
        if self.session.steps_done() == 0 {
            self.draw();
        }
        self.observer.health(self.health.current());
        let mut stopped = false;
        while self.session.steps_done() < config.steps && !stopped {
            let next = self.session.steps_done() + 1;
            let kept = config.checkpoint_every > 0 && next.is_multiple_of(config.checkpoint_every);
            // What is going to be kept is checked, on every device.
            let done = self.session.step(kept || next == config.steps || self.asked_to_stop())?;
            if let Some(refused) = done.skipped {
                self.skipped += 1;
                let text = format!("{} of the {} is {}", refused.what, refused.network, refused.value);
                let n = self.skipped;
                self.observer.note(&format!("step {next} skipped ({n} so far): {text} in phase `{}`", refused.phase));
                self.log.write(&Event::Skip { step: next, text, phase: refused.phase });
            }
            if let Some(tick) = done.tick {
                self.log.tick(&tick);
                let told =
                    self.health.tick(tick.step, tick.figures.iter().map(|(name, value)| (name.as_str(), *value)));
                self.tell(&told);
                self.observer.tick(&tick, config);
            }
            stopped = self.asked_to_stop() && next < config.steps;
            let ends = stopped || next == config.steps;
            if ends || (config.sample_every > 0 && next.is_multiple_of(config.sample_every)) {
                self.draw();
            }
            if config.eval_every > 0 && (ends || next.is_multiple_of(config.eval_every)) {
                self.measure()?;
            }
            if ends || kept {
                self.keep(Which::Latest, None)?;
            }
            let written = self.writer.written();
            self.note_written(written);
            if let Some(trouble) = self.log.trouble() {
                self.observer.note(&format!("warning: {trouble}; training goes on"));
            }
        }
        let (step, seconds) = (self.session.steps_done(), self.session.seconds());
        Ok(Outcome { step, seconds, stopped, skipped: self.skipped })
    }

    fn asked_to_stop(&self) -> bool {
        let over = self.training.time.is_some_and(|time| self.began.elapsed() >= time);
        over || self.training.stop.load(Ordering::Relaxed)
    }

    fn warn(&mut self, text: String) {
        self.observer.note(&format!("warning: {text}"));
        self.log.write(&Event::Warning { step: self.session.steps_done(), text });
    }

    /// What has begun or ended to go wrong.
    fn tell(&mut self, told: &[Event]) {
        for event in told {
            match event {
                Event::Health { step, kind, text, advice, .. } => {
                    self.observer.note(&format!("! {} at step {step}: {text}; try {advice}", kind.words()));
                }
                Event::Recovered { step, kind } => {
                    self.observer.note(&format!("step {step}: no {} any more", kind.words()));
                }
                _ => {}
            }
            self.log.write(event);
        }
        if !told.is_empty() {
            self.observer.health(self.health.current());
        }
    }

    /// Lets a picture be made, of the same latents or items each time, so that one sees what becomes of them change.
    fn draw(&mut self) {
        let (config, step, began) = (self.config, self.session.steps_done(), Instant::now());
        let device = self.training.device.clone().inner();
        let streams = Streams::new(config.seed).fork("pictures");
        let (test, shape) = (&self.training.dataset.test, config.data.shape);
        let shown = self.session.aside(|model| match (model.translation(), model.enlargement()) {
            (Some(translation), _) => {
                let rows = (config.samples / STRIP).max(1);
                let values = translation::strips(translation, test, shape, &Direction::ALL, rows, &device);
                Shown { values, shape, columns: Some(STRIP) }
            }
            (None, Some(model)) => {
                let (values, shape) = enlargement::strips(model, &test.first(config.samples), shape, &device);
                Shown { values, shape, columns: None }
            }
            (None, None) => Shown { values: sample(model, config.samples, &streams, &device), shape, columns: None },
        });
        let painter = self.observer.painter();
        self.writer.hand_over(Job::Picture { step, shown, painter });
        self.waited += began.elapsed();
    }

    /// Measures on held-out data, and keeps the system where none before was better.
    fn measure(&mut self) -> Result<(), EngineError> {
        let (config, step, began) = (self.config, self.session.steps_done(), Instant::now());
        let observer = &mut *self.observer;
        let measured = self.session.aside(|model| observer.measure(model, config)).and_then(|figures| {
            match figures.iter().find(|(_, value)| !value.is_finite()) {
                Some((name, value)) => Err(format!("{name} is {value}")),
                None => Ok(figures),
            }
        });
        let figures = match measured {
            Ok(figures) => figures,
            Err(reason) => {
                self.warn(format!("no figures on held-out data: {reason}"));
                return Ok(());
            }
        };
        let Some((by, value)) = figures.first().cloned() else { return Ok(()) };
        let seconds = began.elapsed().as_secs_f64();
        let best = self.best.as_ref().is_none_or(|(of, least)| *of != by || value < *least);
        let said = if best { ", the best so far" } else { "" };
        self.observer.note(&format!("step {step}: {by} {} on held-out data{said}", rounded(value)));
        let figures: BTreeMap<_, _> = figures.into_iter().collect();
        self.log.write(&Event::Eval { step, seconds, by: by.clone(), figures: figures.clone(), best });
        let told = self.health.measured(step, figures);
        self.tell(&told);
        if best {
            self.best = Some((by, value));
            self.keep(Which::Best, self.best.clone())?;
        }
        Ok(())
    }

    /// Lets a checkpoint be written.
    fn keep(&mut self, which: Which, best: Option<(String, f64)>) -> Result<(), EngineError> {
        let (folder, step, began) = (self.training.folder, self.session.steps_done(), Instant::now());
        let checkpoint = self.checkpoint(best);
        if let Some(entry) = checkpoint.state.not_finite() {
            return Err(EngineError::NonFinite {
                what: "a value",
                network: entry.to_owned(),
                phase: "checkpoint".into(),
                step,
                value: f32::NAN,
                kept: String::new(),
            });
        }
        if !config_path(folder).exists() {
            return Err(EngineError::Gone { path: folder.to_owned() });
        }
        let kept = if which == Which::Latest { self.config.keep } else { 1 };
        let seconds = self.session.seconds();
        self.writer.hand_over(Job::Checkpoint { checkpoint: Box::new(checkpoint), which, kept, seconds });
        self.waited += began.elapsed();
        Ok(())
    }

    fn checkpoint(&mut self, best: Option<(String, f64)>) -> Checkpoint {
        let config = self.config;
        let header = Header {
            version: config.version.clone(),
            system: config.system.clone(),
            step: self.session.steps_done(),
            fingerprint: config.data.fingerprint.clone(),
            config: config.to_toml(),
            best,
            loss_scale: self.session.loss_scale(),
        };
        Checkpoint { header, state: state_of(self.session.model()) }
    }

    /// What could not be written is told; training goes on without it.
    fn note_written(&mut self, written: Vec<Written>) {
        for written in written {
            match written {
                Written::Picture { step, file: Ok(file) } => self.log.write(&Event::Samples { step, file }),
                Written::Picture { file: Err(reason), .. } => self.warn(format!("no picture of the samples: {reason}")),
                Written::Checkpoint { step, seconds, which, file: Ok(file) } => {
                    self.log.write(&Event::Checkpoint { step, file, seconds });
                    if which == Which::Latest {
                        (self.saved, self.unsaved) = (Some(step), None);
                    }
                }
                Written::Checkpoint { which, file: Err(error), .. } => {
                    self.warn(format!("{error}; training goes on, and the next checkpoint will be tried"));
                    if which == Which::Latest {
                        self.unsaved = Some(error);
                    }
                }
            }
        }
    }
}

/// Four significant digits.
pub(crate) fn rounded(value: f64) -> String {
    let magnitude = value.abs().max(1e-300).log10().floor();
    format!("{value:.*}", (3.0 - magnitude).clamp(0.0, 12.0) as usize)
}
