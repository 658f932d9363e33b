//! Owns `POST /v1/synthesizeSpeech/timestamps`: speech with the times of its sentences, words and phonemes, whole or as
//! it comes, or its subtitles alone.

use std::ops::Range;

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::caching::Conditions;
use super::error::ApiError;
use super::following::{self, Framing};
use super::openapi::Failures;
use super::pieces::{Pieces, WithBase64};
use super::sound;
use super::state::AppState;
use super::synthesize::{SpeechRequest, audio_spec, into_request};
use crate::audio::AudioFormat;
use crate::domain::InvalidField;
use crate::resilience::SharedHold;
use crate::speech::{Span, SpeechError, SubtitleFormat, TimedPhoneme, TimedSentence, TimedSpeech, subtitles};

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

/// Audio of a text, and when what is said.
///
/// With `accept: text/vtt` or `application/x-subrip`, its subtitles alone. With `stream`, parts of the same as they are
/// made, as server-sent events or, with `accept: application/x-ndjson`, as lines of JSON: `{"type": "begin", "format",
/// "sample_rate"}`, then any number of `{"type": "part", "audio_base64", "sentences", "words", "phonemes"}`, in whose
/// audio those sentences begin, then `{"type": "end", "duration", "marks"}`, or `{"type": "error", "error"}`.
#[utoipa::path(post, path = "/v1/synthesizeSpeech/timestamps", tag = "speech", security(("user-token" = []), ("bearer" = [])),
    request_body(content = SpeechRequest, examples(
        ("whole" = (summary = "With subtitles", value = json!({"text": "Hello. This machine can speak.", "subtitles": "vtt"}))),
    )),
    responses(
        (status = 200, description = "The audio with times", content(
            (Timestamps = "application/json"), (String = "text/vtt"), (String = "application/x-subrip"),
            (Value = "text/event-stream"), (String = "application/x-ndjson"))),
        Failures,
    ))]
pub async fn timestamps(
    caller: Caller,
    state: web::Data<AppState>,
    request: HttpRequest,
    conditions: Conditions,
    body: JsonBytes,
) -> Result<HttpResponse, ApiError> {
    let body: SpeechRequest = parse_json(&body.0)?;
    let wanted = match body.subtitles.as_deref() {
        None => None,
        Some(name) => {
            Some(SubtitleFormat::parse(name).ok_or(InvalidField { field: "subtitles", expected: "srt or vtt" })?)
        }
    };
    let alone = accepted(request.headers());
    let framing = body.stream.then(|| Framing::accepted(request.headers()));
    if framing.is_some() && (alone.is_some() || wanted.is_some()) {
        let expected = "false where subtitles are wanted: they are known when all of the speech is";
        return Err(InvalidField { field: "stream", expected }.into());
    }
    let spec = audio_spec(&body)?;
    let request = into_request(body, &state)?;
    caller.speaks(&request.script)?;
    let service = caller.speech(&state);
    let asked = service.identify(request, spec).await?;
    if let Some(framing) = framing {
        let meter = caller.meter(&state, &asked.request.script);
        return following::answer(&service, meter, asked, conditions, framing).await;
    }
    let (script, voice) = (asked.request.script.clone(), asked.request.voice.clone());
    let source = script.source().as_str();

    let timed = service.speak_timed(asked, conditions.caching).await?;
    caller.meter(&state, &script).count(timed.answer.seconds, timed.cache.is_hit());

    let mut head = sound::head(spec.format, &voice, timed.answer.sample_rate, timed.cache);
    if let Some(format) = alone {
        let file = subtitles(format, &timed.sentences);
        let content_type = format!("{}; charset=utf-8", format.content_type());
        let held = service.hold(file.len())?;
        return Ok(head
            .insert_header((CONTENT_TYPE, content_type))
            .body(Pieces::new(file.into(), SharedHold::of(held))));
    }
    let subtitles = wanted.map(|format| subtitles(format, &timed.sentences));
    let times = Timestamps { audio_base64: Some(String::new()), ..shown(source, &timed, spec.format, subtitles) };
    let times = serde_json::to_string(&times).map_err(|error| SpeechError::Failed(error.to_string()))?;
    // The audio is its first field.
    let (before, after) = times.split_at(times.find("\"\"").map_or(0, |empty| empty + 1));
    let held = [timed.answer.loan, SharedHold::of(service.hold(times.len())?)];
    let body = WithBase64::new(before.to_owned(), timed.answer.audio, after.to_owned(), held);
    Ok(head.insert_header((CONTENT_TYPE, "application/json")).body(body))
}

/// The kind of subtitles that the caller wants and nothing else.
fn accepted(headers: &HeaderMap) -> Option<SubtitleFormat> {
    let accept = headers.get(ACCEPT)?.to_str().ok()?;
    let essence = accept.split([',', ';']).next()?.trim();
    [SubtitleFormat::Srt, SubtitleFormat::Vtt].into_iter().find(|format| format.content_type() == essence)
}

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
