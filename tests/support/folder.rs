//! Owns models folders made for one test.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::VOICE;

/// A folder that is gone when this is.
pub struct ModelsFolder(TempDir);

// === impl ModelsFolder ===

impl ModelsFolder {
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The real voice, once under each of these names.
    pub fn with_copies(names: &[&str]) -> Self {
        let folder = Self::empty();
        for name in names {
            for suffix in [".onnx", ".onnx.json"] {
                std::fs::copy(installed(suffix), folder.path().join(format!("{name}{suffix}"))).unwrap();
            }
        }
        folder
    }

    /// A voice that is made for tests (`tests/fixtures/models`).
    pub fn with_fixture(name: &str) -> Self {
        let folder = Self::empty();
        folder.add_fixture(name, name);
        folder
    }

    /// Adds a voice that is made for tests, under a name of its own.
    pub fn add_fixture(&self, fixture: &str, name: &str) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
        for suffix in [".onnx", ".onnx.json"] {
            let source = fixtures.join(format!("{fixture}{suffix}"));
            std::fs::copy(source, self.path().join(format!("{name}{suffix}"))).unwrap();
        }
    }

    /// The real voice's settings beside a model that is none.
    pub fn with_broken_model() -> Self {
        let folder = Self::empty();
        std::fs::write(folder.path().join(format!("{VOICE}.onnx")), "not a network").unwrap();
        std::fs::copy(installed(".onnx.json"), folder.path().join(format!("{VOICE}.onnx.json"))).unwrap();
        folder
    }

    /// The real model where a broken one was.
    pub fn mend(&self) {
        std::fs::copy(installed(".onnx"), self.path().join(format!("{VOICE}.onnx"))).unwrap();
    }

    /// Writes beside a voice what `make quality` may have measured of it.
    pub fn add_quality(&self, name: &str, word_error_rate: f64) -> Value {
        let hash = |suffix: &str| {
            let bytes = std::fs::read(self.path().join(format!("{name}{suffix}"))).unwrap();
            hex::encode(Sha256::digest(bytes))
        };
        let digest = hex::encode(Sha256::digest(hash(".onnx") + &hash(".onnx.json")));
        let piper = json!({"word_error_rate": 0.0875, "word_error_rate_deviation": 0.0125, "rating": 3.125});
        let measured = json!({"word_error_rate": word_error_rate, "word_error_rate_deviation": 0.0125, "rating": 3.25,
            "words": 313, "draws": 8, "piper": piper});
        let mut stored = measured.clone();
        stored["method"] = json!(1);
        stored["voice"] = json!(digest);
        std::fs::write(self.path().join(format!("{name}.quality.json")), stored.to_string()).unwrap();
        measured
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn name(&self) -> &str {
        self.path().to_str().expect("temporary folders have plain names")
    }
}

fn installed(suffix: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(format!("{VOICE}{suffix}"))
}
