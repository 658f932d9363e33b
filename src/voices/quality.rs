//! Owns the measured quality of voices: how well they are understood, and how they sound. `make quality` measures it
//! and writes `NAME.quality.json` beside the voice. Refuses to measure, and to tell of a voice what was measured of
//! other files.

use std::path::Path;

use serde::Deserialize;

use super::card::{MAX_PROBLEM_CHARS, shortened};
use super::digest::VoiceDigest;
use super::disk;
use super::file_names::{QUALITY_ENDING, model_name, quality_name};
use crate::domain::VoiceId;

/// What was measured of one voice, of several draws of its noise.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct MeasuredQuality {
    /// Words that were spoken in each draw.
    pub words: u32,
    pub draws: u32,
    /// Of this service.
    #[serde(flatten)]
    pub here: Assessment,
    /// Of piper-tts with the same voice.
    pub piper: Assessment,
}

/// What a recogniser and a rating made of what was said.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Assessment {
    /// Words that were understood wrongly, of one.
    pub word_error_rate: f64,
    /// The standard deviation of that between draws.
    pub word_error_rate_deviation: f64,
    /// From 1 to 5, as listeners would rate it.
    pub rating: f64,
}

/// What is kept of a voice in a folder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StoredQuality {
    /// How it was measured.
    method: u32,
    /// The digest of what was measured.
    voice: String,
    #[serde(flatten)]
    measured: MeasuredQuality,
}

/// Raised, here and in `benches/peers/quality.py`, when the same voice comes to be measured otherwise.
const METHOD: u32 = 1;

const MAX_BYTES: u64 = 4_096;

// === impl StoredQuality ===

impl StoredQuality {
    /// What was measured, if it was of these very files.
    pub fn of(&self, digest: &VoiceDigest) -> Option<MeasuredQuality> {
        (self.voice == hex::encode(digest.as_bytes())).then_some(self.measured)
    }

    /// What is kept of a voice in a folder, or why that is of no use.
    pub fn read(folder: &Path, id: &VoiceId) -> Result<Option<Self>, String> {
        let useless = |reason: &str| shortened(&format!("it cannot be used: {reason}"), MAX_PROBLEM_CHARS);
        let json = disk::read_if_there(&folder.join(quality_name(id)), MAX_BYTES);
        let Some(json) = json.map_err(|error| useless(&error.to_string()))? else { return Ok(None) };
        let stored: Self = serde_json::from_slice(&json).map_err(|error| useless(&error.to_string()))?;
        if stored.method != METHOD {
            return Err(useless("it was measured otherwise than today; run `make quality` again"));
        }
        let MeasuredQuality { here, piper, words, draws } = stored.measured;
        if words == 0 || draws == 0 || !here.is_possible() || !piper.is_possible() {
            return Err(useless("one of its numbers is none that can be measured"));
        }
        Ok(Some(stored))
    }
}

// === impl Assessment ===

impl Assessment {
    fn is_possible(&self) -> bool {
        let Self { word_error_rate, word_error_rate_deviation, rating } = *self;
        [word_error_rate, word_error_rate_deviation].iter().all(|rate| *rate >= 0.0) && (1.0..=5.0).contains(&rating)
    }
}

/// Why a file of a models folder is not used, if it is named as one of these.
pub fn problem(folder: &Path, name: &str) -> Option<String> {
    let Ok(id) = VoiceId::parse(name.strip_suffix(QUALITY_ENDING)?) else {
        return Some("no voice can have its name".to_owned());
    };
    if !folder.join(model_name(&id)).exists() {
        return Some(format!("no voice {id} lies beside it"));
    }
    StoredQuality::read(folder, &id).err()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;

    fn stored() -> Value {
        let piper = json!({"word_error_rate": 0.1, "word_error_rate_deviation": 0.01, "rating": 3.0});
        json!({"method": METHOD, "voice": "ab", "words": 313, "draws": 8, "word_error_rate": 0.09, "word_error_rate_deviation": 0.0,
            "rating": 3.2, "piper": piper})
    }

    #[test]
    fn what_cannot_have_been_measured_is_named_and_not_used() {
        let (folder, id) = (tempfile::tempdir().unwrap(), VoiceId::parse("a").unwrap());
        let path = folder.path().join(quality_name(&id));
        assert_eq!(StoredQuality::read(folder.path(), &id), Ok(None));

        fs::write(&path, stored().to_string()).unwrap();
        assert_eq!(problem(folder.path(), "a.quality.json").unwrap(), "no voice a lies beside it");
        fs::write(folder.path().join("a.onnx"), "model").unwrap();
        assert_eq!(problem(folder.path(), "a.quality.json"), None);
        let read = StoredQuality::read(folder.path(), &id).unwrap().unwrap().measured;
        assert_eq!((read.words, read.draws, read.here.rating, read.piper.rating), (313, 8, 3.2, 3.0));

        let damages = [
            ("method", json!(0), "otherwise than today"),
            ("voice", json!(null), "invalid type"),
            ("words", json!(0), "none that can be measured"),
            ("draws", json!(-1), "invalid value"),
            ("word_error_rate", json!(-0.1), "none that can be measured"),
            ("rating", json!(5.1), "none that can be measured"),
            ("piper", json!({}), "missing field"),
        ];
        for (field, value, reason) in damages {
            let mut damaged = stored();
            damaged[field] = value;
            fs::write(&path, damaged.to_string()).unwrap();
            let problem = problem(folder.path(), "a.quality.json").unwrap_or_default();
            assert!(problem.contains(reason), "{field}: {problem}");
        }
        fs::write(&path, " ".repeat(5_000)).unwrap();
        assert!(problem(folder.path(), "a.quality.json").unwrap().contains("cannot be used"));
        assert!(problem(folder.path(), "a b.quality.json").unwrap().contains("no voice can have its name"));
        assert_eq!(problem(folder.path(), "a.loudness.json"), None);
    }
}
