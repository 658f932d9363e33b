//! Owns `POST /v1/batches`: reading a batch, as JSON or as JSON Lines, and refusing it as a whole if one of its items
//! cannot be had. An item whose text says nothing is taken, and fails alone: lists that programs write have blank
//! lines.

use std::collections::HashSet;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::items::{CUSTOM_ID, INVALID_TEXT, StoredItem};
use super::shown;
use crate::audio::AudioFormat;
use crate::batch::{Batches, NewItem, Submission};
use crate::domain::InvalidField;
use crate::http::auth::Caller;
use crate::http::body::{BatchBytes, parse_json};
use crate::http::error::ApiError;
use crate::http::lenient::or_default;
use crate::http::responses::Failures;
use crate::http::state::AppState;
use crate::http::synthesize::SpeechRequest;
use crate::speech::check_speakers;

/// Texts to be spoken when there is time for them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Each with the fields of `/v1/synthesizeSpeech`, and a name; up to `TTS_BATCH_MAX_ITEMS` (10,000).
    #[schema(value_type = Vec<BatchItem>, min_items = 1)]
    items: Vec<Map<String, Value>>,
    #[serde(flatten)]
    options: BatchOptions,
}

/// What holds for a whole batch. With JSON Lines these are parameters of the query.
#[derive(Deserialize, ToSchema, Default)]
pub struct BatchOptions {
    /// Fields of every item that does not have them itself.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Option<Object>)]
    defaults: Map<String, Value>,
    /// The results are wanted as one, too: of items in one format, `wav`, `pcm`, `mulaw` or `alaw`.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Option<bool>)]
    concatenate: bool,
    /// With each result its times and its subtitles.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Option<bool>)]
    timestamps: bool,
    /// Who is told when the batch has ended.
    webhook_url: Option<String>,
}

/// A text, and what it is called.
#[derive(ToSchema)]
#[allow(dead_code)]
struct BatchItem {
    /// The caller's own name for the item, which no other item of the batch has. It comes back with the item's state,
    /// and is in the names of its files in the archive.
    #[schema(pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]
    custom_id: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    speech: SpeechRequest,
}

const MAX_NAME_CHARS: usize = 255;
const MAX_CUSTOM_ID_CHARS: usize = 64;

/// Hands in a batch.
///
/// As JSON, or as JSON Lines (`application/x-ndjson`) with an item on each line and the options in the query; what the
/// query has beside them are defaults of the items.
#[utoipa::path(post, path = "/v1/batches", tag = "batches", security(("user-token" = []), ("bearer" = [])),
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, description = "The same again is the same batch")),
    request_body(content(
        (BatchRequest = "application/json", examples(
            ("items" = (summary = "Texts, with fields of all, and times of each", value = json!({"items": [{"text": "The first."},
                {"custom_id": "last", "text": "The last."}], "defaults": {"response_format": "flac"}, "timestamps": true}))),
            ("joined" = (summary = "Texts whose results are wanted as one",
                value = json!({"items": [{"text": "The first."}, {"text": "The last."}], "concatenate": true}))),
        )),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 202, description = "It is worked off; `location` is where to look", body = super::Batch),
        Failures,
    ))]
pub async fn submit(
    caller: Caller,
    state: web::Data<AppState>,
    batches: web::Data<Batches>,
    request: HttpRequest,
    body: BatchBytes,
) -> Result<HttpResponse, ApiError> {
    let (items, options) = if body.is_lines {
        (lines(&body.bytes)?, query(&request)?)
    } else {
        let BatchRequest { items, options } = parse_json(&body.bytes)?;
        (items, options)
    };
    if items.is_empty() || items.len() > state.limits.batch_items {
        let message = format!("a batch has from 1 to {} items", state.limits.batch_items);
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_batch", message).param("items"));
    }
    let name = name(&request)?;
    let BatchOptions { defaults, concatenate, timestamps, webhook_url } = options;
    if let Some(url) = &webhook_url {
        batches.check_webhook(url)?;
    }
    expect_small(&defaults, items.len(), state.limits.batch_body_bytes)?;
    let custom_ids = custom_ids(&items)?;
    let item = |own| StoredItem::new(caller.name(), &defaults, own, timestamps);
    let items: Vec<StoredItem> = items.into_iter().map(item).collect();
    let written = items.iter().zip(custom_ids).map(|(item, custom_id)| NewItem { item: item.written(), custom_id });
    let owner = caller.name().to_owned();
    let submission = Submission { owner, items: written.collect(), concatenate, webhook: webhook_url, name };

    // What was handed in before costs nothing again.
    let status = if let Some(status) = batches.find(&submission).await? {
        status
    } else {
        let characters = check(&items, &state, concatenate).await?;
        caller.speaks_characters(characters)?;
        batches.submit(submission).await?
    };

    let location = format!("/v1/batches/{}", status.id);
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(shown(&status, &batches)))
}

