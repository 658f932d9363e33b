//! Owns `POST /v1/phonemize`: what a voice would be given to say for a text.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::Caller;
use super::body::{JsonBytes, parse_json};
use super::error::ApiError;
use super::state::AppState;
use super::synthesize::voice_and_speaker;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    text: String,
    voice_id: Option<String>,
}

/// Answers `{"voice_id", "sentences": [{"phonemes": ["h", ...], "ids": [1, ...], "missing": 0}]}`; `missing` counts phonemes that the
/// voice lacks and leaves out.
pub async fn phonemize(_caller: Caller, state: web::Data<AppState>, body: JsonBytes) -> Result<HttpResponse, ApiError> {
    let body: Body = parse_json(&body.0)?;
    let voice = match &body.voice_id {
        None => state.default_voice.clone().ok_or_else(ApiError::no_voice)?,
        Some(name) => voice_and_speaker(name)?.0,
    };
    let (script, deadline) = (state.texts.plain(&body.text)?, state.limits.deadline(None)?);

    let phonemized = state.speech.phonemize(&voice, &script, deadline).await?;

    let shown = phonemized
        .sentences
        .iter()
        .map(|(ids, phonemes)| json!({"phonemes": phonemes, "ids": ids.ids, "missing": ids.missing}));
    let sentences: Vec<Value> = shown.collect();
    Ok(HttpResponse::Ok().json(json!({"voice_id": phonemized.voice.as_str(), "sentences": sentences})))
}
