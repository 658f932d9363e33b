//! Owns the loudness of voices as they were trained. It is measured once for each voice and speaker, and kept beside
//! the voice in `NAME.loudness.json`; where the folder cannot be written, until the process ends. Refuses to measure.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::digest::VoiceDigest;
use super::disk;
use super::file_names::loudness_name;
use crate::domain::{Speaker, VoiceId};

/// What was measured of one voice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Loudness {
    /// How it was measured.
    method: u32,
    /// The digest of what was measured.
    voice: String,
    /// In LUFS, by speaker; nothing for what is silent.
    lufs: BTreeMap<String, Option<f64>>,
}

/// Raised when the same voice comes to be measured otherwise.
const METHOD: u32 = 1;

/// As many speakers as are kept of one voice.
const MAX_SPEAKERS: usize = 4_096;
const MAX_BYTES: u64 = 1 << 20;

// === impl Loudness ===

impl Loudness {
    pub fn of(digest: &VoiceDigest) -> Self {
        Self { method: METHOD, voice: hex::encode(digest.as_bytes()), lufs: BTreeMap::new() }
    }

    /// What is kept of a voice in a folder.
    pub fn read(folder: &Path, id: &VoiceId) -> Self {
        let json = disk::read_if_there(&folder.join(loudness_name(id)), MAX_BYTES).ok().flatten();
        json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    pub fn is_of(&self, digest: Option<&VoiceDigest>) -> bool {
        self.method == METHOD && digest.is_none_or(|digest| self.voice == hex::encode(digest.as_bytes()))
    }

    /// Of a speaker, if it was measured; `Some(None)`: there is none.
    #[expect(clippy::option_option, reason = "measured and silent is not the same as not measured")]
    pub fn of_speaker(&self, speaker: Option<&Speaker>) -> Option<Option<f64>> {
        self.lufs.get(&key(speaker)).copied()
    }

    /// With what was measured of a speaker; `None` where so many are kept already.
    pub fn with(mut self, speaker: Option<&Speaker>, lufs: Option<f64>) -> Option<Self> {
        if self.lufs.len() >= MAX_SPEAKERS {
            return None;
        }
        self.lufs.insert(key(speaker), lufs);
        Some(self)
    }

    /// Of the voice's own speaker.
    pub fn usual(&self) -> Option<f64> {
        self.lufs.get(&key(None)).copied().flatten()
    }
}

/// As callers name them. No name begins with a sign, or it is that of nobody.
fn key(speaker: Option<&Speaker>) -> String {
    match speaker {
        None => String::new(),
        Some(Speaker::Name(name)) => name.clone(),
        Some(Speaker::Number(number)) => format!("#{number}"),
    }
}
