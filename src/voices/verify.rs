//! Owns the check that a downloaded file is still what was downloaded. A hash is kept for as long as the file's length,
//! time and inode stay the same, so that loading a voice again does not read it again.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use piper_acoustic::MAX_MODEL_BYTES;

use super::disk;
use crate::files;

/// Hashes of the files that were read so far; as many as there are downloaded files.
#[derive(Debug, Default)]
pub struct Verifier {
    seen: Mutex<HashMap<PathBuf, (Stamp, String)>>,
}

/// What changes when a file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

// === impl Verifier ===

impl Verifier {
    /// The file's SHA-256 in hex. Reads the whole file unless it is known: not for an async thread.
    pub fn sha256(&self, path: &Path) -> io::Result<String> {
        if let Some(known) = self.known(path)? {
            return Ok(known);
        }
        let file = files::open(path)?;
        let opened = Stamp::of(&file.metadata()?);
        if opened.length > MAX_MODEL_BYTES {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large for a model"));
        }
        let hash = disk::sha256(file)?;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), (opened, hash.clone()));
        Ok(hash)
    }

    /// The same, of a file that was read and is as it was then.
    pub fn known(&self, path: &Path) -> io::Result<Option<String>> {
        let stamp = Stamp::of(&fs::metadata(path)?);
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(seen.get(path).filter(|(seen, _)| *seen == stamp).map(|(_, hash)| hash.clone()))
    }

    /// Forgets files that are gone.
    pub fn keep_existing(&self) {
        let paths: Vec<PathBuf> = self.seen.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        // Not while it is locked: a disk may take its time to answer.
        for gone in paths.iter().filter(|path| !path.exists()) {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(gone);
        }
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_has_another_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let verifier = Verifier::default();
        fs::write(&path, "one").unwrap();

        let before = verifier.sha256(&path).unwrap();
        fs::write(&path, "longer").unwrap();
        let after = verifier.sha256(&path).unwrap();

        assert_ne!(before, after);
        assert_eq!(verifier.sha256(&path).unwrap(), after);
    }
}
