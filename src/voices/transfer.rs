//! Owns bringing one file here: into a partial file, going on where an earlier attempt stopped, until its size and MD5
//! are those of the catalogue. What does not match is thrown away. Refuses to give the file its final name: that is
//! done when the whole voice is here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::HeaderValue;

use super::disk::{self, Digests};
use super::published::PublishedFile;
use super::settings::Retries;
use super::source::{From, SourceError, SourceReader};

/// Bytes that are here, of all that are expected. Shared with whoever watches.
#[derive(Debug, Default)]
pub struct TransferProgress {
    pub done: AtomicU64,
    pub total: AtomicU64,
}

/// What transfers of one voice share.
pub struct Transfers<'a> {
    pub reader: &'a SourceReader,
    pub retries: Retries,
    pub folder: &'a Path,
    pub progress: &'a TransferProgress,
}

/// A file that is here, whole, verified and on disk, but without its final name.
#[derive(Debug)]
pub struct Arrived {
    pub partial: PathBuf,
    pub sha256: String,
    pub size: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error(transparent)]
    Read(#[from] SourceError),
    #[error("it ended after {got} of {expected} bytes")]
    Short { got: u64, expected: u64 },
    #[error("{0} is not what the catalogue says")]
    Mismatch(&'static str),
    #[error("the disk is full")]
    Full,
    #[error(transparent)]
    Disk(io::Error),
}

/// An attempt that brought this much starts the counting of attempts anew.
const PROGRESS_BYTES: u64 = 1 << 20;

struct Partial {
    path: PathBuf,
    file: File,
    digests: Digests,
}

// === impl Transfers ===

impl Transfers<'_> {
    /// `name` is the file's final name in the folder.
    pub async fn bring(&self, file: &PublishedFile, name: &str) -> Result<Arrived, TransferError> {
        let done_before = self.progress.done.load(Ordering::Relaxed);
        let mut partial = Partial::open(disk::partial_path(self.folder, name)).map_err(disk_error)?;
        let mut etag = None;
        let mut attempt = 1;
        loop {
            let begun_at = partial.digests.length;
            let error = match self.attempt(file, &mut partial, &mut etag, done_before).await {
                Ok(()) => return partial.finish(),
                Err(error) => error,
            };
            if partial.digests.length >= begun_at + PROGRESS_BYTES {
                attempt = 1;
            }
            if !error.is_passing() || attempt >= self.retries.attempts {
                partial.abandon(&error);
                return Err(error);
            }
            tracing::warn!(file = name, attempt, error = %error, "a download is tried again");
            tokio::time::sleep(self.retries.delay(attempt)).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        file: &PublishedFile,
        partial: &mut Partial,
        etag: &mut Option<HeaderValue>,
        done_before: u64,
    ) -> Result<(), TransferError> {
        if partial.digests.length > file.size {
            partial.restart()?;
        }
        if partial.digests.length < file.size {
            let from = From { offset: partial.digests.length, etag: etag.clone() };
            let mut arriving = match self.reader.open(&file.path, from).await {
                Err(SourceError::NoSuchPart) => {
                    partial.restart()?;
                    return Err(SourceError::NoSuchPart.into());
                }
                opened => opened?,
            };
            if arriving.offset != partial.digests.length {
                partial.restart()?;
                if arriving.offset != 0 {
                    return Err(SourceError::NoSuchPart.into());
                }
            }
            etag.clone_from(&arriving.etag);
            while let Some(bytes) = arriving.next().await? {
                if partial.digests.length + bytes.len() as u64 > file.size {
                    partial.restart()?;
                    return Err(TransferError::Mismatch("its size"));
                }
                partial.append(&bytes)?;
                self.progress.done.store(done_before + partial.digests.length, Ordering::Relaxed);
            }
        }
        if partial.digests.length < file.size {
            return Err(TransferError::Short { got: partial.digests.length, expected: file.size });
        }
        if partial.digests.md5() != file.md5 {
            *etag = None;
            partial.restart()?;
            return Err(TransferError::Mismatch("its MD5"));
        }
        self.progress.done.store(done_before + file.size, Ordering::Relaxed);
        Ok(())
    }
}

// === impl Partial ===

impl Partial {
    /// What is there of the file, or nothing yet. The bytes that are there are read, so that the digests cover them.
    fn open(path: PathBuf) -> io::Result<Self> {
        if fs::symlink_metadata(&path).is_ok_and(|file| !file.is_file()) {
            fs::remove_file(&path)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let digests = Digests::of(&mut file)?;
        Ok(Self { path, file, digests })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        self.file.write_all(bytes).map_err(disk_error)?;
        self.digests.update(bytes);
        Ok(())
    }

    fn restart(&mut self) -> Result<(), TransferError> {
        self.digests = Digests::default();
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(disk_error)
    }

    fn finish(self) -> Result<Arrived, TransferError> {
        if let Err(error) = self.file.sync_all() {
            let error = disk_error(error);
            self.abandon(&error);
            return Err(error);
        }
        Ok(Arrived { sha256: self.digests.sha256(), size: self.digests.length, partial: self.path })
    }

    /// Keeps what a later attempt can go on with, and nothing else.
    fn abandon(self, error: &TransferError) {
        let of_use = self.digests.length > 0 && !matches!(error, TransferError::Full | TransferError::Mismatch(_));
        if !of_use {
            // What cannot be removed is removed when the catalogue is next opened.
            let _ = disk::remove_if_there(&self.path);
        }
    }
}

// === impl TransferError ===

impl TransferError {
    fn is_passing(&self) -> bool {
        match self {
            Self::Read(error) => error.is_passing(),
            Self::Short { .. } | Self::Mismatch(_) => true,
            Self::Full | Self::Disk(_) => false,
        }
    }
}

fn disk_error(error: io::Error) -> TransferError {
    if disk::is_full(&error) { TransferError::Full } else { TransferError::Disk(error) }
}
