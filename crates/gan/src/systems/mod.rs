//! The systems, a folder each: settings, networks, update rule, acceptance checks.

pub(crate) mod measures;
pub(crate) mod parts;

pub mod aae;
pub mod adversarial;

pub mod cegan;
pub mod cgan;
pub mod cyclegan;
pub mod dcgan;
pub mod gan;
pub mod infogan;
pub mod lsgan;
pub mod rgan;
pub mod sngan;
pub mod srgan;
pub mod variants;
pub mod wgan;
