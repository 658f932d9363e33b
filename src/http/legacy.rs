//! Owns `POST /synthesizeSpeech`, the route of the earlier Python service, kept as its clients know it: raw samples,
//! FastAPI's error bodies.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, ResponseError, web};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::JsonBytes;
use super::caching::Conditions;
use super::error::ApiError;
use super::lenient::{EachNameOnce, whole};
use super::pieces::Pieces;
use super::responses::{Binary, LegacyFailures};
use super::state::AppState;
use crate::audio::AudioFormat;
use crate::domain::{SynthesisRequest, TextError, VoiceId};
use crate::speech::{AudioSpec, CacheUse, SpeechError};
use crate::text::TextReadError;

const DEFAULT_SAMPLE_RATE: u32 = 16_000;
const SAMPLE_RATES: [u32; 4] = [16_000, 22_050, 44_100, 48_000];

/// An error in the shape of FastAPI.
#[derive(Debug)]
pub enum LegacyError {
    /// `{"detail": "..."}`
    Detail(ApiError),
    /// `{"detail": [{"type", "loc", "msg"}]}`
    Invalid(Invalid),
}

/// A field that does not validate.
#[derive(Debug)]
pub struct Invalid {
    kind: &'static str,
    field: Option<&'static str>,
    message: &'static str,
}

/// The body as it is described.
#[derive(ToSchema)]
#[allow(dead_code)]
struct LegacyRequest {
    #[schema(min_length = 1)]
    text: String,
    /// A voice's name.
    model: Option<String>,
    /// 16000 (default), 22050, 44100 or 48000.
    #[schema(minimum = 16000, maximum = 48000)]
    sample_rate: Option<u32>,
}

struct LegacyBody {
    text: String,
    model: Option<String>,
    sample_rate: u32,
}

/// Raw samples of a text.
///
/// Signed 16-bit little-endian, mono; 16,000 hertz unless `sample_rate` is 22050, 44100 or 48000.
#[utoipa::path(post, path = "/synthesizeSpeech", tag = "legacy", security(("user-token" = []), ("bearer" = [])),
    request_body(content = LegacyRequest, examples(
        ("samples" = (summary = "A text", value = json!({"text": "Hello. This machine can speak.", "sample_rate": 22050}))),
    )),
    responses(
        (status = 200, description = "The samples", content((Binary = "audio/x-raw"), (Binary = "application/octet-stream"))),
        LegacyFailures,
    ))]
pub async fn synthesize(
    caller: Caller<LegacyError>,
    state: web::Data<AppState>,
    conditions: Conditions,
    body: JsonBytes<LegacyError>,
) -> Result<HttpResponse, LegacyError> {
    let body = LegacyBody::parse(&body.0)?;
    let sample_rate = body.sample_rate;
    let request = body.into_request(&state)?;
    caller.speaks(&request.script)?;
    let model = HeaderValue::from_bytes(request.voice.as_str().as_bytes());
    let spec = AudioSpec { format: AudioFormat::Pcm, sample_rate: Some(sample_rate) };

    let (service, meter) = (caller.speech(&state), caller.meter(&state, &request.script));
    let asked = service.identify(request, spec).await?;
    let speech = service.speak(asked, conditions.caching).await?;
    meter.count(speech.answer.seconds, speech.cache.is_hit());

    let cache = match speech.cache {
        CacheUse::HitL1 | CacheUse::HitL2 => "HIT",
        CacheUse::Partial | CacheUse::Miss => "MISS",
        CacheUse::Error => "ERROR",
        CacheUse::Disabled => "DISABLED",
    };
    let mut response = HttpResponse::Ok();
    if let Ok(model) = model {
        response.insert_header(("x-model", model));
    }
    Ok(response
        .insert_header((CONTENT_TYPE, "audio/x-raw"))
        .insert_header(("x-sample-rate", sample_rate))
        .insert_header(("x-cache", cache))
        .insert_header(("x-resampling", if speech.answer.resampled { "APPLIED" } else { "NONE" }))
        .body(Pieces::new(speech.answer.audio, speech.answer.loan)))
}

// === impl LegacyBody ===

