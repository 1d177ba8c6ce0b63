//! Probability that generative models rest on, in `f64`, without a deep-learning dependency.
//!
//! - [`stream`]: counter-based random numbers keyed by seed, name, step and index. Everything random in Ganvas draws
//!   from here, so a run is repeatable and resuming it needs nothing but the step.
//! - [`gaussian`]: the Frechet distance and the KL divergence between Gaussians.
//! - [`traits`]: what a distribution can be asked for.
//! - [`distributions`]: univariate laws, one file each.
//! - [`sampling`]: draws from any density: inverse transforms, tables, rejection, importance.
//! - [`information`]: entropies and divergences of finite distributions, prefix codes.
//! - [`estimate`]: a mean of draws with its standard error.
//! - [`kl`]: the KL divergence of any two laws, by a registry of closed forms, by quadrature or by Monte Carlo.
//! - [`distance`]: distances and tests between samples.
//! - [`jensen`]: convexity, Jensen's inequality, and the gap of the evidence lower bound.
//! - [`joint`]: tables of joint probabilities over named axes.
//! - [`text`]: laws and densities from text.

pub mod distance;
pub mod distributions;
pub mod estimate;
pub mod gaussian;
pub mod information;
pub mod jensen;
pub mod joint;
pub mod kl;
pub mod sampling;
pub mod stream;
pub mod text;
pub mod traits;
