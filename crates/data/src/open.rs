//! Opening a data set by name or path.

use std::path::{Path, PathBuf};

use crate::catalog::{self, Entry, Origin, RemoteFile};
use crate::dataset::{Dataset, ItemShape, Split, Values};
use crate::files::cache_dir;
use crate::idx::{Idx, IdxError};
use crate::{DataError, emoji, files, folder, horse_zebra, series, sprites, synthetic, tiles, transform, waves};

/// How a data set is opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Side of the square, in pixels, that images are resized to. An image that is not square is cropped to its middle
    /// square first; shrinking averages over areas, enlarging is bilinear between half-pixel centres.
    pub resolution: Option<usize>,
    /// 1 to make images grey (luma of ITU-R BT.601), 3 to make them RGB.
    pub channels: Option<usize>,
    /// Steps of the pieces that each series is cut into.
    pub window: Option<usize>,
    /// Side of the squares, in pixels, that each image is cut into, beginning at its upper left corner: as it is, not resized. They do
    /// not overlap; what is left at the right and lower edges, and squares that are all one colour, are left out. Those of one
    /// image are in the same part, and of its class. What [`attributes`] tells is of whole images.
    pub crop: Option<usize>,
    /// Where fetched files are kept; [`cache_dir`](crate::cache_dir) if not given.
    pub cache: Option<PathBuf>,
    /// Folders on the web to [`get`](crate::get) files from, in this order, instead of the official ones and their
    /// mirrors. What they give is checked all the same.
    pub base_urls: Vec<String>,
}

impl OpenOptions {
    /// The folder that holds, or is to hold, the files of a data set.
    pub(crate) fn folder(&self, id: &str) -> PathBuf {
        self.cache.clone().unwrap_or_else(files::cache_dir).join(id)
    }
}

/// Opens a data set: an id of the [catalogue](crate::catalog), a folder of images, an IDX file of images, or a file of series.
///
/// - **Folder**: PNG and JPEG. With subfolders, each one is a class; images directly inside have none. Every tenth item,
///   chosen by the SHA-256 of its relative path, is held out, at least one; so an item stays in its part when others are
///   added. All images are of one size unless `resolution` or `crop` is given. They are grey if every pixel of every image is, else
///   RGB; transparent pixels show white behind them.
/// - **IDX file**: `[items, height, width]`, packed by gzip or not. Labels are taken from the file beside it whose name has
///   `labels-idx1` instead of `images-idx3`. If its name says `train` and the file that says `t10k` or `test` instead is
///   beside it, that one is the held-out part; otherwise every tenth item is.
///
/// - **Series**: a `.npy` array `[n, steps]` or `[n, steps, channels]`, whose classes are whole numbers in the file beside it that ends in
///   `_y.npy` in place of `_x.npy`, or otherwise in `-labels.npy`; or a `.csv` file with a row for each step: a column `time` whose numbers rise within a
///   series, `id` that says which series a row belongs to (without it all rows are of one), `label`, its class, if it has one, and
///   the channels. With a `window` each series is cut into pieces of so many steps; otherwise all are of one length. Every
///   tenth is held out. The least and the largest value of each channel in the training part become -1 and 1.
///
/// An id goes before a file of the same name, which can still be opened as `./name`.
///
/// # Errors
/// See [`DataError`]: an unknown name, missing, damaged or unsuitable files, and options outside their domain.
pub fn open(id_or_path: &str, options: &OpenOptions) -> Result<Dataset, DataError> {
    options.check()?;
    let unknown = match catalog::find(id_or_path) {
        Ok(entry) => return open_entry(entry, options),
        Err(unknown) => unknown,
    };
    let path = Path::new(id_or_path);
    if path.is_dir() {
        only_for_series(id_or_path, options)?;
        folder::open(id_or_path, path, options)
    } else if path.is_file() && (series::is_array(path) || series::is_table(path)) {
        series::open(id_or_path, path, options)
    } else if path.exists() {
        only_for_series(id_or_path, options)?;
        open_idx(id_or_path, path, options)
    } else if id_or_path.contains(['/', '\\', '.']) {
        Err(DataError::NotFound { path: path.to_owned() })
    } else {
        Err(unknown)
    }
}

