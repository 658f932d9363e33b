//! Owns `/v1/voices`: what may be spoken with, and loading and unloading by hand.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use piper_acoustic::Computing;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{Caller, Manager, VoiceReader};
use super::error::ApiError;
use super::quality::QualityBody;
use super::responses::Failures;
use super::state::AppState;
use crate::domain::{InvalidVoiceId, VoiceId};
use crate::voices::{VoiceInfo, language_name};

/// A voice as the API shows it; what is not known is null.
#[derive(Serialize, ToSchema)]
#[schema(as = Voice)]
pub struct VoiceBody {
    id: String,
    /// Whether it speaks where a request names no voice.
    default: bool,
    language: Option<String>,
    /// In English.
    language_name: Option<&'static str>,
    quality: Option<String>,
    sample_rate: Option<u32>,
    speakers: Option<u32>,
    speaker_names: Vec<String>,
    installed: bool,
    /// Why it cannot speak, if that is known: what is wrong with its files, or that there is not enough memory for it.
    problem: Option<String>,
    loaded: bool,
    /// Of a loaded voice: `kernels`, the service's own, or `onnxruntime` for a voice of another structure, which is
    /// slower.
    engine: Option<&'static str>,
    /// How loud it is as it was trained, in LUFS; null until it was measured.
    loudness: Option<f64>,
    /// Null until it was measured, and when other files took its place.
    measured_quality: Option<QualityBody>,
    size_bytes: Option<u64>,
    sha256: Option<String>,
    license: Option<String>,
    dataset: Option<String>,
    training: Option<String>,
    aliases: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Voices {
    voices: Vec<VoiceBody>,
}

/// What is shown of voices beside what the catalogue knows.
struct Now {
    loaded: HashMap<VoiceId, Computing>,
    default: Option<VoiceId>,
}

/// Whether a voice is in memory now.
#[derive(Serialize, ToSchema)]
#[schema(as = Loaded)]
struct LoadedState {
    id: String,
    loaded: bool,
}

/// The voices that may be served, installed or to be fetched.
///
/// Needs no token where `TTS_PUBLIC_VOICE_LIST` is set; one that is wrong is refused also there.
#[utoipa::path(get, path = "/v1/voices", tag = "voices", security(("user-token" = []), ("bearer" = [])),
    responses((status = 200, description = "The voices", body = Voices), Failures))]
pub async fn list(_reader: VoiceReader, state: web::Data<AppState>) -> HttpResponse {
    state.catalogue.check_measured().await;
    let now = Now::of(&state).await;
    let voices = state.catalogue.voices().into_iter().map(|info| VoiceBody::new(info, &now)).collect();
    HttpResponse::Ok().json(Voices { voices })
}

/// One voice.
#[utoipa::path(get, path = "/v1/voices/{id}", tag = "voices", security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The voice's name, or another name for it", example = "en_US-joe-medium")),
    responses((status = 200, description = "The voice", body = VoiceBody), Failures))]
pub async fn show(
    _caller: Caller,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = served(&name, &state)?;
    Ok(HttpResponse::Ok().json(shown(&id, &state).await?))
}

/// Loads a voice.
///
/// Answers when it is in memory.
#[utoipa::path(post, path = "/v1/voices/{id}/load", tag = "voices", security(("user-token" = ["manage"]), ("bearer" = ["manage"])),
    params(("id" = String, Path, description = "The voice's name", example = "en_US-joe-medium")),
    responses((status = 200, description = "It is loaded", body = LoadedState), Failures))]
pub async fn load(
    _manager: Manager,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = served(&name, &state)?;
    state.speech.load(&id, state.limits.deadline(None)?).await?;
    Ok(HttpResponse::Ok().json(LoadedState { id: id.to_string(), loaded: true }))
}

/// Lets a voice go.
///
/// 409 while it is in use.
#[utoipa::path(delete, path = "/v1/voices/{id}/load", tag = "voices", security(("user-token" = ["manage"]), ("bearer" = ["manage"])),
    params(("id" = String, Path, description = "The voice's name", example = "en_US-joe-medium")),
    responses((status = 200, description = "It is gone", body = LoadedState), Failures))]
pub async fn unload(
    _manager: Manager,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = served(&name, &state)?;
    state.pool.unload(&id).await?;
    Ok(HttpResponse::Ok().json(LoadedState { id: id.to_string(), loaded: false }))
}

/// A voice as it is now.
pub async fn shown(id: &VoiceId, state: &AppState) -> Result<VoiceBody, ApiError> {
    state.catalogue.check_measured().await;
    let info = state.catalogue.info(id).ok_or(InvalidVoiceId)?;
    Ok(VoiceBody::new(info, &Now::of(state).await))
}

fn served(name: &str, state: &AppState) -> Result<VoiceId, ApiError> {
    let id = VoiceId::parse(name)?;
    state.speech.resolve(&id).ok_or_else(|| InvalidVoiceId.into())
}

// === impl Now ===

impl Now {
    async fn of(state: &AppState) -> Self {
        // The settings may call it by another name than the catalogue.
        let default = state.default_voice.get().and_then(|id| state.speech.resolve(&id));
        Self { loaded: state.pool.loaded().await.into_iter().collect(), default }
    }
}

// === impl VoiceBody ===

impl VoiceBody {
    fn new(info: VoiceInfo, now: &Now) -> Self {
        let computing = now.loaded.get(&info.id);
        Self {
            default: now.default.as_ref() == Some(&info.id),
            loaded: computing.is_some(),
            engine: computing.map(|computing| match computing {
                Computing::Kernels => "kernels",
                Computing::OnnxRuntime => "onnxruntime",
            }),
            id: info.id.to_string(),
            language_name: info.language.as_deref().and_then(language_name),
            language: info.language,
            quality: info.quality,
            sample_rate: info.sample_rate,
            speakers: info.speakers,
            speaker_names: info.speaker_names,
            installed: info.installed,
            problem: info.problem,
            loudness: info.loudness,
            measured_quality: info.measured_quality.map(Into::into),
            size_bytes: info.size_bytes,
            sha256: info.sha256,
            license: info.license,
            dataset: info.dataset,
            training: info.training,
            aliases: info.aliases.iter().map(ToString::to_string).collect(),
        }
    }
}
