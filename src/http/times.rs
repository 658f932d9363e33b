//! Times of sentences, words and phonemes as the API shows them.

use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

use crate::audio::AudioFormat;
use crate::speech::{Span, TimedPhoneme, TimedSentence, TimedSpeech};

/// Speech and its times.
#[derive(Serialize, ToSchema)]
pub struct Timestamps {
    /// Where it is not beside this.
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_base64: Option<String>,
    format: &'static str,
    /// In hertz.
    sample_rate: u32,
    /// In seconds.
    duration: f64,
    sentences: Vec<SaidTime>,
    words: Vec<SaidTime>,
    phonemes: Vec<SaidPhoneme>,
    /// Places that an SSML document names.
    marks: Vec<Mark>,
    /// In the format that the request wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    subtitles: Option<String>,
}

/// A time in seconds from the beginning of the audio, and a place in the text in characters (code points).
#[derive(Serialize, ToSchema)]
#[schema(as = Said)]
struct SaidTime {
    start: f64,
    end: f64,
    start_char: usize,
    end_char: usize,
    text: String,
}

/// A phoneme; one that is a pause stands nowhere in the text.
#[derive(Serialize, ToSchema)]
struct SaidPhoneme {
    start: f64,
    end: f64,
    start_char: Option<usize>,
    end_char: Option<usize>,
    phoneme: String,
}

#[derive(Serialize, ToSchema)]
pub struct Mark {
    name: String,
    time: f64,
}

/// When sentences are said, or some of them.
#[derive(Serialize)]
pub struct TimesBody {
    sentences: Vec<SaidTime>,
    words: Vec<SaidTime>,
    phonemes: Vec<SaidPhoneme>,
}

/// Places in a text as callers count them: by code point. Holds the byte up to which was counted last, and how many
/// characters that is: places are mostly asked for in their order.
#[derive(Default)]
pub struct Offsets(usize, usize);

/// The times without the audio.
pub fn shown(source: &str, timed: &TimedSpeech, format: AudioFormat, subtitles: Option<String>) -> Timestamps {
    let times = Offsets::default().shown(source, &timed.sentences);
    let TimesBody { sentences, words, phonemes } = times;
    Timestamps {
        audio_base64: None,
        format: format.name(),
        sample_rate: timed.answer.sample_rate,
        duration: rounded(timed.answer.seconds),
        sentences,
        words,
        phonemes,
        marks: timed.marks.iter().map(Mark::new).collect(),
        subtitles,
    }
}

/// To a tenth of a millisecond.
pub fn rounded(seconds: f64) -> f64 {
    (seconds * 10_000.0).round() / 10_000.0
}

// === impl Timestamps ===

impl Timestamps {
    /// With a place for the audio, which is the first field.
    pub fn with_empty_audio(self) -> Self {
        Self { audio_base64: Some(String::new()), ..self }
    }
}

// === impl Offsets ===

impl Offsets {
    /// The times of some sentences of a text, of which those before were shown.
    pub fn shown(&mut self, source: &str, timed: &[TimedSentence]) -> TimesBody {
        let mut said = |span: Span, place: &Range<usize>, text: &str| SaidTime {
            start: rounded(span.start),
            end: rounded(span.end),
            start_char: self.of(source, place.start),
            end_char: self.of(source, place.end),
            text: text.to_owned(),
        };
        let (mut sentences, mut words) = (Vec::new(), Vec::new());
        for sentence in timed {
            sentences.push(said(sentence.span, &sentence.place, &sentence.text));
            words.extend(sentence.words.iter().map(|word| said(word.span, &word.place, &word.text)));
        }
        let phoneme = |TimedPhoneme { span, phoneme, place }: &TimedPhoneme| SaidPhoneme {
            start: rounded(span.start),
            end: rounded(span.end),
            start_char: place.as_ref().map(|place| self.of(source, place.start)),
            end_char: place.as_ref().map(|place| self.of(source, place.end)),
            phoneme: phoneme.to_string(),
        };
        TimesBody {
            sentences,
            words,
            phonemes: timed.iter().flat_map(|sentence| &sentence.phonemes).map(phoneme).collect(),
        }
    }

    fn of(&mut self, text: &str, byte: usize) -> usize {
        let Self(from, chars) = *self;
        // The next place is near, before or behind.
        let chars = match byte.checked_sub(from) {
            Some(_) => chars + text[from..byte].chars().count(),
            None => chars - text[byte..from].chars().count(),
        };
        *self = Self(byte, chars);
        chars
    }
}

// === impl Mark ===

impl Mark {
    pub fn new((name, time): &(String, f64)) -> Self {
        Self { name: name.clone(), time: rounded(*time) }
    }
}
