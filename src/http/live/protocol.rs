//! Owns the messages of `GET /v1/live`, as `docs/live.md` describes them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::auth::Caller;
use super::super::body::parse_json;
use super::super::error::ApiError;
use super::super::state::AppState;
use super::reader::LiveReader;
use super::socket::{Closing, LiveProtocol, LiveTexts, Out};
use crate::domain::InvalidField;
use crate::live::{Event, MAX_NAME_BYTES, Opening, Refused, Said, SaidPart};

/// The protocol of the route.
pub struct Native {
    state: web::Data<AppState>,
    caller: Arc<Caller>,
    /// Of each text that goes on, what its sound is.
    formats: HashMap<String, &'static str>,
    /// Texts whose start was refused: what is written to them is not what was meant.
    refused: HashSet<String>,
    /// Whose sound binary messages are.
    sounding: Option<String>,
    /// It is closed when all texts have ended.
    is_closing: bool,
}

enum LiveMessage {
    Start(Start),
    Text(TextPiece),
    Flush(NamedContext),
    Clear(NamedContext),
    End(NamedContext),
    Close,
    Ping,
}

/// A message that cannot be read.
struct Unreadable {
    error: Box<ApiError>,
    /// Which text it is for; `None`: it is no message at all, or that cannot be told.
    context: Option<String>,
    is_start: bool,
}

#[derive(Deserialize)]
struct Start {
    #[serde(default)]
    context: String,
    #[serde(default)]
    word_times: bool,
    clause_delay_ms: Option<u64>,
    /// Those of `/v1/synthesizeSpeech`.
    #[serde(flatten)]
    fields: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextPiece {
    #[serde(default)]
    context: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedContext {
    #[serde(default)]
    context: String,
}

/// Names of refused texts that are remembered.
const MAX_REFUSED: usize = 64;
/// Of a clause that waits for the end of its sentence.
const MAX_CLAUSE_DELAY_MS: u64 = 60_000;

// === impl Native ===

impl Native {
    pub fn new(state: web::Data<AppState>, caller: Arc<Caller>) -> Self {
        Self { state, caller, formats: HashMap::new(), refused: HashSet::new(), sounding: None, is_closing: false }
    }

    fn start(&mut self, start: Start, texts: &mut LiveTexts) -> Result<(), ApiError> {
        if start.context.len() > MAX_NAME_BYTES {
            return Err(InvalidField { field: "context", expected: "a name of up to 128 bytes" }.into());
        }
        if start.clause_delay_ms.is_some_and(|delay| delay > MAX_CLAUSE_DELAY_MS) {
            return Err(InvalidField { field: "clause_delay_ms", expected: "a whole number up to 60000" }.into());
        }
        let (reader, spec) = LiveReader::new(self.state.clone(), self.caller.clone(), start.fields)?;
        let opening = Opening {
            format: spec.format,
            sample_rate: spec.sample_rate,
            wants_times: start.word_times,
            clause_delay: start.clause_delay_ms.map(Duration::from_millis),
        };
        texts.open(&start.context, reader, opening)?;
        self.formats.insert(start.context, spec.format.name());
        Ok(())
    }

    fn act(&mut self, message: LiveMessage, texts: &mut LiveTexts) -> Result<Vec<Out>, ApiError> {
        match message {
            LiveMessage::Start(start) => {
                let context = start.context.clone();
                if let Err(error) = self.start(start, texts) {
                    self.remember_refused(context, texts);
                    return Err(error);
                }
                self.refused.remove(&context);
            }
            LiveMessage::Text(TextPiece { context, .. }) if self.refused.contains(&context) => {
                let message = "the start of this text was refused: nothing of it is spoken before another start";
                return Err(ApiError::new(StatusCode::CONFLICT, "context_refused", message));
            }
            LiveMessage::Text(TextPiece { context, text }) => {
                if !texts.is_open(&context) {
                    let fields = Map::new();
                    let context = context.clone();
                    self.start(Start { context, word_times: false, clause_delay_ms: None, fields }, texts)?;
                }
                texts.append(&context, &text)?;
            }
            LiveMessage::Flush(NamedContext { context }) => texts.flush(&context, 0)?,
            LiveMessage::Clear(NamedContext { context }) => texts.clear(&context, 0)?,
            LiveMessage::End(NamedContext { context }) => {
                self.refused.remove(&context);
                texts.end(&context)?;
            }
            LiveMessage::Ping => return Ok(vec![Out::json(&json!({"type": "pong"}))]),
            LiveMessage::Close => {
                self.is_closing = true;
                for name in texts.names() {
                    // One that has ended already ends all the same.
                    let _ = texts.end(&name);
                }
                if self.formats.is_empty() {
                    return Ok(vec![Out::Close(Closing::Done)]);
                }
            }
        }
        Ok(Vec::new())
    }

    fn remember_refused(&mut self, context: String, texts: &LiveTexts) {
        // A text that goes on is not refused because it was to begin twice.
        if texts.is_open(&context) || context.len() > MAX_NAME_BYTES {
            return;
        }
        if self.refused.len() >= MAX_REFUSED {
            self.refused.clear();
        }
        self.refused.insert(context);
    }

    /// The text is over.
    fn forget(&mut self, context: &str) -> Option<Out> {
        self.formats.remove(context);
        self.sounding.take_if(|sounding| sounding == context);
        (self.is_closing && self.formats.is_empty()).then_some(Out::Close(Closing::Done))
    }
}

// === impl LiveMessage ===

impl LiveMessage {
    fn read(message: &str) -> Result<Self, Unreadable> {
        let unknown = |error| Unreadable { error: Box::new(error), context: None, is_start: false };
        let mut fields: Map<String, Value> = parse_json(message.as_bytes()).map_err(unknown)?;
        let kind = fields.remove("type");
        let context = fields.get("context").map_or(Some(""), Value::as_str).map(str::to_owned);
        let fields = Value::Object(fields).to_string();
        let fields = fields.as_bytes();
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        let read = match kind {
            "start" => parse_json(fields).map(Self::Start),
            "text" => parse_json(fields).map(Self::Text),
            "flush" => parse_json(fields).map(Self::Flush),
            "clear" => parse_json(fields).map(Self::Clear),
            "end" => parse_json(fields).map(Self::End),
            "close" => Ok(Self::Close),
            "ping" => Ok(Self::Ping),
            _ => {
                let message = "field type must be start, text, flush, clear, end, close or ping";
                let error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", message);
                return Err(unknown(error.param("type")));
            }
        };
        read.map_err(|error| Unreadable { error: Box::new(error), context, is_start: kind == "start" })
    }

    /// Which text it is for.
    fn context(&self) -> Option<&str> {
        match self {
            Self::Start(Start { context, .. })
            | Self::Text(TextPiece { context, .. })
            | Self::Flush(NamedContext { context })
            | Self::Clear(NamedContext { context })
            | Self::End(NamedContext { context }) => Some(context),
            Self::Close | Self::Ping => None,
        }
    }
}

impl LiveProtocol for Native {
    fn receive(&mut self, message: &str, texts: &mut LiveTexts) -> Vec<Out> {
        let message = match LiveMessage::read(message) {
            Ok(message) => message,
            Err(Unreadable { error, context: None, .. }) => {
                return [self.refuse(&error), vec![Out::Close(Closing::Policy)]].concat();
            }
            Err(Unreadable { error, context: Some(context), is_start }) => {
                let refused = refused(&context, &error, texts);
                if is_start {
                    self.remember_refused(context, texts);
                }
                return vec![refused];
            }
        };
        let context = message.context().unwrap_or_default().to_owned();
        self.act(message, texts).unwrap_or_else(|error| vec![refused(&context, &error, texts)])
    }

    fn tell(&mut self, context: &str, event: Event<ApiError>) -> Vec<Out> {
        let mut outs = Vec::new();
        match event {
            Event::Begun { sample_rate } => {
                let format = self.formats.get(context).copied();
                let begun = json!({"type": "audio", "context": context, "format": format, "sample_rate": sample_rate, "begins": true});
                self.sounding = Some(context.to_owned());
                outs.push(Out::json(&begun));
            }
            Event::Audio(bytes) => {
                if self.sounding.as_deref() != Some(context) {
                    self.sounding = Some(context.to_owned());
                    outs.push(Out::json(&json!({"type": "audio", "context": context, "begins": false})));
                }
                outs.push(Out::Binary(bytes));
            }
            Event::Said(said) => outs.push(Out::json(&shown(context, &said))),
            Event::Flushed { seconds, .. } => {
                outs.push(Out::json(&json!({"type": "flushed", "context": context, "seconds": rounded(seconds)})));
            }
            Event::Cleared { seconds, characters, .. } => outs.push(Out::json(
                &json!({"type": "cleared", "context": context, "seconds": rounded(seconds), "characters": characters}),
            )),
            Event::Ended { seconds } => {
                outs.push(Out::json(&json!({"type": "ended", "context": context, "seconds": rounded(seconds)})));
                outs.extend(self.forget(context));
            }
            Event::Failed(error) => {
                error.log();
                outs.push(failed(Some(context), &error, true));
                outs.extend(self.forget(context));
            }
        }
        outs
    }

    fn refuse(&mut self, error: &ApiError) -> Vec<Out> {
        vec![failed(None, error, true)]
    }
}

/// One that is longer names no text, and is not sent back whole.
pub fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_NAME_BYTES)]
}

