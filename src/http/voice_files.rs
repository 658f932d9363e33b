//! Owns `PUT` and `DELETE /v1/voices/{id}`: voices that are handed in, replaced and removed by who may manage them,
//! where the settings allow that.

use actix_multipart::Multipart;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use utoipa::ToSchema;

use super::auth::Manager;
use super::error::ApiError;
use super::responses::{Binary, Failures};
use super::state::AppState;
use super::voices::{VoiceBody, shown};
use crate::domain::VoiceId;
use crate::voices::{Upload, UploadedFile, VoiceFilesError};

/// A voice's files.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct VoiceForm {
    /// The network, `NAME.onnx`.
    model: Binary,
    /// Its settings, `NAME.onnx.json`.
    config: Binary,
    /// Its `MODEL_CARD`, which says its licence.
    card: Option<Binary>,
}

/// What is written to the disk at a time.
const WRITE_BYTES: usize = 1 << 20;

/// Hands in a voice.
///
/// It takes the place of one that has the name. It is checked as every voice is, which takes seconds, and may speak
/// from the answer on. Only where `TTS_VOICE_UPLOAD_BYTES` allows it, and `TTS_VOICES` the name.
#[utoipa::path(put, path = "/v1/voices/{id}", tag = "voices", security(("user-token" = ["manage"]), ("bearer" = ["manage"])),
    params(("id" = String, Path, description = "The voice's name", example = "en_US-mine-medium")),
    request_body(content = VoiceForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "It was replaced", body = VoiceBody),
        (status = 201, description = "It is there", body = VoiceBody),
        Failures,
    ))]
pub async fn put(
    _manager: Manager,
    state: web::Data<AppState>,
    name: web::Path<String>,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let id = changeable(&name, &state).map_err(ApiError::closing)?;
    let (catalogue, wanted) = (state.catalogue.clone(), id.clone());
    let upload = blocking(move || catalogue.take_in(&wanted)).await.map_err(ApiError::closing)?;
    let files = Multipart::new(request.headers(), body);
    let received = tokio::time::timeout(state.limits.upload_time, receive(files, upload, &state)).await;
    let upload = received.unwrap_or_else(|_| Err(too_slow())).map_err(ApiError::closing)?;
    let (upload, files) = off_thread(upload, Upload::check).await?;
    state.pool.try_out(&id, files).await?;
    let was_there = state.catalogue.installed(&id).is_some();
    upload.place().await?;
    let status = if was_there { StatusCode::OK } else { StatusCode::CREATED };
    Ok(HttpResponse::build(status).json(shown(&id, &state).await?))
}

/// Removes a voice from the disk.
///
/// 409 while it is in use. One that the source lists is fetched again when it is next asked for.
#[utoipa::path(delete, path = "/v1/voices/{id}", tag = "voices", security(("user-token" = ["manage"]), ("bearer" = ["manage"])),
    params(("id" = String, Path, description = "The voice's name", example = "en_US-mine-medium")),
    responses((status = 204, description = "It is gone"), Failures))]
pub async fn remove(
    _manager: Manager,
    state: web::Data<AppState>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = changeable(&name, &state)?;
    state.pool.unload(&id).await?;
    state.catalogue.remove(&id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Its name as it is known here, if it is.
fn changeable(name: &str, state: &AppState) -> Result<VoiceId, ApiError> {
    if state.limits.upload_bytes == 0 {
        let message = "voices are changed by the operator alone: TTS_VOICE_UPLOAD_BYTES is 0";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "uploads_forbidden", message));
    }
    let id = VoiceId::parse(name)?;
    Ok(state.catalogue.resolve(&id).unwrap_or(id))
}

async fn receive(mut files: Multipart, mut upload: Upload, state: &AppState) -> Result<Upload, ApiError> {
    let mut left = state.limits.upload_bytes;
    let too_large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the voice is larger than TTS_VOICE_UPLOAD_BYTES",
        )
    };
    let patience = state.limits.body_timeout;
    let malformed = |_| {
        let message = "the body must be multipart/form-data of the files model, config and perhaps card, and whole";
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_form", message)
    };
    while let Some(field) = tokio::time::timeout(patience, files.next()).await.map_err(|_| too_slow())? {
        let mut field = field.map_err(malformed)?;
        let kind = UploadedFile::ALL.into_iter().find(|kind| field.name() == Some(kind.name()));
        let kind = kind.ok_or_else(|| {
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", "the files are model, config and card")
        })?;
        upload = off_thread(upload, move |upload| upload.begin(kind)).await?.0;
        let mut waiting = BytesMut::new();
        while let Some(chunk) = tokio::time::timeout(patience, field.next()).await.map_err(|_| too_slow())? {
            let chunk = chunk.map_err(malformed)?;
            left = left.checked_sub(chunk.len() as u64).ok_or_else(too_large)?;
            waiting.extend_from_slice(&chunk);
            if waiting.len() >= WRITE_BYTES {
                let bytes = waiting.split();
                upload = off_thread(upload, move |upload| upload.write(&bytes)).await?.0;
            }
        }
        upload = off_thread(upload, move |upload| upload.write(&waiting)).await?.0;
    }
    Ok(upload)
}

fn too_slow() -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not arrive in time")
}

/// Does what accesses files where it holds up nobody.
async fn off_thread<T: Send + 'static>(
    mut upload: Upload,
    work: impl FnOnce(&mut Upload) -> Result<T, VoiceFilesError> + Send + 'static,
) -> Result<(Upload, T), ApiError> {
    blocking(move || work(&mut upload).map(|done| (upload, done))).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VoiceFilesError> + Send + 'static,
) -> Result<T, ApiError> {
    let failed =
        |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the voice could not be stored");
    Ok(tokio::task::spawn_blocking(work).await.map_err(failed)??)
}
