//! What can go wrong with a data set, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::array::ArrayError;
use crate::idx::IdxError;

/// Why a data set could not be had, opened or loaded. The message is one line; [`DataError::help`] says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder could not be read, written or renamed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `create`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// No data set has this name, and no file or folder either.
    #[error("unknown data set `{id}`{}; there are {}", did_you_mean(nearest), known.join(", "))]
    UnknownDataset {
        /// What was asked for.
        id: String,
        /// The known name closest to it, if one is close.
        nearest: Option<&'static str>,
        /// Every known name.
        known: Vec<&'static str>,
    },
    /// A path that does not exist.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// Class-balanced batches of items without classes.
    #[error("batches balanced by class are asked for, but the items of `{id}` have no class")]
    NoLabels {
        /// The data set.
        id: String,
    },
    /// Items that are no two domains to translate between.
    #[error("{id}: {problem}")]
    Domains {
        /// The data set, or both.
        id: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        help: &'static str,
    },
    /// A data set whose files are not in the cache folder yet.
    #[error("the files of `{id}` are not in {} (missing {missing})", folder.display())]
    NotFetched {
        /// The data set.
        id: String,
        /// Where they were looked for.
        folder: PathBuf,
        /// The first file that is missing.
        missing: String,
    },
    /// A data set whose files no page serves, without a folder to take them from.
    #[error("no page serves the files of `{id}` ({}), which are made from {source_pages}", files.join(", "))]
    NoPage {
        /// The data set.
        id: String,
        /// The files.
        files: Vec<&'static str>,
        /// Where the originals are.
        source_pages: &'static str,
    },
    /// A folder given with `--from` that lacks one of the files.
    #[error("no {file} in {} (tried {})", folder.display(), tried.join(", "))]
    NotInFolder {
        /// The official name of the file.
        file: String,
        /// Where it was looked for.
        folder: PathBuf,
        /// Every name tried, relative to the folder.
        tried: Vec<String>,
    },
    /// A file whose (unpacked) contents are not the official ones.
    #[error("{} has the wrong contents: SHA-256 of the unpacked bytes is {got}, expected {expected}", path.display())]
    WrongHash {
        /// The file, as it was given.
        path: PathBuf,
        /// SHA-256 of the official bytes, in hex.
        expected: String,
        /// SHA-256 of what is there, in hex.
        got: String,
    },
    /// A file that is no IDX file, or a damaged one.
    #[error("{}: {source}", path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IdxError,
    },
    /// A file that holds no array of numbers, or a damaged one.
    #[error("{}: {source}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ArrayError,
    },
    /// A label file that does not belong to its image file.
    #[error("{} holds {got} labels for {expected} images", path.display())]
    LabelCount {
        /// The label file.
        path: PathBuf,
        /// The number of images.
        expected: usize,
        /// The number of labels.
        got: usize,
    },
    /// An image that cannot be decoded.
    #[error("cannot decode {}: {problem}", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What the decoder said, on one line.
        problem: String,
    },
    /// A table with something in it that does not belong there.
    #[error("{}, line {line}, column `{column}`: {problem}", path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What is wrong.
        problem: String,
    },
    /// A folder without images.
    #[error("{} holds no PNG or JPEG image ({ignored} other files)", path.display())]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// How many files of other kinds were passed over.
        ignored: usize,
    },
    /// A folder with images both directly inside and in subfolders, so that it is unclear whether they have classes.
    #[error("{} holds images directly inside ({}) and in subfolders ({})", path.display(), direct.display(), nested.display())]
    MixedFolder {
        /// The folder.
        path: PathBuf,
        /// An image directly inside, relative to the folder.
        direct: PathBuf,
        /// An image in a subfolder, relative to the folder.
        nested: PathBuf,
    },
    /// Images or files of different sizes where one size is needed. Sizes are (width, height) in pixels.
    #[error("{} is {}x{} pixels, but {} is {}x{}", path.display(), got.0, got.1, first.display(), expected.0, expected.1)]
    SizeMismatch {
        /// The first file that differs.
        path: PathBuf,
        /// Its width and height.
        got: (usize, usize),
        /// The file that it is compared with.
        first: PathBuf,
        /// Width and height of that one.
        expected: (usize, usize),
    },
    /// More data than is read into memory.
    #[error("{} needs {bytes} bytes in memory, more than the limit of {limit}", path.display())]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// What it needs.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Too few items to have a training and a test part.
    #[error("{} holds {got} item(s), too few for a training and a test part", path.display())]
    TooFewItems {
        /// The file or folder.
        path: PathBuf,
        /// The number of items.
        got: usize,
    },
    /// An option with a value outside its domain.
    #[error("{option} is {got}, expected {expected}")]
    InvalidOption {
        /// The option.
        option: &'static str,
        /// Its value.
        got: String,
        /// What is allowed.
        expected: String,
    },
    /// Options that cannot be given together.
    #[error("{} and {} cannot be given together", options[0], options[1])]
    Exclude {
        /// The options.
        options: [&'static str; 2],
    },
    /// An image that is smaller than the squares that it is to be cut into.
    #[error("{} is {}x{} pixels, smaller than squares of {side}x{side}", path.display(), got.0, got.1)]
    TooSmall {
        /// The image, or the data set.
        path: PathBuf,
        /// Its width and height.
        got: (usize, usize),
        /// The side of the squares.
        side: usize,
    },
    /// An option for images, given for a data set of something else.
    #[error("{option} applies to images, but `{id}` has none")]
    NotImages {
        /// The option.
        option: &'static str,
        /// The data set.
        id: String,
    },
    /// A window for what is no series.
    #[error("window applies to series, but `{id}` is made of something else")]
    NotSeries {
        /// The data set.
        id: String,
    },
    /// A file of series that cannot be taken as one.
    #[error("{}: {problem}", path.display())]
    Series {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        problem: String,
    },
    /// The parts of a data set do not fit each other.
    #[error("data set `{id}`: {part} has {got}, expected {expected}")]
    Inconsistent {
        /// The data set.
        id: String,
        /// The part that does not fit: `train values`, `test labels`, ...
        part: String,
        /// What it has.
        got: String,
        /// What it should have.
        expected: String,
    },
    /// A file that no source would give.
    #[error("cannot download {file}: {}", attempts.join("; "))]
    Download {
        /// The file.
        file: String,
        /// What each source answered, in the order they were tried.
        attempts: Vec<String>,
    },
    /// Another process is fetching the same data set.
    #[error("{} is being written by another process", path.display())]
    Busy {
        /// The folder in the cache.
        path: PathBuf,
    },
    /// A batch that the training part cannot fill.
    #[error("batch size is {batch}, expected 1 to {items}, the number of training items")]
    Batch {
        /// The batch size asked for.
        batch: usize,
        /// The number of training items.
        items: usize,
    },
    /// The system gave the loader no thread.
    #[error("cannot start a thread to load data: {source}")]
    Thread {
        /// The cause.
        source: io::Error,
    },
    /// A thread of the loader ended without handing over its batch.
    #[error("the loader stopped before the batch of step {step} was ready")]
    LoaderStopped {
        /// The step.
        step: u64,
    },
}

