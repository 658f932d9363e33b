//! Owns the routes of OpenAI's speech API, as its clients know them: `POST /v1/audio/speech`, `GET /v1/models`, and the
//! lists that clients ask services of this kind for, `GET /v1/audio/voices` and `GET /v1/audio/models`.

use std::collections::BTreeMap;
use std::future::ready;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth::{ApiKeyCaller, Caller, VoiceLister};
use super::body::{JsonBytes, parse_json};
use super::caching::Conditions;
use super::error::ApiError;
use super::lenient::or_default;
use super::level::{LoudnessField, NumberOrNone, refuse_peaks};
use super::metering::{Meter, Metered};
use super::normalize_field::{AllOrClasses, NormalizeField};
use super::responses::{Failures, SoundOrEvents};
use super::sound::{self, Delivery};
use super::state::AppState;
use super::synthesize::{self, NameOrNumber, SpeakerField, audio_spec, into_request};
use crate::domain::{InvalidField, SynthesisRequest};
use crate::speech::{AudioSpec, SpeechService, SpeechStream};

/// The request's body: the fields of OpenAI's API, then those of `/v1/synthesizeSpeech` that it lacks. Others are
/// passed over, as OpenAI does.
#[derive(Deserialize, ToSchema)]
pub struct OpenAiSpeechRequest {
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
    /// Such as `de` or `en-GB`: chooses a voice where `voice` names none that there is.
    language: Option<String>,
    /// `mp3` (default), `opus`, `aac`, `flac`, `wav`, `pcm` (at 24,000 hertz), `mulaw` or `alaw`.
    #[schema(pattern = "^(mp3|opus|aac|flac|wav|pcm|mulaw|alaw)$")]
    response_format: Option<String>,
    #[schema(minimum = 0.25, maximum = 4)]
    speed: Option<f32>,
    /// `audio` (default) or `sse`.
    #[schema(pattern = "^(audio|sse)$")]
    stream_format: Option<String>,
    /// Whether the sound is sent as it is made (default), or whole, with its length. What is kept is sent whole, unless
    /// this is true.
    stream: Option<bool>,
    /// In hertz.
    #[schema(minimum = 8000, maximum = 48000)]
    sample_rate: Option<u32>,
    /// `plain` (default), `ssml` or `markdown`.
    #[schema(pattern = "^(plain|ssml|markdown)$")]
    text_type: Option<String>,
    /// Whether numbers, dates, money, markup and the like are said in words; or an object of classes and whether each
    /// is.
    #[schema(value_type = Option<AllOrClasses>)]
    normalize: Option<NormalizeField>,
    /// Whether `[[ ... ]]` holds phonemes.
    raw_phonemes: Option<bool>,
    /// Words of this text, and what is said instead.
    lexicon: Option<BTreeMap<String, String>>,
    /// Names of the service's lexicons.
    #[serde(default)]
    lexicons: Vec<String>,
    /// A name or a number.
    #[schema(value_type = Option<NameOrNumber>)]
    speaker: Option<SpeakerField>,
    /// Liveliness of timbre; the voice's own by default.
    #[schema(minimum = 0, maximum = 2)]
    noise_scale: Option<f32>,
    /// Liveliness of rhythm; the voice's own by default.
    #[schema(minimum = 0, maximum = 2)]
    noise_w: Option<f32>,
    /// Silence between sentences.
    #[schema(maximum = 10000)]
    sentence_silence_ms: Option<u32>,
    /// Factor on the amplitude; clipped at full scale.
    #[schema(minimum = 0, maximum = 4)]
    volume: Option<f32>,
    /// How loud every voice is, in LUFS, or `none`.
    #[schema(value_type = Option<NumberOrNone>)]
    loudness: Option<LoudnessField>,
    /// Scales each sentence to full level, as piper's own tools do; with `stream` false alone.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(value_type = Option<bool>)]
    normalize_peaks: bool,
    /// When the answer is of no more use.
    #[schema(minimum = 1, maximum = 86_400_000)]
    deadline_ms: Option<u64>,
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
enum StreamFormat {
    Audio(Delivery),
    ServerSentEvents,
}

#[derive(Serialize, ToSchema)]
struct Model {
    id: &'static str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Models {
    object: &'static str,
    data: Vec<Model>,
}

/// What can be chosen by its name.
#[derive(Serialize, ToSchema)]
#[schema(as = Named)]
struct ListedVoice {
    id: String,
    name: String,
}

#[derive(Serialize, ToSchema)]
struct NamedVoices {
    voices: Vec<ListedVoice>,
}

#[derive(Serialize, ToSchema)]
struct NamedModels {
    models: Vec<ListedVoice>,
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
    request_body(content = OpenAiSpeechRequest, examples(
        ("audio" = (summary = "A text, as MP3", value = json!({"model": "tts-1", "input": "Hello. This machine can speak.", "voice": "alloy"}))),
    )),
    responses(SoundOrEvents, (status = 304, description = "The caller has it already"), Failures))]
