//! The systems, a folder each: settings, networks, update rule, acceptance checks.

pub(crate) mod parts;

pub mod aae;
pub mod adversarial;

pub mod dcgan;
pub mod gan;
pub mod lsgan;
pub mod wgan;
