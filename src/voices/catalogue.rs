//! Owns the list of voices that may be served: those in the models folder whose ids the configuration allows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wildmatch::WildMatch;

use crate::domain::VoiceId;

/// The files of one voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceFiles {
    /// `NAME.onnx`
    pub model: PathBuf,
    /// `NAME.onnx.json`
    pub config: PathBuf,
}

/// Voices by id.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    voices: BTreeMap<VoiceId, VoiceFiles>,
}

/// The models folder could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read the models folder {folder}: {source}")]
pub struct CatalogueError {
    folder: String,
    source: std::io::Error,
}

const MODEL_SUFFIX: &str = ".onnx";

// === impl Catalogue ===

impl Catalogue {
    /// Finds the voices in `folder` that match one of the patterns, which may contain `*` and `?`. A model without its settings file is
    /// no voice.
    pub fn scan(folder: &Path, patterns: &[String]) -> Result<Self, CatalogueError> {
        let failed = |source| CatalogueError { folder: folder.display().to_string(), source };
        let allowed: Vec<WildMatch> = patterns.iter().map(|pattern| WildMatch::new(pattern)).collect();
        let mut voices = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let model = entry.map_err(failed)?.path();
            let Some(id) = id_of(&model) else { continue };
            let config = model.with_added_extension("json");
            if model.is_file() && config.is_file() && allowed.iter().any(|pattern| pattern.matches(id.as_str())) {
                voices.insert(id, VoiceFiles { model, config });
            }
        }
        Ok(Self { voices })
    }

    pub fn get(&self, id: &VoiceId) -> Option<&VoiceFiles> {
        self.voices.get(id)
    }

    pub fn ids(&self) -> impl Iterator<Item = &VoiceId> {
        self.voices.keys()
    }

    pub fn is_empty(&self) -> bool {
        self.voices.is_empty()
    }
}

impl FromIterator<(VoiceId, VoiceFiles)> for Catalogue {
    fn from_iter<I: IntoIterator<Item = (VoiceId, VoiceFiles)>>(voices: I) -> Self {
        Self { voices: voices.into_iter().collect() }
    }
}

fn id_of(model: &Path) -> Option<VoiceId> {
    let name = model.file_name()?.to_str()?.strip_suffix(MODEL_SUFFIX)?;
    VoiceId::parse(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_and_allowed_voices_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "en_US-a-low.onnx",
            "en_US-a-low.onnx.json",
            "de_DE-b-low.onnx",
            "de_DE-b-low.onnx.json",
            "en_US-c-low.onnx",
            "readme.md",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }

        let english = Catalogue::scan(folder.path(), &["en_*".to_owned()]).unwrap();
        let all = Catalogue::scan(folder.path(), &["*".to_owned()]).unwrap();

        assert_eq!(english.ids().map(VoiceId::as_str).collect::<Vec<_>>(), ["en_US-a-low"]);
        assert_eq!(all.ids().count(), 2);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_it() {
        let error = Catalogue::scan(Path::new("/no/such/folder"), &[]).unwrap_err();

        assert!(error.to_string().contains("/no/such/folder"));
    }
}
