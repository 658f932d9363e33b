//! Owns one sentence on its way: its samples as they come, and when it says what, in the time and the places of the
//! whole text.

use bytes::Bytes;

use crate::domain::SynthesisRequest;
use crate::speech::{AudioSpec, Caching, Following, SpeechError, SpeechService, SpeechStream, TimedSentence};

/// What is being spoken.
pub struct Spoken {
    way: SpokenSource,
    source: String,
    chars_before: usize,
    silence_ms: u32,
    /// Seconds since the text began; `None`: nothing of it was sent.
    start: Option<f64>,
}

enum SpokenSource {
    Plain(Box<SpeechStream>),
    Timed(Box<Following>),
}

/// A sentence, when it is said: in seconds since the text began, and in characters of all that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub sentence: SaidPart,
    pub words: Vec<SaidPart>,
}

/// A sentence or a word.
#[derive(Debug, Clone, PartialEq)]
pub struct SaidPart {
    pub start: f64,
    pub end: f64,
    pub start_char: usize,
    pub end_char: usize,
    pub text: String,
}

// === impl Spoken ===

impl Spoken {
    pub async fn begin(
        service: &SpeechService,
        request: SynthesisRequest,
        spec: AudioSpec,
        wants_times: bool,
        chars_before: usize,
    ) -> Result<Self, SpeechError> {
        let source = request.script.source().as_str().to_owned();
        let silence_ms = request.prosody.sentence_silence_ms();
        let asked = service.identify(request, spec).await?;
        let way = if wants_times {
            SpokenSource::Timed(service.follow(asked, Caching::Allowed).await?.into())
        } else {
            SpokenSource::Plain(service.begin(asked, Caching::Allowed).await?.into())
        };
        Ok(Self { way, source, chars_before, silence_ms, start: None })
    }

    fn speaking(&self) -> &SpeechStream {
        match &self.way {
            SpokenSource::Plain(speaking) => speaking,
            SpokenSource::Timed(following) => &following.speaking,
        }
    }

    pub fn sample_rate(&self) -> u32 {
        self.speaking().sample_rate
    }

    pub fn is_cached(&self) -> bool {
        self.speaking().cache.is_hit()
    }

    /// Of the pause before it, if another was spoken before.
    pub fn silence_ms(&self) -> u32 {
        self.silence_ms
    }

    pub fn is_new(&self) -> bool {
        self.start.is_none()
    }

    pub fn start_at(&mut self, seconds: f64) {
        self.start = Some(seconds);
    }

    pub fn start(&self) -> f64 {
        self.start.unwrap_or_default()
    }

    /// Where it ends in all that was written.
    pub fn end_char(&self) -> usize {
        self.chars_before + self.source.chars().count()
    }

    /// The next samples as bytes, and what is said that begins in them; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<(Bytes, Vec<TimedSentence>), SpeechError>> {
        match &mut self.way {
            SpokenSource::Plain(speaking) => speaking.next().await.map(|part| Ok((part?, Vec::new()))),
            SpokenSource::Timed(following) => following.next().await,
        }
    }

    /// A sentence of it as the whole text has it.
    pub fn said(&self, sentence: &TimedSentence) -> Said {
        let start = self.start();
        let char_at = |byte: usize| self.chars_before + self.source.get(..byte).unwrap_or_default().chars().count();
        let part = |span: crate::speech::Span, place: &std::ops::Range<usize>, text: &str| SaidPart {
            start: start + span.start,
            end: start + span.end,
            start_char: char_at(place.start),
            end_char: char_at(place.end),
            text: text.to_owned(),
        };
        let words = sentence.words.iter().map(|word| part(word.span, &word.place, &word.text));
        Said { sentence: part(sentence.span, &sentence.place, &sentence.text), words: words.collect() }
    }
}
