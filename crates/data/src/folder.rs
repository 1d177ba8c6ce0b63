//! A folder of images as a data set.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, ImageResult, Limits};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, ItemShape, Split, Values, hex, to_f32};
use crate::files::read_within;
use crate::{DataError, OpenOptions, tiles, transform};

/// The largest side of an image that is decoded, in pixels.
const MAX_SIDE: u32 = 1 << 14;
/// The most bytes that decoding one image may take: 8192x8192 pixels of 8 bytes, which is 16-bit RGBA.
const MAX_ALLOC: u64 = 1 << 29;
const MAX_PIXEL: u64 = 8;
/// The most bytes of a file that is read: some decoders begin by reading all of it.
const MAX_FILE: u64 = 1 << 28;

/// An image found: its path relative to the folder (`/` between the parts, on every platform), and its class.
struct Found {
    path: PathBuf,
    relative: String,
    class: Option<String>,
}

/// A decoded and transformed image, `[channels, height, width]`.
pub(crate) struct Decoded {
    pub(crate) values: Vec<u8>,
    pub(crate) channels: usize,
    /// Width and height.
    pub(crate) size: (usize, usize),
}

/// The images of a folder, decoded when they are asked for: none is kept.
///
/// They are found as [`open`](crate::open) finds them, in the order of their relative paths, and are all of one size.
pub struct ImageFolder {
    found: Vec<Found>,
    size: (usize, usize),
    ignored: usize,
}

impl ImageFolder {
    /// Finds the images and reads their headers.
    ///
    /// # Errors
    /// If the folder cannot be read or holds no image, or a header cannot be read or says another size than the first.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let (found, ignored) = search(folder)?;
        let size = common_size(&found)?;
        Ok(Self { found, size, ignored })
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Files that are no images and were left out.
    pub fn ignored(&self) -> usize {
        self.ignored
    }

    /// Rows and columns of pixels of each image.
    pub fn size(&self) -> (usize, usize) {
        (self.size.1, self.size.0)
    }

    /// 1 if every pixel of every image is grey, else 3: decodes all of them.
    ///
    /// # Errors
    /// If one cannot be decoded.
    pub fn channels(&self) -> Result<usize, DataError> {
        let of = |image: &Found| decode_file(&image.path, &OpenOptions::default()).map(|decoded| decoded.channels);
        let channels: Vec<_> = self.found.par_iter().map(of).collect();
        channels.into_iter().try_fold(1, |most, channels| Ok(channels?.max(most)))
    }

    /// Images in [-1, 1], `[images, channels, height, width]`, and their channels: 3 if one of these is coloured, else
    /// `least`, which is 1 or 3.
    ///
    ///
    /// # Errors
    /// If one cannot be decoded.
    ///
    /// # Panics
    /// If the range goes beyond [`len`](Self::len).
    pub fn decode(&self, range: Range<usize>, least: usize) -> Result<(usize, Vec<f32>), DataError> {
        let found = &self.found[range];
        let decoded: Vec<_> = found.par_iter().map(|image| decode_file(&image.path, &OpenOptions::default())).collect();
        let decoded = decoded.into_iter().collect::<Result<Vec<_>, _>>()?;
        // A file may have been changed since its header was read.
        same_size(found, decoded.iter().map(|image| image.size), self.size)?;
        let channels = most_channels(&decoded).max(least);
        let mut values = Vec::with_capacity(found.len() * channels * self.size.0 * self.size.1);
        for image in &decoded {
            (0..channels / image.channels).for_each(|_| values.extend(image.values.iter().map(|&byte| to_f32(byte))));
        }
        Ok((channels, values))
    }

    /// SHA-256 (hex) over the bytes of all files, in order.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn fingerprint(&self) -> Result<String, DataError> {
        let digest = |image: &Found| {
            read_within(&image.path, MAX_FILE).map(Sha256::digest).map_err(DataError::io("read", &image.path))
        };
        let digests: Vec<_> = self.found.par_iter().map(digest).collect();
        let mut hash = Sha256::new();
        for digest in digests {
            hash.update(digest?);
        }
        Ok(hex(&hash.finalize()))
    }
}

