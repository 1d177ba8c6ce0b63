//! The parsers on bytes, which are handed paths elsewhere: for `fuzz/` and `tests/fuzzed.rs`, no part of the interface.

use std::io::Cursor;
use std::path::Path;

use image::ImageReader;

use crate::array::{self, Array, ArrayError};
use crate::idx::{self, Idx, IdxError};
use crate::transform::MAX_BYTES;
use crate::{Attribute, DataError, OpenOptions, emoji, files, folder, series};

/// An IDX file, packed or not.
pub fn idx(bytes: &[u8]) -> Result<Idx, IdxError> {
    let (reader, limit) = files::unpacked(bytes.starts_with(&files::GZIP), bytes, bytes.len() as u64);
    idx::read(reader, limit.min(MAX_BYTES))
}

/// An `.npy` array.
pub fn npy(bytes: &[u8]) -> Result<Array, ArrayError> {
    array::npy(bytes, bytes.len() as u64)
}

/// Rows of numbers.
pub fn csv(bytes: &[u8]) -> Result<Array, ArrayError> {
    array::csv(bytes)
}

/// A PNG or JPEG file: its `[channels, height, width]` and pixels.
pub fn image(bytes: &[u8], options: &OpenOptions) -> Result<([usize; 3], Vec<u8>), DataError> {
    let path = Path::new("image");
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let image = folder::decode(path, reader.map_err(DataError::io("read", path))?, options)?;
    Ok(([image.channels, image.size.1, image.size.0], image.values))
}

/// The table of the emoji.
pub fn emoji(bytes: &[u8], categories: &[&str]) -> Result<Vec<Attribute>, DataError> {
    emoji::attributes_of(Path::new("table"), bytes, categories)
}

/// Series, by rows; how many.
pub fn series(bytes: &[u8]) -> Result<usize, DataError> {
    series::parse(bytes)
}