/// What the caller calls each item.
fn custom_ids(items: &[Map<String, Value>]) -> Result<Vec<Option<String>>, ApiError> {
    let mut seen = HashSet::new();
    let custom_id = |(index, item): (usize, &Map<String, Value>)| {
        let invalid = |expected| of_item(index, InvalidField { field: CUSTOM_ID, expected }.into());
        let Some(value) = item.get(CUSTOM_ID).filter(|value| !value.is_null()) else { return Ok(None) };
        let name = value.as_str().filter(|name| is_custom_id(name));
        let name = name.ok_or_else(|| invalid("1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', not beginning with '.'"))?;
        if !seen.insert(name.to_owned()) {
            return Err(invalid("another than those of all items before it"));
        }
        Ok(Some(name.to_owned()))
    };
    items.iter().enumerate().map(custom_id).collect()
}

/// Whether it may be in the name of a file on any system.
fn is_custom_id(name: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_CUSTOM_ID_CHARS).contains(&name.len()) && name.bytes().all(is_safe) && !name.starts_with('.')
}

/// An error that names the item.
fn of_item(index: usize, error: ApiError) -> ApiError {
    let param = error.param.as_deref().map_or(format!("items[{index}]"), |field| format!("items[{index}].{field}"));
    let message = format!("item {index}: {}", error.message);
    ApiError { message, ..error }.param(param)
}

/// Every item gets a copy of the defaults: all copies together may be as large as a body.
fn expect_small(defaults: &Map<String, Value>, items: usize, limit: usize) -> Result<(), ApiError> {
    let bytes = serde_json::to_vec(defaults).map_or(usize::MAX, |written| written.len());
    if bytes.saturating_mul(items) <= limit {
        return Ok(());
    }
    let message = format!("the defaults times {items} items are more than {limit} bytes: give the items shorter ones");
    Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", message).param("defaults"))
}

/// Every item must be one that could be spoken, or say nothing. Returns the characters of all.
async fn check(items: &[StoredItem], state: &AppState, concatenate: bool) -> Result<usize, ApiError> {
    let mut characters = 0;
    let mut format = None;
    for (index, item) in items.iter().enumerate() {
        let of_item = |error: ApiError| of_item(index, error);
        let (request, spec) = match item.request(state) {
            Err(error) if error.code == INVALID_TEXT => continue,
            request => request.map_err(of_item)?,
        };
        characters += request.script.said_chars();
        let asked = state.speech.identify(request, spec).await.map_err(|error| of_item(error.into()))?;
        check_speakers(&asked.request, &state.catalogue).map_err(|error| of_item(error.into()))?;
        let expected = *format.get_or_insert(spec.format);
        if concatenate && (spec.format != expected || !JOINABLE.contains(&spec.format)) {
            let expected = "the same for all items, and wav, pcm, mulaw or alaw, where they are concatenated";
            return Err(of_item(InvalidField { field: "response_format", expected }.into()));
        }
        // Other requests shall not wait for ten thousand items.
        if index % 100 == 99 {
            tokio::task::yield_now().await;
        }
    }
    Ok(characters)
}

/// Formats whose bytes after the head can follow one another.
const JOINABLE: [AudioFormat; 4] = [AudioFormat::Wav, AudioFormat::Pcm, AudioFormat::MuLaw, AudioFormat::ALaw];

fn lines(bytes: &[u8]) -> Result<Vec<Map<String, Value>>, ApiError> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let filled = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let item = |(number, line)| {
        parse_json(line).map_err(|error| {
            let message = format!("line {}: {}", number + 1, error.message);
            ApiError { message, ..error }
        })
    };
    filled.map(item).collect()
}

/// The options of a batch whose body has no place for them. What is none of these is a default of the items.
fn query(request: &HttpRequest) -> Result<BatchOptions, ApiError> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map_err(|_| ApiError::invalid_query())?.into_inner();
    let mut options = BatchOptions::default();
    for (name, value) in pairs {
        match name.as_str() {
            "concatenate" => options.concatenate = flag("concatenate", &value)?,
            "timestamps" => options.timestamps = flag("timestamps", &value)?,
            "webhook_url" => options.webhook_url = Some(value),
            _ => drop(options.defaults.insert(name, scalar(value))),
        }
    }
    Ok(options)
}

fn flag(field: &'static str, value: &str) -> Result<bool, InvalidField> {
    value.parse().map_err(|_| InvalidField { field, expected: "true or false" })
}

/// A query knows texts alone; what reads as a number or as true or false is that.
fn scalar(value: String) -> Value {
    match serde_json::from_str(&value) {
        Ok(scalar @ (Value::Number(_) | Value::Bool(_))) => scalar,
        _ => Value::String(value),
    }
}

/// The caller's own name for what he hands in.
fn name(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let name = value.to_str().ok().filter(|name| !name.is_empty() && name.len() <= MAX_NAME_CHARS);
    let expected = "from 1 to 255 characters";
    Ok(Some(name.ok_or(InvalidField { field: "idempotency-key", expected })?.to_owned()))
}
