use std::io;
use std::path::{Path, PathBuf};

use ganvas_data::DataError;
use ganvas_nets::state::StateError;

use crate::config::ConfigError;

/// What can end a run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A setting that does not exist or is out of its domain.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data cannot be read, or do not suffice.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file of the run folder cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried: "read", "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The run folder is there already.
    #[error("{path} exists already")]
    Exists {
        /// The run folder.
        path: PathBuf,
    },
    /// Another process trains in the run folder.
    #[error("another process trains in {path}")]
    Locked {
        /// The run folder.
        path: PathBuf,
    },
    /// The run folder was removed while the run trained.
    #[error("{path} is no longer there: it was removed while the run trained")]
    Gone {
        /// The run folder.
        path: PathBuf,
    },
    /// The folder is not one that `ganvas train` made.
    #[error("{path} is not a run: it has no config.toml")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// There is no checkpoint that can be read.
    #[error("{path} has no checkpoint that can be read{detail}")]
    NoCheckpoint {
        /// The run folder.
        path: PathBuf,
        /// What was found instead, if anything.
        detail: String,
    },
    /// No checkpoint was kept for its figure on held-out data.
    #[error("{path} has no best checkpoint{detail}")]
    NoBest {
        /// The run folder.
        path: PathBuf,
        /// What was found instead, if anything.
        detail: String,
    },
    /// A checkpoint file is damaged or not one.
    #[error("{path} is not a whole checkpoint: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint does not fit the system.
    #[error("{path} does not fit: {source}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        source: StateError,
    },
    /// A run is continued with something else than it was begun with.
    #[error("this run was made with {what} {before}, now it is {now}")]
    Changed {
        /// What changed: a setting's key, "data", "version" or "system".
        what: String,
        /// Its value in the run.
        before: String,
        /// Its value now.
        now: String,
    },
    /// A loss or gradient is no finite number; the step was not applied.
    #[error("{what} of the {network} is {value} in phase `{phase}` of step {step}; the step was not applied{kept}")]
    NonFinite {
        /// "loss" or "gradient norm".
        what: &'static str,
        /// The network that was to be updated.
        network: String,
        /// The phase of the update rule.
        phase: String,
        /// The step, from 0.
        step: u64,
        /// The value found.
        value: f32,
        /// The last good checkpoint, in words; empty where there is none.
        kept: String,
    },
    /// A system that has to see whole batches is to be trained on several devices.
    #[error(
        "with these settings the system keeps or reads some of its batches, which several devices would not agree on"
    )]
    Whole,
    /// A device failed while training.
    #[error("device {device} failed in step {step}: {reason}{kept}")]
    Device {
        /// The word for it.
        device: String,
        /// The step, from 0.
        step: u64,
        /// Why, as far as it is known.
        reason: String,
        /// The last good checkpoint, in words; empty where it is not known yet.
        kept: String,
    },
}

impl EngineError {
    /// Turns an I/O error into one that names the file.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The same with the system named, where its network is.
    pub fn in_system(self, id: &str) -> Self {
        match self {
            Self::NonFinite { what, network, phase, step, value, kept } => {
                Self::NonFinite { what, network: format!("{network} of `{id}`"), phase, step, value, kept }
            }
            other => other,
        }
    }

    /// What to do next, where something can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.help(),
            Self::Data(error) => error.help(),
            Self::Locked { .. } => Some("wait for it, or pass another --out".into()),
            Self::Gone { .. } => Some("begin again; a run folder can be moved once training has stopped".into()),
            Self::Exists { .. } => Some("pass --resume to continue it, or another --out".into()),
            Self::NotARun { .. } => Some("`ganvas train` makes runs; name the folder that it printed".into()),
            Self::NoCheckpoint { .. } => Some("train again with another --out".into()),
            Self::NoBest { .. } => {
                Some("runs have one where they are trained with `--eval-every`; or take the latest".into())
            }
            Self::Changed { what, .. } if what == "system" => Some("name another --out".into()),
            Self::Changed { what, .. } => {
                Some(format!("continue with what it was made with, or pass `--allow-change {what}`, or another --out"))
            }
            Self::NonFinite { kept, .. } => {
                let next = if kept.contains("is saved") {
                    "`--resume` goes on from there"
                } else {
                    "begin again with another --out"
                };
                Some(format!(
                    "a lower learning rate helps most often, or clip_norm; {next}; `ganvas checkpoint replay` does the step again"
                ))
            }
            Self::Device { kept, .. } if kept.contains("is saved") => {
                Some("`--resume` goes on from there, with `--device` or `--devices` on what is left".into())
            }
            Self::Whole => Some("train it on one device, with `--device`".into()),
            Self::Device { .. } => Some("begin again with another --out, on a device that works".into()),
            Self::Mismatch { .. } => Some("the checkpoint was written by another version or configuration".into()),
            Self::Io { .. } | Self::Damaged { .. } => None,
        }
    }

    /// Whether the caller asked for something that cannot be (exit code 2), rather than something having failed (1).
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Config(_)
                | Self::Whole
                | Self::Exists { .. }
                | Self::Locked { .. }
                | Self::NotARun { .. }
                | Self::Changed { .. }
        )
    }
}
