//! Owns `/v1/catalogue` and `POST /v1/voices/{id}`: which voices there are to be had, fetching one, and how far that
//! is.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{AnyCaller, Manager};
use super::error::ApiError;
use super::quality::QualityBody;
use super::responses::Failures;
use super::state::AppState;
use crate::domain::{InvalidVoiceId, VoiceId};
use crate::speech::PublicError;
use crate::voices::{VoiceFilesError, VoiceInfo, VoiceStanding, language_name};

/// The voices that are known, whether they may be had or not.
#[derive(Serialize, ToSchema)]
struct Offers {
    /// Whether the source's own list is known. Without it voices are those that the program knows by name, without
    /// sizes.
    is_complete: bool,
    voices: Vec<Offer>,
}

/// A voice that there is; what is not known is null.
#[derive(Serialize, ToSchema)]
struct Offer {
    id: String,
    language: Option<String>,
    /// In English.
    language_name: Option<&'static str>,
    quality: Option<String>,
    speakers: Option<u32>,
    /// Of its model and its settings.
    size_bytes: Option<u64>,
    /// Known once the voice is here.
    license: Option<String>,
    /// Of one that is here, once it was measured.
    measured_quality: Option<QualityBody>,
    installed: bool,
    /// `installed`, `offered`, `fetching`, `failed`, or `refused`: the settings forbid it, or nothing here can speak
    /// it.
    state: &'static str,
    /// Why it is refused, or why fetching it failed a moment ago.
    error: Option<UnavailableReason>,
    /// Of one that is being fetched: the bytes that are here.
    fetched_bytes: Option<u64>,
    /// And those that there are to be; null until it has its turn.
    total_bytes: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Reason)]
struct UnavailableReason {
    code: &'static str,
    message: String,
}

/// How long the source's list is waited for. It is fetched even so, for who asks next.
const LIST_PATIENCE: Duration = Duration::from_secs(5);

/// The voices that there are to be had.
///
/// Those of the source's list, which is fetched when it is first asked for, and those that are here, each with whether
/// this service may fetch it.
#[utoipa::path(get, path = "/v1/catalogue", tag = "voices", security(("user-token" = []), ("bearer" = [])),
    responses((status = 200, description = "The voices", body = Offers), Failures))]
pub async fn catalogue(_caller: AnyCaller, state: web::Data<AppState>) -> HttpResponse {
    if let Ok(Err(error)) = tokio::time::timeout(LIST_PATIENCE, state.catalogue.learn()).await {
        tracing::debug!(%error, "the source's list is not known");
    }
    state.catalogue.check_measured().await;
    let voices = state.catalogue.all().into_iter().filter_map(|info| Offer::new(info, &state)).collect();
    HttpResponse::Ok().json(Offers { is_complete: state.catalogue.has_list(), voices })
}

/// One voice, and how far fetching it is.
#[utoipa::path(get, path = "/v1/catalogue/{id}", tag = "voices", security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The voice's name", example = "en_US-joe-medium")),
    responses((status = 200, description = "The voice", body = Offer), Failures))]
pub async fn offered(
    _caller: AnyCaller,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    state.catalogue.check_measured().await;
    Ok(HttpResponse::Ok().json(offer(&VoiceId::parse(&name)?, &state)?))
}

/// Fetches a voice from the source.
///
/// Begins, and does not wait for the end: `GET /v1/catalogue/{id}` says how far it is. The same again while it goes on,
/// or when it is here, begins nothing. What arrives is checked as for a voice that is fetched when it is first spoken
/// with. Only what `TTS_VOICES` and `TTS_ALLOWED_LICENSES` allow.
#[utoipa::path(post, path = "/v1/voices/{id}", tag = "voices", security(("user-token" = ["manage"]), ("bearer" = ["manage"])),
    params(("id" = String, Path, description = "The voice's name", example = "en_US-joe-medium")),
    responses(
        (status = 200, description = "It is here", body = Offer),
        (status = 202, description = "It is being fetched; `location` is where to look", body = Offer),
        Failures,
    ))]
pub async fn fetch(
    _manager: Manager,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = VoiceId::parse(&name)?;
    state.catalogue.begin(&id).map_err(|error| match error {
        VoiceFilesError::NotAllowed(_) => {
            let UnavailableReason { code, message } = UnavailableReason::of(&error);
            ApiError::new(StatusCode::FORBIDDEN, code, message).param("voice_id")
        }
        other => other.into(),
    })?;
    let offer = offer(&id, &state)?;
    let status = if offer.installed { StatusCode::OK } else { StatusCode::ACCEPTED };
    let location = format!("/v1/catalogue/{}", offer.id);
    Ok(HttpResponse::build(status).insert_header((LOCATION, location)).json(offer))
}

fn offer(id: &VoiceId, state: &AppState) -> Result<Offer, ApiError> {
    let offer = state.catalogue.info(id).and_then(|info| Offer::new(info, state));
    offer.ok_or_else(|| InvalidVoiceId.into())
}

// === impl Offer ===

impl Offer {
    fn new(info: VoiceInfo, state: &AppState) -> Option<Self> {
        let standing = state.catalogue.standing(&info.id)?;
        let (name, error) = match &standing {
            VoiceStanding::Installed => ("installed", None),
            VoiceStanding::Arriving { .. } => ("fetching", None),
            VoiceStanding::Failed(error) => ("failed", Some(UnavailableReason::of(error))),
            VoiceStanding::Offered => ("offered", None),
            VoiceStanding::Refused(error) => ("refused", Some(UnavailableReason::of(error))),
        };
        let bytes = match standing {
            VoiceStanding::Arriving { done, total } => Some((done, total)),
            _ => None,
        };
        Some(Self {
            id: info.id.to_string(),
            language_name: info.language.as_deref().and_then(language_name),
            language: info.language,
            quality: info.quality,
            speakers: info.speakers,
            size_bytes: info.size_bytes,
            license: info.license,
            measured_quality: info.measured_quality.map(Into::into),
            installed: info.installed,
            state: name,
            error,
            fetched_bytes: bytes.map(|(done, _)| done),
            total_bytes: bytes.map(|(_, total)| total).filter(|total| *total > 0),
        })
    }
}

// === impl UnavailableReason ===

impl UnavailableReason {
    fn of(error: &VoiceFilesError) -> Self {
        let PublicError { code, message, .. } = match error {
            // Callers who speak are not told that there is such a voice; here it is in the list.
            VoiceFilesError::NotAllowed(_) => PublicError::new("voice_not_allowed", error.to_string()),
            other => other.into(),
        };
        Self { code, message }
    }
}
