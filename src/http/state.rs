//! Owns the state that every handler shares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::callers::Callers;
use super::error::ApiError;
use crate::config::HashedToken;
use crate::domain::{Deadline, InvalidField, Prosody, VoiceId};
use crate::links::Links;
use crate::live::Sessions;
use crate::pool::PoolHandle;
use crate::resilience::{FailedAuthLimiter, InFlight, Readiness};
use crate::speech::SpeechService;
use crate::telemetry::Metrics;
use crate::text::TextReader;
use crate::usage::Usage;
use crate::voices::{Catalogue, DefaultVoice, LanguageTag, VoicesByLanguage};

/// The service as handlers see it.
#[derive(Clone)]
pub struct AppState {
    pub speech: SpeechService,
    pub pool: PoolHandle,
    pub catalogue: Catalogue,
    pub metrics: Metrics,
    pub readiness: Readiness,
    pub in_flight: InFlight,
    pub callers: Callers,
    /// `None`: nobody counts wrong tokens.
    pub guesses: Option<FailedAuthLimiter>,
    /// Without one, `/metrics` is open.
    pub metrics_token: Option<HashedToken>,
    /// Whose pages may read answers.
    pub cors_origins: Arc<[String]>,
    /// Whether OpenAI's lists of models and voices are open to everyone.
    pub public_voice_list: bool,
    /// What callers of the OpenAI route may call voices.
    pub openai_voices: Arc<BTreeMap<String, String>>,
    /// What callers of the APIs of others may call voices.
    pub front_voices: Arc<BTreeMap<String, String>>,
    pub default_voice: DefaultVoice,
    pub by_language: VoicesByLanguage,
    /// Whether the default voice speaks for names that are none, on the routes of other services' clients.
    pub unknown_are_default: bool,
    /// Addresses that speak.
    pub links: Links,
    /// Texts that are spoken while they are written.
    pub live: Sessions,
    pub limits: RequestLimits,
    /// Counts what callers have.
    pub usage: Usage,
    /// Reads what callers write.
    pub texts: TextReader,
    /// How texts are said where requests say nothing.
    pub prosody: Prosody,
}

/// Bounds of one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestLimits {
    pub body_bytes: usize,
    /// Characters of a text.
    pub text_chars: usize,
    pub batch_body_bytes: usize,
    /// Items of a batch.
    pub batch_items: usize,
    pub body_timeout: Duration,
    /// How long a caller may take nothing of what is sent.
    pub write_timeout: Duration,
    pub deadline: Duration,
    /// Of a voice that is handed in; 0: voices are not changed here.
    pub upload_bytes: u64,
    /// The longest that one may take.
    pub upload_time: Duration,
}

/// What a caller may ask for is below this: a day.
const MAX_DEADLINE_MS: u64 = 86_400_001;

// === impl AppState ===

impl AppState {
    /// The voice of a request that names none.
    pub fn default_voice(&self) -> Result<VoiceId, ApiError> {
        self.default_voice.get().ok_or_else(ApiError::no_voice)
    }

    /// The voice of a request that names a language and no voice.
    pub fn voice_for(&self, language: &str) -> Result<VoiceId, ApiError> {
        let expected = "a language such as de or en-GB";
        let wanted = LanguageTag::parse(language).ok_or(InvalidField { field: "language", expected })?;
        self.by_language.find(&wanted).ok_or_else(ApiError::no_voice_for_language)
    }

    /// The name of a voice as clients of other services give it, perhaps with a speaker; `None`: there is no such
    /// voice, and the default one speaks instead.
    pub fn known_or_default(&self, name: String) -> Option<String> {
        let voice = name.split_once('#').map_or(&*name, |(voice, _)| voice);
        let is_known = VoiceId::parse(voice).is_ok_and(|id| self.speech.resolve(&id).is_some());
        (is_known || !self.unknown_are_default).then_some(name)
    }
}

// === impl RequestLimits ===

impl RequestLimits {
    /// The caller's deadline, if it is the shorter one.
    pub fn deadline(&self, requested_ms: Option<u64>) -> Result<Deadline, InvalidField> {
        let limit = match requested_ms {
            None => self.deadline,
            Some(0 | MAX_DEADLINE_MS..) => {
                return Err(InvalidField { field: "deadline_ms", expected: "a whole number from 1 to 86400000" });
            }
            Some(milliseconds) => self.deadline.min(Duration::from_millis(milliseconds)),
        };
        Ok(Deadline::after(limit))
    }
}
