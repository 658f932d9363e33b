//! Owns the reading of a script in the languages of its voices, which are known once these are loaded.

use piper_acoustic::VoiceConfig;

use super::SpeechError;
use super::entries::off_thread;
use crate::domain::Script;
use crate::text::read_script;

/// The language in which a voice reads, if it is known.
pub fn language(config: &VoiceConfig) -> Option<String> {
    config.language().map(str::to_owned)
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
