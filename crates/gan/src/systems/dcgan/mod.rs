//! DCGAN (Radford, Metz and Chintala 2015): convolutional networks that train reliably.

mod accept;
mod config;
mod model;
mod train;

pub use config::DcganConfig;
pub use model::Dcgan;