/// Refuses a window where there is nothing that it could cut.
fn only_for_series(id: &str, options: &OpenOptions) -> Result<(), DataError> {
    match options.window {
        Some(_) => Err(DataError::NotSeries { id: id.to_owned() }),
        None => Ok(()),
    }
}

/// Refuses options for images.
pub(crate) fn no_images(id: &str, options: &OpenOptions) -> Result<(), DataError> {
    let given = [("resolution", options.resolution), ("channels", options.channels), ("crop", options.crop)];
    match given.into_iter().find(|(_, value)| value.is_some()) {
        Some((option, _)) => Err(DataError::NotImages { option, id: id.to_owned() }),
        None => Ok(()),
    }
}

pub(crate) fn open_entry(entry: &Entry, options: &OpenOptions) -> Result<Dataset, DataError> {
    if let (series::ECG, Origin::Files { files, .. }) = (entry.id, &entry.origin) {
        return series::ecg(entry, &located_all(entry, files, options)?, options);
    }
    only_for_series(entry.id, options)?;
    if let Some(made) = waves::dataset(entry) {
        no_images(entry.id, options)?;
        return made;
    }
    if let Some(modes) = synthetic::modes(entry.id) {
        no_images(entry.id, options)?;
        return synthetic::dataset(entry, &modes);
    }
    let (shape, train, test) = match &entry.origin {
        Origin::Files { folder, files, .. } if *folder == emoji::ID => {
            let contents = contents(files, &located_all(entry, files, options)?)?;
            emoji::items(&contents, entry.class_names, emoji::style_of(entry.id))?
        }
        Origin::Files { files, .. } => fetched(entry, files, &located_all(entry, files, options)?)?,
        Origin::Embedded => digits()?,
        Origin::Procedural if entry.id == horse_zebra::ID => horse_zebra::items(),
        Origin::Procedural => sprites::items(),
    };
    let class_names = entry.class_names.iter().map(|&name| name.to_owned()).collect();
    finish(entry.id, entry.title, entry.attribution, class_names, shape, train, test, options)
}

/// Applies the transforms and puts the parts together.
#[expect(clippy::too_many_arguments, reason = "they are the parts of a data set")]
fn finish(
    id: &str,
    title: &str,
    attribution: &str,
    class_names: Vec<String>,
    shape: ItemShape,
    train: Split,
    test: Split,
    options: &OpenOptions,
) -> Result<Dataset, DataError> {
    let output = match shape {
        ItemShape::Image { channels, height, width } => options.output(channels, height, width),
        other => other,
    };
    transform::check_memory(Path::new(id), train.len + test.len, output)?;
    let mut train = transform::transform(train, shape, options);
    let mut test = transform::transform(test, shape, options);
    let mut shape = output;
    if let (Some(side), ItemShape::Image { channels, height, width }) = (options.crop, output) {
        tiles::check(Path::new(id), (width, height), side)?;
        (train, test) = (tiles::cut(&train, output.planes(), side), tiles::cut(&test, output.planes(), side));
        shape = ItemShape::Image { channels, height: side, width: side };
    }
    Dataset::new(id, title, shape, class_names, train, test, attribution)
}

/// The embedded digits. Item `i` is held out when `i % 5 == 4`; values are brought from 0..=16 to 0..=255.
fn digits() -> Result<(ItemShape, Split, Split), DataError> {
    const IMAGES: &[u8] = include_bytes!("../assets/digits8x8-images-idx3-ubyte.gz");
    const LABELS: &[u8] = include_bytes!("../assets/digits8x8-labels-idx1-ubyte.gz");
    let unpack = |bytes, name: &str| {
        crate::idx::read(flate2::read::GzDecoder::new(bytes), 1 << 20)
            .map_err(|source| DataError::Idx { path: name.into(), source })
    };
    let mut images = unpack(IMAGES, "digits (embedded images)")?;
    let labels = unpack(LABELS, "digits (embedded labels)")?;
    images.data.iter_mut().for_each(|x| *x = ((u32::from(*x).min(16) * 255 + 8) / 16) as u8);
    let (shape, data, _) = as_images(Path::new("digits"), images)?;
    let labels: Vec<u32> = labels.data.into_iter().map(u32::from).collect();
    let (train, test) = Split::partition(&data, Some(&labels), shape.len(), Values::U8, &|i| i % 5 == 4);
    Ok((shape, train, test))
}

