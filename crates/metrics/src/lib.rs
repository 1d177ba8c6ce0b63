//! Sample quality: each figure with its definition, its sample sizes and its reference values.
//!
//! Measured on features:
//!
//! - [`extractor`]: the reference classifiers, whose features and class decisions the figures rest on
//! - [`inception`]: the network of the Frechet inception distance, with the user's weights
//! - [`frechet_distance`]: the Frechet distance of features, called `ffd` on the reference classifiers', never `fid`
//! - [`features`]: kernel distance, Inception score, Vendi score; figures class by class, with confidence intervals,
//!   and extrapolated to endlessly many items
//! - [`neighbours`]: nearest neighbours against memorisation; precision, recall, density and coverage; a two-sample
//!   test
//! - [`disentangle`]: whether each latent of a code stands for one known factor
//! - [`probe`]: how well a linear classifier does on features; trained on fakes and tested on reals, and the reverse
//!
//! Measured on samples:
//!
//! - [`images`]: image by image against a reference; the smoothness of a generator
//! - [`series`]: whole sequences, how values follow each other, and values alone
//! - [`tables`]: columns alone and in pairs
//! - [`scores`]: how well scores agree with labels
//! - [`points`]: modes covered by two-dimensional samples, maximum mean discrepancy
//! - [`classes`]: the share of each class; [`confusion`]: how well a classifier tells them
//! - [`baseline`]: what a model has to beat
//! - [`interval`]: how sure a share, or a mean with its standard error, is
//!
//! Distances on the real line, the energy distance and maximum mean discrepancies with other kernels are in
//! [`ganvas_prob::distance`]. A [`Figure`] is how a result is written down. Sums and moments are in `f64`; nothing here
//! depends on the number of threads, nor, unless it says so, on the order of the items.

#![forbid(unsafe_code)]

pub mod baseline;
pub mod classes;
pub mod confusion;
pub mod disentangle;
mod error;
pub mod extractor;
pub mod features;
mod figure;
pub mod images;
pub mod inception;
pub mod interval;
mod items;
pub mod neighbours;
mod pairs;
pub mod points;
pub mod probe;
mod resize;
pub mod scores;
pub mod series;
pub mod tables;

pub use error::MetricError;
pub use extractor::Extractor;
pub use features::{frechet_distance, moments};
pub use figure::Figure;
pub use inception::Inception;
pub use items::{Features, Images, Series};
