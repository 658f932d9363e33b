//! Owns `GET /tts/websocket`. <https://docs.cartesia.ai/api-reference/tts/websocket> describes the messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::super::super::auth::Caller;
use super::super::super::body::parse_json;
use super::super::super::error::ApiError;
use super::super::super::lenient::{Object, or_default, whole};
use super::super::super::live::{Closing, LiveProtocol, LiveTexts, Out, shortened, upgrade};
use super::super::super::responses::FrontFailures;
use super::super::super::state::AppState;
use super::super::{Front, FrontError, KeyCaller, named, opening, refused};
use super::{Cartesia, CartesiaOutputFormat, CartesiaVoice, Generation, fields};
use crate::live::{Event, Opening, Said};

/// What comes over the WebSocket. Other fields are passed over.
#[derive(Deserialize)]
struct CartesiaMessage {
    context_id: String,
    #[serde(default, deserialize_with = "or_default")]
    transcript: String,
    /// Where a text begins, this and the next have to be there; later they are passed over.
    voice: Option<CartesiaVoice>,
    output_format: Option<Object<CartesiaOutputFormat>>,
    generation_config: Option<Object<Generation>>,
    language: Option<String>,
    add_timestamps: Option<bool>,
    /// How long a text that does not end yet is waited for: 0 has each transcript spoken as it is, more a clause at its
    /// comma.
    #[serde(default, deserialize_with = "whole")]
    max_buffer_delay_ms: Option<u64>,
    /// Whether more of the text follows.
    #[serde(rename = "continue")]
    continues: Option<bool>,
    flush: Option<bool>,
    cancel: Option<bool>,
}

/// One connection.
struct CartesiaSocket {
    state: web::Data<AppState>,
    caller: Arc<Caller>,
    texts: HashMap<String, CartesiaText>,
}

/// One text that goes on.
struct CartesiaText {
    /// Whether samples are sent as floating-point numbers.
    is_float: bool,
    /// Flushes so far.
    flushes: u64,
    is_cancelled: bool,
}

const MAX_DELAY_MS: u64 = 60_000;

/// Speech of texts that are still being written, over a WebSocket, as Cartesia's clients know it.
#[utoipa::path(get, path = "/tts/websocket", tag = "cartesia", security(("user-token" = []), ("bearer" = []), ("x-api-key" = [])),
    extensions(
        ("x-messages" = json!([{"model_id": "sonic", "transcript": "Hello. This machine can speak.", "context_id": "one", "voice": {"mode": "id", "id": "any"},
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000}}])),
        ("x-last" = json!("\"type\":\"done\"")),
    ),
    responses(
        (status = 101, description = "The connection is a WebSocket from here on"),
        (status = 426, description = "The request does not ask for a WebSocket"),
        FrontFailures,
    ))]
