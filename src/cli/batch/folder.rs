//! Owns the folder of results: which texts they are of, what is there and whole, and writing more. A file has its name
//! only once all of it is written. People count from 1, and so do the names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::file::{ItemFields, UnusableFile};
use crate::batch::SpokenItem;

pub struct Folder {
    path: PathBuf,
    items: usize,
}

/// What the folder says of itself.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Notes {
    /// Of the texts and of how they are spoken.
    texts: String,
    /// The number of the first text; 0 in folders of the versions that did not say.
    #[serde(default)]
    first: usize,
}

const NOTES: &str = ".tts-batch.json";
const UNFINISHED: &str = "part";
const FIRST: usize = 1;

// === impl Folder ===

impl Folder {
    /// Makes the folder, or goes on with one that is of the same texts.
    pub fn open(path: &Path, items: &[ItemFields], timestamps: bool) -> anyhow::Result<Self> {
        let mut digest = Sha256::new();
        for item in items {
            digest.update(serde_json::to_vec(item)?);
        }
        digest.update([u8::from(timestamps)]);
        let texts = digest.finalize().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
        let notes = Notes { texts, first: FIRST };
        let named = || path.display().to_string();
        fs::create_dir_all(path).with_context(named)?;
        match fs::read(path.join(NOTES)) {
            Ok(there) if serde_json::from_slice(&there).is_ok_and(|there: Notes| there == notes) => {}
            Ok(_) => return Err(UnusableFile::OtherResults(named()).into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::write(path.join(NOTES), serde_json::to_vec(&notes)?).with_context(named)?;
            }
            Err(error) => return Err(error).with_context(named),
        }
        Ok(Self { path: path.to_owned(), items: items.len() })
    }

    /// Items without a result.
    pub fn missing(&self) -> Vec<usize> {
        let names = fs::read_dir(&self.path).into_iter().flatten().flatten().map(|entry| entry.path());
        let whole = names.filter(|path| path.extension().is_some_and(|ending| ending != UNFINISHED));
        let audio = whole.filter(|path| path.extension().is_some_and(|ending| ending != "json" && ending != "srt"));
        let done: std::collections::HashSet<usize> =
            audio.filter_map(|path| path.file_stem()?.to_str()?.parse().ok()).collect();
        (0..self.items).filter(|index| !done.contains(&(index + FIRST))).collect()
    }

    /// The audio last: where it is, all of it is.
    pub fn write(&self, index: usize, sound: &SpokenItem) -> anyhow::Result<()> {
        for (ending, file) in &sound.beside {
            self.put(index, ending, file)?;
        }
        self.put(index, &sound.done.extension, &sound.audio)
    }

    fn put(&self, index: usize, ending: &str, file: &[u8]) -> anyhow::Result<()> {
        let path = self.path.join(format!("{:05}.{ending}", index + FIRST));
        let unfinished = path.with_added_extension(UNFINISHED);
        let written = fs::write(&unfinished, file).and_then(|()| fs::rename(unfinished, &path));
        written.with_context(|| path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_counts_from_0_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Folder::open(folder.path(), &[ItemFields::new()], false);
        assert_eq!(open().unwrap().missing(), [0]);
        let notes = fs::read_to_string(folder.path().join(NOTES)).unwrap();

        fs::write(folder.path().join(NOTES), notes.replace(",\"first\":1", "")).unwrap();

        assert!(open().is_err_and(|error| error.is::<UnusableFile>()));
    }
}
