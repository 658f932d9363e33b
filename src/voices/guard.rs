//! Owns the locks of a models folder that several processes share: a lock file for each voice and one for
//! `voices.lock`. The system gives a lock back when its process dies, however it dies.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Held until dropped. The file is gone afterwards.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    /// `None`: this file system has no locks.
    _file: Option<File>,
}

const ENDING: &str = ".lock";
/// The system has no call that waits for a lock without a thread.
const POLL: Duration = Duration::from_millis(50);

// === impl Guard ===

impl Guard {
    /// Waits until no other process, and no other task of this one, holds `name`.
    pub async fn acquire(folder: &Path, name: &str) -> io::Result<Self> {
        loop {
            if let Some(guard) = Self::try_acquire(folder, name)? {
                return Ok(guard);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// `None`: someone holds it.
    pub fn try_acquire(folder: &Path, name: &str) -> io::Result<Option<Self>> {
        let path = folder.join(format!(".{name}{ENDING}"));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.try_lock() {
            // Its last holder removed it between our opening and locking it: this lock keeps nobody out.
            Ok(()) if !is_at(&file, &path)? => Ok(None),
            Ok(()) => Ok(Some(Self { path, _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                tracing::warn!("this file system has no locks: two processes may download the same voice");
                Ok(Some(Self { path, _file: None }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // While it is still locked, so that nobody loses a lock that is theirs. A file that stays is harmless.
        let _ = fs::remove_file(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voices::download::LOCKFILE_GUARD;

    #[test]
    fn processes_of_every_version_hold_the_same_file() {
        assert_eq!(LOCKFILE_GUARD, "+ledger");
    }

    #[test]
    fn one_holds_it_and_the_file_is_gone_afterwards() {
        let folder = tempfile::tempdir().unwrap();

        let first = Guard::try_acquire(folder.path(), "a").unwrap();
        let second = Guard::try_acquire(folder.path(), "a").unwrap();
        let other = Guard::try_acquire(folder.path(), "b").unwrap();

        assert!(first.is_some() && second.is_none() && other.is_some());
        drop((first, other));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(Guard::try_acquire(folder.path(), "a").unwrap().is_some());
    }
}
