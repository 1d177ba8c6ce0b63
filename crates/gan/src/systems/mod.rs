//! The systems, a folder each: settings, networks, update rule, acceptance checks.

mod parts;

pub mod dcgan;
pub mod gan;
