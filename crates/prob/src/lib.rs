//! Probability that generative models rest on, in `f64`, without a deep-learning dependency.
//!
//! - [`stream`]: counter-based random numbers keyed by seed, name, step and index. Everything random in Ganvas draws
//!   from here, so a run is repeatable and resuming it needs nothing but the step.
//! - [`gaussian`]: the Frechet distance and the KL divergence between Gaussians.

pub mod gaussian;
pub mod stream;
