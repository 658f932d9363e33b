//! Owns Deepgram's speech API, as its clients know it: `POST /v1/speak`, and `GET /v1/speak`, a WebSocket.
//! <https://developers.deepgram.com/docs/tts-websocket> describes the messages.

use actix_web::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::auth::{of_scheme, single};
use super::super::body::{JsonBytes, parse_json};
use super::super::caching::Conditions;
use super::super::error::ApiError;
use super::super::live::{Closing, LiveProtocol, LiveReader, LiveTexts, Out, upgrade};
use super::super::responses::{FrontFailures, Sound};
use super::super::state::AppState;
use super::{Fields, Front, FrontError, KeyCaller, answer, finite, opening, put, query, refused, voice};
use crate::live::{Event, Opening, Refused};

/// Its name.
#[derive(Debug)]
pub struct Deepgram;

/// What stands in the address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SpeakQuery {
    /// A voice's name. One that is none of Piper's is what `TTS_FRONT_VOICES` says, or the default voice.
    model: Option<String>,
    /// `linear16` (default of the WebSocket), `mulaw` or `alaw`; over HTTP also `mp3` (default there), `opus`, `flac`
    /// or `aac`.
    #[param(pattern = "^(linear16|mulaw|alaw|mp3|opus|flac|aac)$")]
    encoding: Option<String>,
    /// Over HTTP: `wav` (default of `linear16`) or `none`; `ogg` for `opus`.
    #[param(pattern = "^(wav|none|ogg)$")]
    container: Option<String>,
    /// In hertz.
    #[serde(default, deserialize_with = "finite")]
    #[param(minimum = 8000, maximum = 48000)]
    sample_rate: Option<f64>,
    /// Factor on the voice's own speed.
    #[serde(default, deserialize_with = "finite")]
    #[param(minimum = 0.25, maximum = 4)]
    speed: Option<f64>,
    /// Not served here: the answer is the sound.
    callback: Option<String>,
}

/// What to say.
#[derive(Deserialize, ToSchema)]
pub struct DeepgramSpeakRequest {
    #[schema(min_length = 1)]
    text: String,
}

/// What comes over the WebSocket.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum DeepgramMessage {
    Speak { text: String },
    Flush {},
    Clear {},
    Close {},
}

/// One connection, which has one text.
struct Speak {
    reader: LiveReader,
    opening: Opening,
    model: String,
    /// Flushes and clears so far.
    marks: u64,
    /// Of flushes that are not answered yet.
    flushes: Vec<u64>,
    is_closing: bool,
}

/// The rate of samples that have no head to say it in.
const SAMPLE_RATE: f64 = 24_000.0;

/// The only text of a connection.
const TEXT: &str = "";

/// Audio of a text, as Deepgram's clients ask for it.
#[utoipa::path(post, path = "/v1/speak", tag = "deepgram", security(("user-token" = []), ("bearer" = [])),
    params(SpeakQuery), request_body(content = DeepgramSpeakRequest, examples(
        ("text" = (summary = "A text", value = json!({"text": "Hello. This machine can speak."}))),
    )),
    responses(Sound, (status = 304, description = "The caller has it already"), FrontFailures))]
pub async fn speak(
    caller: KeyCaller<Deepgram>,
    state: web::Data<AppState>,
    request: HttpRequest,
    conditions: Conditions,
    body: JsonBytes<FrontError<Deepgram>>,
) -> Result<HttpResponse, FrontError<Deepgram>> {
    let query: SpeakQuery = query(&request)?;
    let body: DeepgramSpeakRequest = parse_json(&body.0)?;
    if query.callback.is_some() {
        refused("callback", "left out: the answer is the sound")?;
    }
    let (format, rate) = query.sound()?;
    Ok(answer(&caller.0, &state, conditions, &query.fields(format, rate, &state), &body.text).await?)
}

/// Speech of a text that is still being written, over a WebSocket, as Deepgram's clients know it.
#[utoipa::path(get, path = "/v1/speak", tag = "deepgram", security(("user-token" = []), ("bearer" = [])),
    params(SpeakQuery),
    extensions(("x-messages" = json!([{"type": "Speak", "text": "Hello. This machine can speak."}, {"type": "Flush"}, {"type": "Close"}]))),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on"),
        (status = 426, description = "The request does not ask for a WebSocket"),
        FrontFailures,
    ))]
