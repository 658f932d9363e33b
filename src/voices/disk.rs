//! Owns the few ways in which this module touches files: bounded reads, writes that are there whole or not at all, and
//! hashing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use md5::Md5;
use sha2::{Digest, Sha256};

use crate::files;

/// Ending of files that are not whole yet.
pub const PARTIAL: &str = ".partial";

const CHUNK_BYTES: usize = 64 << 10;

/// Both digests of the same bytes: MD5 is what catalogues list, SHA-256 what `voices.lock` holds.
#[derive(Clone, Default)]
pub struct Digests {
    md5: Md5,
    sha256: Sha256,
    pub length: u64,
}

// === impl Digests ===

impl Digests {
    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha256.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// Reads `file` to its end.
    pub fn of(file: impl Read) -> io::Result<Self> {
        let mut digests = Self::default();
        read_all(file, |bytes| digests.update(bytes))?;
        Ok(digests)
    }

    pub fn md5(&self) -> [u8; 16] {
        self.md5.clone().finalize().into()
    }

    pub fn sha256(&self) -> String {
        hex::encode(self.sha256.clone().finalize())
    }
}

/// The MD5 of a file, read to its end.
pub fn md5(file: impl Read) -> io::Result<[u8; 16]> {
    let mut hash = Md5::new();
    read_all(file, |bytes| hash.update(bytes))?;
    Ok(hash.finalize().into())
}

/// The SHA-256 of a file, read to its end, in hex.
pub fn sha256(file: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    read_all(file, |bytes| hash.update(bytes))?;
    Ok(hex::encode(hash.finalize()))
}

fn read_all(mut file: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            read => take(&chunk[..read]),
        }
    }
}

/// Where a file lies until it is whole.
pub fn partial_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}{PARTIAL}"))
}

/// The file's bytes, or `None` if there is no file.
pub fn read_if_there(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    match files::read(path, limit) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Puts `bytes` under `name`: whoever looks sees the file of before or this one. What could not be written whole is
/// taken away again.
pub fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let partial = partial_path(folder, name);
    let written = create_new(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let placed = written.and_then(|()| place(&partial, folder, name));
    if placed.is_err() {
        remove_if_there(&partial)?;
    }
    placed
}

/// Gives a whole file, already synced, its final name.
pub fn place(partial: &Path, folder: &Path, name: &str) -> io::Result<()> {
    fs::rename(partial, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// An empty file for writing. What had the name is removed first, so that a link is not written through.
pub fn create_new(path: &Path) -> io::Result<File> {
    remove_if_there(path)?;
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Whether the folder cannot be written by this process, rather than at this moment.
pub fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | NotFound | NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let digests = Digests::of(&b"abc"[..]).unwrap();

        assert_eq!(u128::from_be_bytes(digests.md5()), 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72);
        assert!(digests.sha256().starts_with("ba7816bf8f01cfea414140de5dae2223b00361a3"));
        assert_eq!(digests.length, 3);
    }

    #[test]
    fn a_file_over_the_limit_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "four").unwrap();

        assert_eq!(read_if_there(&path, 4).unwrap().as_deref(), Some(&b"four"[..]));
        assert_eq!(read_if_there(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_if_there(&folder.path().join("b"), 3).unwrap(), None);
    }

    #[test]
    fn writing_replaces_a_link_and_not_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "other").unwrap();
        std::os::unix::fs::symlink(&other, partial_path(folder.path(), "name")).unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("name")).unwrap();

        write_whole(folder.path(), "name", b"new").unwrap();

        assert_eq!(fs::read_to_string(&other).unwrap(), "other");
        assert_eq!(fs::read_to_string(folder.path().join("name")).unwrap(), "new");
    }
}
