//! Owns texts as requests: read as those of the HTTP routes are that say nothing of how.

use std::sync::Arc;

use super::failure::Failure;
use super::message::SynthesizeOptions;
use super::parts::UtteranceDefaults;
use super::voices;
use crate::domain::{Deadline, Script, Speaker, SynthesisRequest, VoiceId};
use crate::live::Client;
use crate::speech::SpeechService;
use crate::text::{Pronunciation, TextType};
use crate::usage::UsageRecord;

/// How the texts of one utterance are read.
pub struct UtteranceReader {
    speaking: Arc<UtteranceDefaults>,
    voice: VoiceId,
    speaker: Option<Speaker>,
    kind: TextType,
}

/// Who has no token is counted as whoever has the secret of the settings.
const NOBODY: &str = "";

// === impl UtteranceReader ===

impl UtteranceReader {
    pub fn new(speaking: Arc<UtteranceDefaults>, manner: &SynthesizeOptions) -> Result<Self, Failure> {
        let kind = match manner.format.as_deref() {
            None | Some("text") => TextType::Plain,
            Some("ssml") => TextType::Ssml,
            Some(_) => return Err(Failure::new("invalid_value", "text_format must be text or ssml")),
        };
        let (voice, speaker) = voices::chosen(&manner.voice, &speaking)?;
        Ok(Self { speaking, voice, speaker, kind })
    }

    /// Whether its texts can be read in parts.
    pub fn reads_parts(&self) -> bool {
        self.kind == TextType::Plain
    }
}

impl Client for UtteranceReader {
    type Error = Failure;

    fn speech(&self) -> &SpeechService {
        &self.speaking.speech
    }

    fn read(&self, text: &str) -> Result<SynthesisRequest, Failure> {
        Ok(SynthesisRequest {
            voice: self.voice.clone(),
            speaker: self.speaker.clone(),
            script: self.speaking.texts.read(text, self.kind, Pronunciation::default())?,
            prosody: self.speaking.prosody,
            deadline: Deadline::after(self.speaking.deadline),
        })
    }

    fn admit(&self, _: &Script) -> Result<(), Failure> {
        Ok(())
    }

    fn count(&self, characters: usize, seconds: f64, is_cached: bool) {
        self.speaking.usage.count(NOBODY, UsageRecord { characters, seconds, is_cached });
    }
}
