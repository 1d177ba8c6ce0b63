//! The variational autoencoder of Kingma and Welling (2014), fully connected.

mod accept;
mod config;
mod model;
mod train;

pub use config::{Binarization, Decoder, VaeConfig};
pub use model::Vae;
