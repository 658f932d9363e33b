//! The parts of the Wyoming server that all connections and all utterances share.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::Prosody;
use crate::live::Sessions;
use crate::resilience::InFlight;
use crate::speech::SpeechService;
use crate::text::TextReader;
use crate::usage::Usage;
use crate::voices::{Catalogue, DefaultVoice, VoicesByLanguage};

/// What all connections share.
pub struct ServerParts {
    pub speaking: Arc<UtteranceDefaults>,
    /// Bounds of connections and of the texts that come in chunks.
    pub sessions: Sessions,
    pub in_flight: InFlight,
    /// Of each part of a message, in bytes.
    pub message_limit: usize,
    /// How long a connection may be silent on both sides.
    pub idle: Duration,
    /// How long nothing of what is sent may be taken.
    pub patience: Duration,
}

/// What speaks, and how where callers do not say.
#[derive(Clone)]
pub struct UtteranceDefaults {
    pub speech: SpeechService,
    pub catalogue: Catalogue,
    pub default_voice: DefaultVoice,
    pub by_language: VoicesByLanguage,
    pub texts: TextReader,
    pub prosody: Prosody,
    pub deadline: Duration,
    pub usage: Usage,
}
