//! Owns the lexicons of the operator: the files of a folder, `NAME.json` (an object of words and what is said instead)
//! or `NAME.pls`. They are read at start; a file that cannot be read ends the start, so that no word is said wrongly in
//! silence.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lexicon::{Lexicon, LexiconError};
use super::pls::{self, PlsError};
use crate::files;

/// Lexicons by name. A clone shares them.
#[derive(Debug, Clone, Default)]
pub struct Lexicons(Arc<BTreeMap<String, Lexicon>>);

/// Why the lexicons of a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("lexicon {file}: {reason}")]
pub struct LexiconsError {
    file: PathBuf,
    reason: LexiconFileError,
}

#[derive(Debug, thiserror::Error)]
enum LexiconFileError {
    #[error(transparent)]
    Read(#[from] std::io::Error),
    #[error("it has more than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    #[error("it must be an object whose values are strings: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Pls(#[from] PlsError),
    #[error(transparent)]
    Lexicon(#[from] LexiconError),
    #[error("the folder has more than {MAX_FILES} lexicons")]
    TooMany,
}

const MAX_FILE_BYTES: u64 = 4 << 20;
const MAX_FILES: usize = 100;

impl Lexicons {
    /// Those of a folder; other files in it are passed over.
    pub fn open(folder: &Path) -> Result<Self, LexiconsError> {
        let of = |file: &Path| {
            let file = file.to_owned();
            move |reason: LexiconFileError| LexiconsError { file, reason }
        };
        let mut lexicons = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(|error| of(folder)(error.into()))? {
            let path = entry.map_err(|error| of(folder)(error.into()))?.path();
            let kind = path.extension().and_then(|kind| kind.to_str());
            let (Some(name), Some(kind @ ("json" | "pls"))) = (path.file_stem().and_then(|name| name.to_str()), kind)
            else {
                continue;
            };
            if lexicons.len() == MAX_FILES {
                return Err(of(folder)(LexiconFileError::TooMany));
            }
            lexicons.insert(name.to_owned(), read(&path, kind == "json").map_err(of(&path))?);
        }
        Ok(Self(Arc::new(lexicons)))
    }

    pub fn get(&self, name: &str) -> Option<&Lexicon> {
        self.0.get(name)
    }
}

fn read(path: &Path, is_json: bool) -> Result<Lexicon, LexiconFileError> {
    let file = files::read(path, MAX_FILE_BYTES).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => LexiconFileError::TooLarge,
        _ => error.into(),
    })?;
    let file = String::from_utf8(file).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
    let entries = if is_json { serde_json::from_str(&file)? } else { pls::parse(&file)? };
    Ok(Lexicon::new(&entries)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_folder_are_lexicons_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("products.json"), r#"{"nginx": "engine x"}"#).unwrap();
        fs::write(folder.path().join("places.pls"), "<lexicon alphabet='ipa'/>").unwrap();
        fs::write(folder.path().join("notes.txt"), "nothing").unwrap();

        let lexicons = Lexicons::open(folder.path()).unwrap();

        assert_eq!(["products", "places", "notes"].map(|name| lexicons.get(name).is_some()), [true, true, false]);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        for (name, file) in [("bad.json", "[]"), ("bad.pls", "<lexicon>"), ("bad.json", r#"{"a": " "}"#)] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), file).unwrap();

            let error = Lexicons::open(folder.path()).unwrap_err();

            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
