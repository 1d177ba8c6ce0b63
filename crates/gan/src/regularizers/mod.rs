//! What keeps a discriminator in bounds: penalties on its input gradient, on its outputs and on its weights.

mod augment;
mod gradient;
mod outputs;
mod pairs;
mod weights;

pub use augment::shifted;
pub use gradient::{GradientPenalty, Penalized, interpolates, perturbed};
pub use outputs::{consistency, label_smoothing, lecam};
pub use pairs::with_wrong_pairs;
pub use weights::{clip, orthogonal};
