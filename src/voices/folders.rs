//! Owns the folders of voices: which there are, whether one is empty or its disk is away, and into which one downloads
//! go.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::disk;
use super::folder::{self, InstalledVoice};
use crate::domain::VoiceId;

/// The folder that was configured, and the one for when that cannot be written.
#[derive(Debug, Default)]
pub struct Folders {
    models: Option<PathBuf>,
    fallback: Option<PathBuf>,
    /// Decided by the first download.
    writable: Mutex<Option<PathBuf>>,
    /// Folders that held voices when they were last looked into.
    held: Mutex<BTreeMap<PathBuf, FolderIdentity>>,
}

/// What a path led to: a device and an inode.
type FolderIdentity = (u64, u64);

const PROBE: &str = "+probe";

// === impl Folders ===

impl Folders {
    pub fn new(models: PathBuf, fallback: Option<PathBuf>) -> Self {
        let fallback = fallback.filter(|fallback| *fallback != models);
        Self { models: Some(models), fallback, writable: Mutex::default(), held: Mutex::default() }
    }

    /// In the order of precedence from least to most: what is in the second was downloaded because the first could not
    /// be changed.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        self.models.iter().chain(&self.fallback).map(PathBuf::as_path)
    }

    /// The voices in one of them. An error where it held some, and nothing is in its place now, or another folder that
    /// has none: a disk that is not there is no reason to forget its voices. In the same folder they were removed.
    pub fn scan(&self, folder: &Path) -> io::Result<BTreeMap<VoiceId, InstalledVoice>> {
        let place = fs::metadata(folder).ok().map(|now| (now.dev(), now.ino()));
        let voices = folder::scan(folder)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !voices.is_empty() {
            held.extend(place.map(|place| (folder.to_owned(), place)));
        } else if held.get(folder).is_some_and(|before| Some(*before) != place) {
            let problem = "it held voices and is not there, or empty and another one: is its disk mounted?";
            return Err(io::Error::new(io::ErrorKind::NotFound, problem));
        } else {
            held.remove(folder);
        }
        Ok(voices)
    }

    /// Where downloads go. Made if it is not there.
    pub fn writable(&self) -> io::Result<PathBuf> {
        let mut decided = self.writable.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = &*decided {
            return Ok(folder.clone());
        }
        let Some(models) = &self.models else { return Err(io::ErrorKind::NotFound.into()) };
        let folder = match (probe(models), &self.fallback) {
            (Ok(()), _) => models,
            (Err(error), Some(fallback)) if disk::is_unwritable(&error) && probe(fallback).is_ok() => {
                let (from, to) = (models.display(), fallback.display());
                tracing::warn!(models = %from, downloads = %to, %error, "the models folder cannot be written");
                fallback
            }
            (Err(error), _) => return Err(error),
        };
        *decided = Some(folder.clone());
        Ok(folder.clone())
    }
}

fn probe(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = disk::partial_path(folder, PROBE);
    match disk::create_new(&path) {
        Ok(_) => disk::remove_if_there(&path),
        // It can be written, if not now.
        Err(error) if disk::is_full(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_made_and_the_fallback_left_alone_when_it_can_be_written() {
        let root = tempfile::tempdir().unwrap();
        let (models, fallback) = (root.path().join("a/models"), root.path().join("b"));
        let folders = Folders::new(models.clone(), Some(fallback.clone()));

        assert_eq!(folders.writable().unwrap(), models);
        assert!(!fallback.exists());
        assert_eq!(fs::read_dir(models).unwrap().count(), 0);
    }

    #[test]
    fn the_fallback_is_used_when_it_cannot() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let fallback = root.path().join("home/models");

        let folders = Folders::new(file.join("models"), Some(fallback.clone()));

        assert_eq!(folders.writable().unwrap(), fallback);
        assert!(Folders::new(file.join("models"), None).writable().is_err());
    }
}
