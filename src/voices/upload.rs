//! Owns voices that are handed in and not fetched: into partial files beside the others, checked as those that are put
//! there by hand and as what is fetched, and given their names when all of it is there and can speak. Nobody else
//! brings or changes the voice meanwhile.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use piper_acoustic::{MAX_CONFIG_BYTES, MAX_MODEL_BYTES, VoiceConfig, VoiceFiles};

use super::card::{MAX_CARD_BYTES, ModelCard, UNKNOWN_LICENSE};
use super::catalogue::Catalogue;
use super::disk::{self, Digests};
use super::download::{disk_error, record, used_bytes};
use super::error::VoiceFilesError;
use super::file_names::{card_name, config_name, loudness_name, model_name, quality_name};
use super::guard::Guard;
use super::transfer::Arrived;
use crate::domain::VoiceId;
use crate::files;

/// A voice on its way here. What is not placed is taken away when this is dropped.
pub struct Upload {
    catalogue: Catalogue,
    id: VoiceId,
    folder: PathBuf,
    parts: Vec<UploadPart>,
    _guard: Guard,
}

/// A file of a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadedFile {
    Model,
    Config,
    Card,
}

struct UploadPart {
    kind: UploadedFile,
    file: File,
    digests: Digests,
    arrived: Arrived,
}

// === impl Catalogue ===

impl Catalogue {
    /// Begins to take a voice, or another in the place of one that is there. Takes file accesses: not for an async
    /// thread.
    pub fn take_in(&self, id: &VoiceId) -> Result<Upload, VoiceFilesError> {
        if !self.0.is_allowed(&self.0.read(), id) {
            return Err(VoiceFilesError::NotAllowed(id.clone()));
        }
        let folder = self.0.folders.writable().map_err(|error| change_error(id, &error))?;
        let guard = Guard::try_acquire(&folder, id.as_str()).map_err(|error| change_error(id, &error))?;
        let guard = guard.ok_or_else(|| VoiceFilesError::Busy(id.clone()))?;
        Ok(Upload { catalogue: self.clone(), id: id.clone(), folder, parts: Vec::new(), _guard: guard })
    }
}

// === impl UploadedFile ===

impl UploadedFile {
    pub const ALL: [Self; 3] = [Self::Model, Self::Config, Self::Card];

    /// What callers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Config => "config",
            Self::Card => "card",
        }
    }

    fn max_bytes(self) -> u64 {
        match self {
            Self::Model => MAX_MODEL_BYTES,
            Self::Config => MAX_CONFIG_BYTES,
            Self::Card => MAX_CARD_BYTES,
        }
    }

    fn file_name(self, id: &VoiceId) -> String {
        match self {
            Self::Model => model_name(id),
            Self::Config => config_name(id),
            Self::Card => card_name(id),
        }
    }
}

// === impl Upload ===

impl Upload {
    /// Begins the next file; an error if it is there already.
    pub fn begin(&mut self, kind: UploadedFile) -> Result<(), VoiceFilesError> {
        if self.part(kind).is_some() {
            return Err(self.unfit(format!("its {} is there twice", kind.name())));
        }
        let partial = disk::partial_path(&self.folder, &kind.file_name(&self.id));
        let file = disk::create_new(&partial).map_err(|error| change_error(&self.id, &error))?;
        let arrived = Arrived { partial, sha256: String::new(), size: 0 };
        self.parts.push(UploadPart { kind, file, digests: Digests::default(), arrived });
        Ok(())
    }