/// What is known of each item besides its class: a value from a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// What is known: `style`, `skin_tone`, ...
    pub name: &'static str,
    /// The values that occur or can occur.
    pub values: Vec<String>,
    /// For each training item, in their order, an index into `values`.
    pub train: Vec<u32>,
    /// For each held-out item, in their order, an index into `values`.
    pub test: Vec<u32>,
}

/// The attributes of a data set's items; none where nothing but the class is known.
///
/// `emoji` has `style`, `category` (which is the class), `subcategory`, `skin_tone`, `gender` and `name`, the English
/// caption; items of the same name are one emoji in several styles. `sprites` has its five
/// [factors](crate::sprites::FACTORS), by which it is made.
///
/// # Errors
/// If the files are missing or damaged.
pub fn attributes(id: &str, options: &OpenOptions) -> Result<Vec<Attribute>, DataError> {
    match catalog::find(id) {
        Ok(entry @ Entry { origin: Origin::Files { files, .. }, .. }) if id == emoji::ID => {
            emoji::attributes(&contents(files, &located_all(entry, files, options)?)?, entry.class_names)
        }
        Ok(entry) if entry.id == sprites::ID => Ok(sprites::attributes()),
        _ => Ok(Vec::new()),
    }
}

/// Where the files of an entry are in the cache folder.
fn located_all(entry: &Entry, remote: &[RemoteFile], options: &OpenOptions) -> Result<Vec<PathBuf>, DataError> {
    let folder = options.folder(entry.folder());
    let locate = |file: &RemoteFile| {
        located(&folder, file).ok_or_else(|| DataError::NotFetched {
            id: entry.id.to_owned(),
            folder: folder.clone(),
            missing: file.name.to_owned(),
        })
    };
    remote.iter().map(locate).collect()
}

/// The unpacked bytes of all files, checked.
fn contents(remote: &[RemoteFile], paths: &[PathBuf]) -> Result<Vec<emoji::Contents>, DataError> {
    let read =
        |(path, file): (&PathBuf, &RemoteFile)| Ok((path.clone(), files::read_checked(path, file.sha256, file.size)?));
    paths.iter().zip(remote).map(read).collect()
}

/// The files of an entry: images and labels to train on, images and labels to test on.
fn fetched(entry: &Entry, remote: &[RemoteFile], paths: &[PathBuf]) -> Result<(ItemShape, Split, Split), DataError> {
    let mut parts = Vec::new();
    for (remote, paths) in remote.chunks_exact(2).zip(paths.chunks_exact(2)) {
        let (shape, data, len) = as_images(&paths[0], files::read_idx(&paths[0], Some(remote[0].sha256))?)?;
        let labels = as_labels(&paths[1], files::read_idx(&paths[1], Some(remote[1].sha256))?, len)?;
        parts.push((shape, Split { values: Values::U8(data), labels: Some(labels), len }));
    }
    let (Some((_, test)), Some((shape, train))) = (parts.pop(), parts.pop()) else {
        return Err(DataError::Inconsistent {
            id: entry.id.to_owned(),
            part: "catalogue entry".into(),
            got: format!("{} files", remote.len()),
            expected: "images and labels of two parts".into(),
        });
    };
    Ok((shape, train, test))
}

