//! One process at a time trains in a run folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use crate::EngineError;

/// The file that is locked. It stays when the lock is gone.
pub(crate) const NAME: &str = ".lock";

/// The right to write into a run folder. The system takes it back when the process ends, however it ends.
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Takes the lock of a run folder.
    ///
    /// # Errors
    /// If another process has it, or the folder cannot be written.
    pub(crate) fn take(folder: &Path) -> Result<Self, EngineError> {
        let path = folder.join(NAME);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(EngineError::io("write", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(EngineError::Locked { path: folder.to_owned() }),
            // Some network file systems have no locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(Self { _file: None }),
            Err(TryLockError::Error(error)) => Err(EngineError::io("lock", &path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        assert!(matches!(Lock::take(folder.path()), Err(EngineError::Locked { .. })));
        drop(first);
        assert!(Lock::take(folder.path()).is_ok());
    }
}
