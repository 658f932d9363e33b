//! Owns ElevenLabs' speech API, as its clients know it: `/v1/text-to-speech/{voice}` and what is below it.
//!
//! - `socket`: texts that are still being written; `alignment`: when each character is said.

mod alignment;
pub mod socket;

use std::future::ready;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::once;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use self::alignment::Alignment;
use super::super::auth::single;
use super::super::body::{JsonBytes, parse_json};
use super::super::caching::Conditions;
use super::super::error::ApiError;
use super::super::lenient::Object;
use super::super::metering::Metered;
use super::super::pieces::WithBase64;
use super::super::responses::{FrontFailures, Sound};
use super::super::sound;
use super::super::state::AppState;
use super::{Fields, Front, FrontError, KeyCaller, answer, asked, put, query, refused, voice};
use crate::resilience::SharedHold;
use crate::speech::{Following, TimedSentence};

/// Its name.
#[derive(Debug)]
pub struct ElevenLabs;

/// What stands in the address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OutputQuery {
    /// A codec and a rate: `mp3_44100_128` (default), `pcm_24000`, `wav_24000`, `ulaw_8000`, `alaw_8000`,
    /// `opus_48000_128`. Bit rates are passed over.
    #[param(pattern = "^(mp3|pcm|wav|ulaw|alaw|opus)_[0-9]+(_[0-9]+)?$")]
    output_format: Option<String>,
}

/// What to say. Other fields are passed over.
#[derive(Deserialize, ToSchema)]
pub struct ElevenLabsSpeechRequest {
    #[schema(min_length = 1)]
    text: String,
    #[schema(value_type = Option<ElevenLabsVoiceSettings>)]
    voice_settings: Option<Object<ElevenLabsVoiceSettings>>,
    /// `auto` (default), `on` or `off`.
    #[schema(pattern = "^(auto|on|off)$")]
    apply_text_normalization: Option<String>,
    /// Which voice speaks where the address names none that is known here, if one speaks this language.
    #[schema(example = "en")]
    language_code: Option<String>,
}

/// Piper's voices have one manner; its speed can be chosen.
#[derive(Deserialize, ToSchema)]
pub struct ElevenLabsVoiceSettings {
    #[schema(minimum = 0.25, maximum = 4)]
    speed: Option<f64>,
}

/// Audio with the times of its characters.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct ElevenLabsTimed {
    audio_base64: String,
    alignment: Option<ElevenLabsAlignment>,
    /// The same.
    normalized_alignment: Option<ElevenLabsAlignment>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct ElevenLabsAlignment {
    characters: Vec<String>,
    character_start_times_seconds: Vec<f64>,
    character_end_times_seconds: Vec<f64>,
}

type ElevenLabsResult = Result<HttpResponse, FrontError<ElevenLabs>>;
type JsonBody = JsonBytes<FrontError<ElevenLabs>>;

/// Audio of a text, as ElevenLabs' clients ask for it.
#[utoipa::path(post, path = "/v1/text-to-speech/{voice}", tag = "elevenlabs",
    security(("user-token" = []), ("bearer" = []), ("xi-api-key" = [])),
    params(("voice" = String, Path, description = "A voice's name, or any"), OutputQuery), request_body(content = ElevenLabsSpeechRequest, examples(
        ("text" = (summary = "A text", value = json!({"text": "Hello. This machine can speak.", "voice_settings": {"speed": 1.1}}))),
    )),
    responses(Sound, (status = 304, description = "The caller has it already"), FrontFailures))]
pub async fn convert(
    caller: KeyCaller<ElevenLabs>,
    state: web::Data<AppState>,
    request: HttpRequest,
    voice: web::Path<String>,
    conditions: Conditions,
    body: JsonBody,
) -> ElevenLabsResult {
    let (fields, text) = read(&state, &request, &voice, &body)?;
    Ok(answer(&caller.0, &state, conditions, &fields, &text).await?)
}

