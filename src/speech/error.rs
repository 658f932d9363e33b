//! Owns the reasons for which a request is not answered with speech, as a caller can act on them.

use std::time::Duration;

use piper_phonemize::{EspeakError, PhonemizeError};

use crate::audio::{EncodeError, ResampleError};
use crate::domain::{DeadlinePassed, InputText, SaidText, TextError, VoiceId};
use crate::pool::PoolError;
use crate::resilience::NoBytes;
use crate::voices::VoiceFilesError;

/// No variant holds the caller's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    #[error("voice {0} is not in the catalogue")]
    UnknownVoice(VoiceId),
    #[error("the voice has {speakers} speakers and none of that name or number")]
    UnknownSpeaker { speakers: u32 },
    #[error("a blend of speakers is like 3:0.7,8:0.3: up to 8, each with a share above 0")]
    InvalidBlend,
    /// Its graph is computed as it came, which takes one speaker.
    #[error("the speakers of voice {0} cannot be mixed")]
    NoBlend(VoiceId),
    /// Read, it is too long.
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("the text cannot be spoken: it breaks the phonemizer")]
    Unspeakable,
    /// Another try may succeed.
    #[error("the phonemizer is not available now")]
    NoPhonemizer,
    /// It can never speak here.
    #[error("the voice speaks a language that the installed espeak-ng does not have")]
    UnknownLanguage,
    #[error(
        "{count} letters or digits of the text have no sound in the language of the voice, the first is character {first}: leave them \
         out, or write them otherwise"
    )]
    Silent {
        count: usize,
        /// Place of the first in what the caller wrote, in characters.
        first: usize,
    },
    #[error("the service is at capacity")]
    Overloaded { retry_after: Duration },
    #[error("answers that wait for their readers hold all the memory that they may")]
    AnswersFull,
    /// The catalogue does not give it: it cannot be had, or not now.
    #[error(transparent)]
    NoFiles(VoiceFilesError),
    #[error("voice {0} is being loaded")]
    VoiceLoading(VoiceId),
    #[error("voice {voice} cannot be used now")]
    VoiceFailed { voice: VoiceId, retry_after: Duration },
    /// Until somebody changes its files or the settings.
    #[error("voice {voice} cannot speak: {problem}")]
    VoiceUnusable { voice: VoiceId, problem: String },
    #[error("voice {0} has no room in memory")]
    NoRoom(VoiceId),
    #[error("the pauses of the answer are longer than 20 minutes together")]
    TooMuchSilence,
    #[error("the answer has more bytes than one may have at once: shorten the text, or have it streamed")]
    TooLarge,
    #[error("the deadline passed")]
    DeadlinePassed,
    #[error("the answer is not in the cache, and the request wants no other")]
    NotCached,
    /// Its graph is computed as it came, which gives samples alone.
    #[error("voice {0} does not tell when it says what")]
    NoTimestamps(VoiceId),
    /// The reason is for the log.
    #[error("synthesis failed: {0}")]
    Failed(String),
}

impl From<DeadlinePassed> for SpeechError {
    fn from(_: DeadlinePassed) -> Self {
        Self::DeadlinePassed
    }
}

impl From<NoBytes> for SpeechError {
    fn from(error: NoBytes) -> Self {
        match error {
            NoBytes::Now => Self::AnswersFull,
            NoBytes::Ever => Self::TooLarge,
        }
    }
}

impl From<PoolError> for SpeechError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            PoolError::NoFiles(VoiceFilesError::Unknown(id) | VoiceFilesError::NotAllowed(id)) => {
                Self::UnknownVoice(id)
            }
            PoolError::NoFiles(error) => Self::NoFiles(error),
            PoolError::VoiceLoading(id) => Self::VoiceLoading(id),
            PoolError::VoiceFailed { voice, retry_after, .. } => Self::VoiceFailed { voice, retry_after },
            PoolError::VoiceUnusable { voice, problem } => Self::VoiceUnusable { voice, problem },
            PoolError::VoiceTooLarge { ref voice, .. } => {
                Self::VoiceUnusable { voice: voice.clone(), problem: "it needs more memory than there is".to_owned() }
            }
            PoolError::NoRoom(voice) => Self::NoRoom(voice),
            PoolError::DeadlinePassed => Self::DeadlinePassed,
            PoolError::SynthesisFailed(_) | PoolError::VoiceInUse(_) | PoolError::Stopped => {
                Self::Failed(error.to_string())
            }
        }
    }
}

impl SpeechError {
    /// Why what is `said` of a text has no phonemes.
    pub fn of_phonemes(error: PhonemizeError, said: &SaidText, source: &InputText) -> Self {
        let PhonemizeError::Silent { count, at } = error else { return error.into() };
        let before = source.as_str().get(..said.source_of(&(at..at + 1)).start).unwrap_or_default();
        Self::Silent { count, first: before.chars().count() }
    }
}

impl From<PhonemizeError> for SpeechError {
    fn from(error: PhonemizeError) -> Self {
        match error {
            PhonemizeError::Espeak(EspeakError::Crashed) | PhonemizeError::TooDense | PhonemizeError::Silent { .. } => {
                Self::Unspeakable
            }
            PhonemizeError::Espeak(EspeakError::TimedOut(_) | EspeakError::Unavailable(_)) => Self::NoPhonemizer,
            PhonemizeError::Espeak(EspeakError::UnknownLanguage(_)) => Self::UnknownLanguage,
            PhonemizeError::Arabic(_) | PhonemizeError::Hebrew(_) => Self::Failed(error.to_string()),
        }
    }
}

impl From<ResampleError> for SpeechError {
    fn from(error: ResampleError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<EncodeError> for SpeechError {
    fn from(error: EncodeError) -> Self {
        Self::Failed(error.to_string())
    }
}