/// The images of a folder: the relative path of each, with `/` between its parts, and its path. They are found as
/// [`open`](crate::open) finds them, in the order of the relative paths, and may be of any sizes.
///
/// # Errors
/// If the folder cannot be read or holds no image.
pub fn images(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    Ok(search(folder)?.0.into_iter().map(|image| (image.relative, image.path)).collect())
}

/// An image, transformed as [`open`](crate::open) transforms those of a folder: its shape, and its values in [-1, 1].
///
/// # Errors
/// If an option is out of its domain, or the image cannot be read.
pub fn read_image(path: &Path, options: &OpenOptions) -> Result<(ItemShape, Vec<f32>), DataError> {
    options.check()?;
    let Decoded { values, channels, size: (width, height) } = decode_file(path, options)?;
    Ok((ItemShape::Image { channels, height, width }, values.into_iter().map(to_f32).collect()))
}

/// 3 as soon as one image is coloured.
fn most_channels(decoded: &[Decoded]) -> usize {
    decoded.iter().map(|image| image.channels).max().unwrap_or(1)
}

pub(crate) fn open(id: &str, folder: &Path, options: &OpenOptions) -> Result<Dataset, DataError> {
    let (found, _) = search(folder)?;
    if found.len() < 2 {
        return Err(DataError::TooFewItems { path: folder.to_owned(), got: found.len() });
    }
    let (width, height) = match options.resolution.or(options.crop) {
        Some(side) => (side, side),
        None => common_size(&found)?,
    };
    let mut items = found.len();
    if let Some(side) = options.crop {
        let sizes = sizes(&found)?;
        found.iter().zip(&sizes).try_for_each(|(image, &size)| tiles::check(&image.path, size, side))?;
        // Whole images are held in memory while they are cut.
        items = sizes.iter().map(|&(width, height)| (width * height).div_ceil(side * side)).sum();
    }
    // Whether all images are grey is known only after decoding: the check supposes RGB.
    transform::check_memory(folder, items, options.output(3, height, width))?;
    let decoded: Vec<_> = found.par_iter().map(|image| decode_file(&image.path, options)).collect();
    // The first error by path, not by time.
    let mut decoded = decoded.into_iter().collect::<Result<Vec<_>, _>>()?;
    match options.crop {
        Some(side) => decoded.iter_mut().for_each(|image| {
            let (width, height) = image.size;
            image.values = tiles::of(&image.values, [image.channels, height, width], side).flatten().collect();
        }),
        // Only a file that was changed since its header was read can differ here.
        None => same_size(&found, decoded.iter().map(|image| image.size), (width, height))?,
    }
    let channels = most_channels(&decoded);
    let shape = ItemShape::Image { channels, height, width };

    let mut class_names: Vec<String> = found.iter().filter_map(|image| image.class.clone()).collect();
    class_names.sort_unstable();
    class_names.dedup();
    let index: BTreeMap<&str, u32> = class_names.iter().map(String::as_str).zip(0..).collect();

    let tests = held_out(&found);
    let part = |test: bool| {
        let chosen = || found.iter().zip(&decoded).zip(&tests).filter(move |(_, is_test)| **is_test == test);
        let mut values = Vec::new();
        let label = |image: &Found| image.class.as_deref().and_then(|class| index.get(class).copied());
        let mut labels = Vec::new();
        for ((found, image), _) in chosen() {
            // One item, or as many as the image was cut into.
            for item in image.values.chunks_exact(image.channels * width * height) {
                // A grey image among coloured ones.
                (0..channels / image.channels).for_each(|_| values.extend_from_slice(item));
                labels.push(label(found));
            }
        }
        let len = labels.len();
        Split { values: Values::U8(values), labels: labels.into_iter().collect(), len }
    };
    let title = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    Dataset::new(id, title.unwrap_or_else(|| id.to_owned()), shape, class_names.clone(), part(false), part(true), "")
}

