//! Owns the settings of synthesis: how texts become speech, by how many, and within which bounds.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::SettingsReader;
use super::speaking::SpeakingConfig;
use super::values::ConfigError;

#[derive(Debug, Clone)]
pub struct SynthesisConfig {
    pub workers: usize,
    /// Requests that may wait for synthesis or be in it.
    pub queue_limit: usize,
    pub request_deadline: Duration,
    pub max_text_chars: usize,
    /// Of an answer that is not streamed.
    pub max_answer_bytes: usize,
    /// Of all answers that are made and not taken by their readers yet.
    pub answers_max_bytes: usize,
    /// Folder of pronunciation lexicons.
    pub lexicons_dir: Option<PathBuf>,
    /// Names of those that apply to every text.
    pub lexicons: Vec<String>,
    /// How texts are read and said where requests say nothing.
    pub speaking: SpeakingConfig,
    /// Phonemes in one inference; a longer sentence is cut.
    pub max_sentence_phonemes: usize,
    /// How long after its deadline a cancelled computation may go on before its thread is given up.
    pub hang_grace: Duration,
    /// Panics in a row after which a voice is not used for a while.
    pub voice_panic_limit: u32,
    pub phonemizers: usize,
    /// Languages that each of them keeps ready.
    pub phonemizer_languages: usize,
    pub phonemize_timeout: Duration,
}

// === impl SynthesisConfig ===

impl SynthesisConfig {
    pub(super) fn read(read: &mut SettingsReader, cores: usize) -> Result<Self, ConfigError> {
        Ok(Self {
            workers: read.number("TTS_WORKERS", 1..=1024, cores)?,
            queue_limit: read.number("TTS_QUEUE_LIMIT", 1..=100_000, 64)?,
            request_deadline: read.milliseconds("TTS_REQUEST_DEADLINE_MS", 1..=3_600_000, 30_000)?,
            max_text_chars: read.number("TTS_MAX_TEXT_CHARS", 1..=1_000_000, 5_000)?,
            max_answer_bytes: read.number("TTS_MAX_ANSWER_BYTES", 1024..=1 << 40, 256 << 20)?,
            answers_max_bytes: read.number("TTS_ANSWERS_MAX_BYTES", 1 << 20..=1 << 40, 256 << 20)?,
            lexicons_dir: read.path("TTS_LEXICONS_DIR"),
            lexicons: read.list("TTS_LEXICONS")?.unwrap_or_default(),
            speaking: SpeakingConfig::read(read)?,
            max_sentence_phonemes: read.number("TTS_MAX_SENTENCE_PHONEMES", 50..=2_000, 400)?,
            hang_grace: read.milliseconds("TTS_HANG_GRACE_MS", 0..=600_000, 2_000)?,
            voice_panic_limit: read.number("TTS_VOICE_PANIC_LIMIT", 1..=1_000, 5)?,
            phonemizers: read.number("TTS_PHONEMIZERS", 1..=256, cores)?,
            phonemizer_languages: read.number("TTS_PHONEMIZER_LANGUAGES", 1..=256, 16)?,
            phonemize_timeout: read.milliseconds("TTS_PHONEMIZE_TIMEOUT_MS", 100..=60_000, 5_000)?,
        })
    }
}
