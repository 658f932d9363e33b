//! Owns speech by address, for players that can only fetch one: `POST /v1/speech/links` makes addresses, `GET
//! /v1/speech` speaks what one says. A field of a request is a parameter of the address.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::caching::Conditions;
use super::error::ApiError;
use super::lenient::whole;
use super::responses::{Binary, Failures, Sound};
use super::sound::Delivery;
use super::state::AppState;
use super::synthesize::{self, SpeechRequest, asked};
use crate::domain::InvalidVoiceId;
use crate::links::{LinkError, Parameters, USUAL_LIFETIME};

/// What the address shall say: the fields of `/v1/synthesizeSpeech`, and for how long.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct LinkRequest {
    /// For how long the address is good, up to `TTS_LINK_MAX_SECONDS`; an hour by default.
    #[schema(minimum = 1, maximum = 315_360_000)]
    expires_in_seconds: Option<u64>,
    #[schema(inline)]
    #[serde(flatten)]
    speech: SpeechRequest,
}

#[derive(Deserialize)]
struct Lifetime {
    #[serde(default, deserialize_with = "whole")]
    expires_in_seconds: Option<u64>,
}

/// An address that speaks.
#[derive(Serialize, ToSchema)]
struct LinkAnswer {
    /// Whole where `TTS_PUBLIC_URL` is set; else it begins with its path.
    url: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: String,
}

/// What an address says. The other fields that it was made with are parameters beside these: texts as they are, what is
/// no text as JSON.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct LinkQuery {
    /// What to say.
    text: String,
    /// The way of signing: 1.
    v: String,
    /// Until when the address is good, in seconds since 1970.
    expires: u64,
    /// The token that it is counted to, by its name; without it, the secret of the settings.
    token: Option<String>,
    /// The HMAC-SHA256 of `/v1/speech?` and all other parameters, in order, in hexadecimal.
    signature: String,
}

/// A request by an address that was signed here and is still good, with whoever it is counted to.
pub struct SignedSpeech {
    caller: Caller,
    body: SpeechRequest,
    /// For how long it is good.
    left: Duration,
}

/// Makes an address that speaks, for players that can only fetch one.
///
/// Whoever has it hears what it says until it expires, counted to the token that made it. Only where `TTS_LINK_SECRETS`
/// is set.
#[utoipa::path(post, path = "/v1/speech/links", tag = "speech", security(("user-token" = []), ("bearer" = [])),
    request_body(content = LinkRequest, examples(
        ("link" = (summary = "Good for ten minutes", value = json!({"text": "Hello. This machine can speak.", "response_format": "mp3", "expires_in_seconds": 600}))),
    )),
    responses((status = 200, description = "The address", body = LinkAnswer), Failures))]
pub async fn make_link(caller: Caller, state: web::Data<AppState>, body: JsonBytes) -> Result<HttpResponse, ApiError> {
    let Lifetime { expires_in_seconds } = parse_json(&body.0)?;
    let mut fields: Map<String, Value> = parse_json(&body.0)?;
    fields.remove("expires_in_seconds");
    let lifetime = expires_in_seconds.map_or(USUAL_LIFETIME, Duration::from_secs);
    // What could not be had would be found by whoever plays it.
    let (request, _) = asked(parse_json(&serde_json::to_vec(&fields).unwrap_or_default())?, &state)?;
    state.speech.resolve(&request.voice).ok_or(InvalidVoiceId)?;
    let link = state.links.make(parameters(&fields), caller.name(), lifetime).map_err(|error| match error {
        LinkError::TooLong(_) => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "link_too_long", error.to_string()).param("text")
        }
        other => other.into(),
    })?;
    let expires_at = DateTime::<Utc>::from_timestamp_secs(link.expires.cast_signed()).unwrap_or_default();
    let expires_at = expires_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Ok(HttpResponse::Ok().json(LinkAnswer { url: link.url, expires_at }))
}

