//! Owns `POST /v1/phonemize`: what a voice would be given to say for a text.

use actix_web::{HttpResponse, web};
use piper_phonemize::PhonemeIds;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::error::ApiError;
use super::openapi::Failures;
use super::state::AppState;
use super::synthesize::voice_and_speaker;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PhonemizeRequest)]
pub struct Body {
    #[schema(min_length = 1, example = "Good morning.")]
    text: String,
    voice_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Phonemes {
    voice_id: String,
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
    request_body = Body,
    responses((status = 200, description = "The phonemes", body = Phonemes), Failures))]
pub async fn phonemize(caller: Caller, state: web::Data<AppState>, body: JsonBytes) -> Result<HttpResponse, ApiError> {
    let body: Body = parse_json(&body.0)?;
    let voice = match &body.voice_id {
        None => state.default_voice()?,
        Some(name) => voice_and_speaker(name)?.0,
    };
    let (script, deadline) = (state.texts.plain(&body.text)?, state.limits.deadline(None)?);

    let phonemized = caller.speech(&state).phonemize(&voice, &script, deadline).await?;

    let sentences = phonemized.sentences.into_iter().map(|(PhonemeIds { ids, missing }, phonemes)| SentencePhonemes {
        phonemes: phonemes.into_iter().map(String::from).collect(),
        ids,
        missing: missing.into_iter().map(String::from).collect(),
    });
    let voice_id = phonemized.voice.as_str().to_owned();
    Ok(HttpResponse::Ok().json(Phonemes { voice_id, sentences: sentences.collect() }))
}
