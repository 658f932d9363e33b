//! Owns which bytes a voice is made of, as one digest: what was said with other bytes is not what this voice says.
//! Known without loading the voice, and without reading it again for each request.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::catalogue::{Catalogue, CatalogueInner};
use super::folder::InstalledVoice;
use crate::domain::VoiceId;

/// Of a voice's model and config. Equal digests mean equal voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VoiceDigest([u8; 32]);

// === impl VoiceDigest ===

impl VoiceDigest {
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of files with these SHA-256 in hex, which are of one length.
    fn of(model: &str, config: &str) -> Self {
        Self(Sha256::new().chain_update(model).chain_update(config).finalize().into())
    }
}

impl From<[u8; 32]> for VoiceDigest {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

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

    use super::*;
    use piper_acoustic::VoiceFiles;

    fn catalogue(folder: &Path) -> (Catalogue, VoiceId) {
        let files = VoiceFiles { model: folder.join("a.onnx"), config: folder.join("a.onnx.json") };
        fs::write(&files.model, "model").unwrap();
        fs::write(&files.config, "config").unwrap();
        let id = VoiceId::parse("a").unwrap();
        ([(id.clone(), files)].into_iter().collect(), id)
    }

    #[tokio::test]
    async fn a_digest_is_computed_once_and_follows_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let (first, id) = catalogue(folder.path());
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
        let (catalogue, id) = catalogue(folder.path());
        fs::remove_file(folder.path().join("a.onnx")).unwrap();

        assert_eq!(catalogue.digest(&id).await, None);
        assert_eq!(catalogue.digest(&VoiceId::parse("b").unwrap()).await, None);
    }
}
