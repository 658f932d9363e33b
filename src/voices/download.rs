//! Owns bringing a whole voice here: the bound on the disk first, then the card and its licence, then the config, the
//! model last. Nothing has its final name before all of it is here and verified, and the model gets its own last, so
//! that a voice appears whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use piper_acoustic::{MAX_CONFIG_BYTES, VoiceConfig, VoiceConfigError};

use super::card::{LicenseRule, MAX_CARD_BYTES, ModelCard, UNKNOWN_LICENSE};
use super::disk;
use super::error::VoiceFilesError;
use super::file_names::{card_name, config_name, model_name};
use super::folders::Folders;
use super::guard::Guard;
use super::info::foreign_phonemes;
use super::lockfile::{FileRecord, Lockfile};
use super::published::{PublishedFile, PublishedVoice};
use super::settings::{Retries, VoiceSettings};
use super::source::{SourceError, SourceReader};
use super::transfer::{Arrived, TransferError, TransferProgress, Transfers};
use crate::domain::VoiceId;
use crate::files;

/// Brings voices into the folder that downloads go to.
#[derive(Debug)]
pub struct Downloader {
    pub folders: Arc<Folders>,
    pub rule: LicenseRule,
    retries: Retries,
    timeout: Duration,
    max_bytes: u64,
    /// Bytes that downloads under way will take.
    reserved: Mutex<u64>,
}

/// One voice to bring.
pub struct Order<'a> {
    pub reader: &'a SourceReader,
    pub voice: &'a PublishedVoice,
    pub existing: Existing,
    pub progress: &'a TransferProgress,
}

/// What happens to files that are there and that are what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Keep,
    Replace,
}

/// Given back when dropped.
struct Reservation<'a> {
    bytes: u64,
    reserved: &'a Mutex<u64>,
}

/// Whose turn it is to change `voices.lock`. No voice's name begins with a sign. Processes of other versions hold it
/// too: it keeps its name.
pub const LOCKFILE_GUARD: &str = "+ledger";

// === impl Downloader ===

impl Downloader {
    pub fn new(settings: &VoiceSettings, folders: Arc<Folders>) -> Self {
        Self {
            folders,
            rule: LicenseRule::new(&settings.allowed_licenses),
            retries: settings.retries,
            timeout: settings.download_timeout,
            max_bytes: settings.max_bytes,
            reserved: Mutex::new(0),
        }
    }

    pub async fn download(&self, order: &Order<'_>) -> Result<(), VoiceFilesError> {
        let voice = order.voice;
        let io_error = |error: io::Error| disk_error(&voice.id, &error);
        let folder = self.folders.writable().map_err(io_error)?;
        let work = async {
            let _guard = Guard::acquire(&folder, voice.id.as_str()).await.map_err(io_error)?;
            if order.existing == Existing::Keep && is_there(&folder, voice).map_err(io_error)? {
                return Ok(());
            }
            let _reservation = self.reserve(&folder, voice)?;
            let outcome = self.bring(order, &folder).await;
            if let Err(error) = &outcome {
                tidy(&folder, voice, error);
            }
            outcome
        };
        let late = |_| VoiceFilesError::DownloadFailed {
            voice: voice.id.clone(),
            reason: format!("it was not here after {} ms", self.timeout.as_millis()),
        };
        tokio::time::timeout(self.timeout, work).await.map_err(late)?
    }

    async fn bring(&self, order: &Order<'_>, folder: &Path) -> Result<(), VoiceFilesError> {
        let Order { reader, voice, progress, .. } = *order;
        progress.total.store(voice.size(), Ordering::Relaxed);
        let transfers = Transfers { reader, retries: self.retries, folder, progress };
        let on_disk = |error: io::Error| disk_error(&voice.id, &error);

        let mut arrived = Vec::new();
        let mut card = None;
        if let Some(file) = &voice.card {
            let name = card_name(&voice.id);
            let here = transfers.bring(file, &name).await.map_err(|error| transfer_error(&voice.id, error))?;
            let text = files::read(&here.partial, MAX_CARD_BYTES).map_err(on_disk)?;
            card = Some(ModelCard::parse(&String::from_utf8_lossy(&text)));
            arrived.push((name, here));
        }
        if !self.rule.allows(card.as_ref()) {
            let license = card.map_or_else(|| UNKNOWN_LICENSE.to_owned(), |card| card.license());
            return Err(VoiceFilesError::LicenseRefused { voice: voice.id.clone(), license });
        }
        for (file, name) in [(&voice.config, config_name(&voice.id)), (&voice.model, model_name(&voice.id))] {
            let here = transfers.bring(file, &name).await.map_err(|error| transfer_error(&voice.id, error))?;
            if file.path == voice.config.path {
                check_phonemes(&voice.id, &files::read(&here.partial, MAX_CONFIG_BYTES).map_err(on_disk)?)?;
            }
            arrived.push((name, here));
        }
        record(folder, &voice.id, &arrived).await.map_err(on_disk)?;
        for (name, here) in &arrived {
            disk::place(&here.partial, folder, name).map_err(on_disk)?;
        }
        tracing::info!(voice = %voice.id, bytes = voice.size(), "voice downloaded");
        Ok(())
    }