fn located(folder: &Path, file: &RemoteFile) -> Option<PathBuf> {
    spellings(file.name).into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// Whether the cache folder has all files of an entry, under any of the names that they go by. What is in them is checked
/// when the data set is opened.
pub fn is_fetched(entry: &Entry) -> bool {
    match &entry.origin {
        Origin::Files { files, .. } => {
            files.iter().all(|file| located(&cache_dir().join(entry.folder()), file).is_some())
        }
        _ => true,
    }
}

/// The names under which an official file is found: packed, unpacked, and for `*-images-idx3-ubyte.gz` each with the dot
/// that some unpackers write before `idx`.
pub(crate) fn spellings(name: &str) -> Vec<String> {
    let unpacked = name.strip_suffix(".gz").unwrap_or(name);
    let dotted = unpacked.replace("-idx", ".idx");
    let mut names = vec![format!("{unpacked}.gz"), unpacked.to_owned()];
    if dotted != unpacked {
        names.extend([format!("{dotted}.gz"), dotted]);
    }
    names
}

/// An IDX file given by its path.
fn open_idx(id: &str, path: &Path, options: &OpenOptions) -> Result<Dataset, DataError> {
    let (shape, data, len) = as_images(path, files::read_idx(path, None)?)?;
    let labels = labels_beside(path, len)?;
    let beside = ["t10k", "test"].into_iter().find_map(|part| replaced(path, "train", part));
    let (train, test) = if let Some(test_path) = beside {
        let (test_shape, test_data, test_len) = as_images(&test_path, files::read_idx(&test_path, None)?)?;
        if let (ItemShape::Image { height, width, .. }, ItemShape::Image { height: h, width: w, .. }) =
            (shape, test_shape)
            && (height, width) != (h, w)
        {
            let (first, expected) = (path.to_owned(), (width, height));
            return Err(DataError::SizeMismatch { path: test_path, got: (w, h), first, expected });
        }
        // Labels that only one part has are of no use.
        let test_labels = if labels.is_some() { labels_beside(&test_path, test_len)? } else { None };
        let labels = labels.filter(|_| test_labels.is_some());
        let split = |data, labels, len| Split { values: Values::U8(data), labels, len };
        (split(data, labels, len), split(test_data, test_labels, test_len))
    } else {
        if len < 2 {
            return Err(DataError::TooFewItems { path: path.to_owned(), got: len });
        }
        let last = (len - 1).min(9);
        Split::partition(&data, labels.as_deref(), shape.len(), Values::U8, &|i| i % 10 == last)
    };
    let classes = [&train, &test].into_iter().filter_map(|split| split.labels.as_ref()?.iter().max()).max();
    let class_names = classes.map_or_else(Vec::new, |&last| (0..=last).map(|class| class.to_string()).collect());
    let title = path.file_name().unwrap_or_default().to_string_lossy();
    finish(id, &title, "", class_names, shape, train, test, options)
}

/// The labels of the images in the file at `path`, if a file with its name says so beside it.
fn labels_beside(path: &Path, len: usize) -> Result<Option<Vec<u32>>, DataError> {
    let beside = replaced(path, "images-idx3", "labels-idx1").or_else(|| replaced(path, "images.idx3", "labels.idx1"));
    beside.map(|path| as_labels(&path, files::read_idx(&path, None)?, len)).transpose()
}

/// The file beside `path` whose name has `to` in the place of `from`, packed or not, if there is one.
fn replaced(path: &Path, from: &str, to: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    if !name.contains(from) {
        return None;
    }
    let name = name.replacen(from, to, 1);
    let other = name.strip_suffix(".gz").map_or_else(|| format!("{name}.gz"), str::to_owned);
    [name, other].into_iter().map(|name| path.with_file_name(name)).find(|path| path.is_file())
}

/// `[items, height, width]` as images of one channel.
fn as_images(path: &Path, idx: Idx) -> Result<(ItemShape, Vec<u8>, usize), DataError> {
    let wrong = |source| Err(DataError::Idx { path: path.to_owned(), source });
    match idx.dims[..] {
        [len, height, width] if len > 0 && height > 0 && width > 0 => {
            Ok((ItemShape::Image { channels: 1, height, width }, idx.data, len))
        }
        [_, _, _] => wrong(IdxError::Empty { dims: idx.dims }),
        _ => wrong(IdxError::Rank { got: idx.dims.len(), expected: 3 }),
    }
}

/// `[items]` as the labels of `expected` images.
fn as_labels(path: &Path, idx: Idx, expected: usize) -> Result<Vec<u32>, DataError> {
    if idx.dims.len() != 1 {
        let source = IdxError::Rank { got: idx.dims.len(), expected: 1 };
        return Err(DataError::Idx { path: path.to_owned(), source });
    }
    if idx.data.len() != expected {
        return Err(DataError::LabelCount { path: path.to_owned(), expected, got: idx.data.len() });
    }
    Ok(idx.data.into_iter().map(u32::from).collect())
}