pub async fn speech(
    caller: ApiKeyCaller,
    state: web::Data<AppState>,
    conditions: Conditions,
    body: JsonBytes,
) -> Result<HttpResponse, ApiError> {
    answer(&caller.0, &state, conditions, &body).await.map_err(as_called_here)
}

async fn answer(
    caller: &Caller,
    state: &AppState,
    conditions: Conditions,
    body: &JsonBytes,
) -> Result<HttpResponse, ApiError> {
    let body: OpenAiSpeechRequest = parse_json(&body.0)?;
    let framing = body.framing()?;
    if framing != StreamFormat::Audio(Delivery::Whole) {
        refuse_peaks(body.normalize_peaks)?;
    }
    let body = body.into_speech_request(state);
    let spec = audio_spec(&body)?;
    let request = into_request(body, state)?;
    caller.speaks(&request.script)?;
    let (speech, meter) = (caller.speech(state), caller.meter(state, &request.script));
    match framing {
        StreamFormat::Audio(delivery) => sound::answer(&speech, meter, request, spec, conditions, delivery).await,
        StreamFormat::ServerSentEvents => events(&speech, meter, request, spec, conditions).await,
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
    responses((status = 200, description = "The models", body = Models), Failures))]
pub async fn models(_lister: VoiceLister) -> HttpResponse {
    HttpResponse::Ok().json(Models { object: "list", data: MODELS.map(Model::named).into() })
}

/// One of the models.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "openai", security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The model's name", example = "tts-1")),
    responses((status = 200, description = "The model", body = Model), Failures))]
pub async fn model(_lister: VoiceLister, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let known = MODELS.into_iter().find(|known| *known == *id).ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "model_not_found", "there is no such model").param("model")
    })?;
    Ok(HttpResponse::Ok().json(Model::named(known)))
}

/// The models, by names alone.
#[utoipa::path(get, path = "/v1/audio/models", tag = "openai", security(("user-token" = []), ("bearer" = [])),
    responses((status = 200, description = "The models", body = NamedModels), Failures))]
pub async fn model_names(_lister: VoiceLister) -> HttpResponse {
    HttpResponse::Ok().json(NamedModels { models: MODELS.map(|id| ListedVoice::new(id.to_owned())).into() })
}

/// The voices that may be served, and OpenAI's names for some of them.
#[utoipa::path(get, path = "/v1/audio/voices", tag = "openai", security(("user-token" = []), ("bearer" = [])),
    responses((status = 200, description = "The voices", body = NamedVoices), Failures))]
pub async fn voices(_lister: VoiceLister, state: web::Data<AppState>) -> HttpResponse {
    let served = state.catalogue.voices().into_iter().map(|info| info.id.as_str().to_owned());
    let named = VOICES.iter().map(|name| (*name).to_owned()).chain(state.openai_voices.keys().cloned());
    let mut names: Vec<String> = served.chain(named).collect();
    names.sort();
    names.dedup();
    HttpResponse::Ok().json(NamedVoices { voices: names.into_iter().map(ListedVoice::new).collect() })
}

