//! Figures on features, `[n, d]`, but for those by [nearest neighbours](crate::neighbours).
//!
//! - [`frechet_distance`] by way of the moments, [`frechet_infinity`] without its dependence on
//!   the number of items, [`rank`] to see whether there are enough of them
//! - [`kid`]: the kernel distance, unbiased
//! - [`sliced_wasserstein`]: transport along random directions
//! - [`inception_score`]: on logits
//! - [`vendi_score`]: diversity of one set
//! - [`per_class`]: any figure class by class
//! - [`bootstrap`]: the confidence interval of any figure

mod bootstrap;
mod frechet;
mod inception_score;
mod kid;
mod per_class;
mod sliced;
mod vendi;

pub use bootstrap::{Interval, bootstrap, bootstrap_frechet};
pub use frechet::{frechet_distance, frechet_infinity, moments, rank};
pub use inception_score::{InceptionScore, SPLITS, inception_score, inception_score_in_order};
pub use kid::{kid, kid_stderr, kid_subsets};
pub use per_class::{PerClass, per_class};
pub use sliced::sliced_wasserstein;
pub use vendi::{Similarity, vendi_score};