/// The same.
#[utoipa::path(post, path = "/v1/text-to-speech/{voice}/stream", tag = "elevenlabs",
    security(("user-token" = []), ("bearer" = []), ("xi-api-key" = [])),
    params(("voice" = String, Path, description = "A voice's name, or any"), OutputQuery), request_body(content = ElevenLabsSpeechRequest, examples(
        ("text" = (summary = "A text", value = json!({"text": "Hello. This machine can speak.", "voice_settings": {"speed": 1.1}}))),
    )),
    responses(Sound, (status = 304, description = "The caller has it already"), FrontFailures))]
pub async fn stream(
    caller: KeyCaller<ElevenLabs>,
    state: web::Data<AppState>,
    request: HttpRequest,
    voice: web::Path<String>,
    conditions: Conditions,
    body: JsonBody,
) -> ElevenLabsResult {
    convert(caller, state, request, voice, conditions, body).await
}

/// Audio of a text, and when each character is said.
#[utoipa::path(post, path = "/v1/text-to-speech/{voice}/with-timestamps", tag = "elevenlabs",
    security(("user-token" = []), ("bearer" = []), ("xi-api-key" = [])),
    params(("voice" = String, Path, description = "A voice's name, or any"), OutputQuery), request_body(content = ElevenLabsSpeechRequest, examples(
        ("text" = (summary = "A text", value = json!({"text": "Hello. This machine can speak.", "voice_settings": {"speed": 1.1}}))),
    )),
    responses((status = 200, description = "The audio with times", body = ElevenLabsTimed), FrontFailures))]
pub async fn with_timestamps(
    caller: KeyCaller<ElevenLabs>,
    state: web::Data<AppState>,
    request: HttpRequest,
    voice: web::Path<String>,
    conditions: Conditions,
    body: JsonBody,
) -> ElevenLabsResult {
    let (fields, text) = read(&state, &request, &voice, &body)?;
    Ok(timed(&caller, &state, conditions, &fields, &text).await?)
}

/// The same as lines of JSON, each with sound as it is made and the times of what begins in it.
#[utoipa::path(post, path = "/v1/text-to-speech/{voice}/stream/with-timestamps", tag = "elevenlabs",
    security(("user-token" = []), ("bearer" = []), ("xi-api-key" = [])),
    params(("voice" = String, Path, description = "A voice's name, or any"), OutputQuery), request_body(content = ElevenLabsSpeechRequest, examples(
        ("text" = (summary = "A text", value = json!({"text": "Hello. This machine can speak.", "voice_settings": {"speed": 1.1}}))),
    )),
    responses(
        (status = 200, description = "The audio with times", body = ElevenLabsTimed, content_type = "application/x-ndjson"),
        FrontFailures,
    ))]
pub async fn stream_with_timestamps(
    caller: KeyCaller<ElevenLabs>,
    state: web::Data<AppState>,
    request: HttpRequest,
    voice: web::Path<String>,
    conditions: Conditions,
    body: JsonBody,
) -> ElevenLabsResult {
    let (fields, text) = read(&state, &request, &voice, &body)?;
    Ok(lines(&caller, &state, conditions, &fields, &text).await?)
}

impl Front for ElevenLabs {
    fn key(request: &HttpRequest) -> Option<Vec<u8>> {
        single(request, "xi-api-key").map(<[u8]>::to_vec)
    }

    fn describe(error: &ApiError) -> Value {
        json!({"detail": {"status": error.code, "message": error.message}})
    }
}

fn read(state: &AppState, request: &HttpRequest, voice: &str, body: &JsonBody) -> Result<(Fields, String), ApiError> {
    let output: OutputQuery = query(request)?;
    let body: ElevenLabsSpeechRequest = parse_json(&body.0)?;
    let normalization = body.apply_text_normalization.as_deref();
    let voice = (voice, body.language_code.as_deref());
    let fields = fields(state, voice, output.output_format.as_deref(), normalization)?;
    Ok((with_settings(fields, body.voice_settings.as_ref()), body.text))
}

fn fields(
    state: &AppState,
    (name, language): (&str, Option<&str>),
    output_format: Option<&str>,
    normalization: Option<&str>,
) -> Result<Fields, ApiError> {
    let (format, rate) = output(output_format.unwrap_or("mp3_44100_128"))?;
    let normalize = match normalization {
        None | Some("auto" | "on") => None,
        Some("off") => Some(false),
        Some(_) => return refused("apply_text_normalization", "auto, on or off"),
    };
    let mut fields = Fields::new();
    put(&mut fields, "response_format", Some(format));
    put(&mut fields, "sample_rate", Some(rate));
    put(&mut fields, "normalize", normalize);
    put(&mut fields, "voice_id", voice(name, language, state));
    Ok(fields)
}

