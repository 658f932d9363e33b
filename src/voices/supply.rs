//! Owns getting a voice's files for those who want to load it: installed and verified, downloaded if need be. Also what
//! the commands do with voices: fetch, verify, remove.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use piper_acoustic::VoiceFiles;

use super::catalogue::{CATALOGUE_FILE, Catalogue, CatalogueInner};
use super::disk;
use super::download::{Existing, LOCKFILE_GUARD, Order, disk_error};
use super::downloads::DownloadResult;
use super::error::{CatalogueError, VoiceFilesError};
use super::file_names::{card_name, config_name, loudness_name, model_name, quality_name};
use super::folder::InstalledVoice;
use super::guard::Guard;
use super::info::foreign_phonemes;
use super::lockfile::Lockfile;
use super::published::{MAX_CATALOGUE_BYTES, Published, PublishedVoice};
use super::settings::VoiceSource;
use super::source::SourceReader;
use super::transfer::TransferProgress;
use super::upload::change_error;
use crate::domain::VoiceId;
use crate::files;

/// What [`Catalogue::verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// The files are what was downloaded, or what the catalogue lists.
    Matches,
    /// There is nothing to compare them with: they were put there by hand.
    NoRecord,
}

/// A missing voice is looked for at the source at most so often.
pub const REFRESH_PAUSE: Duration = Duration::from_mins(1);
const CHANGED: &str = "a file does not match voices.lock; run `voices verify` or `voices fetch --force`";

// === impl Catalogue ===

impl Catalogue {
    /// The files of a voice that may be served: here, and if they were downloaded still what was downloaded. Fetches
    /// the voice if it is not here; that goes on when the caller drops this.
    pub async fn files(&self, id: &VoiceId) -> Result<VoiceFiles, VoiceFilesError> {
        let (id, installed) = self.find(id)?;
        if let Some(voice) = installed {
            return self.verified(&id, voice).await;
        }
        self.0.check_fetchable(&id)?;
        self.join(&id, Existing::Keep).await?;
        match self.0.read().installed.get(&id) {
            // It was verified as it came.
            Some(voice) => Ok(voice.files.clone()),
            None => Err(VoiceFilesError::Unknown(id)),
        }
    }

    /// Whether the voice may be served and is here or to be had, or else why not. Fetches nothing.
    pub fn check(&self, id: &VoiceId) -> Result<(), VoiceFilesError> {
        let (id, installed) = self.find(id)?;
        if installed.is_some() { Ok(()) } else { self.0.check_fetchable(&id) }
    }

    /// Downloads a voice whether it may be served or not, as far as its licence may. To replace what is there, the
    /// source's list is asked for again first: it may have moved on.
    pub async fn fetch(&self, id: &VoiceId, existing: Existing) -> Result<(), VoiceFilesError> {
        let id = self.resolve(id).unwrap_or_else(|| id.clone());
        if existing == Existing::Keep && self.0.read().installed.contains_key(&id) {
            return Ok(());
        }
        self.0.check_fetchable(&id)?;
        self.join(&id, existing).await
    }

    /// Bytes of a download that is under way.
    pub fn progress(&self, id: &VoiceId) -> Option<Arc<TransferProgress>> {
        self.0.flights.progress(&self.resolve(id)?)
    }

    /// Fetches the source's list and stores it.
    pub async fn refresh(&self) -> Result<(), CatalogueError> {
        let inner = self.0.clone();
        let handle = self.0.flights.handle().map_err(|error| CatalogueError::Refresh(error.to_string()))?;
        let refreshed = handle.spawn(async move {
            let _turn = inner.refreshing.lock().await;
            inner.refresh().await
        });
        refreshed.await.unwrap_or_else(|error| Err(CatalogueError::Refresh(error.to_string())))
    }

    /// Compares a voice's files with `voices.lock`, or where that says nothing with the catalogue as far as it is
    /// known. Reads them whole: not for an async thread.
    pub fn verify(&self, id: &VoiceId) -> Result<Verified, VoiceFilesError> {
        let (voice, published) = {
            let state = self.0.read();
            (state.installed.get(id).cloned(), state.published(id))
        };
        let voice = voice.ok_or_else(|| VoiceFilesError::Unknown(id.clone()))?;
        if voice.expected.is_some() {
            return self.0.check(id, &voice).map(|()| Verified::Matches);
        }
        let Some(published) = published else { return Ok(Verified::NoRecord) };
        for (path, file) in [(&voice.files.model, &published.model), (&voice.files.config, &published.config)] {
            let md5 = files::open(path).and_then(disk::md5).map_err(|error| disk_error(id, &error))?;
            if md5 != file.md5 {
                let reason = "a file is not the one that the catalogue lists".to_owned();
                return Err(VoiceFilesError::VerificationFailed { voice: id.clone(), reason });
            }
        }
        Ok(Verified::Matches)
    }

