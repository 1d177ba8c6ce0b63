//! Files: the cache folder, packed and unpacked reading, and writing that leaves nothing half-written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::DataError;
use crate::dataset::hex;
use crate::idx::{self, Idx, IdxError};
use crate::transform::MAX_BYTES;

/// What deflate can make of one byte at most (zlib's technical notes: 1032 to 1). A packed file therefore bounds what a
/// header inside it may declare.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// How a file packed by gzip begins.
pub(crate) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where data sets are kept: the folder in the environment variable `GANVAS_DATA`, or `ganvas/data` in the platform's
/// cache folder.
pub fn cache_dir() -> PathBuf {
    if let Some(folder) = std::env::var_os("GANVAS_DATA").filter(|folder| !folder.is_empty()) {
        return PathBuf::from(folder);
    }
    // Without a home folder (a bare container) there is no cache folder either.
    let base = directories::BaseDirs::new().map_or_else(std::env::temp_dir, |dirs| dirs.cache_dir().to_owned());
    base.join("ganvas").join("data")
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// Those of reading; `FileTooLarge` if there are more, and `OutOfMemory` if there is no room for them.
pub fn read_within(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // What a device or a pipe holds is not known.
    let length = file.metadata()?.len();
    if length > limit {
        return Err(too_long(limit));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length as usize).map_err(|_| io::ErrorKind::OutOfMemory)?;
    Within::new(file, limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn too_long(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes"))
}

/// A reader that fails where more than so many bytes come: a part is never taken for the whole.
pub(crate) struct Within<R> {
    inner: io::Take<R>,
    limit: u64,
}

impl<R: Read> Within<R> {
    pub(crate) fn new(inner: R, limit: u64) -> Self {
        Self { inner: inner.take(limit.saturating_add(1)), limit }
    }
}

impl<R: Read> Read for Within<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if self.inner.limit() == 0 { Err(too_long(self.limit)) } else { Ok(n) }
    }
}

/// A reader that hashes what passes through it.
pub(crate) struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    /// SHA-256 of all bytes read, in hex.
    pub(crate) fn finish(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        Ok(n)
    }
}

/// Whether a file begins as one packed by gzip does, whatever its name.
pub(crate) fn is_packed(path: &Path) -> Result<bool, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let mut magic = Vec::new();
    file.take(2).read_to_end(&mut magic).map_err(DataError::io("read", path))?;
    Ok(magic == GZIP)
}

/// The unpacked contents of a file, and a bound on how many bytes they can be.
pub(crate) fn open_unpacked(path: &Path) -> Result<(Box<dyn Read>, u64), DataError> {
    let packed = is_packed(path)?;
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let length = file.metadata().map_err(DataError::io("read", path))?.len();
    Ok(unpacked(packed, BufReader::with_capacity(1 << 16, file), length))
}

/// The same of a stream of `length` bytes.
pub(crate) fn unpacked<'a>(packed: bool, from: impl BufRead + 'a, length: u64) -> (Box<dyn Read + 'a>, u64) {
    if packed {
        (Box::new(MultiGzDecoder::new(from)), length.saturating_mul(MAX_DEFLATE_RATIO))
    } else {
        (Box::new(from), length)
    }
}

/// Reads an IDX file of at most 16 GiB, packed or not. With `expected`, its unpacked bytes must have that SHA-256.
pub(crate) fn read_idx(path: &Path, expected: Option<&str>) -> Result<Idx, DataError> {
    let (reader, limit) = open_unpacked(path)?;
    let mut reader = Hashing::new(reader);
    let idx = idx::read(&mut reader, limit.min(MAX_BYTES))
        .map_err(|source| DataError::Idx { path: path.to_owned(), source })?;
    if let Some(expected) = expected {
        compare(path, expected, reader.finish())?;
    }
    Ok(idx)
}

/// Checks that a file unpacks to the bytes with this SHA-256, of which there are `size`. Reads no further than one byte
/// beyond that.
pub(crate) fn verify(path: &Path, expected: &str, size: u64) -> Result<(), DataError> {
    let (reader, _) = open_unpacked(path)?;
    let mut reader = Hashing::new(reader.take(size.saturating_add(1)));
    io::copy(&mut reader, &mut io::sink())
        .map_err(|error| DataError::Idx { path: path.to_owned(), source: IdxError::Io(error) })?;
    compare(path, expected, reader.finish())
}

