//! Owns `POST /v1/synthesizeSpeech/timestamps`: speech with the times of its sentences, words and phonemes, or its subtitles alone.

use std::ops::Range;

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::caching::Conditions;
use super::error::ApiError;
use super::sound;
use super::state::AppState;
use super::synthesize::{Body, audio_spec, into_request};
use crate::domain::InvalidField;
use crate::speech::{Span, SubtitleFormat, TimedPhoneme, TimedSentence, TimedSpeech, subtitles};

/// Places in a text as callers count them: by code point.
struct Offsets<'a> {
    text: &'a str,
    /// The byte up to which was counted last, and how many characters that is. Places are mostly asked for in their order.
    reached: (usize, usize),
}

pub async fn timestamps(
    _caller: Caller,
    state: web::Data<AppState>,
    request: HttpRequest,
    conditions: Conditions,
    body: JsonBytes,
) -> Result<HttpResponse, ApiError> {
    let body: Body = parse_json(&body.0)?;
    if body.stream {
        let expected = "false: times are known when all of the speech is";
        return Err(InvalidField { field: "stream", expected }.into());
    }
    let wanted = match body.subtitles.as_deref() {
        None => None,
        Some(name) => {
            Some(SubtitleFormat::parse(name).ok_or(InvalidField { field: "subtitles", expected: "srt or vtt" })?)
        }
    };
    let alone = accepted(request.headers());
    let spec = audio_spec(&body)?;
    let asked = state.speech.identify(into_request(body, &state)?, spec).await?;
    let (script, voice) = (asked.request.script.clone(), asked.request.voice.clone());
    let source = script.source().as_str();

    let timed = state.speech.speak_timed(asked, conditions.caching).await?;

    let mut head = sound::head(spec.format, &voice, timed.answer.sample_rate, timed.cache);
    if let Some(format) = alone {
        let file = subtitles(format, &timed.sentences);
        let content_type = format!("{}; charset=utf-8", format.content_type());
        return Ok(head.insert_header((CONTENT_TYPE, content_type)).body(file));
    }
    let mut shown = shown(source, &timed);
    shown["format"] = spec.format.name().into();
    if let Some(format) = wanted {
        shown["subtitles"] = subtitles(format, &timed.sentences).into();
    }
    Ok(head.insert_header((CONTENT_TYPE, "application/json")).body(shown.to_string()))
}

/// The kind of subtitles that the caller wants and nothing else.
fn accepted(headers: &HeaderMap) -> Option<SubtitleFormat> {
    let accept = headers.get(ACCEPT)?.to_str().ok()?;
    let essence = accept.split([',', ';']).next()?.trim();
    [SubtitleFormat::Srt, SubtitleFormat::Vtt].into_iter().find(|format| format.content_type() == essence)
}

fn shown(source: &str, timed: &TimedSpeech) -> Value {
    let mut offsets = Offsets { text: source, reached: (0, 0) };
    let mut words = Vec::new();
    let mut phonemes = Vec::new();
    let mut sentences = Vec::new();
    for TimedSentence { span, place, text, words: own_words, phonemes: own_phonemes } in &timed.sentences {
        sentences.push(placed(&mut offsets, *span, Some(place), ("text", text)));
        words.extend(
            own_words.iter().map(|word| placed(&mut offsets, word.span, Some(&word.place), ("text", &word.text))),
        );
        phonemes.extend(own_phonemes.iter().map(|TimedPhoneme { span, phoneme, place }| {
            placed(&mut offsets, *span, place.as_ref(), ("phoneme", phoneme))
        }));
    }
    let marks = timed.marks.iter().map(|(name, time)| json!({"name": name, "time": rounded(*time)}));
    json!({
        "audio_base64": STANDARD.encode(&timed.answer.audio),
        "sample_rate": timed.answer.sample_rate,
        "duration": rounded(timed.answer.seconds),
        "sentences": sentences,
        "words": words,
        "phonemes": phonemes,
        "marks": marks.collect::<Value>(),
    })
}

/// What is said, when, and where it stands in the text.
fn placed(offsets: &mut Offsets<'_>, span: Span, place: Option<&Range<usize>>, said: (&str, &str)) -> Value {
    let (from, to) = place.map(|place| (offsets.of(place.start), offsets.of(place.end))).unzip();
    let mut shown = json!({"start": rounded(span.start), "end": rounded(span.end), "start_char": from, "end_char": to});
    shown[said.0] = said.1.into();
    shown
}

/// To a tenth of a millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 10_000.0).round() / 10_000.0
}

// === impl Offsets ===

impl Offsets<'_> {
    fn of(&mut self, byte: usize) -> usize {
        let (from, chars) = if byte < self.reached.0 { (0, 0) } else { self.reached };
        self.reached = (byte, chars + self.text[from..byte].chars().count());
        self.reached.1
    }
}
