//! Owns the settings of the speech APIs of others.

use std::collections::BTreeMap;

use super::reader::SettingsReader;
use super::values::ConfigError;

#[derive(Debug, Clone)]
pub struct FrontsConfig {
    pub cartesia: bool,
    pub deepgram: bool,
    pub elevenlabs: bool,
    /// What their callers may call voices: ids, with a speaker or without.
    pub voices: BTreeMap<String, String>,
}

const NAMES: [&str; 3] = ["cartesia", "deepgram", "elevenlabs"];

// === impl FrontsConfig ===

impl FrontsConfig {
    pub(super) fn read(read: &mut SettingsReader) -> Result<Self, ConfigError> {
        const KEY: &str = "TTS_FRONTS";
        let names = read.list(KEY)?.unwrap_or_else(|| NAMES.map(str::to_owned).into());
        let is_none = names == ["none"];
        if !is_none && !names.iter().all(|name| NAMES.contains(&name.as_str())) {
            return Err(ConfigError::new(KEY, "must be some of cartesia, deepgram, elevenlabs, or none"));
        }
        let [cartesia, deepgram, elevenlabs] = NAMES.map(|name| names.iter().any(|wanted| wanted == name));
        Ok(Self { cartesia, deepgram, elevenlabs, voices: read.pairs("TTS_FRONT_VOICES")? })
    }
}
