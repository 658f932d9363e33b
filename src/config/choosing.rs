//! Settings for which voice speaks where a request names none, or one that there is not, and for voices that callers
//! hand in.

use super::reader::SettingsReader;
use super::values::ConfigError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoosingConfig {
    /// Names and patterns of voices, the first before the others, for requests that name a language.
    pub language_voices: Vec<String>,
    /// Whether the default voice speaks for names that are none, on the routes of other services' clients.
    pub unknown_are_default: bool,
    /// Of a voice that is handed in; 0: voices are not changed over the API.
    pub upload_bytes: u64,
}

impl ChoosingConfig {
    pub(super) fn read(read: &mut SettingsReader) -> Result<Self, ConfigError> {
        Ok(Self {
            language_voices: read.list("TTS_LANGUAGE_VOICES")?.unwrap_or_default(),
            unknown_are_default: read.choice("TTS_UNKNOWN_VOICES", &["refuse", "default"])? == Some("default"),
            upload_bytes: read.number("TTS_VOICE_UPLOAD_BYTES", 0..=4 << 30, 0)?,
        })
    }
}
