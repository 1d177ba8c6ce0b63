//! `events.jsonl`: what happened in a run, one line each.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use ganvas_data::read_within;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::checkpoint::write_whole;
use crate::health::Kind;
use crate::session::Tick;

/// The longest file that is read: a line for each of millions of steps.
const LONGEST: u64 = 1 << 30;

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
        /// Seconds of training so far.
        #[serde(default)]
        seconds: f64,
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
    /// A step that was left out, for a loss or gradient was not finite.
    Skip {
        /// The step, from 1.
        step: u64,
        /// What was not finite.
        text: String,
        /// The phase of the update rule.
        phase: String,
    },
    /// Stopped by a loss or gradient that was not finite.
    Failure {
        /// The step, from 0.
        step: u64,
        /// "loss", "gradient norm", or "a value" of what was to be kept.
        what: String,
        /// The network.
        network: String,
        /// The phase of the update rule.
        phase: String,
        /// The value found.
        value: String,
    },
    /// Something goes wrong: it is told once, when it begins.
    Health {
        /// Steps done.
        step: u64,
        /// What.
        kind: Kind,
        /// The figures in words, with the limits that they have reached.
        text: String,
        /// The figures by name.
        figures: BTreeMap<String, f64>,
        /// What to try.
        advice: String,
    },
    /// What went wrong is over.
    Recovered {
        /// Steps done.
        step: u64,
        /// What.
        kind: Kind,
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
        /// Seconds of this sitting in which training waited for checkpoints and pictures.
        #[serde(default)]
        waited: f64,
    },
    /// All steps are done.
    End {
        /// Steps done.
        step: u64,
        /// Seconds of training so far.
        seconds: f64,
        /// Seconds of this sitting in which training waited for checkpoints and pictures.
        #[serde(default)]
        waited: f64,
    },
}

impl Event {
    /// Seconds of training when it happened, where it says.
    pub(crate) fn seconds(&self) -> Option<f64> {
        match self {
            Event::Tick { seconds, .. }
            | Event::Checkpoint { seconds, .. }
            | Event::Stop { seconds, .. }
            | Event::End { seconds, .. } => Some(*seconds),
            _ => None,
        }
    }

    /// Whether its figures are finite: no line that was written here has others, but 1e39 is one as a 32-bit float.
    fn is_finite(&self) -> bool {
        match self {
            Event::Tick { figures, .. } => figures.values().all(|value| value.is_finite()),
            _ => true,
        }
    }

    /// Steps done when it happened.
    pub fn step(&self) -> u64 {
        match self {
            Event::Start { .. } => 0,
            Event::Resume { step }
            | Event::Tick { step, .. }
            | Event::Samples { step, .. }
            | Event::Checkpoint { step, .. }
            | Event::Eval { step, .. }
            | Event::Health { step, .. }
            | Event::Recovered { step, .. }
            | Event::Skip { step, .. }
            | Event::Failure { step, .. }
            | Event::Warning { step, .. }
            | Event::Stop { step, .. }
            | Event::End { step, .. } => *step,
        }
    }
}

fn events_path(folder: &Path) -> PathBuf {
    folder.join("events.jsonl")
}

/// The events of a run so far, and how many lines cannot be read; a last line that was cut off by a crash is none of them.
///
/// # Errors
/// If the file cannot be read.
pub fn events(folder: &Path) -> Result<(Vec<Event>, usize), EngineError> {
    let bytes = read(folder)?;
    let (events, unreadable) = decode(&bytes);
    Ok((events.into_iter().map(|(event, _)| event).collect(), unreadable))
}

fn read(folder: &Path) -> Result<Vec<u8>, EngineError> {
    let path = events_path(folder);
    read_within(&path, LONGEST).map_err(EngineError::io("read", &path))
}

/// The events in the bytes of the file, each with its line, and how many lines cannot be read.
#[doc(hidden)]
pub fn decode(bytes: &[u8]) -> (Vec<(Event, &[u8])>, usize) {
    // What follows the last end of a line was cut off.
    let (mut events, mut unreadable) = (Vec::new(), 0);
    for line in bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n") && line.len() > 1) {
        match serde_json::from_slice::<Event>(line) {
            Ok(event) if event.is_finite() => events.push((event, line)),
            _ => unreadable += 1,
        }
    }
    (events, unreadable)
}

