//! What the catalogue knows of the bytes of each voice: their digest, and what was measured of just these: loudness,
//! quality. Known without loading the voice, and without reading it again for each request.

use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use super::catalogue::{Catalogue, CatalogueInner, CatalogueState};
use super::digest::VoiceDigest;
use super::disk;
use super::file_names::{loudness_name, model_name};
use super::folder::InstalledVoice;
use super::loudness::Loudness;
use super::quality::MeasuredQuality;
use crate::domain::{Speaker, VoiceId};

/// How long the files of voices are read before these are shown without what was measured. That goes on even so, for
/// who asks next.
const PATIENCE: Duration = Duration::from_secs(5);

// === impl Catalogue ===

impl Catalogue {
    /// The voice's digest, if it was computed since the voice was found.
    pub fn known_digest(&self, id: &VoiceId) -> Option<VoiceDigest> {
        self.0.read().digests.get(id).copied()
    }

    /// The voice's digest. That of a voice put there by hand is computed once, and again when it is asked for after the
    /// folder was looked into and its files had changed. `None`: the voice is not here or cannot be read. What was
    /// begun goes on when the caller drops this.
    pub async fn digest(&self, id: &VoiceId) -> Option<VoiceDigest> {
        if let Some(known) = self.known_digest(id) {
            return Some(known);
        }
        let voice = self.0.read().installed.get(id)?.clone();
        let (inner, name) = (self.0.clone(), id.clone());
        let compute = move || {
            let digest = inner.compute_digest(&voice)?;
            inner.write().digests.insert(name, digest);
            Some(digest)
        };
        self.0.digesting.join(id, compute).await.ok()?
    }

    /// The voice's loudness in LUFS, if it was measured; `Some(None)`: it has none.
    pub fn loudness(&self, id: &VoiceId, digest: &VoiceDigest, speaker: Option<&Speaker>) -> Option<Option<f64>> {
        self.0.read().loudness(id, Some(digest))?.of_speaker(speaker)
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
            let measured = state.loudness(id, Some(digest)).cloned().unwrap_or_else(|| Loudness::of(digest));
            let Some(measured) = measured.with(speaker, lufs) else { return };
            state.measured.insert(id.clone(), measured.clone());
            measured
        };
        let (inner, name) = (self.0.clone(), id.clone());
        let stored = self.0.threads.run(move || inner.store_loudness(&name, &measured)).await;
        if let Ok(Err(error)) = stored {
            tracing::debug!(voice = %id, %error, "how loud a voice is is known until the process ends");
        }
    }

    /// Learns whether voices of which something was measured are still the same. What is known already is not read
    /// again.
    pub async fn check_measured(&self) {
        let unknown: Vec<VoiceId> = {
            let state = self.0.read();
            let is_unknown = |id: &&VoiceId| !state.digests.contains_key(*id);
            let measured = state.installed.iter().filter(|(_, voice)| voice.quality.is_some()).map(|(id, _)| id);
            measured.filter(is_unknown).cloned().collect()
        };
        let digests = join_all(unknown.iter().map(|id| self.digest(id)));
        if tokio::time::timeout(PATIENCE, digests).await.is_err() {
            tracing::debug!("voices are shown without what was measured of them: their files take long to read");
        }
    }
}

// === impl CatalogueInner ===

impl CatalogueInner {
    /// From `voices.lock`, or else from the files, which are read if they changed since: not for an async thread.
    fn compute_digest(&self, voice: &InstalledVoice) -> Option<VoiceDigest> {
        digest_by(voice, |path| self.verifier.sha256(path).ok())
    }

    /// The same, unless files would have to be read for it.
    pub fn digest_of_unchanged(&self, voice: &InstalledVoice) -> Option<VoiceDigest> {
        digest_by(voice, |path| self.verifier.known(path).ok()?)
    }

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

    /// What was measured of just these files.
    pub fn quality(&self, id: &VoiceId) -> Option<MeasuredQuality> {
        self.installed.get(id)?.quality.as_ref()?.of(self.digests.get(id)?)
    }
}

/// From `voices.lock`, or where that says nothing from `hash`.
fn digest_by(voice: &InstalledVoice, hash: impl Fn(&Path) -> Option<String>) -> Option<VoiceDigest> {
    let recorded = voice.expected.as_ref();
    let model = recorded.and_then(|expected| expected.model.clone()).or_else(|| hash(&voice.files.model));
    let config = recorded.and_then(|expected| expected.config.clone()).or_else(|| hash(&voice.files.config));
    Some(VoiceDigest::of(&model?, &config?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use piper_acoustic::VoiceFiles;

    use super::super::settings::{Retries, VoiceSettings};
    use super::*;

    fn by_hand(folder: &Path) -> (Catalogue, VoiceId) {
        let files = VoiceFiles { model: folder.join("a.onnx"), config: folder.join("a.onnx.json") };
        fs::write(&files.model, "model").unwrap();
        fs::write(&files.config, "config").unwrap();
        let id = VoiceId::parse("a").unwrap();
        ([(id.clone(), files)].into_iter().collect(), id)
    }

    #[tokio::test]
    async fn a_digest_is_computed_once_and_follows_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let (first, id) = by_hand(folder.path());
        assert_eq!(first.known_digest(&id), None);

        let digest = first.digest(&id).await;
        fs::write(folder.path().join("a.onnx.json"), "another config").unwrap();
        let same = first.digest(&id).await;
        let files = VoiceFiles { model: folder.path().join("a.onnx"), config: folder.path().join("a.onnx.json") };
        let second: Catalogue = [(id.clone(), files)].into_iter().collect();

        assert!(digest.is_some());
        assert_eq!((same, first.known_digest(&id)), (digest, digest));
        assert_ne!(second.digest(&id).await, digest);
    }

    #[tokio::test]
    async fn a_voice_that_is_not_there_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let (catalogue, id) = by_hand(folder.path());
        fs::remove_file(folder.path().join("a.onnx")).unwrap();

        assert_eq!(catalogue.digest(&id).await, None);
        assert_eq!(catalogue.digest(&VoiceId::parse("b").unwrap()).await, None);
    }

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
