//! What is asked of speech, and what comes of it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use piper_phonemize::{Phoneme, PhonemeIds, Sentence};

use crate::audio::AudioFormat;
use crate::cache::{Answer, CacheKey};
use crate::domain::{Script, SynthesisRequest, VoiceId};
use crate::resilience::ByteBudget;
use crate::telemetry::Metrics;
use crate::voices::VoiceDigest;

#[derive(Debug, Clone)]
pub struct SpeechSettings {
    /// Phonemes in one inference at the voice's own speed.
    pub max_sentence_phonemes: usize,
    /// Of an answer that is not streamed.
    pub max_answer_bytes: usize,
    /// Of answers that are made and not taken yet.
    pub answers: ByteBudget,
    /// Voices are measured when they are loaded, so that no request has to wait for it.
    pub measures_voices: bool,
}

/// What the audio shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioSpec {
    pub format: AudioFormat,
    /// In hertz; `None` is the voice's own.
    pub sample_rate: Option<u32>,
}

/// What may be done with the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    Allowed,
    /// Made anew, and kept.
    Fresh,
    /// From the cache or not at all.
    Only,
    /// The caller wants no trace: neither looked up nor kept.
    Forbidden,
}

/// A request whose voice is known, and the name of its answer.
#[derive(Debug, Clone)]
pub struct ResolvedRequest {
    pub request: SynthesisRequest,
    pub spec: AudioSpec,
    /// `None`: the voice is not here yet, or cannot be read.
    pub key: Option<CacheKey>,
    pub(super) digests: Option<Arc<[VoiceDigest]>>,
}

/// A text as the network takes it.
#[derive(Debug, Clone)]
pub struct Phonemized {
    pub voice: VoiceId,
    /// What is said, in the words of the voice's language.
    pub script: Script,
    pub sentences: Vec<(PhonemeIds, Sentence)>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct WholeSpeech {
    pub answer: Answer,
    pub cache: CacheUse,
    /// The answer's name, under which it would be the same again.
    pub key: Option<CacheKey>,
}

/// A whole answer, and when it says what.
#[derive(Debug, Clone)]
pub struct TimedSpeech {
    pub answer: Answer,
    pub cache: CacheUse,
    pub sentences: Vec<TimedSentence>,
    /// Places that the text names, and when they come.
    pub marks: Vec<(String, f64)>,
}

/// Seconds from the beginning of the audio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub start: f64,
    pub end: f64,
}

/// A sentence, when it is said.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedSentence {
    pub span: Span,
    /// Bytes of what the caller wrote, from its first word to the mark behind its last.
    pub place: Range<usize>,
    /// As a reader would have it.
    pub text: String,
    pub words: Vec<TimedWord>,
    pub phonemes: Vec<TimedPhoneme>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TimedWord {
    pub span: Span,
    /// Bytes of what the caller wrote.
    pub place: Range<usize>,
    pub text: String,
    /// With the marks and blanks up to the next word.
    pub with_marks: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TimedPhoneme {
    pub span: Span,
    pub phoneme: Phoneme,
    /// That of its word. `None`: it is a pause, or stands between words.
    pub place: Option<Range<usize>>,
}

/// For the first sound of a text.
pub(super) struct FirstAudioTimer {
    /// `None`: nobody waits.
    metrics: Option<Metrics>,
    since: Instant,
    format: AudioFormat,
    characters: usize,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheUse {
    HitL1,
    HitL2,
    /// Some of its sentences were there.
    Partial,
    Miss,
    /// A miss, for the reason that L2 did not answer.
    Error,
    /// Neither looked up nor kept.
    Disabled,
}

// === impl CacheUse ===

impl CacheUse {
    pub fn is_hit(self) -> bool {
        matches!(self, Self::HitL1 | Self::HitL2)
    }
}

// === impl FirstAudioTimer ===

impl FirstAudioTimer {
    /// Without `metrics` nobody waits.
    pub fn start(metrics: Option<Metrics>, asked: &ResolvedRequest) -> Self {
        let characters = asked.request.script.said_chars();
        Self { metrics, since: Instant::now(), format: asked.spec.format, characters }
    }

    pub fn end(self, cache: CacheUse) {
        if let Some(metrics) = self.metrics {
            metrics.count_answer(self.format.name(), self.characters, cache.is_hit(), self.since.elapsed());
        }
    }
}