/// The unpacked contents of a file, checked as [`verify`] does.
pub(crate) fn read_checked(path: &Path, expected: &str, size: u64) -> Result<Vec<u8>, DataError> {
    let (reader, _) = open_unpacked(path)?;
    let mut reader = Hashing::new(reader.take(size.saturating_add(1)));
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(DataError::io("read", path))?;
    compare(path, expected, reader.finish())?;
    Ok(bytes)
}

fn compare(path: &Path, expected: &str, got: String) -> Result<(), DataError> {
    if got == expected {
        return Ok(());
    }
    Err(DataError::WrongHash { path: path.to_owned(), expected: expected.to_owned(), got })
}

/// Gives a finished file its final name: contents first, then the name, then the folder's entry are made durable.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<(), DataError> {
    // Windows only syncs handles that may write.
    let file = File::options().read(true).write(true).open(from).map_err(DataError::io("open", from))?;
    file.sync_all().map_err(DataError::io("sync", from))?;
    drop(file);
    std::fs::rename(from, to).map_err(DataError::io("rename to", to))?;
    if let Some(folder) = to.parent() {
        // Not every platform can sync a folder; the rename itself has happened.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn labels(n: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        Idx { dims: vec![n], data: vec![7; n] }.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn packed_and_unpacked_files_read_the_same_whatever_their_name() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, gz) = (folder.path().join("a.gz"), folder.path().join("b"));
        std::fs::write(&plain, labels(5)).unwrap();
        std::fs::write(&gz, packed(&labels(5))).unwrap();
        assert_eq!(read_idx(&plain, None).unwrap(), read_idx(&gz, None).unwrap());
        let hash = hex(&Sha256::digest(labels(5)));
        for path in [&plain, &gz] {
            verify(path, &hash, 13).unwrap();
            read_idx(path, Some(&hash)).unwrap();
            assert!(matches!(read_idx(path, Some("00")), Err(DataError::WrongHash { got, .. }) if got == hash));
        }
    }

    #[test]
    fn the_densest_packing_is_within_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dense.gz");
        std::fs::write(&path, packed(&labels(20_000_000))).unwrap();
        assert_eq!(read_idx(&path, None).unwrap().data.len(), 20_000_000);
    }

    #[test]
    fn a_header_beyond_what_the_packed_file_can_hold_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.gz");
        std::fs::write(&path, packed(&[0, 0, 8, 1, 255, 255, 255, 255, 1, 2, 3])).unwrap();
        let error = read_idx(&path, None).unwrap_err();
        assert!(matches!(error, DataError::Idx { source: IdxError::Oversize { .. }, .. }), "{error}");
    }

    #[test]
    fn what_unpacks_to_more_than_declared_is_not_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.gz");
        let bytes = [&labels(5)[..], &[0; 1_000_000]].concat();
        std::fs::write(&path, packed(&bytes)).unwrap();
        let error = read_idx(&path, None).unwrap_err();
        assert!(matches!(error, DataError::Idx { source: IdxError::Trailing { expected: 5 }, .. }), "{error}");
        let hash = hex(&Sha256::digest(labels(5)));
        assert!(matches!(verify(&path, &hash, 13), Err(DataError::WrongHash { .. })));
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_not_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ten");
        std::fs::write(&path, [1; 10]).unwrap();
        assert_eq!(read_within(&path, 10).unwrap(), [1; 10]);
        assert_eq!(read_within(&path, 9).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let mut bytes = Vec::new();
        assert!(Within::new(&[1; 10][..], 10).read_to_end(&mut bytes).is_ok());
        assert_eq!(
            Within::new(io::repeat(1), 9).read_to_end(&mut bytes).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }

    #[test]
    fn a_packed_file_cut_short_names_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.gz");
        let whole = packed(&labels(5000));
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        let message = read_idx(&path, None).unwrap_err().to_string();
        assert!(message.contains("cut.gz"), "{message}");
    }
}