/// Speaks what a signed address says.
///
/// Such as `POST /v1/speech/links` makes, without a token. With `stream` the sound is sent as it is made, unless it is
/// kept or a part is wanted.
#[utoipa::path(get, path = "/v1/speech", tag = "speech", security(()),
    params(LinkQuery, ("range" = Option<String>, Header, description = "A part of it"),
        ("if-none-match" = Option<String>, Header, description = "The `etag` of what the caller has: 304 where it is the same"),
        ("if-range" = Option<String>, Header, description = "The `etag` of what the caller has: else all of it comes")),
    responses(
        Sound,
        (status = 206, description = "A part of it", body = Binary, content_type = "application/octet-stream"),
        (status = 304, description = "The caller has it already"),
        (status = 416, description = "There is no such part"),
        Failures,
    ))]
pub async fn speak(
    signed: SignedSpeech,
    state: web::Data<AppState>,
    conditions: Conditions,
) -> Result<HttpResponse, ApiError> {
    let SignedSpeech { caller, body, left } = signed;
    let streamed = if conditions.part.is_part() { Delivery::Whole } else { Delivery::StreamedUnlessKept };
    let mut answer = synthesize::answer(&caller, &state, conditions, body, streamed).await?;
    // Who may hear it is in the address, which others do not know.
    if let Ok(caching) = HeaderValue::try_from(format!("private, max-age={}", left.as_secs())) {
        answer.headers_mut().insert(CACHE_CONTROL, caching);
    }
    Ok(answer)
}

// === impl SignedSpeech ===

impl SignedSpeech {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let state = request.app_data::<web::Data<AppState>>().ok_or_else(ApiError::not_found)?;
        let signed = state.links.read(request.query_string())?;
        let caller = Caller::admitted_by_name(request, &signed.token)?.ok_or(LinkError::Invalid)?;
        let fields = fields(signed.parameters);
        let body = parse_json(&serde_json::to_vec(&fields).unwrap_or_default())?;
        Ok(Self { caller, body, left: signed.left })
    }
}

impl FromRequest for SignedSpeech {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        let (status, code, param) = match error {
            LinkError::Off => (StatusCode::NOT_FOUND, "links_disabled", None),
            LinkError::TooLong(_) => (StatusCode::URI_TOO_LONG, "link_too_long", None),
            LinkError::Lifetime(_) => (StatusCode::BAD_REQUEST, "invalid_value", Some("expires_in_seconds")),
            LinkError::Invalid => (StatusCode::FORBIDDEN, "link_invalid", None),
            LinkError::Expired => (StatusCode::FORBIDDEN, "link_expired", None),
        };
        let told = Self::new(status, code, error.to_string());
        param.into_iter().fold(told, Self::param)
    }
}

// === fields and parameters ===

/// Fields that are texts, whatever they look like.
const TEXTS: [&str; 5] = ["text", "text_type", "voice_id", "language", "response_format"];

/// The fields of a request as parameters. What is no text is JSON, and so is a text that could be taken for such.
fn parameters(fields: &Map<String, Value>) -> Parameters {
    let written = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Null => return None,
            Value::String(text) if TEXTS.contains(&&**name) || !is_json(text) => text.clone(),
            other => other.to_string(),
        };
        Some((name.clone(), value))
    };
    fields.iter().filter_map(written).collect()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

fn fields(parameters: Parameters) -> Map<String, Value> {
    let read = |(name, value): (String, String)| {
        let is_text = TEXTS.contains(&&*name);
        let json = if is_text { None } else { serde_json::from_str(&value).ok() };
        (name, json.unwrap_or(Value::String(value)))
    };
    parameters.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_come_back_as_they_were() {
        let request = json!({
            "text": "3", "text_type": "plain", "voice_id": "true", "speaker": "3", "speed": 1.5, "stream": true,
            "lexicon": {"a": "[[ b ]]"}, "lexicons": ["a", "b"], "loudness": "none", "normalize": {"roman": false},
            "sentence_silence_ms": 10,
        });
        let Value::Object(all) = request else { unreachable!() };

        let parameters = parameters(&all);

        assert_eq!((&*parameters["text"], &*parameters["speaker"], &*parameters["speed"]), ("3", "\"3\"", "1.5"));
        assert_eq!((&*parameters["loudness"], &*parameters["lexicons"]), ("none", "[\"a\",\"b\"]"));
        assert_eq!(fields(parameters), all);
        let nothing: Map<String, Value> = [("speed".to_owned(), Value::Null)].into_iter().collect();
        assert!(super::parameters(&nothing).is_empty());
    }
}
