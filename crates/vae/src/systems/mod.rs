//! The systems, a folder each: settings, networks, update rule, acceptance checks.

pub mod vae;
