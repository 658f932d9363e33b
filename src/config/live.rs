//! Owns the settings of texts that are spoken while they are written.

use std::time::Duration;

use super::reader::SettingsReader;
use super::values::ConfigError;

#[derive(Debug, Clone)]
pub struct LiveConfig {
    pub max_sessions: usize,
    pub max_sessions_per_token: usize,
    /// Texts of one session that go on at a time.
    pub max_contexts: usize,
    /// Characters of one session that wait to be said.
    pub max_text_chars: usize,
    /// How long a session may be silent on both sides.
    pub idle: Duration,
    /// How often it is seen whether a caller is there.
    pub ping: Duration,
}

// === impl LiveConfig ===

impl LiveConfig {
    pub(super) fn read(read: &mut SettingsReader) -> Result<Self, ConfigError> {
        Ok(Self {
            max_sessions: read.number("TTS_LIVE_MAX_SESSIONS", 1..=1_000_000, 2_000)?,
            max_sessions_per_token: read.number("TTS_LIVE_MAX_SESSIONS_PER_TOKEN", 1..=1_000_000, 1_500)?,
            max_contexts: read.number("TTS_LIVE_MAX_CONTEXTS", 1..=1_000, 32)?,
            max_text_chars: read.number("TTS_LIVE_MAX_TEXT_CHARS", 1..=1_000_000, 20_000)?,
            idle: read.milliseconds("TTS_LIVE_IDLE_MS", 100..=86_400_000, 300_000)?,
            ping: read.milliseconds("TTS_LIVE_PING_MS", 100..=3_600_000, 20_000)?,
        })
    }
}
