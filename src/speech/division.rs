//! Owns the check that a text says the same in two parts as in one. espeak-ng decides what ends a sentence, by the
//! words before it and by what follows; so it is asked.

use super::SpeechError;
use super::service::SpeechService;
use crate::domain::{Script, SynthesisRequest};

// === impl SpeechService ===

impl SpeechService {
    /// Whether the phonemes of `whole` are those of its parts, one after the other, sentence by sentence. `request`
    /// says by which voice and until when.
    pub async fn says_alike(
        &self,
        request: &SynthesisRequest,
        whole: &Script,
        parts: [&Script; 2],
    ) -> Result<bool, SpeechError> {
        let voice = self.resolve(&request.voice).ok_or_else(|| SpeechError::UnknownVoice(request.voice.clone()))?;
        let _admission = self.parts.pool.admit()?;
        let loaded = self.parts.pool.voice(&voice, request.deadline).await?;
        let sentences = |script| self.sentences(script, loaded.config(), request.deadline);
        let (whole, first, second) = tokio::try_join!(sentences(whole), sentences(parts[0]), sentences(parts[1]))?;
        Ok(whole.len() == first.len() + second.len() && first.iter().chain(&second).eq(&whole))
    }
}
