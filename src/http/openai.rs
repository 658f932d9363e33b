//! Owns the routes of OpenAI's speech API, as its clients know them: `POST /v1/audio/speech`, `GET /v1/models`, `GET /v1/audio/voices`.

use std::future::ready;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth::{Caller, VoiceLister};
use super::body::{JsonBytes, parse_json};
use super::caching::Conditions;
use super::error::ApiError;
use super::openapi::ErrorBody;
use super::sound;
use super::state::AppState;
use super::synthesize::voice_and_speaker;
use crate::audio::AudioFormat;
use crate::domain::{InvalidField, Prosody, Speaker, SynthesisRequest, VoiceId};
use crate::speech::{AudioSpec, SpeechService};

/// The request's body. Fields that are not documented are passed over, as OpenAI does.
#[derive(Deserialize, ToSchema)]
#[schema(as = OpenAiSpeechRequest)]
pub struct Body {
    /// What to say.
    #[schema(min_length = 1)]
    input: String,
    /// Any: there is one kind of voices here.
    #[serde(rename = "model")]
    _model: Option<String>,
    /// What to speak like; Piper's voices have one manner.
    #[serde(rename = "instructions")]
    _instructions: Option<String>,
    voice: Option<VoiceField>,
    /// `mp3` (default), `opus`, `flac`, `wav` or `pcm`.
    #[schema(pattern = "^(mp3|opus|flac|wav|pcm|mulaw|alaw)$")]
    response_format: Option<String>,
    #[schema(minimum = 0.25, maximum = 4)]
    speed: Option<f32>,
    /// `audio` (default) or `sse`.
    #[schema(pattern = "^(audio|sse)$")]
    stream_format: Option<String>,
}

/// A voice's name, or an object with it.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum VoiceField {
    Name(String),
    Object { id: String },
}

/// How an answer is framed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    Audio,
    ServerSentEvents,
}

const MODELS: [&str; 3] = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts"];

/// Names that OpenAI's clients offer. Those that no setting maps are the default voice.
const VOICES: [&str; 13] =
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"];

/// The rate of the format `pcm`, which has no head to say it in.
const PCM_RATE: u32 = 24_000;

/// Tokens of OpenAI's speech for a second.
const TOKENS_PER_SECOND: f64 = 20.0;

/// Audio of a text, as OpenAI's clients ask for it.
#[utoipa::path(post, path = "/v1/audio/speech", tag = "openai", security(("user-token" = []), ("bearer" = [])),
    request_body = Body,
    responses(
        (status = 200, description = "The audio as it is made, or events with it", content(
            (Vec<u8> = "audio/mpeg"),
            (Vec<u8> = "audio/ogg; codecs=opus"),
            (Vec<u8> = "audio/flac"),
            (Vec<u8> = "audio/wav"),
            (Vec<u8> = "audio/pcm"),
            (Vec<u8> = "audio/PCMU"),
            (Vec<u8> = "audio/PCMA"),
            (Value = "text/event-stream"),
        )),
        (status = 304, description = "The caller has it already"),
        (status = "default", description = "An error", body = ErrorBody),
    ))]
pub async fn speech(
    caller: Caller,
    state: web::Data<AppState>,
    conditions: Conditions,
    body: JsonBytes,
) -> Result<HttpResponse, ApiError> {
    answer(&caller, &state, conditions, &body).await.map_err(as_called_here)
}

async fn answer(
    caller: &Caller,
    state: &AppState,
    conditions: Conditions,
    body: &JsonBytes,
) -> Result<HttpResponse, ApiError> {
    let body: Body = parse_json(&body.0)?;
    let (spec, framing) = (body.spec()?, body.framing()?);
    let request = body.into_request(state)?;
    caller.speaks(&request.script)?;
    match framing {
        Framing::Audio => sound::answer(&caller.speech(state), request, spec, conditions, true).await,
        Framing::ServerSentEvents => events(&caller.speech(state), request, spec, conditions).await,
    }
}

/// With the field that is at fault by its name on this route.
fn as_called_here(mut error: ApiError) -> ApiError {
    error.param = error.param.map(|param| match &*param {
        "text" => "input".into(),
        "voice_id" => "voice".into(),
        _ => param,
    });
    error
}

/// The models that OpenAI's clients may name; there is one kind of voices here.
#[utoipa::path(get, path = "/v1/models", tag = "openai", security(("user-token" = []), ("bearer" = [])),
    responses((status = 200, description = "The models", body = Value), (status = "default", description = "An error", body = ErrorBody)))]
pub async fn models(_lister: VoiceLister) -> HttpResponse {
    let model = |id: &str| json!({"id": id, "object": "model", "created": 0, "owned_by": "tts-batch-api"});
    HttpResponse::Ok().json(json!({"object": "list", "data": MODELS.map(model)}))
}

