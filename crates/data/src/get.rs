//! Bringing the files of a data set into the cache folder.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::catalog::{self, Entry, Origin, RemoteFile};
use crate::download::download;
use crate::open::spellings;
use crate::{DataError, OpenOptions, files};

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file's official name.
    pub file: &'static str,
    /// Bytes that have arrived, those of an earlier try included.
    pub done_bytes: u64,
    /// Bytes in all, if known.
    pub total_bytes: Option<u64>,
}

/// What [`get`] has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    /// The data set.
    pub id: String,
    /// The files, which are all there and checked now; none for a data set that needs none.
    pub files: Vec<GotFile>,
}

/// A file in the cache folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GotFile {
    /// Where it is.
    pub path: PathBuf,
    /// How it came there.
    pub how: How,
}

/// How a file came into the cache folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It was there already.
    Present,
    /// From a folder.
    Copied,
    /// From the web.
    Downloaded,
}

/// Brings the files of a data set into the cache folder, from the folder `from` or else from the web. What is there already
/// and in order is left alone. A file gets its name only when it is complete and its unpacked bytes have the right SHA-256.
///
/// In `from`, or the folder in it that is named as that of the cache, the files have their official names, packed (`.gz`) or not,
/// spelt `-idx3-ubyte` or `.idx3-ubyte`. A data set that no page serves, the emoji, needs `from`. A download that breaks off is continued by the next call. `progress` is called as
/// bytes arrive.
///
/// Of the options, `cache` and `base_urls` count here.
///
/// # Errors
/// [`DataError::UnknownDataset`], [`DataError::NoPage`], [`DataError::NotInFolder`], [`DataError::WrongHash`], [`DataError::Download`],
/// [`DataError::Busy`] if another process is at it, and errors of the file system.
pub fn get(
    id: &str,
    from: Option<&Path>,
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Got, DataError> {
    get_entry(catalog::find(id)?, from, options, progress)
}

pub(crate) fn get_entry(
    entry: &Entry,
    from: Option<&Path>,
    options: &OpenOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Got, DataError> {
    let mut got = Got { id: entry.id.to_owned(), files: Vec::new() };
    let Origin::Files { base_urls, files, .. } = &entry.origin else { return Ok(got) };
    let folder = options.folder(entry.folder());
    fs::create_dir_all(&folder).map_err(DataError::io("create", &folder))?;
    let _lock = lock(&folder)?;
    let base_urls: Vec<&str> = if options.base_urls.is_empty() {
        base_urls.to_vec()
    } else {
        options.base_urls.iter().map(String::as_str).collect()
    };
    for file in *files {
        let in_order = |path: &PathBuf| path.is_file() && files::verify(path, file.sha256, file.size).is_ok();
        let present = spellings(file.name).into_iter().map(|name| folder.join(name)).find(in_order);
        let (path, how) = match (present, from) {
            (Some(path), _) => (path, How::Present),
            (None, Some(from)) => (copy(entry.folder(), file, from, &folder, progress)?, How::Copied),
            (None, None) if base_urls.is_empty() => {
                return Err(DataError::NoPage {
                    id: entry.id.to_owned(),
                    files: files.iter().map(|file| file.name).collect(),
                    source_pages: entry.source,
                });
            }
            (None, None) => {
                let path = folder.join(file.name);
                let urls: Vec<String> =
                    base_urls.iter().map(|base| format!("{}/{}", base.trim_end_matches('/'), file.name)).collect();
                download(&urls, file, &path, progress)?;
                (path, How::Downloaded)
            }
        };
        // Damaged copies under other spellings: `open` would find them first.
        for other in spellings(file.name).into_iter().map(|name| folder.join(name)).filter(|other| *other != path) {
            if other.is_file() && !in_order(&other) {
                fs::remove_file(&other).map_err(DataError::io("remove", &other))?;
            }
        }
        got.files.push(GotFile { path, how });
    }
    Ok(got)
}

/// Keeps other processes from writing into the folder. The system lets go of the lock when this process ends, however it
/// does.
fn lock(folder: &Path) -> Result<File, DataError> {
    let path = folder.join(".lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(DataError::io("create", &path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(DataError::Busy { path: folder.to_owned() }),
        // Some network file systems have no locks; two processes at once are then the user's to avoid.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn copy(
    inside: &str,
    file: &RemoteFile,
    from: &Path,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, DataError> {
    if !from.is_dir() {
        return Err(DataError::NotFound { path: from.to_owned() });
    }
    let tried: Vec<String> =
        spellings(file.name).into_iter().flat_map(|name| [format!("{inside}/{name}"), name]).collect();
    let Some(source) = tried.iter().map(|name| from.join(name)).find(|path| path.is_file()) else {
        return Err(DataError::NotInFolder { file: file.name.to_owned(), folder: from.to_owned(), tried });
    };
    files::verify(&source, file.sha256, file.size)?;
    let packed = files::is_packed(&source)?;
    let target = folder.join(if packed { file.name } else { file.name.strip_suffix(".gz").unwrap_or(file.name) });
    let unfinished = target.with_added_extension("copy");
    let result = copy_bytes(&source, &unfinished)
        // What was read the second time may differ.
        .and_then(|bytes| files::verify(&unfinished, file.sha256, file.size).map(|()| bytes))
        .and_then(|bytes| files::publish(&unfinished, &target).map(|()| bytes));
    match result {
        Ok(bytes) => {
            progress(Progress { file: file.name, done_bytes: bytes, total_bytes: Some(bytes) });
            Ok(target)
        }
        Err(error) => {
            let _ = fs::remove_file(&unfinished);
            Err(error)
        }
    }
}

fn copy_bytes(from: &Path, to: &Path) -> Result<u64, DataError> {
    let mut source = File::open(from).map_err(DataError::io("open", from))?;
    let size = source.metadata().map_err(DataError::io("read", from))?.len();
    let mut target = File::create(to).map_err(DataError::io("create", to))?;
    io::copy(&mut (&mut source).take(size), &mut target).map_err(DataError::io("write", to))
}