impl LegacyBody {
    fn parse(json: &[u8]) -> Result<Self, Invalid> {
        let value: Value =
            serde_json::from_slice(json).map_err(|_| Invalid::body("json_invalid", "JSON decode error"))?;
        if serde_json::from_slice::<EachNameOnce>(json).is_err() {
            return Err(Invalid::body("json_invalid", "A field is there twice"));
        }
        let Value::Object(fields) = value else {
            return Err(Invalid::body(
                "model_attributes_type",
                "Input should be a valid dictionary or object to extract fields from",
            ));
        };
        let text = match fields.get("text") {
            None => return Err(Invalid::field("text", "missing", "Field required")),
            Some(Value::String(text)) => text.clone(),
            Some(_) => return Err(Invalid::field("text", "string_type", "Input should be a valid string")),
        };
        let model = match fields.get("model") {
            None | Some(Value::Null) => None,
            Some(Value::String(model)) => Some(model.clone()),
            Some(_) => return Err(Invalid::field("model", "string_type", "Input should be a valid string")),
        };
        Ok(Self { text, model, sample_rate: sample_rate(&fields)? })
    }

    fn into_request(self, state: &AppState) -> Result<SynthesisRequest, LegacyError> {
        let voice = match &self.model {
            None => state.default_voice()?,
            Some(model) => VoiceId::parse(model.strip_suffix(".onnx").unwrap_or(model))
                .ok()
                .and_then(|id| state.speech.resolve(&id))
                .ok_or_else(unknown_model)?,
        };
        let blank = || Invalid::field("text", "value_error", "Value error, text is empty or blank").into();
        let nul = || Invalid::field("text", "value_error", "Value error, text contains U+0000").into();
        let script = state.texts.plain(&self.text).map_err(|error| match error {
            TextReadError::Text(TextError::Blank) => blank(),
            TextReadError::Text(TextError::Nul) => nul(),
            other => LegacyError::Detail(other.into()),
        })?;
        Ok(SynthesisRequest {
            voice,
            speaker: None,
            script,
            prosody: state.prosody,
            deadline: state.limits.deadline(None).map_err(ApiError::from)?,
        })
    }
}

fn sample_rate(fields: &Map<String, Value>) -> Result<u32, Invalid> {
    let requested = match fields.get("sample_rate") {
        None | Some(Value::Null) => return Ok(DEFAULT_SAMPLE_RATE),
        Some(value) => whole::<u32, _>(value).ok().flatten(),
    };
    requested.filter(|rate| SAMPLE_RATES.contains(rate)).ok_or(Invalid::field(
        "sample_rate",
        "literal_error",
        "Input should be 16000, 22050, 44100 or 48000",
    ))
}

fn unknown_model() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "model_not_found", "Unknown model").param("model")
}

// === errors ===

impl Invalid {
    fn body(kind: &'static str, message: &'static str) -> Self {
        Self { kind, field: None, message }
    }

    fn field(field: &'static str, kind: &'static str, message: &'static str) -> Self {
        Self { kind, field: Some(field), message }
    }
}

impl fmt::Display for LegacyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detail(error) => error.fmt(f),
            Self::Invalid(invalid) => f.write_str(invalid.message),
        }
    }
}

impl ResponseError for LegacyError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Detail(error) => error.status,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Detail(error) => error.respond(&json!({"detail": error.message})),
            Self::Invalid(invalid) => {
                let location: Vec<&str> = ["body"].into_iter().chain(invalid.field).collect();
                HttpResponse::UnprocessableEntity()
                    .json(json!({"detail": [{"type": invalid.kind, "loc": location, "msg": invalid.message}]}))
            }
        }
    }
}

impl LegacyError {
    /// What it is on the other routes.
    pub fn inner(&self) -> Option<&ApiError> {
        match self {
            Self::Detail(error) => Some(error),
            Self::Invalid(_) => None,
        }
    }
}

impl From<ApiError> for LegacyError {
    fn from(error: ApiError) -> Self {
        // The earlier service says no more than that.
        let is_forbidden = error.status == StatusCode::FORBIDDEN;
        Self::Detail(if is_forbidden { ApiError { message: "Forbidden".into(), ..error } } else { error })
    }
}

impl From<Invalid> for LegacyError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<SpeechError> for LegacyError {
    fn from(error: SpeechError) -> Self {
        match error {
            SpeechError::Unspeakable | SpeechError::Silent { .. } => {
                Invalid::field("text", "value_error", "Value error, the text cannot be spoken").into()
            }
            other => Self::Detail(other.into()),
        }
    }
}
