//! Owns what makes a voice usable beside its network: that its texts can be turned into phonemes here. A voice for
//! which they cannot is refused when it is loaded, rather than each of its texts.

use std::sync::Arc;
use std::time::Duration;

use piper_acoustic::{Engine, LoadError, LoadedVoice, VoiceFiles};
use piper_phonemize::{EspeakError, PhonemizeError, Phonemizer};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// An engine that loads voices that can be phonemized.
pub struct SpeakingEngine<E> {
    engine: E,
    phonemizer: Phonemizer,
    runtime: Handle,
}

/// A phonemizer that does not answer says nothing against the voice.
const PATIENCE: Duration = Duration::from_secs(5);

// === impl SpeakingEngine ===

impl<E> SpeakingEngine<E> {
    /// Asks the phonemizer on the current runtime.
    pub fn new(engine: E, phonemizer: Phonemizer) -> Self {
        Self { engine, phonemizer, runtime: Handle::current() }
    }
}

impl<E: Engine> Engine for SpeakingEngine<E> {
    fn load(&self, files: &VoiceFiles) -> Result<Arc<dyn LoadedVoice>, LoadError> {
        let voice = self.engine.load(files)?;
        let checked = async { timeout(PATIENCE, self.phonemizer.check(voice.config())).await };
        match self.runtime.block_on(checked) {
            Ok(Err(
                error @ (PhonemizeError::Arabic(_)
                | PhonemizeError::Hebrew(_)
                | PhonemizeError::Espeak(EspeakError::UnknownLanguage(_))),
            )) => Err(LoadError::Language(error.to_string())),
            _ => Ok(voice),
        }
    }

    fn memory_needed(&self, files: &VoiceFiles, workers: usize) -> u64 {
        self.engine.memory_needed(files, workers)
    }
}