/// Leaves out the events of steps that will be done again, and lines that cannot be read, whose number it tells.
///
/// # Errors
/// If they cannot be read or written.
pub(crate) fn forget_after(folder: &Path, step: u64) -> Result<usize, EngineError> {
    let bytes = read(folder)?;
    let (events, unreadable) = decode(&bytes);
    // The lines themselves: a number that was read and is written again may differ in its last digit.
    let lines: Vec<&[u8]> = events.iter().filter(|(event, _)| event.step() <= step).map(|(_, line)| *line).collect();
    let path = events_path(folder);
    write_whole(&path, &lines.concat()).map_err(EngineError::io("write", &path))?;
    Ok(unreadable)
}

fn line(event: &Event) -> String {
    let mut text = serde_json::to_string(event).expect("an event is strings and numbers");
    text.push('\n');
    text
}

/// `events.jsonl`, open to be added to. What cannot be written, on a full disk for one, waits for the next time.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    waiting: Vec<u8>,
    trouble: Option<EngineError>,
    /// Whether the trouble has been told.
    told: bool,
}

impl Log {
    pub(crate) fn open(folder: &Path) -> Result<Self, EngineError> {
        let path = events_path(folder);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(EngineError::io("write", &path))?;
        Ok(Self { file, path, waiting: Vec::new(), trouble: None, told: false })
    }

    pub(crate) fn write(&mut self, event: &Event) {
        self.waiting.extend_from_slice(line(event).as_bytes());
        self.trouble = None;
        while !self.waiting.is_empty() {
            // By what was taken, so that no part of a line is written twice.
            match self.file.write(&self.waiting) {
                Ok(0) => return self.failed(ErrorKind::WriteZero.into()),
                Ok(n) => drop(self.waiting.drain(..n)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.failed(error),
            }
        }
        self.told = false;
    }

    fn failed(&mut self, error: std::io::Error) {
        self.trouble = Some(EngineError::io("write", &self.path)(error));
    }

    /// What keeps events from being written, told once until they could be.
    pub(crate) fn trouble(&mut self) -> Option<String> {
        let trouble = self.trouble.as_ref().filter(|_| !self.told)?.to_string();
        self.told = true;
        Some(trouble)
    }

    /// What kept the last events from being written.
    pub(crate) fn finish(self) -> Option<EngineError> {
        self.trouble
    }

    pub(crate) fn tick(&mut self, tick: &Tick) {
        self.write(&Event::Tick {
            step: tick.step,
            seconds: tick.seconds,
            items_per_second: tick.items_per_second,
            figures: tick.figures.iter().cloned().collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_that_cannot_be_read_are_counted_and_a_cut_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path()).unwrap();
        for step in [1, 2, 3] {
            log.write(&Event::Resume { step });
        }
        assert!(log.finish().is_none());
        let path = events_path(folder.path());
        let mut text = fs::read_to_string(&path).unwrap();
        let stop = "{\"event\":\"stop\",\"step\":1,\"seconds\":376.30590016986847 }\n";
        text.insert_str(0, &format!("no event\n{stop}"));
        text.push_str("{\"event\":\"resu");
        fs::write(&path, text).unwrap();
        let (found, unreadable) = events(folder.path()).unwrap();
        assert_eq!((found.len(), unreadable), (4, 1));
        assert_eq!(forget_after(folder.path(), 2).unwrap(), 1);
        assert!(fs::read_to_string(&path).unwrap().starts_with(stop), "to the last digit");
        let (found, unreadable) = events(folder.path()).unwrap();
        assert_eq!((&found[1..], unreadable), (&[Event::Resume { step: 1 }, Event::Resume { step: 2 }][..], 0));
    }

    /// As a 32-bit float it is infinite.
    #[test]
    fn figures_that_are_not_finite_cannot_be_read() {
        let tick = |loss: &str| {
            format!(
                "{{\"event\":\"tick\",\"step\":1,\"seconds\":1,\"items_per_second\":1,\"figures\":{{\"a\":{loss}}}}}\n"
            )
        };
        assert_eq!((decode(tick("1e38").as_bytes()).0.len(), decode(tick("1e39").as_bytes()).1), (1, 1));
    }

    /// `/dev/full` takes nothing, as a full disk does.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_full_disk_refuses_waits() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path()).unwrap();
        let disk = std::mem::replace(&mut log.file, OpenOptions::new().write(true).open("/dev/full").unwrap());
        log.write(&Event::Resume { step: 1 });
        assert!(log.trouble().unwrap().contains("events.jsonl"));
        assert_eq!(log.trouble(), None, "once is enough");
        log.file = disk;
        log.write(&Event::Resume { step: 2 });
        assert!(log.finish().is_none());
        assert_eq!(events(folder.path()).unwrap().0, [Event::Resume { step: 1 }, Event::Resume { step: 2 }]);
    }
}