/// The answer as server-sent events: sound in base64, then what it cost.
async fn events(
    speech: &SpeechService,
    meter: Meter,
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
    let rest = stream::unfold(Some(Metered::new(speaking, meter)), move |rest| async move {
        let mut rest = rest?;
        match rest.next(SpeechStream::next).await {
            Some(Ok(part)) => Some((Ok::<_, ApiError>(delta(&part)), Some(rest))),
            // The answer is sent as what it is up to here: events say how they end.
            Some(Err(error)) => Some((Ok(failed(&error)), None)),
            None => Some((Ok(done(characters, rest.speaking.seconds())), None)),
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

fn failed(error: &ApiError) -> Bytes {
    event(&json!({"type": "error", "error": error.described()}))
}

fn event(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

// === impl OpenAiSpeechRequest ===

impl OpenAiSpeechRequest {
    fn framing(&self) -> Result<StreamFormat, InvalidField> {
        let delivery = match self.stream {
            None => Delivery::StreamedUnlessKept,
            Some(true) => Delivery::Streamed,
            Some(false) => Delivery::Whole,
        };
        match self.stream_format.as_deref() {
            None | Some("audio") => Ok(StreamFormat::Audio(delivery)),
            Some("sse") if delivery == Delivery::Whole => {
                Err(InvalidField { field: "stream", expected: "true or left out: events are sent as they come" })
            }
            Some("sse") => Ok(StreamFormat::ServerSentEvents),
            Some(_) => Err(InvalidField { field: "stream_format", expected: "audio or sse" }),
        }
    }

    /// The same request on `/v1/synthesizeSpeech`.
    fn into_speech_request(self, state: &AppState) -> synthesize::SpeechRequest {
        let format = self.response_format.map_or("mp3".into(), |name| name.to_ascii_lowercase());
        synthesize::SpeechRequest {
            voice_id: self.voice.and_then(|field| voice(field.name(), state)),
            language: self.language,
            sample_rate: self.sample_rate.or((format == "pcm").then_some(PCM_RATE)),
            response_format: Some(format),
            text: self.input,
            text_type: self.text_type,
            normalize: self.normalize,
            raw_phonemes: self.raw_phonemes,
            lexicon: self.lexicon,
            lexicons: self.lexicons,
            stream: false,
            speaker: self.speaker,
            speed: self.speed,
            noise_scale: self.noise_scale,
            noise_w: self.noise_w,
            sentence_silence_ms: self.sentence_silence_ms,
            volume: self.volume,
            loudness: self.loudness,
            normalize_peaks: self.normalize_peaks,
            deadline_ms: self.deadline_ms,
            subtitles: None,
        }
    }
}

/// A voice by the operator's name for it, or by its own; `None`: one of OpenAI's other names, which are the default
/// voice. Capitals make no difference to names that are none of a voice.
fn voice(name: String, state: &AppState) -> Option<String> {
    let named = state.openai_voices.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
    let name = named.map_or(name, |(_, voice)| voice.clone());
    let is_openais = VOICES.iter().any(|known| known.eq_ignore_ascii_case(&name));
    if is_openais { None } else { state.known_or_default(name) }
}

// === impl VoiceField ===

impl VoiceField {
    fn name(self) -> String {
        match self {
            Self::Name(name) | Self::Object { id: name } => name,
        }
    }
}

// === impl Model ===

impl Model {
    fn named(id: &'static str) -> Self {
        Self { id, object: "model", created: 0, owned_by: "tts-batch-api" }
    }
}

// === impl ListedVoice ===

impl ListedVoice {
    fn new(name: String) -> Self {
        Self { id: name.clone(), name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::SpeechError;

    #[test]
    fn events_that_end_early_say_why() {
        let said = failed(&SpeechError::DeadlinePassed.into());

        let said = std::str::from_utf8(&said).unwrap();
        let data: Value = serde_json::from_str(said.strip_prefix("data: ").unwrap()).unwrap();
        assert!(said.ends_with("\n\n"));
        assert_eq!((&data["type"], &data["error"]["code"]), (&json!("error"), &json!("deadline_exceeded")));
    }
}
