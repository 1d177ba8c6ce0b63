//! Data sets, transforms, and a loader whose order depends on the seed and the step alone.
//!
//! - [`open`] gives a [`Dataset`] by the name of a [`catalog`] entry or by a path: a folder of images, an IDX file, a file of series.
//! - [`join`] makes the two domains of a translation of two of them.
//! - [`attributes`] tells what is known of each item besides its class.
//! - [`get`] brings the files of an entry into the [cache folder](cache_dir), from the web or from a folder, checked by
//!   SHA-256.
//! - [`mod@array`] reads numbers from `.npy` and `.csv` files.
//! - [`Loader`] hands over shuffled batches, prepared by threads, the same for any number of them.
//! - [`modes`] are the centres of the two-dimensional mixtures, for metrics; [`sprites`] are images of known factors,
//!   [`horse_zebra`] two domains whose pairing is known.
//!
//! ```
//! use ganvas_data::{Loader, OpenOptions, open};
//! use ganvas_prob::stream::Streams;
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), ganvas_data::DataError> {
//! let digits = Arc::new(open("digits", &OpenOptions::default())?);
//! assert_eq!(digits.shape.to_string(), "1x8x8");
//! let mut loader = Loader::new(digits, 64, Streams::new(1), 0, 2)?;
//! let batch = loader.next()?;
//! assert_eq!((batch.step, batch.values.len()), (0, 64 * 8 * 8));
//! assert!(batch.values.iter().all(|x| (-1.0..=1.0).contains(x)));
//! # Ok(())
//! # }
//! ```

pub mod array;
mod catalog;
mod dataset;
mod domains;
mod download;
mod emoji;
mod error;
mod files;
mod folder;
mod get;
pub mod horse_zebra;
pub mod idx;
mod loader;
mod open;
#[doc(hidden)]
pub mod parsers;
mod series;
pub mod sprites;
mod synthetic;
mod tiles;
mod transform;
mod waves;

pub use catalog::{Entry, Origin, RemoteFile, catalog, find};
pub use dataset::{Channel, Dataset, ItemShape, Split, Values};
pub use domains::join;
pub use error::DataError;
pub use files::{cache_dir, read_within};
pub use folder::{ImageFolder, images, read_image, smallest_side};
pub use get::{Got, GotFile, How, Progress, get};
pub use loader::{HostBatch, Loader, Sampling};
pub use open::{Attribute, OpenOptions, attributes, is_fetched, open};
pub use synthetic::{Modes, modes};
