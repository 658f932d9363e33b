//! Owns Cartesia's speech API, as its clients know it: `POST /tts/bytes`, and `GET /tts/websocket` in `socket`.

pub mod socket;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::auth::single;
use super::super::body::{JsonBytes, parse_json};
use super::super::caching::Conditions;
use super::super::error::ApiError;
use super::super::lenient::{Object, whole};
use super::super::responses::{FrontFailures, Sound};
use super::super::state::AppState;
use super::{Fields, Front, FrontError, KeyCaller, answer, put, query, refused, voice};

/// Its name.
#[derive(Debug)]
pub struct Cartesia;

/// What to say. Other fields are passed over.
#[derive(Deserialize, ToSchema)]
pub struct CartesiaSpeechRequest {
    #[schema(min_length = 1)]
    transcript: String,
    #[schema(value_type = NameOrVoice)]
    voice: CartesiaVoice,
    #[schema(value_type = CartesiaOutputFormat)]
    output_format: Object<CartesiaOutputFormat>,
    #[schema(value_type = Option<Generation>)]
    generation_config: Option<Object<Generation>>,
    /// Which voice speaks where `voice` is no name that is known here, if one speaks this language.
    #[schema(example = "en")]
    language: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CartesiaVoice {
    Name(String),
    Object(Object<Id>),
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

/// A voice's name, or an object with it.
#[derive(Deserialize, ToSchema)]
#[schema(as = CartesiaVoice)]
#[serde(untagged)]
#[allow(dead_code)]
enum NameOrVoice {
    Name(String),
    Object { id: String },
}

/// What the sound shall be.
#[derive(Deserialize, ToSchema)]
struct CartesiaOutputFormat {
    /// `raw`, `wav` or `mp3`.
    #[schema(pattern = "^(raw|wav|mp3)$", example = "wav")]
    container: String,
    /// `pcm_s16le`, `pcm_mulaw` or `pcm_alaw`; over the WebSocket also `pcm_f32le`, for which WAV is answered with 16
    /// bits. MP3 is the same whichever is named.
    #[schema(pattern = "^(pcm_(s16le|f32le|mulaw|alaw)|mp3)$")]
    encoding: Option<String>,
    /// In hertz.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 8000, maximum = 48000)]
    sample_rate: Option<u32>,
}

/// Piper's voices have one manner; its speed and its volume can be chosen.
#[derive(Deserialize, ToSchema)]
#[schema(as = CartesiaGenerationConfig)]
struct Generation {
    #[schema(minimum = 0.25, maximum = 4)]
    speed: Option<f64>,
    #[schema(minimum = 0, maximum = 4)]
    volume: Option<f64>,
}

/// Where browsers put the key, which cannot set headers of a WebSocket.
#[derive(Deserialize)]
struct ApiKeyQuery {
    api_key: String,
}

/// Audio of a text, as Cartesia's clients ask for it.
#[utoipa::path(post, path = "/tts/bytes", tag = "cartesia", security(("user-token" = []), ("bearer" = []), ("x-api-key" = [])),
    request_body(content = CartesiaSpeechRequest, examples(
        ("bytes" = (summary = "A text, as WAV", value = json!({"model_id": "sonic-2", "transcript": "Hello. This machine can speak.", "voice": {"mode": "id", "id": "en_US-joe-medium"}, "output_format": {"container": "wav", "encoding": "pcm_s16le", "sample_rate": 22050}}))),
    )),
    responses(Sound, (status = 304, description = "The caller has it already"), FrontFailures))]
pub async fn bytes(
    caller: KeyCaller<Cartesia>,
    state: web::Data<AppState>,
    conditions: Conditions,
    body: JsonBytes<FrontError<Cartesia>>,
) -> Result<HttpResponse, FrontError<Cartesia>> {
    let body: CartesiaSpeechRequest = parse_json(&body.0)?;
    let Object(output) = &body.output_format;
    let (format, is_float) = output.format()?;
    if is_float && format == "pcm" {
        refused("output_format.encoding", "pcm_s16le, pcm_mulaw or pcm_alaw, where the container is raw")?;
    }
    let voice = (&body.voice, body.language.as_deref());
    let fields = fields(&state, voice, format, output.sample_rate, body.generation_config.as_ref());
    Ok(answer(&caller.0, &state, conditions, &fields, &body.transcript).await?)
}

impl Front for Cartesia {
    fn key(request: &HttpRequest) -> Option<Vec<u8>> {
        let header = single(request, "x-api-key").map(<[u8]>::to_vec);
        header.or_else(|| Some(query::<ApiKeyQuery>(request).ok()?.api_key.into_bytes()))
    }

    fn describe(error: &ApiError) -> Value {
        json!({"title": error.code, "message": error.message, "error_code": error.code})
    }
}

fn fields(
    state: &AppState,
    (name, language): (&CartesiaVoice, Option<&str>),
    format: &str,
    rate: Option<u32>,
    generation: Option<&Object<Generation>>,
) -> Fields {
    let (CartesiaVoice::Name(name) | CartesiaVoice::Object(Object(Id { id: name }))) = name;
    let generation = generation.map(|Object(generation)| generation);
    let mut fields = Fields::new();
    put(&mut fields, "response_format", Some(format));
    put(&mut fields, "sample_rate", rate);
    put(&mut fields, "speed", generation.and_then(|generation| generation.speed));
    put(&mut fields, "volume", generation.and_then(|generation| generation.volume));
    put(&mut fields, "voice_id", voice(name, language, state));
    fields
}

// === impl CartesiaOutputFormat ===

impl CartesiaOutputFormat {
    /// Its name here, and whether samples are wanted as floating-point numbers.
    fn format(&self) -> Result<(&'static str, bool), ApiError> {
        match (self.container.as_str(), self.encoding.as_deref()) {
            ("raw", Some("pcm_s16le")) => Ok(("pcm", false)),
            ("raw", Some("pcm_f32le")) => Ok(("pcm", true)),
            ("raw", Some("pcm_mulaw")) => Ok(("mulaw", false)),
            ("raw", Some("pcm_alaw")) => Ok(("alaw", false)),
            ("wav", None | Some("pcm_s16le" | "pcm_f32le")) => Ok(("wav", false)),
            // Clients that always name one have that of samples; the first version of the API called it as the
            // container.
            ("mp3", None | Some("mp3" | "pcm_s16le" | "pcm_f32le" | "pcm_mulaw" | "pcm_alaw")) => Ok(("mp3", false)),
            ("raw", _) => refused("output_format.encoding", "pcm_s16le, pcm_f32le, pcm_mulaw or pcm_alaw"),
            ("wav", _) => refused("output_format.encoding", "pcm_s16le, where the container is wav"),
            ("mp3", _) => refused("output_format.encoding", "left out, where the container is mp3"),
            _ => refused("output_format.container", "raw, wav or mp3"),
        }
    }
}