    /// The right to take what the voice needs of the disk.
    fn reserve(&self, folder: &Path, voice: &PublishedVoice) -> Result<Option<Reservation<'_>>, VoiceFilesError> {
        if self.max_bytes == 0 {
            return Ok(None);
        }
        let replaced = names(voice);
        let used = used_bytes(folder, &replaced).map_err(|error| disk_error(&voice.id, &error))?;
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.max_bytes.saturating_sub(used).saturating_sub(*reserved);
        let bytes = voice.size();
        if bytes > left {
            return Err(VoiceFilesError::OverBudget { voice: voice.id.clone(), needed_bytes: bytes, left_bytes: left });
        }
        *reserved += bytes;
        Ok(Some(Reservation { bytes, reserved: &self.reserved }))
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        *self.reserved.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
    }
}

/// The settings come before the model, so that one that could never be spoken costs no more than them. What else may be
/// wrong with them is found when the voice is loaded.
fn check_phonemes(id: &VoiceId, config: &[u8]) -> Result<(), VoiceFilesError> {
    match VoiceConfig::parse(config) {
        Err(VoiceConfigError::PhonemeType(phoneme_type)) => {
            Err(VoiceFilesError::Unspeakable { voice: id.clone(), reason: foreign_phonemes(&phoneme_type) })
        }
        _ => Ok(()),
    }
}

/// Final names of a voice's files.
fn names(voice: &PublishedVoice) -> [String; 3] {
    [model_name(&voice.id), config_name(&voice.id), card_name(&voice.id)]
}

/// Whether another process brought the voice while this one waited for its turn.
fn is_there(folder: &Path, voice: &PublishedVoice) -> io::Result<bool> {
    let lockfile = Lockfile::read(folder)?;
    let matches = |name: String, file: &PublishedFile| -> io::Result<bool> {
        let path = folder.join(&name);
        if !fs::symlink_metadata(&path).is_ok_and(|there| there.is_file() && there.len() == file.size) {
            return Ok(false);
        }
        let Some(record) = lockfile.get(&name) else { return Ok(false) };
        let digests = disk::Digests::of(files::open(&path)?)?;
        Ok(digests.md5() == file.md5 && digests.sha256() == record.sha256)
    };
    Ok(matches(config_name(&voice.id), &voice.config)? && matches(model_name(&voice.id), &voice.model)?)
}

/// Puts the files into `voices.lock`. Before they have their names: a record without a file is harmless, a file without
/// its record would be one that nothing protects.
pub async fn record(folder: &Path, id: &VoiceId, arrived: &[(String, Arrived)]) -> io::Result<()> {
    let _guard = Guard::acquire(folder, LOCKFILE_GUARD).await?;
    let mut lockfile = Lockfile::read(folder)?;
    lockfile.remove_voice(id.as_str());
    for (name, here) in arrived {
        lockfile.insert(FileRecord {
            id: id.to_string(),
            file: name.clone(),
            sha256: here.sha256.clone(),
            size: here.size,
        });
    }
    lockfile.write(folder)
}

/// Takes away what no later attempt can use. A part of the model is kept, unless it is refused or there is no room for
/// it.
fn tidy(folder: &Path, voice: &PublishedVoice, error: &VoiceFilesError) {
    let [model, config, card] = names(voice);
    let resumable = matches!(error, VoiceFilesError::DownloadFailed { .. });
    let useless = [Some(config), Some(card), (!resumable).then_some(model)];
    for name in useless.into_iter().flatten() {
        // What cannot be removed is removed when the catalogue is next opened.
        let _ = disk::remove_if_there(&disk::partial_path(folder, &name));
    }
}

/// What the folder's files take, but for hidden ones and those that will be replaced.
pub fn used_bytes(folder: &Path, replaced: &[String]) -> io::Result<u64> {
    let mut used = 0;
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        if !name.starts_with('.') && !replaced.contains(&name) {
            used += fs::symlink_metadata(&path).map_or(0, |file| file.len());
        }
    }
    Ok(used)
}

fn transfer_error(id: &VoiceId, error: TransferError) -> VoiceFilesError {
    let voice = id.clone();
    match error {
        TransferError::Full => VoiceFilesError::DiskFull(voice),
        TransferError::Disk(error) => disk_error(id, &error),
        TransferError::Mismatch(_) => VoiceFilesError::VerificationFailed { voice, reason: error.to_string() },
        TransferError::Read(SourceError::Missing) => {
            VoiceFilesError::DownloadFailed { voice, reason: "the source lists it but does not have it".to_owned() }
        }
        TransferError::Read(_) | TransferError::Short { .. } => {
            VoiceFilesError::DownloadFailed { voice, reason: error.to_string() }
        }
    }
}

pub fn disk_error(id: &VoiceId, error: &io::Error) -> VoiceFilesError {
    if disk::is_full(error) {
        return VoiceFilesError::DiskFull(id.clone());
    }
    VoiceFilesError::Io { voice: id.clone(), reason: error.to_string() }
}
