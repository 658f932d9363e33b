//! Owns `POST /v1/phonemize`: what a voice would be given to say for a text.

use actix_web::{HttpResponse, web};
use piper_phonemize::PhonemeIds;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::error::ApiError;
use super::normalize_field::{AllOrClasses, NormalizeField};
use super::responses::Failures;
use super::state::AppState;
use super::synthesize::{self, into_request};
use crate::domain::SynthesisRequest;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhonemizeRequest {
    #[schema(min_length = 1, example = "Good morning.")]
    text: String,
    /// `plain`, `ssml` or `markdown`; plain by default.
    #[schema(pattern = "^(plain|ssml|markdown)$")]
    text_type: Option<String>,
    voice_id: Option<String>,
    #[schema(value_type = Option<AllOrClasses>)]
    normalize: Option<NormalizeField>,
    /// Whether `[[ ... ]]` holds phonemes.
    raw_phonemes: Option<bool>,
}

#[derive(Serialize, ToSchema)]
struct Phonemes {
    voice_id: String,
    /// The text as it is said, in words.
    said: String,
    sentences: Vec<SentencePhonemes>,
}

#[derive(Serialize, ToSchema)]
struct SentencePhonemes {
    phonemes: Vec<String>,
    /// What the network gets.
    ids: Vec<i64>,
    /// Phonemes that the voice lacks and leaves out, each as often as it stands there.
    missing: Vec<String>,
}

/// Phonemes of a text, and the ids that a voice gets of them.
#[utoipa::path(post, path = "/v1/phonemize", tag = "speech", security(("user-token" = []), ("bearer" = [])),
    request_body(content = PhonemizeRequest, examples(
        ("plain" = (summary = "A text", value = json!({"text": "Good morning."}))),
    )),
    responses((status = 200, description = "The phonemes", body = Phonemes), Failures))]
pub async fn phonemize(caller: Caller, state: web::Data<AppState>, body: JsonBytes) -> Result<HttpResponse, ApiError> {
    let body: PhonemizeRequest = parse_json(&body.0)?;
    let PhonemizeRequest { text, text_type, voice_id, normalize, raw_phonemes } = body;
    let speech = synthesize::SpeechRequest {
        text,
        text_type,
        normalize,
        raw_phonemes,
        voice_id,
        ..synthesize::SpeechRequest::default()
    };
    let SynthesisRequest { voice, script, deadline, .. } = into_request(speech, &state)?;

    let phonemized = caller.speech(&state).phonemize(&voice, &script, deadline).await?;

    let sentences = phonemized.sentences.into_iter().map(|(PhonemeIds { ids, missing }, phonemes)| SentencePhonemes {
        phonemes: phonemes.into_iter().map(String::from).collect(),
        ids,
        missing: missing.into_iter().map(String::from).collect(),
    });
    let voice_id = phonemized.voice.as_str().to_owned();
    let said = phonemized.script.said();
    Ok(HttpResponse::Ok().json(Phonemes { voice_id, said, sentences: sentences.collect() }))
}
