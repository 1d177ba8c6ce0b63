//! Layers. Each is a burn module whose weights come from an [`Init`](crate::init::Init).

mod activation;
mod batch_norm;
mod codebook;
mod conditional_norm;
mod conv;
mod dropout;
mod group_norm;
mod instance_norm;
mod linear;
mod lstm;
mod modulated;
mod moments;
mod norm;
mod padded;
pub mod pool;
mod prelu;
mod spectral;
mod values;

pub use activation::Activation;
pub use batch_norm::{BatchNorm, Buffer};
pub use codebook::{Codebook, Following, perplexity};
pub use conditional_norm::ConditionalBatchNorm;
pub use conv::{Conv2d, ConvTranspose2d, Geometry};
pub use dropout::{dropout, dropout_dual};
pub use group_norm::GroupNorm;
pub use instance_norm::InstanceNorm;
pub use linear::{Linear, Maxout};
pub use lstm::Lstm;
pub use modulated::ModulatedConv2d;
pub use moments::Moments;
pub use norm::{Identity, Norm, NormKind};
pub use padded::{PaddedConv2d, Padding};
pub use prelu::PRelu;
pub use spectral::SpectralNorm;
pub use values::Values;
