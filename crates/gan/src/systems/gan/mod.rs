//! The generative adversarial network of Goodfellow et al. (2014), fully connected: images and points.

mod accept;
mod config;
mod model;
mod train;

pub use config::GanConfig;
pub use model::Gan;
