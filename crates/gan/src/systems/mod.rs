//! The systems, a folder each: settings, networks, update rule, acceptance checks.

pub(crate) mod parts;

pub mod adversarial;

pub mod cegan;
pub mod dcgan;
pub mod gan;
pub mod lsgan;
pub mod wgan;