    /// Deletes a voice's files, the model first, so that what is left is no voice.
    pub async fn remove(&self, id: &VoiceId) -> Result<(), VoiceFilesError> {
        if !self.0.read().installed.contains_key(id) {
            return Err(VoiceFilesError::Unknown(id.clone()));
        }
        for folder in self.0.folders.all().filter(|folder| folder.join(model_name(id)).exists()) {
            remove_from(folder, id).await.map_err(|error| change_error(id, &error))?;
        }
        self.rescan_for(id)
    }

    /// Today's id, and the voice if it is here.
    fn find(&self, id: &VoiceId) -> Result<(VoiceId, Option<InstalledVoice>), VoiceFilesError> {
        let state = self.0.read();
        let id = self.0.resolve(&state, id).ok_or_else(|| VoiceFilesError::Unknown(id.clone()))?;
        if !self.0.is_allowed(&state, &id) {
            return Err(VoiceFilesError::NotAllowed(id));
        }
        let installed = state.installed.get(&id).cloned();
        if let Some(voice) = installed.as_ref().filter(|voice| !self.0.may_speak(voice)) {
            return Err(VoiceFilesError::LicenseRefused { license: voice.license(), voice: id });
        }
        Ok((id, installed))
    }

    async fn verified(&self, id: &VoiceId, voice: InstalledVoice) -> Result<VoiceFiles, VoiceFilesError> {
        if voice.expected.is_none() {
            return Ok(voice.files);
        }
        let (catalogue, name) = (self.clone(), id.clone());
        let checked = self.0.threads.run(move || catalogue.check_twice(&name, voice));
        checked.await.unwrap_or_else(|error| Err(VoiceFilesError::Io { voice: id.clone(), reason: error.to_string() }))
    }

    /// A file that differs is compared once more with what `voices.lock` says now: another process may have replaced
    /// both.
    fn check_twice(&self, id: &VoiceId, voice: InstalledVoice) -> Result<VoiceFiles, VoiceFilesError> {
        let first = self.0.check(id, &voice);
        if !matches!(first, Err(VoiceFilesError::VerificationFailed { .. })) {
            return first.map(|()| voice.files);
        }
        self.rescan_for(id)?;
        let now = self.0.read().installed.get(id).cloned().ok_or_else(|| VoiceFilesError::Unknown(id.clone()))?;
        self.0.check(id, &now).map(|()| now.files)
    }

    pub(super) fn rescan_for(&self, id: &VoiceId) -> Result<(), VoiceFilesError> {
        match self.rescan() {
            Ok(_) => Ok(()),
            // Without the folder's path.
            Err(CatalogueError::Folder { error, .. }) => Err(disk_error(id, &error)),
            Err(error) => Err(VoiceFilesError::Io { voice: id.clone(), reason: error.to_string() }),
        }
    }

    async fn join(&self, id: &VoiceId, existing: Existing) -> DownloadResult {
        self.0.flights.join(id, self.bringing(id, existing)).await
    }

    pub(super) fn bringing(
        &self,
        id: &VoiceId,
        existing: Existing,
    ) -> impl FnOnce(Arc<TransferProgress>) -> BoxFuture<'static, DownloadResult> {
        let (catalogue, id) = (self.clone(), id.clone());
        move |progress| async move { catalogue.bring(&id, existing, &progress).await }.boxed()
    }

    async fn bring(&self, id: &VoiceId, existing: Existing, progress: &TransferProgress) -> DownloadResult {
        let failed = |error: &dyn std::fmt::Display| VoiceFilesError::DownloadFailed {
            voice: id.clone(),
            reason: error.to_string(),
        };
        if existing == Existing::Replace
            && let Err(error) = self.refresh().await
        {
            tracing::warn!(%error, "the catalogue stays as it was");
        }
        let voice = self.0.published(id).await?;
        let source = self.0.reachable_source().ok_or_else(|| VoiceFilesError::Offline(id.clone()))?;
        let reader =
            SourceReader::new(source.clone(), self.0.settings.stall_timeout).map_err(|error| failed(&error))?;
        let order = Order { reader: &reader, voice: &voice, existing, progress };
        let outcome = self.0.downloader.download(&order).await;
        if let Err(error) = &outcome {
            tracing::error!(voice = %id, %error, "a voice could not be fetched");
        }
        // Another process may have brought it even so.
        self.rescan_for(id)?;
        outcome
    }
}

// === impl CatalogueInner ===

