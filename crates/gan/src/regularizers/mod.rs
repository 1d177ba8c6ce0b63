//! What keeps a discriminator in bounds: penalties on its input gradient, on its outputs and on its weights.

mod gradient;
mod outputs;
mod weights;

pub use gradient::{GradientPenalty, Penalized, interpolates, perturbed};
pub use outputs::{consistency, lecam};
pub use weights::{clip, orthogonal};
