//! The training engine: it runs any system's update rule over a data set and keeps what comes of it. It knows no model.
//!
//! - [`system`]: what a system has to be, and the registry entry that one line makes of it
//! - [`step`]: what an update rule is given: named phases, their noise, guarded updates
//! - [`schedule`]: learning rates over time
//! - [`config`]: a run's settings as one TOML file, complete enough to make the run again
//! - [`session`]: the loop, in memory
//! - [`replicas`]: one system on several devices
//! - [`run`]: the loop in a run folder, with samples, held-out figures and checkpoints
//! - [`events`]: what happened in a run, line by line
//! - [`health`]: what goes wrong in a run, in words
//! - [`enlargement`]: systems that make large images of small ones
//! - [`checkpoint`]: one file with everything that a run needs to go on
//! - [`translation`]: what a system that translates makes of items
//! - [`accept`]: a system's acceptance checks, each a figure and a threshold, and [`measures`], what they are of

pub mod accept;
pub mod checkpoint;
pub mod config;
pub mod enlargement;
mod error;
pub mod events;
pub mod health;
mod lock;
pub mod measures;
pub mod replicas;
pub mod run;
pub mod schedule;
pub mod session;
mod sitting;
pub mod step;
pub mod suggest;
pub mod system;
pub mod translation;
mod writer;

pub use error::EngineError;
