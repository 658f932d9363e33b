//! Owns the order of things for one request.

use bytes::Bytes;

use super::SpeechError;
use super::plan::{model_inputs, resolve_speaker};
use super::speaking::{Speaking, Work};
use crate::audio::{AudioFormat, Encoder, Pcm};
use crate::cache::{Answer, CacheHandle, CacheKey, KeyBuilder};
use crate::domain::{Speaker, SynthesisRequest, VoiceId};
use crate::engine::Phonemizer;
use crate::pool::PoolHandle;
use crate::voices::Catalogue;

/// Makes speech of text. A clone shares everything.
#[derive(Clone)]
pub struct SpeechService {
    phonemizer: Phonemizer,
    catalogue: Catalogue,
    pool: PoolHandle,
    cache: CacheHandle,
    settings: SpeechSettings,
}

#[derive(Debug, Clone, Copy)]
pub struct SpeechSettings {
    /// Phonemes in one inference at the voice's own speed.
    pub max_sentence_phonemes: usize,
}

/// What the audio shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioSpec {
    pub format: AudioFormat,
    /// In hertz; `None` is the voice's own.
    pub sample_rate: Option<u32>,
}

/// Whether an answer may come from the cache and stay there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    Allowed,
    /// The caller wants no trace: neither looked up nor kept.
    Forbidden,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Speech {
    pub answer: Answer,
    pub cache: CacheUse,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    HitL1,
    Miss,
    /// Neither looked up nor kept.
    Disabled,
}

// === impl SpeechService ===

impl SpeechService {
    pub fn new(
        phonemizer: Phonemizer,
        catalogue: Catalogue,
        pool: PoolHandle,
        cache: CacheHandle,
        settings: SpeechSettings,
    ) -> Self {
        Self { phonemizer, catalogue, pool, cache, settings }
    }

    /// The id by which a voice is served, of a name or an alias.
    pub fn resolve(&self, id: &VoiceId) -> Option<VoiceId> {
        self.catalogue.resolve(id).filter(|id| self.catalogue.contains(id))
    }

    /// The whole answer, from the cache or made now.
    pub async fn speak(
        &self,
        mut request: SynthesisRequest,
        spec: AudioSpec,
        caching: Caching,
    ) -> Result<Speech, SpeechError> {
        request.voice = self.resolve(&request.voice).ok_or(SpeechError::UnknownVoice(request.voice))?;
        let deadline = request.deadline;
        if caching == Caching::Forbidden || !self.cache.is_enabled() {
            let answer = deadline.limit(self.make(request, spec)).await??;
            return Ok(Speech { answer, cache: CacheUse::Disabled });
        }

        let key = answer_key(&request, spec);
        if let Some(answer) = self.cache.get(&key) {
            return Ok(Speech { answer, cache: CacheUse::HitL1 });
        }
        let answer = deadline.limit(self.make(request, spec)).await??;
        self.cache.store(key, answer.clone()).await;
        Ok(Speech { answer, cache: CacheUse::Miss })
    }

    /// Speech in parts, made now. An error comes before the first part where it can.
    pub async fn begin(
        &self,
        mut request: SynthesisRequest,
        sample_rate: Option<u32>,
    ) -> Result<Speaking, SpeechError> {
        request.voice = self.resolve(&request.voice).ok_or(SpeechError::UnknownVoice(request.voice))?;
        let admission = self.pool.admit()?;
        let voice = self.pool.voice(&request.voice, request.deadline).await?;
        let config = voice.config();
        let speaker = resolve_speaker(request.speaker.as_ref(), config)?;
        let phonemized = self.phonemizer.sentences(request.text.as_str(), config);
        let sentences = request.deadline.limit(phonemized).await??;
        let inputs = model_inputs(sentences, speaker, &request.prosody, config, self.settings.max_sentence_phonemes);
        Ok(Speaking::begin(Work {
            sample_rate: sample_rate.unwrap_or(config.sample_rate),
            pool: self.pool.clone(),
            admission,
            voice: voice.clone(),
            request,
            inputs,
        }))
    }

    async fn make(&self, request: SynthesisRequest, spec: AudioSpec) -> Result<Answer, SpeechError> {
        let speaking = self.begin(request, spec.sample_rate).await?;
        let (sample_rate, resampled) = (speaking.sample_rate, speaking.resampled);
        let parts = speaking.finish().await?;
        let audio = Encoder::new(spec.format, sample_rate).whole(&parts);
        Ok(Answer { audio: Bytes::from(audio), sample_rate, seconds: parts.iter().map(Pcm::seconds).sum(), resampled })
    }
}

fn answer_key(request: &SynthesisRequest, spec: AudioSpec) -> CacheKey {
    let (name, number) = match &request.speaker {
        Some(Speaker::Name(name)) => (Some(name), None),
        Some(Speaker::Number(number)) => (None, Some(number)),
        None => (None, None),
    };
    let prosody = &request.prosody;
    KeyBuilder::new("answer-v1")
        .part("voice", request.voice.as_str())
        .part("text", request.text.as_str())
        .optional("speaker name", name)
        .optional("speaker number", number.map(|number| number.to_le_bytes()))
        .part("speed", prosody.speed().to_le_bytes())
        .optional("noise scale", prosody.noise_scale().map(f32::to_le_bytes))
        .optional("noise w", prosody.noise_w().map(f32::to_le_bytes))
        .part("volume", prosody.volume().to_le_bytes())
        .part("sentence silence", prosody.sentence_silence_ms().to_le_bytes())
        .part("format", spec.format.name())
        .optional("sample rate", spec.sample_rate.map(u32::to_le_bytes))
        .finish()
}
