//! Owns `/v1/voices`: what may be spoken with, and loading and unloading by hand.

use std::collections::HashSet;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::auth::Caller;
use super::error::ApiError;
use super::state::AppState;
use crate::domain::{InvalidVoiceId, VoiceId};
use crate::voices::VoiceInfo;

/// A voice as the API shows it; what is not known is null.
#[derive(Serialize)]
struct Voice {
    id: String,
    language: Option<String>,
    quality: Option<String>,
    sample_rate: Option<u32>,
    speakers: Option<u32>,
    speaker_names: Vec<String>,
    installed: bool,
    loaded: bool,
    size_bytes: Option<u64>,
    sha256: Option<String>,
    license: Option<String>,
    dataset: Option<String>,
    training: Option<String>,
    aliases: Vec<String>,
}

/// The voices that `TTS_VOICES` allows, installed or to be fetched.
pub async fn list(_caller: Caller, state: web::Data<AppState>) -> HttpResponse {
    let loaded: HashSet<VoiceId> = state.pool.loaded().await.into_iter().collect();
    let voices: Vec<Voice> =
        state.catalogue.voices().into_iter().map(|info| Voice::new(info, |id| loaded.contains(id))).collect();
    HttpResponse::Ok().json(json!({"voices": voices}))
}

pub async fn show(
    _caller: Caller,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = served(&name, &state)?;
    let info = state.catalogue.info(&id).ok_or(InvalidVoiceId)?;
    let loaded = state.pool.loaded().await;
    Ok(HttpResponse::Ok().json(Voice::new(info, |id| loaded.contains(id))))
}

/// Answers when the voice is in memory.
pub async fn load(
    _caller: Caller,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = served(&name, &state)?;
    state.pool.voice(&id, state.limits.deadline(None)?).await?;
    Ok(HttpResponse::Ok().json(json!({"id": id.as_str(), "loaded": true})))
}

/// Answers when the voice is let go; 409 while it is in use.
pub async fn unload(
    _caller: Caller,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = served(&name, &state)?;
    state.pool.unload(&id).await?;
    Ok(HttpResponse::Ok().json(json!({"id": id.as_str(), "loaded": false})))
}

fn served(name: &str, state: &AppState) -> Result<VoiceId, ApiError> {
    let id = VoiceId::parse(name)?;
    state.speech.resolve(&id).ok_or_else(|| InvalidVoiceId.into())
}

// === impl Voice ===

impl Voice {
    fn new(info: VoiceInfo, is_loaded: impl Fn(&VoiceId) -> bool) -> Self {
        Self {
            loaded: is_loaded(&info.id),
            id: info.id.to_string(),
            language: info.language,
            quality: info.quality,
            sample_rate: info.sample_rate,
            speakers: info.speakers,
            speaker_names: info.speaker_names,
            installed: info.installed,
            size_bytes: info.size_bytes,
            sha256: info.sha256,
            license: info.license,
            dataset: info.dataset,
            training: info.training,
            aliases: info.aliases.iter().map(ToString::to_string).collect(),
        }
    }
}
