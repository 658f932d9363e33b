//! Owns the public form of errors, whatever protocol callers speak: neither what they said nor anything of the
//! service's inside.

use super::SpeechError;
use crate::domain::TextError;
use crate::text::TextReadError;
use crate::voices::VoiceFilesError;

/// An error as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicError {
    /// For programs: constant, lower case.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// What is wrong inside, for the log alone.
    pub reason: Option<String>,
}

// === impl PublicError ===

impl PublicError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), reason: None }
    }

    /// Of a voice that is not there; the name that it was asked for by is the caller's.
    pub fn no_such_voice() -> Self {
        Self::new("voice_not_found", "there is no such voice")
    }

    pub fn no_voice() -> Self {
        Self::new("no_voice", "no voice is installed")
    }

    fn because(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }
}

impl From<TextError> for PublicError {
    fn from(error: TextError) -> Self {
        let code = match error {
            TextError::TooLong { .. } => "text_too_long",
            TextError::Blank | TextError::Nul => "invalid_text",
        };
        Self::new(code, error.to_string())
    }
}

impl From<&TextReadError> for PublicError {
    fn from(error: &TextReadError) -> Self {
        let code = match error {
            TextReadError::Text(error) => return (*error).into(),
            TextReadError::Ssml(_) => "invalid_ssml",
            TextReadError::Lexicon(_) => "invalid_lexicon",
            TextReadError::UnknownLexicon => "lexicon_not_found",
        };
        Self::new(code, error.to_string())
    }
}

impl From<&VoiceFilesError> for PublicError {
    fn from(error: &VoiceFilesError) -> Self {
        let message = error.to_string();
        match error {
            VoiceFilesError::Unknown(_) | VoiceFilesError::NotAllowed(_) => Self::no_such_voice(),
            VoiceFilesError::LicenseRefused { .. } => Self::new("voice_license_refused", message),
            VoiceFilesError::Unspeakable { .. } => Self::new("voice_unusable", message),
            VoiceFilesError::Offline(_) => Self::new("voice_not_installed", message),
            VoiceFilesError::DownloadFailed { .. } => {
                Self::new("voice_download_failed", "the voice could not be downloaded").because(&message)
            }
            VoiceFilesError::VerificationFailed { .. } => {
                Self::new("voice_download_failed", "the voice failed verification").because(&message)
            }
            VoiceFilesError::Unfit { .. } => Self::new("voice_unfit", message),
            VoiceFilesError::Busy(_) => Self::new("voice_busy", message),
            VoiceFilesError::ReadOnly(_) => Self::new("models_read_only", message),
            VoiceFilesError::OverBudget { .. } | VoiceFilesError::DiskFull(_) | VoiceFilesError::Io { .. } => {
                Self::new("voice_unavailable", "the voice could not be stored").because(&message)
            }
        }
    }
}

impl From<&SpeechError> for PublicError {
    fn from(error: &SpeechError) -> Self {
        let code = match error {
            SpeechError::UnknownVoice(_) => return Self::no_such_voice(),
            SpeechError::Text(error) => return (*error).into(),
            SpeechError::NoFiles(error) => return error.into(),
            SpeechError::Failed(reason) => return Self::new("synthesis_failed", "synthesis failed").because(reason),
            SpeechError::UnknownSpeaker { .. } => "speaker_not_found",
            SpeechError::InvalidBlend => "invalid_value",
            SpeechError::NoBlend(_) => "blend_unavailable",
            SpeechError::Unspeakable | SpeechError::Silent { .. } => "unspeakable_text",
            SpeechError::NoPhonemizer => "phonemizer_unavailable",
            SpeechError::UnknownLanguage => "voice_language_unknown",
            SpeechError::NoTimestamps(_) => "timestamps_unavailable",
            SpeechError::Overloaded { .. } | SpeechError::AnswersFull => "over_capacity",
            SpeechError::VoiceFailed { .. } => "voice_unavailable",
            SpeechError::VoiceUnusable { .. } => "voice_unusable",
            SpeechError::VoiceLoading(_) => "voice_loading",
            SpeechError::NoRoom(_) => "no_room",
            SpeechError::TooMuchSilence => "too_much_silence",
            SpeechError::TooLarge => "answer_too_large",
            SpeechError::DeadlinePassed => "deadline_exceeded",
            SpeechError::NotCached => "not_cached",
        };
        Self::new(code, error.to_string())
    }
}