/// All images in the folder, in the order of their relative paths, and the number of other files.
fn search(folder: &Path) -> Result<(Vec<Found>, usize), DataError> {
    let mut direct = Vec::new();
    let mut nested = Vec::new();
    let mut ignored = 0;
    for path in entries(folder)? {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        if path.is_dir() {
            search_class(&path, &name, &name, &mut nested, &mut ignored)?;
        } else if is_image(&path) {
            direct.push(Found { path, relative: name, class: None });
        } else {
            ignored += 1;
        }
    }
    match (direct.first(), nested.first()) {
        (None, None) => Err(DataError::NoImages { path: folder.to_owned(), ignored }),
        (Some(direct), Some(nested)) => Err(DataError::MixedFolder {
            path: folder.to_owned(),
            direct: PathBuf::from(&direct.relative),
            nested: PathBuf::from(&nested.relative),
        }),
        _ => {
            direct.append(&mut nested);
            direct.sort_by(|a, b| a.relative.cmp(&b.relative));
            Ok((direct, ignored))
        }
    }
}

/// All images of a class, also those in folders below it. Links to folders are followed no further, since they can form
/// a circle.
fn search_class(
    folder: &Path,
    class: &str,
    relative: &str,
    found: &mut Vec<Found>,
    ignored: &mut usize,
) -> Result<(), DataError> {
    for path in entries(folder)? {
        let Some(name) = path.file_name() else { continue };
        let relative = format!("{relative}/{}", name.to_string_lossy());
        if path.is_dir() {
            if !path.is_symlink() {
                search_class(&path, class, &relative, found, ignored)?;
            }
        } else if is_image(&path) {
            found.push(Found { path, relative, class: Some(class.to_owned()) });
        } else {
            *ignored += 1;
        }
    }
    Ok(())
}

/// What is in a folder, but for what begins with a dot and the shadow folder of macOS archives.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(DataError::io("read", folder))? {
        let entry = entry.map_err(DataError::io("read", folder))?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") && name != "__MACOSX" {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| extension == "png" || extension == "jpg" || extension == "jpeg")
}

/// Which images are held out: those whose hash is a multiple of ten; at least one, and never all.
fn held_out(found: &[Found]) -> Vec<bool> {
    let hashes: Vec<u64> = found
        .iter()
        .map(|image| {
            let digest: [u8; 32] = Sha256::digest(image.relative.as_bytes()).into();
            digest[..8].iter().fold(0, |hash, &byte| hash << 8 | u64::from(byte))
        })
        .collect();
    let mut tests: Vec<bool> = hashes.iter().map(|hash| hash % 10 == 0).collect();
    let count = tests.iter().filter(|&&test| test).count();
    let smallest = (0..hashes.len()).min_by_key(|&i| hashes[i]);
    if let Some(smallest) = smallest.filter(|_| count == 0 || count == tests.len()) {
        tests[smallest] = count == 0;
    }
    tests
}

/// The shorter side of the smallest image of a folder, in pixels: what all of them can be brought to without enlarging one.
///
/// # Errors
/// If the folder cannot be read or holds no image, or a header cannot be read.
pub fn smallest_side(folder: &Path) -> Result<usize, DataError> {
    let (found, _) = search(folder)?;
    Ok(sizes(&found)?.into_iter().map(|(width, height)| width.min(height)).min().unwrap_or_default())
}

/// Width and height of each image, from their headers.
fn sizes(found: &[Found]) -> Result<Vec<(usize, usize)>, DataError> {
    let sizes: Vec<_> = found.par_iter().map(|image| size(&image.path)).collect();
    sizes.into_iter().collect()
}

/// Width and height of all images.
fn common_size(found: &[Found]) -> Result<(usize, usize), DataError> {
    let sizes = sizes(found)?;
    let first = sizes.first().copied().unwrap_or_default();
    same_size(found, sizes.into_iter(), first)?;
    Ok(first)
}