/// The voices that may be served, and OpenAI's names for some of them.
#[utoipa::path(get, path = "/v1/audio/voices", tag = "openai", security(("user-token" = []), ("bearer" = [])),
    responses((status = 200, description = "The voices", body = Value), (status = "default", description = "An error", body = ErrorBody)))]
pub async fn voices(_lister: VoiceLister, state: web::Data<AppState>) -> HttpResponse {
    let served = state.catalogue.voices().into_iter().map(|info| info.id.as_str().to_owned());
    let named = VOICES.iter().map(|name| (*name).to_owned()).chain(state.openai_voices.keys().cloned());
    let mut names: Vec<String> = served.chain(named).collect();
    names.sort();
    names.dedup();
    let voices: Vec<Value> = names.into_iter().map(|name| json!({"id": name, "name": name})).collect();
    HttpResponse::Ok().json(json!({"voices": voices}))
}

/// The answer as server-sent events: sound in base64, then what it cost.
async fn events(
    speech: &SpeechService,
    request: SynthesisRequest,
    spec: AudioSpec,
    conditions: Conditions,
) -> Result<HttpResponse, ApiError> {
    let characters = request.script.source().chars();
    let asked = speech.identify(request, spec).await?;
    let voice = asked.request.voice.clone();
    let speaking = speech.begin(asked, conditions.caching).await?;
    let mut head = sound::head(spec.format, &voice, speaking.sample_rate, speaking.cache);
    head.insert_header((CONTENT_TYPE, "text/event-stream")).insert_header((CACHE_CONTROL, "no-store"));
    let (first, speaking) = sound::parts(speaking).await?;
    let rest = stream::unfold(Some(speaking), move |speaking| async move {
        let mut speaking = speaking?;
        match speaking.next().await {
            Some(Ok(part)) => Some((Ok(delta(&part)), Some(speaking))),
            Some(Err(error)) => {
                let error = ApiError::from(error);
                error.log();
                Some((Err(error), None))
            }
            None => Some((Ok(done(characters, speaking.seconds())), None)),
        }
    });
    Ok(head.streaming(stream::once(ready(Ok(delta(&first)))).chain(rest)))
}

fn delta(part: &[u8]) -> Bytes {
    event(&json!({"type": "speech.audio.delta", "audio": STANDARD.encode(part)}))
}

fn done(characters: usize, seconds: f64) -> Bytes {
    let output = (seconds * TOKENS_PER_SECOND).ceil() as u64;
    let usage = json!({
        "input_tokens": characters, "output_tokens": output, "total_tokens": characters as u64 + output
    });
    event(&json!({"type": "speech.audio.done", "usage": usage}))
}

fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

// === impl Body ===

impl Body {
    fn spec(&self) -> Result<AudioSpec, InvalidField> {
        let name = self.response_format.as_deref().unwrap_or("mp3");
        let format = AudioFormat::parse(name).ok_or(InvalidField {
            field: "response_format",
            expected: "mp3, opus, flac, wav or pcm; aac is not made here",
        })?;
        Ok(AudioSpec { format, sample_rate: (format == AudioFormat::Pcm).then_some(PCM_RATE) })
    }

    fn framing(&self) -> Result<Framing, InvalidField> {
        match self.stream_format.as_deref() {
            None | Some("audio") => Ok(Framing::Audio),
            Some("sse") => Ok(Framing::ServerSentEvents),
            Some(_) => Err(InvalidField { field: "stream_format", expected: "audio or sse" }),
        }
    }

    fn into_request(self, state: &AppState) -> Result<SynthesisRequest, ApiError> {
        let name = match &self.voice {
            None => None,
            Some(VoiceField::Name(name) | VoiceField::Object { id: name }) => Some(name.as_str()),
        };
        let (voice, speaker) = voice(name, state)?;
        let prosody = Prosody::default();
        Ok(SynthesisRequest {
            voice,
            speaker,
            script: state.texts.plain(&self.input)?,
            prosody: match self.speed {
                None => prosody,
                Some(speed) => prosody.with_speed(speed)?,
            },
            deadline: state.limits.deadline(None)?,
        })
    }
}

/// A voice by the operator's name for it, or by its own; OpenAI's other names are the default voice.
fn voice(name: Option<&str>, state: &AppState) -> Result<(VoiceId, Option<Speaker>), ApiError> {
    let name = name.map(|name| state.openai_voices.get(name).map_or(name, String::as_str));
    match name.filter(|name| !VOICES.contains(name)) {
        Some(name) => voice_and_speaker(name),
        None => Ok((state.default_voice()?, None)),
    }
}
