//! Owns the reasons for which a voice is not to be had, each one that a caller acts on. Messages name no path and no
//! address: they may reach a client.

use crate::domain::VoiceId;

/// Why the files of a voice could not be given. Clones are for the callers who waited for one download.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoiceFilesError {
    #[error("voice {0} is not in the catalogue")]
    Unknown(VoiceId),
    #[error("voice {0} is not among those that TTS_VOICES allows")]
    NotAllowed(VoiceId),
    #[error("voice {voice} has the licence {license}, which TTS_ALLOWED_LICENSES does not allow")]
    LicenseRefused { voice: VoiceId, license: String },
    #[error("voice {voice} cannot be spoken here: {reason}")]
    Unspeakable { voice: VoiceId, reason: String },
    #[error("voice {0} is not installed, and TTS_OFFLINE forbids fetching it")]
    Offline(VoiceId),
    /// The source could not be reached, or did not give what its catalogue promises.
    #[error("voice {voice} could not be downloaded: {reason}")]
    DownloadFailed { voice: VoiceId, reason: String },
    /// The files are not those that were expected. What arrived wrong is deleted; what was changed in place stays for
    /// its owner to look at.
    #[error("voice {voice} failed verification: {reason}")]
    VerificationFailed { voice: VoiceId, reason: String },
    /// What was handed in.
    #[error("voice {voice} is not taken: {reason}")]
    Unfit { voice: VoiceId, reason: String },
    #[error("voice {0} is being brought or changed by somebody else")]
    Busy(VoiceId),
    #[error("voice {0} cannot be changed: the models folder is read-only")]
    ReadOnly(VoiceId),
    #[error("voice {voice} needs {needed_bytes} bytes; TTS_MODELS_MAX_BYTES leaves {left_bytes}")]
    OverBudget { voice: VoiceId, needed_bytes: u64, left_bytes: u64 },
    #[error("the disk is full: voice {0} could not be stored")]
    DiskFull(VoiceId),
    #[error("the files of voice {voice} could not be read or written: {reason}")]
    Io { voice: VoiceId, reason: String },
}

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("could not read the models folder {folder}: {error}; make it, or name another in TTS_MODELS_DIR")]
    Folder { folder: String, error: std::io::Error },
    #[error("could not refresh the catalogue: {0}")]
    Refresh(String),
    #[error("the catalogue is not valid: {0}")]
    Invalid(String),
    #[error("TTS_OFFLINE forbids fetching the catalogue")]
    Offline,
}

// === impl VoiceFilesError ===

impl VoiceFilesError {
    /// Whether the same call may succeed a little later with nothing done.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::DownloadFailed { .. } | Self::VerificationFailed { .. } | Self::Io { .. })
    }
}