fn same_size(
    found: &[Found],
    mut sizes: impl Iterator<Item = (usize, usize)>,
    expected: (usize, usize),
) -> Result<(), DataError> {
    let other = found.iter().find_map(|image| sizes.next().filter(|&size| size != expected).map(|size| (image, size)));
    match (other, found.first()) {
        (Some((image, got)), Some(first)) => {
            Err(DataError::SizeMismatch { path: image.path.clone(), got, first: first.path.clone(), expected })
        }
        _ => Ok(()),
    }
}

fn size(path: &Path) -> Result<(usize, usize), DataError> {
    let mut decoder = bounded(path, reader(path)?)?;
    let (width, height) = decoder.dimensions();
    let turned = matches!(
        decoder.orientation().map_err(cannot_decode(path))?,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    let (width, height) = if turned { (height, width) } else { (width, height) };
    Ok((width as usize, height as usize))
}

/// A file of at most [`MAX_FILE`] bytes. The format is seen from the contents: a JPEG named `.png` is read all the same.
fn reader(path: &Path) -> Result<ImageReader<BufReader<File>>, DataError> {
    let file = File::open(path).map_err(DataError::io("read", path))?;
    let length = file.metadata().map_err(DataError::io("read", path))?.len();
    if length > MAX_FILE {
        let problem = format!("it has {length} bytes, more than the limit of {MAX_FILE}");
        return Err(DataError::Image { path: path.to_owned(), problem });
    }
    ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(DataError::io("read", path))
}

/// A decoder of what comes from `path`, within bounds.
pub(crate) fn bounded<'a>(
    path: &Path,
    mut reader: ImageReader<impl BufRead + Seek + 'a>,
) -> Result<impl ImageDecoder + 'a, DataError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits.clone());
    let checked = || -> ImageResult<_> {
        let decoder = reader.into_decoder()?;
        let (width, height) = decoder.dimensions();
        limits.check_dimensions(width, height)?;
        // However little a pixel takes in the file, it is brought to RGBA.
        limits.reserve(u64::from(width) * u64::from(height) * MAX_PIXEL)?;
        Ok(decoder)
    };
    let decoder = checked().map_err(cannot_decode(path))?;
    match decoder.dimensions() {
        (0, _) | (_, 0) => Err(DataError::Image { path: path.to_owned(), problem: "it has no pixel".into() }),
        _ => Ok(decoder),
    }
}

fn decode_file(path: &Path, options: &OpenOptions) -> Result<Decoded, DataError> {
    decode(path, reader(path)?, options)
}

/// What comes from `path`, decoded and transformed.
pub(crate) fn decode<'a>(
    path: &Path,
    reader: ImageReader<impl BufRead + Seek + 'a>,
    options: &OpenOptions,
) -> Result<Decoded, DataError> {
    let mut decoder = bounded(path, reader)?;
    let orientation = decoder.orientation().map_err(cannot_decode(path))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(cannot_decode(path))?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = image.into_rgba8();
    let on_white = |value: u8, alpha: u8| {
        let alpha = u32::from(alpha);
        ((u32::from(value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let plane = |c: usize| pixels.pixels().map(move |pixel| on_white(pixel[c], pixel[3]));
    let grey = plane(0).eq(plane(1)) && plane(1).eq(plane(2));
    let channels = if grey { 1 } else { 3 };
    let planes: Vec<u8> = (0..channels).flat_map(plane).collect();
    let values = transform::convert(&planes, [channels, height, width], options);
    let size = options.resolution.map_or((width, height), |side| (side, side));
    Ok(Decoded { values, channels: options.channels.unwrap_or(channels), size })
}

pub(crate) fn cannot_decode(path: &Path) -> impl FnOnce(image::ImageError) -> DataError {
    // The decoders' messages can have several lines.
    move |error| {
        let problem = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        DataError::Image { path: path.to_owned(), problem }
    }
}
