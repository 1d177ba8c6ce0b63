//! `events.jsonl`: what happened in a run, one line each.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::checkpoint::write_whole;
use crate::session::Tick;

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
        figures: BTreeMap<String, f32>,
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
    /// Figures on held-out data.
    Eval {
        /// Steps done.
        step: u64,
        /// Seconds that it took.
        seconds: f64,
        /// The figure that decides which checkpoint is the best; smaller is better.
        by: String,
        /// The figures by name.
        figures: BTreeMap<String, f64>,
        /// Whether no step before had a smaller one.
        best: bool,
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
            | Event::Eval { step, .. }
            | Event::Warning { step, .. }
            | Event::Stop { step, .. }
            | Event::End { step, .. } => *step,
        }
    }
}

fn events_path(folder: &Path) -> PathBuf {
    folder.join("events.jsonl")
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

/// Leaves out the events of steps that will be done again.
///
/// # Errors
/// If they cannot be read or written.
pub(crate) fn forget_after(folder: &Path, step: u64) -> Result<(), EngineError> {
    let kept = events(folder)?.into_iter().filter(|event| event.step() <= step);
    let lines: String = kept.map(|event| line(&event)).collect();
    let path = events_path(folder);
    write_whole(&path, lines.as_bytes()).map_err(EngineError::io("write", &path))
}

fn line(event: &Event) -> String {
    let mut text = serde_json::to_string(event).expect("an event is strings and numbers");
    text.push('\n');
    text
}

/// `events.jsonl`, open to be added to.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    pub(crate) fn open(folder: &Path) -> Result<Self, EngineError> {
        let path = events_path(folder);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Ok(Self { file: file.map_err(EngineError::io("write", &path))?, path })
    }

    pub(crate) fn write(&mut self, event: &Event) -> Result<(), EngineError> {
        self.file.write_all(line(event).as_bytes()).map_err(EngineError::io("write", &self.path))
    }

    pub(crate) fn tick(&mut self, tick: &Tick) -> Result<(), EngineError> {
        self.write(&Event::Tick {
            step: tick.step,
            seconds: tick.seconds,
            items_per_second: tick.items_per_second,
            figures: tick.figures.iter().cloned().collect(),
        })
    }
}