impl CatalogueInner {
    /// Whether there is anything to be gained by asking the source for the voice.
    fn check_fetchable(&self, id: &VoiceId) -> Result<(), VoiceFilesError> {
        if let Some(phoneme_type) = self.foreign_phonemes(id) {
            return Err(VoiceFilesError::Unspeakable { voice: id.clone(), reason: foreign_phonemes(phoneme_type) });
        }
        self.reachable_source().map(|_| ()).ok_or_else(|| VoiceFilesError::Offline(id.clone()))
    }

    /// The voice in the source's list, which is fetched if the voice is not in it.
    async fn published(&self, id: &VoiceId) -> Result<PublishedVoice, VoiceFilesError> {
        if let Some(voice) = self.read().published(id) {
            return Ok(voice);
        }
        let _turn = self.refreshing.lock().await;
        if let Some(voice) = self.read().published(id) {
            return Ok(voice);
        }
        let (known, refreshed) = {
            let state = self.read();
            (state.published.is_some(), state.refreshed)
        };
        if !known || refreshed.is_none_or(|when| when.elapsed() > REFRESH_PAUSE) {
            let failed = |error: CatalogueError| match error {
                CatalogueError::Offline => VoiceFilesError::Offline(id.clone()),
                other => VoiceFilesError::DownloadFailed { voice: id.clone(), reason: other.to_string() },
            };
            self.refresh().await.map_err(failed)?;
        }
        self.read().published(id).ok_or_else(|| VoiceFilesError::Unknown(id.clone()))
    }

    async fn refresh(&self) -> Result<(), CatalogueError> {
        let source = self.reachable_source().ok_or(CatalogueError::Offline)?;
        let json = self.fetch_catalogue(source).await?;
        let published = Published::parse(&json).map_err(|error| CatalogueError::Invalid(error.to_string()))?;
        if published.left_out > 0 {
            tracing::warn!(entries = published.left_out, "the catalogue has entries that are not valid");
        }
        tracing::info!(voices = published.voices.len(), "the catalogue was fetched");
        if let Err(error) = self.store_catalogue(source, &json).await {
            tracing::warn!(%error, "the catalogue could not be stored");
        }
        let mut state = self.write();
        state.published = Some(Arc::new(published));
        state.refreshed = Some(Instant::now());
        Ok(())
    }

    async fn fetch_catalogue(&self, source: &VoiceSource) -> Result<Vec<u8>, CatalogueError> {
        let failed = |error: &dyn std::fmt::Display| CatalogueError::Refresh(error.to_string());
        let reader = SourceReader::new(source.clone(), self.settings.stall_timeout).map_err(|error| failed(&error))?;
        let mut attempt = 1;
        loop {
            let error = match reader.whole(CATALOGUE_FILE, MAX_CATALOGUE_BYTES).await {
                Ok(json) => return Ok(json),
                Err(error) => error,
            };
            if !error.is_passing() || attempt >= self.settings.retries.attempts {
                return Err(failed(&error));
            }
            tokio::time::sleep(self.settings.retries.delay(attempt)).await;
            attempt += 1;
        }
    }

    async fn store_catalogue(&self, source: &VoiceSource, json: &[u8]) -> io::Result<()> {
        let folder = self.folders.writable()?;
        let _guard = Guard::acquire(&folder, LOCKFILE_GUARD).await?;
        disk::write_whole(&folder, CATALOGUE_FILE, json)?;
        let mut lockfile = Lockfile::read(&folder)?;
        lockfile.set_catalogue_source(source.name());
        lockfile.write(&folder)
    }

    /// Whether the files are those of `voices.lock`. Reads them if they changed since they were last read.
    fn check(&self, id: &VoiceId, voice: &InstalledVoice) -> Result<(), VoiceFilesError> {
        let Some(expected) = &voice.expected else { return Ok(()) };
        for (path, hash) in [(&voice.files.model, &expected.model), (&voice.files.config, &expected.config)] {
            let Some(hash) = hash else { continue };
            let found = self.verifier.sha256(path).map_err(|error| disk_error(id, &error))?;
            if found != *hash {
                return Err(VoiceFilesError::VerificationFailed { voice: id.clone(), reason: CHANGED.to_owned() });
            }
        }
        Ok(())
    }
}

async fn remove_from(folder: &Path, id: &VoiceId) -> io::Result<()> {
    let _guard = Guard::acquire(folder, id.as_str()).await?;
    for name in [model_name(id), config_name(id), card_name(id), loudness_name(id), quality_name(id)] {
        disk::remove_if_there(&folder.join(&name))?;
        disk::remove_if_there(&disk::partial_path(folder, &name))?;
    }
    let _turn = Guard::acquire(folder, LOCKFILE_GUARD).await?;
    let mut lockfile = Lockfile::read(folder)?;
    lockfile.remove_voice(id.as_str());
    lockfile.write(folder)
}
