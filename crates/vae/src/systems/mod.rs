//! The systems, a folder each: settings, networks, update rule, acceptance checks.

pub mod ae;
pub mod autoencoder;
pub mod beta_vae;
pub mod cvae;
pub mod factor_vae;
pub mod hvae;
pub mod iwae;
pub mod measures;
pub mod svae;
pub mod vae;
pub mod vaegan;
pub mod variants;
pub mod vqvae;
pub mod wae;