    /// More of that file. Takes file accesses: not for an async thread.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), VoiceFilesError> {
        let id = self.id.clone();
        let Some(part) = self.parts.last_mut() else { return Ok(()) };
        part.digests.update(bytes);
        if part.digests.length > part.kind.max_bytes() {
            let reason = format!("its {} has more than {} bytes", part.kind.name(), part.kind.max_bytes());
            return Err(VoiceFilesError::Unfit { voice: id, reason });
        }
        part.file.write_all(bytes).map_err(|error| disk_error(&id, &error))
    }

    /// The files, once they are whole and look like those of a voice that may be served. Not for an async thread,
    /// either.
    pub fn check(&mut self) -> Result<VoiceFiles, VoiceFilesError> {
        let id = self.id.clone();
        for part in &mut self.parts {
            part.file.sync_all().map_err(|error| disk_error(&id, &error))?;
            part.arrived.sha256 = part.digests.sha256();
            part.arrived.size = part.digests.length;
        }
        let missing = |kind: UploadedFile| self.unfit(format!("its {} is missing or empty", kind.name()));
        let path = |kind| self.part(kind).filter(|part| part.arrived.size > 0).map(|part| part.arrived.partial.clone());
        let model = path(UploadedFile::Model).ok_or_else(|| missing(UploadedFile::Model))?;
        let config = path(UploadedFile::Config).ok_or_else(|| missing(UploadedFile::Config))?;
        let json = files::read(&config, MAX_CONFIG_BYTES).map_err(|error| disk_error(&id, &error))?;
        VoiceConfig::parse(&json).map_err(|error| self.unfit(error.to_string()))?;
        self.check_license()?;
        self.check_room()?;
        Ok(VoiceFiles { model, config })
    }

    /// Gives the files their names, the model last.
    pub async fn place(mut self) -> Result<(), VoiceFilesError> {
        let on_disk = |error: io::Error| disk_error(&self.id, &error);
        self.parts.sort_by_key(|part| part.kind == UploadedFile::Model);
        let arrived: Vec<(String, Arrived)> =
            self.parts.drain(..).map(|part| (part.kind.file_name(&self.id), part.arrived)).collect();
        record(&self.folder, &self.id, &arrived).await.map_err(on_disk)?;
        // Of what stood there before.
        for name in [card_name(&self.id), loudness_name(&self.id), quality_name(&self.id)] {
            disk::remove_if_there(&self.folder.join(name)).map_err(on_disk)?;
        }
        for (name, here) in &arrived {
            disk::place(&here.partial, &self.folder, name).map_err(on_disk)?;
        }
        tracing::info!(voice = %self.id, "a voice was handed in");
        self.catalogue.rescan_for(&self.id)
    }

    fn part(&self, kind: UploadedFile) -> Option<&UploadPart> {
        self.parts.iter().find(|part| part.kind == kind)
    }

    fn check_license(&self) -> Result<(), VoiceFilesError> {
        let text = self.part(UploadedFile::Card).map(|part| files::read(&part.arrived.partial, MAX_CARD_BYTES));
        let text = text.transpose().map_err(|error| disk_error(&self.id, &error))?;
        let card = text.map(|text| ModelCard::parse(&String::from_utf8_lossy(&text)));
        if self.catalogue.0.downloader.rule.allows(card.as_ref()) {
            return Ok(());
        }
        let license = card.map_or_else(|| UNKNOWN_LICENSE.to_owned(), |card| card.license());
        Err(VoiceFilesError::LicenseRefused { voice: self.id.clone(), license })
    }

    fn check_room(&self) -> Result<(), VoiceFilesError> {
        let max_bytes = self.catalogue.0.settings.max_bytes;
        if max_bytes == 0 {
            return Ok(());
        }
        let replaced = UploadedFile::ALL.map(|kind| kind.file_name(&self.id));
        let used = used_bytes(&self.folder, &replaced).map_err(|error| disk_error(&self.id, &error))?;
        let left_bytes = max_bytes.saturating_sub(used);
        let needed_bytes = self.parts.iter().map(|part| part.arrived.size).sum();
        if needed_bytes <= left_bytes {
            return Ok(());
        }
        Err(VoiceFilesError::OverBudget { voice: self.id.clone(), needed_bytes, left_bytes })
    }

    fn unfit(&self, reason: String) -> VoiceFilesError {
        VoiceFilesError::Unfit { voice: self.id.clone(), reason }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        for part in &self.parts {
            // What cannot be removed is removed when the catalogue is next opened.
            let _ = disk::remove_if_there(&part.arrived.partial);
        }
    }
}

/// Of a folder that cannot be changed, or an error of the moment.
pub fn change_error(id: &VoiceId, error: &io::Error) -> VoiceFilesError {
    if disk::is_unwritable(error) { VoiceFilesError::ReadOnly(id.clone()) } else { disk_error(id, error) }
}
