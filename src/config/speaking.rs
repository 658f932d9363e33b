//! Settings for how texts are read and said where requests say nothing.

use super::reader::SettingsReader;
use super::values::ConfigError;

#[derive(Debug, Clone, PartialEq)]
pub struct SpeakingConfig {
    /// Whether numbers, dates, money, markup and the like are said in words.
    pub normalize: bool,
    /// Classes of them that are not.
    pub normalize_off: Vec<String>,
    /// Whether `[[ ]]` in texts holds phonemes.
    pub raw_phonemes: bool,
    pub speed: f32,
    /// In LUFS, of every voice; `None`: as each was trained.
    pub loudness: Option<f32>,
    pub sentence_silence_ms: u32,
    /// Between paragraphs of plain texts.
    pub paragraph_silence_ms: u32,
}

impl SpeakingConfig {
    pub(super) fn read(read: &mut SettingsReader) -> Result<Self, ConfigError> {
        let speed = read.parsed("TTS_SPEED", SPEED)?.unwrap_or(1.0);
        if !(0.25..=4.0).contains(&speed) {
            return Err(ConfigError::new("TTS_SPEED", format!("must be {SPEED}")));
        }
        Ok(Self {
            normalize: read.flag("TTS_NORMALIZE", true)?,
            normalize_off: read.list("TTS_NORMALIZE_OFF")?.unwrap_or_default(),
            raw_phonemes: read.flag("TTS_RAW_PHONEMES", true)?,
            speed,
            loudness: loudness(read)?,
            sentence_silence_ms: read.number("TTS_SENTENCE_SILENCE_MS", 0..=10_000, 0)?,
            paragraph_silence_ms: read.number("TTS_PARAGRAPH_SILENCE_MS", 0..=10_000, 0)?,
        })
    }
}

fn loudness(read: &mut SettingsReader) -> Result<Option<f32>, ConfigError> {
    let Some(value) = read.text("TTS_LOUDNESS_LUFS").filter(|value| !value.eq_ignore_ascii_case("none")) else {
        return Ok(None);
    };
    let lufs = value.parse().ok().filter(|lufs| (-40.0..=-10.0).contains(lufs));
    lufs.map(Some).ok_or_else(|| ConfigError::new("TTS_LOUDNESS_LUFS", "must be none or a number from -40 to -10"))
}

const SPEED: &str = "a number from 0.25 to 4";