fn shown(context: &str, said: &Said) -> Value {
    let part = |part: &SaidPart| {
        json!({"start": rounded(part.start), "end": rounded(part.end), "start_char": part.start_char, "end_char": part.end_char,
            "text": part.text})
    };
    let words: Vec<_> = said.words.iter().map(part).collect();
    json!({"type": "words", "context": context, "sentence": part(&said.sentence), "words": words})
}

/// A message for a text was: one that goes on does so as if it had not come.
fn refused(context: &str, error: &ApiError, texts: &LiveTexts) -> Out {
    failed(Some(shortened(context)), error, !texts.is_open(context))
}

fn failed(context: Option<&str>, error: &ApiError, is_over: bool) -> Out {
    let mut described = error.described();
    if let Some(wait) = error.retry_after {
        described["retry_after"] = (wait.as_secs_f64().ceil() as u64).into();
    }
    Out::json(&json!({"type": "error", "context": context, "is_over": is_over, "error": described}))
}

/// To a tenth of a millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 10_000.0).round() / 10_000.0
}

impl From<Refused> for ApiError {
    fn from(error: Refused) -> Self {
        let (status, code) = match error {
            Refused::Unknown => (StatusCode::NOT_FOUND, "context_not_found"),
            Refused::Exists => (StatusCode::CONFLICT, "context_exists"),
            Refused::HasEnded => (StatusCode::CONFLICT, "context_ended"),
            Refused::TooManyContexts(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_contexts"),
            Refused::TooMuchText(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_much_text"),
            Refused::TooManyMarks => (StatusCode::TOO_MANY_REQUESTS, "too_many_marks"),
            Refused::Nul => (StatusCode::BAD_REQUEST, "invalid_text"),
        };
        Self::new(status, code, error.to_string())
    }
}
