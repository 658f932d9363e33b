//! Owns `GET /v1/text-to-speech/{voice}/stream-input`, a WebSocket with one text, and `.../multi-stream-input`, one
//! with several.
//! <https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input> describes
//! the messages.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::super::super::auth::Caller;
use super::super::super::body::parse_json;
use super::super::super::error::ApiError;
use super::super::super::lenient::{Object, or_default};
use super::super::super::live::{Closing, LiveProtocol, LiveTexts, Out, upgrade};
use super::super::super::responses::FrontFailures;
use super::super::super::state::AppState;
use super::super::{Fields, FrontError, KeyCaller, named, opening, query, refused};
use super::{Alignment, ElevenLabs, ElevenLabsVoiceSettings, fields, with_settings};
use crate::live::{Event, Said};

/// What stands in the address. Other parameters are passed over.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Input {
    /// A codec and a rate: `mp3_44100_128` (default), `pcm_24000`, `ulaw_8000`, ...
    output_format: Option<String>,
    /// Whether each message of text is spoken as it is.
    auto_mode: Option<bool>,
    /// `false`: it is not told when characters are said.
    sync_alignment: Option<bool>,
    /// Has to be false or left out: a document that is still being written is none yet.
    enable_ssml_parsing: Option<bool>,
    /// `auto` (default), `on` or `off`.
    apply_text_normalization: Option<String>,
    /// Which voice speaks where the address names none that is known here, if one speaks this language.
    language_code: Option<String>,
}

/// What comes over the WebSocket. Other fields are passed over.
#[derive(Deserialize)]
struct ElevenLabsMessage {
    text: Option<String>,
    context_id: Option<String>,
    voice_settings: Option<Object<ElevenLabsVoiceSettings>>,
    #[serde(default, deserialize_with = "or_default")]
    flush: bool,
    #[serde(default, deserialize_with = "or_default")]
    close_context: bool,
    #[serde(default, deserialize_with = "or_default")]
    close_socket: bool,
}

/// One connection.
struct ElevenLabsSocket {
    state: web::Data<AppState>,
    caller: Arc<Caller>,
    /// Of each text.
    fields: Fields,
    manner: SocketOptions,
    /// Of each text that goes on, what was told of it.
    told: HashMap<String, Told>,
    /// It is closed when all texts have ended.
    is_closing: bool,
}

/// How texts are written and told of on it.
struct SocketOptions {
    has_several: bool,
    /// Each message is spoken as it is.
    is_automatic: bool,
    wants_times: bool,
}

/// When the characters of a text are said.
#[derive(Default)]
struct Told {
    /// Whether more than blanks was written.
    is_begun: bool,
    /// Up to where it was told, in seconds.
    until: f64,
    /// What goes with the sound that comes next.
    next: Option<Value>,
}

/// The text of messages that name none.
const TEXT: &str = "default";

/// Speech of a text that is still being written, over a WebSocket, as ElevenLabs' clients know it.
#[utoipa::path(get, path = "/v1/text-to-speech/{voice}/stream-input", tag = "elevenlabs",
    security(("user-token" = []), ("bearer" = []), ("xi-api-key" = [])),
    params(("voice" = String, Path, description = "A voice's name, or any"), Input),
    extensions(("x-messages" = json!([{"text": " "}, {"text": "Hello. This machine can speak. "}, {"text": ""}]))),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on"),
        (status = 426, description = "The request does not ask for a WebSocket"),
        FrontFailures,
    ))]
pub async fn stream_input(
    caller: KeyCaller<ElevenLabs>,
    state: web::Data<AppState>,
    request: HttpRequest,
    voice: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, FrontError<ElevenLabs>> {
    Ok(open(&caller, &state, &request, &voice, payload, false).await?)
}

/// The same with several texts at a time.
#[utoipa::path(get, path = "/v1/text-to-speech/{voice}/multi-stream-input", tag = "elevenlabs",
    security(("user-token" = []), ("bearer" = []), ("xi-api-key" = [])),
    params(("voice" = String, Path, description = "A voice's name, or any"), Input),
    extensions(("x-messages" = json!([{"text": "Hello. This machine can speak. ", "context_id": "one"}, {"close_socket": true}]))),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on"),
        (status = 426, description = "The request does not ask for a WebSocket"),
        FrontFailures,
    ))]
