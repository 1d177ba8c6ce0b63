//! What keeps a discriminator in bounds: penalties on its input gradient, on its outputs and on its weights.

mod augment;
mod gradient;
mod outputs;
mod weights;

pub use augment::shifted;
pub use gradient::{GradientPenalty, Penalized, interpolates, perturbed};
pub use outputs::{consistency, label_smoothing, lecam};
pub use weights::{clip, orthogonal};
