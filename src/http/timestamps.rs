//! Owns `POST /v1/synthesizeSpeech/timestamps`: speech with the times of its sentences, words and phonemes, whole or as
//! it comes, or its subtitles alone.

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::caching::Conditions;
use super::error::ApiError;
use super::following::{self, Framing};
use super::pieces::{Pieces, WithBase64};
use super::responses::Failures;
use super::sound;
use super::state::AppState;
use super::synthesize::{SpeechRequest, audio_spec, into_request};
use super::times::{Timestamps, shown};
use crate::domain::InvalidField;
use crate::resilience::SharedHold;
use crate::speech::{SpeechError, SubtitleFormat, subtitles};

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
    let times = shown(source, &timed, spec.format, subtitles).with_empty_audio();
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
