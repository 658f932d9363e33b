//! Owns having a script read in the languages of its voices, which are known once these are loaded.

use piper_acoustic::{PhonemeType, VoiceConfig};

use super::SpeechError;
use super::entries::off_thread;
use crate::domain::Script;
use crate::text::read_script;

/// The language in which a voice reads. `None`: its phonemes are letters, and nobody knows of which.
pub fn language(config: &VoiceConfig) -> Option<String> {
    (config.phoneme_type != PhonemeType::Text).then(|| config.espeak_voice.clone())
}

/// The script as it is said by voices of these languages, in the order of its own.
pub async fn read(script: &Script, languages: Vec<Option<String>>) -> Result<Script, SpeechError> {
    if !script.is_to_be_read() {
        return Ok(script.clone());
    }
    let script = script.clone();
    let read = move || read_script(&script, |voice| languages.get(voice)?.as_deref());
    Ok(off_thread(read).await??)
}
