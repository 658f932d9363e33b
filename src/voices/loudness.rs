//! Owns the loudness of voices as they were trained. It is measured once for each voice and speaker, and kept beside
//! the voice in `NAME.loudness.json`; where the folder cannot be written, until the process ends. Refuses to measure.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::catalogue::{Catalogue, CatalogueInner, CatalogueState};
use super::digest::VoiceDigest;
use super::disk;
use super::folder::model_name;
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

// === impl Catalogue ===

impl Catalogue {
    /// The voice's loudness in LUFS, if it was measured; `Some(None)`: it has none.
    pub fn loudness(&self, id: &VoiceId, digest: &VoiceDigest, speaker: Option<&Speaker>) -> Option<Option<f64>> {
        self.0.read().loudness(id, Some(digest))?.lufs.get(&key(speaker)).copied()
    }

    /// Keeps what was measured, beside the voice if that can be.
    pub async fn keep_loudness(
        &self,
        id: &VoiceId,
        digest: &VoiceDigest,
        speaker: Option<&Speaker>,
        lufs: Option<f64>,
    ) {
        let measured = {
            let mut state = self.0.write();
            let mut measured = state.loudness(id, Some(digest)).cloned().unwrap_or_else(|| Loudness::of(digest));
            if measured.lufs.len() >= MAX_SPEAKERS {
                return;
            }
            measured.lufs.insert(key(speaker), lufs);
            state.measured.insert(id.clone(), measured.clone());
            measured
        };
        let (inner, name) = (self.0.clone(), id.clone());
        let stored = self.0.threads.run(move || inner.store_loudness(&name, &measured)).await;
        if let Ok(Err(error)) = stored {
            tracing::debug!(voice = %id, %error, "how loud a voice is is known until the process ends");
        }
    }
}

// === impl CatalogueInner ===

impl CatalogueInner {
    fn store_loudness(&self, id: &VoiceId, measured: &Loudness) -> io::Result<()> {
        let json = serde_json::to_vec(measured)?;
        let folders: Vec<&Path> = self.folders.all().collect();
        match folders.iter().rev().find(|folder| folder.join(model_name(id)).exists()) {
            Some(folder) => disk::write_whole(folder, &loudness_name(id), &json),
            None => Ok(()),
        }
    }
}

// === impl CatalogueState ===

impl CatalogueState {
    /// What this process measured, or an earlier one, of files with this digest; with no digest, of whatever files.
    pub fn loudness(&self, id: &VoiceId, digest: Option<&VoiceDigest>) -> Option<&Loudness> {
        let stored = || Some(&self.installed.get(id)?.loudness);
        let is_current = |loudness: &&Loudness| loudness.is_of(digest);
        self.measured.get(id).filter(is_current).or_else(|| stored().filter(is_current))
    }
}

// === impl Loudness ===

impl Loudness {
    fn of(digest: &VoiceDigest) -> Self {
        Self { method: METHOD, voice: hex::encode(digest.as_bytes()), lufs: BTreeMap::new() }
    }

    /// What is kept of a voice in a folder.
    pub fn read(folder: &Path, id: &VoiceId) -> Self {
        let json = disk::read_if_there(&folder.join(loudness_name(id)), MAX_BYTES).ok().flatten();
        json.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    fn is_of(&self, digest: Option<&VoiceDigest>) -> bool {
        self.method == METHOD && digest.is_none_or(|digest| self.voice == hex::encode(digest.as_bytes()))
    }

    /// Of the voice's own speaker.
    pub fn usual(&self) -> Option<f64> {
        self.lufs.get(&key(None)).copied().flatten()
    }
}

/// The file's name in a models folder.
pub fn loudness_name(id: &VoiceId) -> String {
    format!("{id}.loudness.json")
}

/// As callers name them. No name begins with a sign, or it is that of nobody.
fn key(speaker: Option<&Speaker>) -> String {
    match speaker {
        None => String::new(),
        Some(Speaker::Name(name)) => name.clone(),
        Some(Speaker::Number(number)) => format!("#{number}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::super::settings::{Retries, VoiceSettings};
    use super::*;

    fn catalogue(folder: &Path) -> Catalogue {
        let config = r#"{"audio":{"sample_rate":16000},"espeak":{"voice":"de"},"num_symbols":9,"phoneme_id_map":{"^":[1],"_":[0],"$":[2]}}"#;
        fs::write(folder.join("a.onnx"), "model").unwrap();
        fs::write(folder.join("a.onnx.json"), config).unwrap();
        let settings = VoiceSettings {
            models_dir: folder.to_owned(),
            fallback_dir: None,
            allowed: vec!["*".to_owned()],
            source: None,
            offline: true,
            allowed_licenses: Vec::new(),
            max_bytes: 0,
            download_timeout: Duration::ZERO,
            stall_timeout: Duration::ZERO,
            retries: Retries::default(),
        };
        Catalogue::open(&settings).unwrap()
    }

    #[tokio::test]
    async fn what_was_measured_is_kept_beside_the_voice_for_as_long_as_it_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (first, id) = (catalogue(folder.path()), VoiceId::parse("a").unwrap());
        let digest = first.digest(&id).await.unwrap();
        let speaker = Speaker::Number(3);
        assert_eq!(first.loudness(&id, &digest, None), None);

        first.keep_loudness(&id, &digest, None, Some(-23.45)).await;
        first.keep_loudness(&id, &digest, Some(&speaker), None).await;

        let second = catalogue(folder.path());
        for catalogue in [&first, &second] {
            assert_eq!(catalogue.loudness(&id, &digest, None), Some(Some(-23.45)));
            assert_eq!(catalogue.loudness(&id, &digest, Some(&speaker)), Some(None));
            assert_eq!(catalogue.loudness(&id, &VoiceDigest::from([0; 32]), None), None);
        }
        assert_eq!(second.info(&id).unwrap().loudness, Some(-23.45));
    }

    #[tokio::test]
    async fn where_nothing_can_be_written_it_is_known_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (catalogue, id) = (catalogue(folder.path()), VoiceId::parse("a").unwrap());
        let digest = catalogue.digest(&id).await.unwrap();
        // In the place of the file.
        fs::create_dir(folder.path().join(loudness_name(&id))).unwrap();

        catalogue.keep_loudness(&id, &digest, None, Some(-20.0)).await;

        assert_eq!(catalogue.loudness(&id, &digest, None), Some(Some(-20.0)));
    }
}