fn with_settings(mut fields: Fields, settings: Option<&Object<ElevenLabsVoiceSettings>>) -> Fields {
    put(&mut fields, "speed", settings.and_then(|Object(settings)| settings.speed));
    fields
}

/// A format and its rate by their name in this API.
fn output(name: &str) -> Result<(&'static str, u32), ApiError> {
    let mut parts = name.split('_');
    let format = match parts.next() {
        Some("mp3") => "mp3",
        Some("pcm") => "pcm",
        Some("wav") => "wav",
        Some("ulaw") => "mulaw",
        Some("alaw") => "alaw",
        Some("opus") => "opus",
        _ => "",
    };
    let rate = parts.next().and_then(|rate| rate.parse().ok()).filter(|_| !format.is_empty());
    let is_bit_rate = parts.next().is_none_or(|rate| rate.parse::<u32>().is_ok());
    match rate.filter(|_| is_bit_rate && parts.next().is_none()) {
        Some(rate) => Ok((format, rate)),
        None => refused("output_format", "a codec and a rate, such as mp3_44100_128, pcm_24000 or ulaw_8000"),
    }
}

async fn timed(
    caller: &KeyCaller<ElevenLabs>,
    state: &AppState,
    conditions: Conditions,
    fields: &Fields,
    text: &str,
) -> Result<HttpResponse, ApiError> {
    let (request, spec) = asked(&caller.0, state, fields, text)?;
    let (service, meter) = (caller.0.speech(state), caller.0.meter(state, &request.script));
    let asked = service.identify(request, spec).await?;
    let voice = asked.request.voice.clone();
    let timed = service.speak_timed(asked, conditions.caching).await?;
    meter.count(timed.answer.seconds, timed.cache.is_hit());
    let alignment = Alignment::of_timed(&timed.sentences).in_whole();
    let after = format!("\",\"alignment\":{alignment},\"normalized_alignment\":{alignment}}}");
    let mut head = sound::head(spec.format, &voice, timed.answer.sample_rate, timed.cache);
    let held = [timed.answer.loan, SharedHold::of(service.hold(after.len())?)];
    let body = WithBase64::new("{\"audio_base64\":\"", timed.answer.audio, after, held);
    Ok(head.insert_header((CONTENT_TYPE, "application/json")).body(body))
}

async fn lines(
    caller: &KeyCaller<ElevenLabs>,
    state: &AppState,
    conditions: Conditions,
    fields: &Fields,
    text: &str,
) -> Result<HttpResponse, ApiError> {
    let (request, spec) = asked(&caller.0, state, fields, text)?;
    let (service, meter) = (caller.0.speech(state), caller.0.meter(state, &request.script));
    let asked = service.identify(request, spec).await?;
    let voice = asked.request.voice.clone();
    let mut following = service.follow(asked, conditions.caching).await?;
    let mut head = sound::head(spec.format, &voice, following.speaking.sample_rate, following.speaking.cache);
    let first_bytes = following.speaking.head();
    // What fails at once is a clean error.
    let (bytes, begun) = following.next().await.transpose()?.unwrap_or_default();
    let first = line(&[first_bytes, bytes].concat(), &begun);
    let rest = futures_util::stream::unfold(Metered::new(following, meter), |mut rest| async move {
        let part = rest.next(Following::next).await?;
        Some((part.map(|(bytes, begun)| line(&bytes, &begun)), rest))
    });
    let all = once(ready(Ok(first))).chain(rest);
    Ok(head.insert_header((CONTENT_TYPE, "application/x-ndjson")).streaming(all))
}

fn line(bytes: &[u8], begun: &[TimedSentence]) -> Bytes {
    let alignment = if begun.is_empty() { Value::Null } else { Alignment::of_timed(begun).in_whole() };
    let line =
        json!({"audio_base64": STANDARD.encode(bytes), "alignment": alignment, "normalized_alignment": alignment});
    format!("{line}\n").into()
}