pub async fn socket(
    caller: KeyCaller<Deepgram>,
    state: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, FrontError<Deepgram>> {
    let query: SpeakQuery = query(&request)?;
    let (format, rate) = query.samples()?;
    let fields = query.fields(format, rate, &state);
    let (reader, opening) = opening(&state, &caller.0, fields, false)?;
    let model = query.model.unwrap_or_default();
    let speak = Speak { reader, opening, model, marks: 0, flushes: Vec::new(), is_closing: false };
    Ok(upgrade(&caller.0, &state, &request, payload, ("deepgram", &["token"]), speak).await?)
}

impl Front for Deepgram {
    /// Pages, which cannot set headers, offer the subprotocols `token` and the key.
    fn key(request: &HttpRequest) -> Option<Vec<u8>> {
        let header = single(request, AUTHORIZATION.as_str()).and_then(|value| of_scheme("token", value));
        let offered = || {
            let (scheme, key) =
                str::from_utf8(single(request, SEC_WEBSOCKET_PROTOCOL.as_str())?).ok()?.split_once(',')?;
            (scheme.trim() == "token").then(|| key.trim().as_bytes())
        };
        header.or_else(offered).map(<[u8]>::to_vec)
    }

    fn describe(error: &ApiError) -> Value {
        json!({"err_code": error.code, "err_msg": error.message})
    }
}

// === impl SpeakQuery ===

impl SpeakQuery {
    /// The format and the rate of an answer.
    fn sound(&self) -> Result<(&'static str, Option<f64>), ApiError> {
        let encoding = self.encoding.as_deref().unwrap_or("mp3");
        let format = match (encoding, self.container.as_deref()) {
            ("linear16", None | Some("wav")) => "wav",
            ("linear16" | "mulaw" | "alaw", None | Some("none")) => return self.samples(),
            ("opus", None | Some("ogg")) => "opus",
            ("mp3", None | Some("none")) => "mp3",
            ("flac", None | Some("none")) => "flac",
            ("aac", None | Some("none")) => "aac",
            ("linear16" | "mulaw" | "alaw" | "opus" | "mp3" | "flac" | "aac", Some(_)) => {
                return refused("container", "none, or wav for linear16, or ogg for opus");
            }
            _ => return refused("encoding", "linear16, mulaw, alaw, mp3, opus, flac or aac"),
        };
        Ok((format, self.sample_rate.or((format == "wav").then_some(SAMPLE_RATE))))
    }

    /// The same of samples alone.
    fn samples(&self) -> Result<(&'static str, Option<f64>), ApiError> {
        if self.container.as_ref().is_some_and(|container| container != "none") {
            return refused("container", "none, where the sound is samples alone");
        }
        match self.encoding.as_deref() {
            None | Some("linear16") => Ok(("pcm", self.sample_rate.or(Some(SAMPLE_RATE)))),
            Some("mulaw") => Ok(("mulaw", self.sample_rate)),
            Some("alaw") => Ok(("alaw", self.sample_rate)),
            Some(_) => refused("encoding", "linear16, mulaw or alaw"),
        }
    }

    fn fields(&self, format: &str, rate: Option<f64>, state: &AppState) -> Fields {
        let mut fields = Fields::new();
        put(&mut fields, "response_format", Some(format));
        put(&mut fields, "sample_rate", rate);
        put(&mut fields, "speed", self.speed);
        put(&mut fields, "voice_id", self.model.as_deref().and_then(|name| voice(name, language(name), state)));
        fields
    }
}

/// The language of a voice by its name, such as `aura-2-thalia-en`.
fn language(name: &str) -> Option<&str> {
    name.rsplit_once('-').map(|(_, language)| language).filter(|language| language.len() == 2)
}

// === impl Speak ===

impl Speak {
    fn begin(&self, texts: &mut LiveTexts) -> Result<(), Refused> {
        if texts.is_open(TEXT) { Ok(()) } else { texts.open(TEXT, self.reader.clone(), self.opening) }
    }

    fn act(&mut self, message: DeepgramMessage, texts: &mut LiveTexts) -> Result<(), Refused> {
        self.begin(texts)?;
        match message {
            DeepgramMessage::Speak { text } => texts.append(TEXT, &text),
            DeepgramMessage::Flush {} => {
                texts.flush(TEXT, self.marks)?;
                self.flushes.push(self.marks);
                self.marks += 1;
                Ok(())
            }
            DeepgramMessage::Clear {} => {
                texts.clear(TEXT, self.marks)?;
                self.flushes.clear();
                self.marks += 1;
                Ok(())
            }
            DeepgramMessage::Close {} => {
                self.is_closing = true;
                texts.end(TEXT)
            }
        }
    }

    fn closed(&self) -> Option<Out> {
        self.is_closing.then_some(Out::Close(Closing::Done))
    }
}

impl LiveProtocol for Speak {
    fn greet(&mut self) -> Vec<Out> {
        vec![Out::json(&json!({"type": "Metadata", "request_id": Uuid::now_v7(), "model_name": self.model,
            "model_version": env!("CARGO_PKG_VERSION"), "model_uuid": Uuid::nil()}))]
    }

    fn receive(&mut self, message: &str, texts: &mut LiveTexts) -> Vec<Out> {
        match parse_json(message.as_bytes()) {
            Ok(message) => match self.act(message, texts) {
                Ok(()) => Vec::new(),
                Err(error) => vec![told("Warning", &error.into())],
            },
            Err(error) => [self.refuse(&error), vec![Out::Close(Closing::Policy)]].concat(),
        }
    }

    fn tell(&mut self, _: &str, event: Event<ApiError>) -> Vec<Out> {
        match event {
            Event::Begun { .. } | Event::Said(_) => Vec::new(),
            Event::Audio(bytes) => vec![Out::Binary(bytes)],
            Event::Flushed { id, .. } => {
                self.flushes.retain(|flush| *flush != id);
                vec![flushed(id)]
            }
            Event::Cleared { id, .. } => vec![Out::json(&json!({"type": "Cleared", "sequence_id": id}))],
            Event::Ended { .. } => self.closed().into_iter().collect(),
            Event::Failed(error) => {
                error.log();
                // Who waits for the end of a flush waits no longer.
                let flushes = std::mem::take(&mut self.flushes).into_iter().map(flushed);
                [told("Error", &error)].into_iter().chain(flushes).chain(self.closed()).collect()
            }
        }
    }

    fn refuse(&mut self, error: &ApiError) -> Vec<Out> {
        vec![told("Error", error)]
    }
}

fn flushed(id: u64) -> Out {
    Out::json(&json!({"type": "Flushed", "sequence_id": id}))
}

/// Under the names that its API has now, and those that some of its clients read.
fn told(kind: &str, error: &ApiError) -> Out {
    let (message, code) = (&error.message, error.code);
    Out::json(&json!({"type": kind, "description": message, "code": code, "warn_msg": message, "warn_code": code}))
}
