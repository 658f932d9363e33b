//! Owns `voices.lock`: what was downloaded into a folder, and the SHA-256 that it had. One JSON object a line. A file
//! that stands here is served only as long as it is what was downloaded; a file that does not was put there by hand and
//! is its owner's business.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::disk;

/// The lines of one folder's `voices.lock`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockfile {
    files: BTreeMap<String, FileRecord>,
    /// Where the folder's `voices.json` came from.
    catalogue_source: Option<String>,
}

/// One downloaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The voice that it belongs to.
    pub id: String,
    /// Its name in the folder.
    pub file: String,
    pub sha256: String,
    pub size: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum LockfileLine {
    File(FileRecord),
    Catalogue { catalogue: String },
}

const NAME: &str = "voices.lock";
const MAX_BYTES: u64 = 8 << 20;

// === impl Lockfile ===

impl Lockfile {
    /// What the folder's lockfile says; nothing where there is none. A line that cannot be read is passed over with a
    /// warning.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut lockfile = Self::default();
        let Some(text) = disk::read_if_there(&folder.join(NAME), MAX_BYTES)? else { return Ok(lockfile) };
        for line in String::from_utf8_lossy(&text).lines().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(LockfileLine::File(record)) => lockfile.insert(record),
                Ok(LockfileLine::Catalogue { catalogue }) => lockfile.catalogue_source = Some(catalogue),
                Err(error) => tracing::warn!(%error, "a line of voices.lock cannot be read"),
            }
        }
        Ok(lockfile)
    }

    /// Replaces the folder's lockfile by this one.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let source = self.catalogue_source.iter().map(|source| LockfileLine::Catalogue { catalogue: source.clone() });
        let mut text = Vec::new();
        for line in source.chain(self.files.values().cloned().map(LockfileLine::File)) {
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        disk::write_whole(folder, NAME, &text)
    }

    pub fn get(&self, file: &str) -> Option<&FileRecord> {
        self.files.get(file)
    }

    pub fn insert(&mut self, record: FileRecord) {
        self.files.insert(record.file.clone(), record);
    }

    /// Forgets a voice's files.
    pub fn remove_voice(&mut self, id: &str) {
        self.files.retain(|_, record| record.id != id);
    }

    pub fn catalogue_source(&self) -> Option<&str> {
        self.catalogue_source.as_deref()
    }

    pub fn set_catalogue_source(&mut self, source: String) {
        self.catalogue_source = Some(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(file: &str) -> FileRecord {
        FileRecord { id: "a".to_owned(), file: file.to_owned(), sha256: "00".to_owned(), size: 3 }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut lockfile = Lockfile::default();
        lockfile.insert(record("a.onnx"));
        lockfile.set_catalogue_source("https://voices.test/".to_owned());

        lockfile.write(folder.path()).unwrap();

        assert_eq!(Lockfile::read(folder.path()).unwrap(), lockfile);
    }

    #[test]
    fn a_bad_line_costs_that_line() {
        let folder = tempfile::tempdir().unwrap();
        let good = serde_json::to_string(&record("a.onnx")).unwrap();
        std::fs::write(folder.path().join(NAME), format!("{{\n\u{1}\n{good}\n")).unwrap();

        let lockfile = Lockfile::read(folder.path()).unwrap();

        assert_eq!(lockfile.get("a.onnx"), Some(&record("a.onnx")));
    }

    #[test]
    fn a_voice_is_forgotten_whole() {
        let mut lockfile = Lockfile::default();
        lockfile.insert(record("a.onnx"));
        lockfile.insert(record("a.onnx.json"));

        lockfile.remove_voice("a");

        assert_eq!(lockfile, Lockfile::default());
    }
}