fn did_you_mean(nearest: &Option<&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

impl DataError {
    /// What the user can do about it, where there is something to do.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Io { .. } | Self::Array { .. } | Self::Inconsistent { .. } | Self::LoaderStopped { .. } => return None,
            Self::Thread { .. } => "ask for fewer loader threads".into(),
            Self::UnknownDataset { .. } => {
                "`ganvas data list` shows every data set; a folder of images or an IDX file is given by its path".into()
            }
            Self::NotFound { .. } => "check the path; a folder of images or an IDX file is expected".into(),
            Self::NoLabels { .. } => "use data with labels, such as a folder with a subfolder for each class".into(),
            Self::Domains { help, .. } => (*help).into(),
            Self::NotFetched { id, .. } => format!(
                "run `ganvas data get {id}`, or `ganvas data get {id} --from DIR` if you have the files already"
            ),
            Self::NoPage { id, .. } => {
                format!("run `ganvas data get {id} --from DIR` with the folder that holds these very files")
            }
            Self::Table { .. } => "the table is damaged or another one: get it again".into(),
            Self::NotInFolder { .. } => {
                "give the folder that holds the official files, packed (.gz) or not, under their official names".into()
            }
            Self::WrongHash { .. } => {
                "the file is damaged or another one: delete it and get it again from the official page".into()
            }
            Self::Idx { .. } => "the file is damaged or of another kind: get it again".into(),
            Self::LabelCount { path, .. } => {
                format!("put the labels that belong to the images there, or move {} away", path.display())
            }
            Self::Image { .. } => "replace the image or take it out of the folder".into(),
            Self::NoImages { .. } => {
                "put .png, .jpg or .jpeg files into it, directly or in one subfolder for each class; an IDX file is given by \
                 its own path"
                    .into()
            }
            Self::MixedFolder { .. } => {
                "move all images into subfolders (one for each class), or all directly into the folder".into()
            }
            Self::SizeMismatch { expected, .. } => {
                let side = expected.0.min(expected.1).max(1);
                format!("pass `--set resolution=N` (for example {side}) to crop and resize all images to N x N")
            }
            Self::TooLarge { .. } => "pass `--set resolution=N` with a smaller N, or use fewer items".into(),
            Self::TooFewItems { .. } => "add items: at least two are needed".into(),
            Self::InvalidOption { option, expected, .. } => format!("set {option} to {expected}"),
            Self::NotImages { option, .. } => format!("leave out {option}"),
            Self::NotSeries { .. } => "leave out window".into(),
            Self::Series { .. } => {
                "series are a .csv file with the columns time, id and label (if they have them) and the channels, or a .npy array \
                 [n, steps, channels]"
                    .into()
            }
            Self::Exclude { options } => format!("leave out {} or {}", options[0], options[1]),
            Self::TooSmall { got, .. } => {
                format!("pass `--crop N` with N at most {}, or take the image out of the folder", got.0.min(got.1))
            }
            Self::Download { .. } => {
                "try again (what has arrived is kept), or download the files by hand and pass their folder with --from"
                    .into()
            }
            Self::Busy { .. } => "wait until the other download has ended".into(),
            Self::Batch { items, .. } => format!("set the batch size to at most {items}"),
        })
    }

    /// For `map_err` after a file operation.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