pub async fn socket(
    KeyCaller(caller, _): KeyCaller<Cartesia>,
    state: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, FrontError<Cartesia>> {
    let socket = CartesiaSocket { state: state.clone(), caller: caller.clone(), texts: HashMap::new() };
    Ok(upgrade(&caller, &state, &request, payload, ("cartesia", &[]), socket).await?)
}

// === impl CartesiaSocket ===

impl CartesiaSocket {
    fn act(&mut self, message: CartesiaMessage, texts: &mut LiveTexts) -> Result<(), ApiError> {
        let name = message.context_id.clone();
        if message.cancel == Some(true) {
            return self.cancel(&name, texts);
        }
        let is_flushed = message.flush == Some(true);
        let is_automatic = message.max_buffer_delay_ms == Some(0);
        let is_ended = message.continues != Some(true);
        let text = message.transcript.clone();
        if !texts.is_open(&name) {
            self.open(message, texts)?;
        }
        let appended = texts.append(&name, &text);
        if is_ended {
            // Also where the last of it is refused: nobody would end it.
            texts.end(&name)?;
        }
        appended?;
        if let Some(known) = self.texts.get_mut(&name).filter(|_| (is_flushed || is_automatic) && !is_ended) {
            let id = known.flushes + 1;
            if is_flushed {
                texts.flush(&name, id)?;
            } else {
                texts.flush_along(&name, id)?;
            }
            known.flushes = id;
        }
        Ok(())
    }

    /// Has nothing more heard of a text.
    fn cancel(&mut self, name: &str, texts: &mut LiveTexts) -> Result<(), ApiError> {
        if texts.is_open(name) {
            texts.clear(name, 0)?;
            // One that has ended already ends all the same.
            let _ = texts.end(name);
        }
        if let Some(known) = self.texts.get_mut(name) {
            known.is_cancelled = true;
        }
        Ok(())
    }

    fn open(&mut self, message: CartesiaMessage, texts: &mut LiveTexts) -> Result<(), ApiError> {
        named("context_id", &message.context_id)?;
        let Some(voice) = message.voice else { return refused("voice", "there where a text begins") };
        let Some(Object(output)) = message.output_format else {
            return refused("output_format", "there where a text begins");
        };
        if output.container != "raw" {
            return refused("output_format.container", "raw");
        }
        let delay = message.max_buffer_delay_ms.filter(|delay| *delay > 0);
        if delay.is_some_and(|delay| delay > MAX_DELAY_MS) {
            return refused("max_buffer_delay_ms", "a whole number up to 60000");
        }
        let (format, is_float) = output.format()?;
        let voice = (&voice, message.language.as_deref());
        let fields = fields(&self.state, voice, format, output.sample_rate, message.generation_config.as_ref());
        let (reader, opening) = opening(&self.state, &self.caller, fields, message.add_timestamps == Some(true))?;
        let opening = Opening { clause_delay: delay.map(Duration::from_millis), ..opening };
        texts.open(&message.context_id, reader, opening)?;
        self.texts.insert(message.context_id, CartesiaText { is_float, flushes: 0, is_cancelled: false });
        Ok(())
    }

    fn chunk(&self, name: &str, bytes: &[u8]) -> Out {
        let is_float = self.texts.get(name).is_some_and(|text| text.is_float);
        let data = if is_float { STANDARD.encode(floats(bytes)) } else { STANDARD.encode(bytes) };
        Out::json(
            &json!({"type": "chunk", "context_id": name, "data": data, "done": false, "status_code": 206, "step_time": 0.0}),
        )
    }
}

impl LiveProtocol for CartesiaSocket {
    fn receive(&mut self, message: &str, texts: &mut LiveTexts) -> Vec<Out> {
        let message: CartesiaMessage = match parse_json(message.as_bytes()) {
            Ok(message) => message,
            Err(error) => return [self.refuse(&error), vec![Out::Close(Closing::Policy)]].concat(),
        };
        let name = message.context_id.clone();
        let was_open = texts.is_open(&name);
        let Err(error) = self.act(message, texts) else { return Vec::new() };
        if !was_open {
            // A text whose first message is refused is none: its caller will not end it.
            let _ = self.cancel(&name, texts);
        }
        vec![failed(Some(shortened(&name)), &error, !was_open)]
    }

    fn tell(&mut self, name: &str, event: Event<ApiError>) -> Vec<Out> {
        vec![match event {
            Event::Begun { .. } | Event::Cleared { .. } => return Vec::new(),
            Event::Audio(bytes) => self.chunk(name, &bytes),
            Event::Said(said) => timestamps(name, &said),
            Event::Flushed { id, .. } => Out::json(&json!({"type": "flush_done", "context_id": name, "flush_id": id,
                "flush_done": true, "done": false, "status_code": 206})),
            Event::Ended { .. } => {
                // Of one that was cancelled its caller hears no more, not even that.
                if self.texts.remove(name).is_some_and(|text| text.is_cancelled) {
                    return Vec::new();
                }
                Out::json(&json!({"type": "done", "context_id": name, "done": true, "status_code": 200}))
            }
            Event::Failed(error) => {
                error.log();
                self.texts.remove(name);
                failed(Some(name), &error, true)
            }
        }]
    }

    fn refuse(&mut self, error: &ApiError) -> Vec<Out> {
        vec![failed(None, error, true)]
    }
}

fn timestamps(name: &str, said: &Said) -> Out {
    let words = with_marks(&said.sentence.text, said.words.iter().map(|word| word.text.as_str()));
    let rounded = |seconds: f64| (seconds * 1e4).round() / 1e4;
    let starts: Vec<f64> = said.words.iter().map(|word| rounded(word.start)).collect();
    let ends: Vec<f64> = said.words.iter().map(|word| rounded(word.end)).collect();
    Out::json(&json!({"type": "timestamps", "context_id": name, "done": false, "status_code": 206,
        "word_timestamps": {"words": words, "start": starts, "end": ends}}))
}

/// Words of a text as it has them: with the marks that stand at them.
fn with_marks<'a>(text: &str, words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut marked, mut reached): (Vec<String>, usize) = (Vec::new(), 0);
    for word in words {
        let rest = text.get(reached..).unwrap_or_default();
        // One that is written otherwise than it stands there has no marks.
        let between = rest.find(word).map(|at| &rest[..at]).unwrap_or_default();
        reached += between.len() + if rest[between.len()..].starts_with(word) { word.len() } else { 0 };
        let before = match marked.last_mut() {
            None => between,
            Some(last) => {
                let (behind, before) = between.split_once(char::is_whitespace).unwrap_or((between, ""));
                *last += behind;
                before
            }
        };
        marked.push(format!("{}{word}", before.trim_start()));
    }
    if let Some(last) = marked.last_mut() {
        *last += text.get(reached..).unwrap_or_default().trim_end();
    }
    marked
}

/// `is_over`: nothing more comes of that text.
fn failed(name: Option<&str>, error: &ApiError, is_over: bool) -> Out {
    let mut message = Cartesia::describe(error);
    message["type"] = "error".into();
    message["context_id"] = name.into();
    message["status_code"] = error.status.as_u16().into();
    message["done"] = is_over.into();
    Out::json(&message)
}

/// Samples of 16 bits as floating-point numbers, both with their last byte first.
fn floats(samples: &[u8]) -> Vec<u8> {
    let samples = samples.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
    samples.flat_map(|sample| (f32::from(sample) / 32_768.0).to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_marks_that_stand_at_them() {
        let marked = |text, words: &[&str]| with_marks(text, words.iter().copied()).join("|");

        assert_eq!(
            marked("“It’s late,” he said — (twice)!", &["It’s", "late", "he", "said", "twice"]),
            "“It’s|late,”|he|said|— (twice)!"
        );
        assert_eq!(marked("今天下雨。", &["今天", "下雨"]), "今天|下雨。");
        assert_eq!(marked("Five of 5.", &["Five", "of", "five"]), "Five|of|five 5.");
    }

    #[test]
    fn samples_are_the_same_as_floating_point_numbers() {
        let samples: Vec<u8> = [0, 16_384, -32_768].into_iter().flat_map(i16::to_le_bytes).collect();

        let floats: Vec<f32> =
            floats(&samples).chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();

        assert_eq!(floats, [0.0, 0.5, -1.0]);
    }
}
