//! Owns texts in the manner that a message asks for: with the fields of `/v1/synthesizeSpeech`, read as that route
//! reads them.

use std::sync::Arc;

use actix_web::web;
use serde_json::{Map, Value};

use super::super::auth::Caller;
use super::super::body::parse_json;
use super::super::error::ApiError;
use super::super::level::refuse_peaks;
use super::super::state::AppState;
use super::super::synthesize::{SpeechRequest, audio_spec, into_request};
use crate::domain::{InvalidField, InvalidVoiceId, Script, SynthesisRequest};
use crate::live::Client;
use crate::speech::{AudioSpec, SpeechService};
use crate::usage::UsageRecord;

/// How the texts of a caller are read.
#[derive(Clone)]
pub struct LiveReader {
    state: web::Data<AppState>,
    caller: Arc<Caller>,
    service: SpeechService,
    /// Fields of a request, but for its text.
    fields: Map<String, Value>,
}

// === impl LiveReader ===

impl LiveReader {
    /// With fields that are checked now, and what the sound shall be.
    pub fn new(
        state: web::Data<AppState>,
        caller: Arc<Caller>,
        fields: Map<String, Value>,
    ) -> Result<(Self, AudioSpec), ApiError> {
        let refused = |field, expected| Err(InvalidField { field, expected }.into());
        if fields.contains_key("text") {
            return refused("text", "left out: it is written in messages of its own");
        }
        if fields.contains_key("stream") || fields.contains_key("subtitles") {
            return refused("stream", "left out, and subtitles too: everything is a stream here");
        }
        if fields.get("text_type").is_some_and(|kind| kind == "ssml") {
            return refused("text_type", "plain: a document that is still being written is none yet");
        }
        let service = caller.speech(&state);
        let reader = Self { state, caller, service, fields };
        let body = body(&reader.fields, "a")?;
        refuse_peaks(body.normalize_peaks)?;
        let spec = audio_spec(&body)?;
        let request = into_request(body, &reader.state)?;
        reader.service.resolve(&request.voice).ok_or(InvalidVoiceId)?;
        Ok((reader, spec))
    }
}

/// A text as a request with these fields.
pub fn body(fields: &Map<String, Value>, text: &str) -> Result<SpeechRequest, ApiError> {
    let mut fields = fields.clone();
    fields.insert("text".to_owned(), text.into());
    parse_json(Value::Object(fields).to_string().as_bytes())
}

impl Client for LiveReader {
    type Error = ApiError;

    fn speech(&self) -> &SpeechService {
        &self.service
    }

    fn read(&self, text: &str) -> Result<SynthesisRequest, ApiError> {
        into_request(body(&self.fields, text)?, &self.state)
    }

    fn admit(&self, script: &Script) -> Result<(), ApiError> {
        self.caller.speaks(script)
    }

    fn count(&self, characters: usize, seconds: f64, is_cached: bool) {
        self.state.usage.count(self.caller.name(), UsageRecord { characters, seconds, is_cached });
    }
}