pub async fn multi_stream_input(
    caller: KeyCaller<ElevenLabs>,
    state: web::Data<AppState>,
    request: HttpRequest,
    voice: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, FrontError<ElevenLabs>> {
    Ok(open(&caller, &state, &request, &voice, payload, true).await?)
}

async fn open(
    KeyCaller(caller, _): &KeyCaller<ElevenLabs>,
    state: &web::Data<AppState>,
    request: &HttpRequest,
    voice: &str,
    payload: web::Payload,
    has_several: bool,
) -> Result<HttpResponse, ApiError> {
    let input: Input = query(request)?;
    if input.enable_ssml_parsing == Some(true) {
        return refused("enable_ssml_parsing", "false: a document that is still being written is none yet");
    }
    let normalization = input.apply_text_normalization.as_deref();
    let voice = (voice, input.language_code.as_deref());
    let fields = fields(state, voice, input.output_format.as_deref(), normalization)?;
    let wants_times = input.sync_alignment != Some(false);
    // Whatever is wrong with the address is told before the connection is another one.
    opening(state, caller, fields.clone(), wants_times)?;
    let socket = ElevenLabsSocket {
        state: state.clone(),
        caller: caller.clone(),
        fields,
        manner: SocketOptions { has_several, is_automatic: input.auto_mode == Some(true), wants_times },
        told: HashMap::new(),
        is_closing: false,
    };
    upgrade(caller, state, request, payload, ("elevenlabs", &[]), socket).await
}

// === impl ElevenLabsSocket ===

impl ElevenLabsSocket {
    fn act(&mut self, message: ElevenLabsMessage, name: &str, texts: &mut LiveTexts) -> Result<(), ApiError> {
        let text = message.text.unwrap_or_default();
        let is_end = message.close_context || !self.manner.has_several && text.is_empty() && !message.flush;
        if !texts.is_open(name) {
            // Of several texts, an empty one only shows that its writer is there.
            if self.manner.has_several && (is_end || text.is_empty()) {
                return Ok(());
            }
            let fields = with_settings(self.fields.clone(), message.voice_settings.as_ref());
            let (reader, opening) = opening(&self.state, &self.caller, fields, self.manner.wants_times)?;
            texts.open(name, reader, opening)?;
            self.told.insert(name.to_owned(), Told::default());
        }
        let is_blank = text.trim().is_empty();
        let is_begun = self.told.get(name).is_some_and(|told| told.is_begun);
        // A blank is what texts are opened with.
        if !is_blank || is_begun {
            texts.append(name, &text)?;
            self.told.entry(name.to_owned()).or_default().is_begun = true;
        }
        let flushed = if message.flush {
            texts.flush(name, 0)
        } else if self.manner.is_automatic && !is_blank {
            texts.flush_along(name, 0)
        } else {
            Ok(())
        };
        if is_end {
            texts.end(name)?;
        }
        Ok(flushed?)
    }

    fn close(&mut self, texts: &mut LiveTexts) -> Vec<Out> {
        self.is_closing = true;
        for name in texts.names() {
            // One that has ended already ends all the same.
            let _ = texts.end(&name);
        }
        self.closed().into_iter().collect()
    }

    fn closed(&self) -> Option<Out> {
        (self.is_closing && self.told.is_empty()).then_some(Out::Close(Closing::Done))
    }

    /// A message of a text.
    fn message(&self, name: &str, mut message: Value) -> Out {
        if self.manner.has_several {
            message["contextId"] = name.into();
        }
        Out::json(&message)
    }

    fn sound(&self, name: &str, audio: &[u8], alignment: Option<&Value>) -> Out {
        self.message(
            name,
            json!({"audio": STANDARD.encode(audio), "alignment": alignment, "normalizedAlignment": alignment}),
        )
    }

    fn said(&mut self, name: &str, said: &Said) -> Option<Out> {
        let told = self.told.get_mut(name)?;
        let (start, until) = (said.sentence.start, std::mem::replace(&mut told.until, said.sentence.end));
        told.next = Some(Alignment::of_said(said).in_message(start));
        // Whoever reads sums the times up: none may be missing.
        (start > until).then(|| self.sound(name, &[], Some(&Alignment::blank(until, start).in_message(until))))
    }

    fn ended(&mut self, name: &str) -> Vec<Out> {
        let left = self.told.remove(name).and_then(|told| told.next);
        let left = left.map(|left| self.sound(name, &[], Some(&left)));
        self.is_closing |= !self.manner.has_several;
        let last = self.message(name, json!({"isFinal": true}));
        left.into_iter().chain([last]).chain(self.closed()).collect()
    }

    fn failed(&mut self, name: &str, error: &ApiError) -> Vec<Out> {
        self.told.remove(name);
        let said = self.message(name, described(error));
        let last = if self.manner.has_several {
            self.message(name, json!({"isFinal": true}))
        } else {
            Out::Close(Closing::Policy)
        };
        [said, last].into_iter().chain(self.closed()).collect()
    }
}

impl LiveProtocol for ElevenLabsSocket {
    fn receive(&mut self, message: &str, texts: &mut LiveTexts) -> Vec<Out> {
        let mut message: ElevenLabsMessage = match parse_json(message.as_bytes()) {
            Ok(message) => message,
            Err(error) => return [self.refuse(&error), vec![Out::Close(Closing::Policy)]].concat(),
        };
        if message.close_socket {
            return self.close(texts);
        }
        let name = message.context_id.take().filter(|_| self.manner.has_several).unwrap_or_else(|| TEXT.to_owned());
        if let Err(error) = named("context_id", &name) {
            return self.refuse(&error);
        }
        let error = self.act(message, &name, texts).err();
        error.map(|error| self.message(&name, described(&error))).into_iter().collect()
    }

    fn tell(&mut self, name: &str, event: Event<ApiError>) -> Vec<Out> {
        match event {
            Event::Begun { .. } | Event::Flushed { .. } | Event::Cleared { .. } => Vec::new(),
            Event::Audio(bytes) => {
                let alignment = self.told.get_mut(name).and_then(|told| told.next.take());
                vec![self.sound(name, &bytes, alignment.as_ref())]
            }
            Event::Said(said) => self.said(name, &said).into_iter().collect(),
            Event::Ended { .. } => self.ended(name),
            Event::Failed(error) => {
                error.log();
                self.failed(name, &error)
            }
        }
    }

    fn refuse(&mut self, error: &ApiError) -> Vec<Out> {
        vec![Out::json(&described(error))]
    }
}

/// An error as a message; its code is that with which a connection is closed.
fn described(error: &ApiError) -> Value {
    json!({"error": error.code, "message": error.message, "code": 1008})
}
