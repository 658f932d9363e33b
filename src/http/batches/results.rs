//! Owns fetching what a batch has made: an item's audio, whole or in part, all of them as one or as an archive, and
//! progress as it goes.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::archive::Archive;
use super::{parsed, shown};
use crate::audio::{WAV_HEADER_BYTES, wav_header};
use crate::batch::{BatchError, BatchStatus, Batches, Done, ItemOutcome};
use crate::http::auth::Caller;
use crate::http::caching::{Conditions, describe};
use crate::http::error::ApiError;
use crate::http::etag::EntityTag;
use crate::http::pieces::{Pieces, in_pieces};
use crate::http::responses::{Binary, ErrorBody, Failures, Sound};
use crate::http::state::AppState;
use crate::http::times::Timestamps;
use crate::resilience::SharedHold;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks without news after which a line keeps the connection alive.
const QUIET_LOOKS: u32 = 20;

/// The audio of an item.
#[utoipa::path(get, path = "/v1/batches/{id}/items/{n}/audio", tag = "batches",
    security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The batch"), ("n" = usize, Path, description = "The place of the item, from 0", example = 0), ("range" = Option<String>, Header, description = "A part of it"),
        ("if-range" = Option<String>, Header, description = "The `etag` of what the caller has: else all of it comes")),
    responses(
        Sound,
        (status = 304, description = "The caller has it already"),
        (status = 206, description = "A part of it", body = Binary, content_type = "application/octet-stream"),
        (status = 416, description = "There is no such part"),
        Failures,
    ))]
pub async fn audio(
    caller: Caller,
    state: web::Data<AppState>,
    batches: web::Data<Batches>,
    path: web::Path<(String, usize)>,
    conditions: Conditions,
) -> Result<HttpResponse, ApiError> {
    let (id, index) = path.into_inner();
    let status = batches.status(caller.name(), parsed(&id)?).await?;
    let done = done(&batches, &status, index).await?;
    let tag = EntityTag::of_item(status.id, index, done.bytes);
    if let Some(unchanged) = conditions.not_modified(Some(&tag)) {
        return Ok(unchanged);
    }
    let held = SharedHold::of(caller.speech(&state).hold(done.bytes)?);
    let audio = batches.audio(&status, index, &done).await?;
    let mut head = HttpResponse::Ok();
    head.insert_header((CONTENT_TYPE, done.content_type));
    head.insert_header(("x-sample-rate", done.sample_rate))
        .insert_header(("x-audio-duration", format!("{:.3}", done.seconds)));
    describe(&mut head, Some(&tag), None);
    Ok(conditions.part.answer(head, Some(&tag), audio, held))
}

/// When what is said in an item. For batches with `timestamps`.
#[utoipa::path(get, path = "/v1/batches/{id}/items/{n}/timestamps", tag = "batches",
    security(("user-token" = []), ("bearer" = [])), params(("id" = String, Path, description = "The batch"), ("n" = usize, Path, description = "The place of the item, from 0", example = 0)),
    responses(
        (status = 200, description = "The times", body = Timestamps),
        Failures,
    ))]
pub async fn timestamps(
    caller: Caller,
    state: web::Data<AppState>,
    batches: web::Data<Batches>,
    path: web::Path<(String, usize)>,
) -> Result<HttpResponse, ApiError> {
    let times = beside(&caller, &state, &batches, &path, "json").await?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(times))
}

/// Subtitles of an item. For batches with `timestamps`.
#[utoipa::path(get, path = "/v1/batches/{id}/items/{n}/subtitles", tag = "batches",
    security(("user-token" = []), ("bearer" = [])), params(("id" = String, Path, description = "The batch"), ("n" = usize, Path, description = "The place of the item, from 0", example = 0)),
    responses(
        (status = 200, description = "SubRip", content((String = "application/x-subrip"), (Binary = "application/octet-stream"))),
        Failures,
    ))]
pub async fn subtitles(
    caller: Caller,
    state: web::Data<AppState>,
    batches: web::Data<Batches>,
    path: web::Path<(String, usize)>,
) -> Result<HttpResponse, ApiError> {
    let lines = beside(&caller, &state, &batches, &path, "srt").await?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/x-subrip; charset=utf-8")).body(lines))
}

/// The results of all items, one after the other. For batches that are to be concatenated.
#[utoipa::path(get, path = "/v1/batches/{id}/audio", tag = "batches", security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The batch")),
    responses(
        (status = 200, description = "The audio", content((Binary = "audio/wav"), (Binary = "audio/pcm"),
            (Binary = "audio/PCMU"), (Binary = "audio/PCMA"), (Binary = "application/octet-stream"))),
        (status = 410, description = "A result is not in the store any more, or is damaged", body = ErrorBody),
        Failures,
    ))]
pub async fn joined(
    caller: Caller,
    state: web::Data<AppState>,
    batches: web::Data<Batches>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let status = batches.status(caller.name(), parsed(&id)?).await?;
    let conflict = |code, message: &str| ApiError::new(StatusCode::CONFLICT, code, message);
    if !status.description.concatenate {
        return Err(conflict("not_concatenated", "the batch was not handed in with concatenate"));
    }
    let parts = all_done(&batches, &status).await?;
    let first = parts.first().ok_or_else(ApiError::not_found)?.clone();
    if parts.iter().any(|part| part.sample_rate != first.sample_rate) {
        return Err(conflict(
            "different_rates",
            "its voices have different sample rates: give all items a sample_rate",
        ));
    }
    batches.expect_audio(status.id, &parts).await?;
    let skipped = if first.extension == "wav" { WAV_HEADER_BYTES } else { 0 };
    let bytes: usize = parts.iter().map(|part| part.bytes.saturating_sub(skipped)).sum();
    let head = if skipped > 0 { wav_header(first.sample_rate, u32::try_from(bytes).ok()) } else { Vec::new() };
    // Each part is held until it is taken.
    let held = caller.speech(&state).hold(parts.iter().map(|part| part.bytes).max().unwrap_or_default())?;
    let samples = move |file: Bytes| file.slice(skipped.min(file.len())..);
    // What is wrong with the first one is said before the answer begins.
    let begin = [Ok(Bytes::from(head)), Ok(samples(batches.audio(&status, 0, &first).await?))];
    let rest = stream::iter(parts.into_iter().enumerate().skip(1)).then(move |(index, part)| {
        let (batches, status, _held) = (batches.clone(), status.clone(), &held);
        async move { Ok::<_, ApiError>(samples(batches.audio(&status, index, &part).await?)) }
    });
    let all = stream::iter(begin).chain(rest);
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, first.content_type)).streaming(in_pieces(all)))
}

/// All results and a manifest, as a zip file. Its files are named by the item's number and its `custom_id`, where it
/// has one. Of items that failed, and of results that are not in the store any more, the manifest says so.
#[utoipa::path(get, path = "/v1/batches/{id}/archive", tag = "batches", security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The batch")),
    responses(
        (status = 200, description = "The archive", content((Binary = "application/zip"), (Binary = "application/octet-stream"))),
        Failures,
    ))]
pub async fn archive(
    caller: Caller,
    state: web::Data<AppState>,
    batches: web::Data<Batches>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let status = batches.status(caller.name(), parsed(&id)?).await?;
    if !status.has_ended() {
        return Err(not_done());
    }
    let name = format!("attachment; filename=\"{}.zip\"", status.id);
    let archive = Archive::new(batches, status, caller.speech(&state));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/zip"))
        .insert_header((CONTENT_DISPOSITION, name))
        .streaming(in_pieces(archive.stream())))
}

/// How far a batch is, as server-sent events until it has ended. While it cannot be looked at, there is no news. When
/// the service stops, the events end without `end`: whoever connects again finds another replica.
#[utoipa::path(get, path = "/v1/batches/{id}/events", tag = "batches", security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The batch")),
    responses(
        (status = 200, description = "Events `progress` and at last `end`, each with the batch",
            content((Value = "text/event-stream"))),
        Failures,
    ))]
pub async fn events(
    caller: Caller,
    state: web::Data<AppState>,
    batches: web::Data<Batches>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let owner = caller.name().to_owned();
    let first = batches.status(&owner, parsed(&id)?).await?;
    let id = first.id;
    let begin = (Some(first), None::<BatchStatus>);
    let events = stream::unfold(begin, move |(ready, before)| {
        let (state, batches, owner) = (state.clone(), batches.clone(), owner.clone());
        async move {
            if before.as_ref().is_some_and(BatchStatus::has_ended) {
                return None;
            }
            let mut next = ready;
            for _ in 0..QUIET_LOOKS {
                let status = if let Some(status) = next.take() {
                    status
                } else {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if state.readiness.is_draining() {
                        return None;
                    }
                    match batches.status(&owner, id).await {
                        Ok(status) => status,
                        // A batch that was removed has no more events.
                        Err(BatchError::Unknown) => return None,
                        Err(_) => continue,
                    }
                };
                if before.as_ref() != Some(&status) {
                    let kind = if status.has_ended() { "end" } else { "progress" };
                    let event = format!("event: {kind}\ndata: {}\n\n", json!(shown(&status, &batches)));
                    return Some((Ok::<_, ApiError>(Bytes::from(event)), (None, Some(status))));
                }
            }
            Some((Ok(Bytes::from_static(b": no news\n\n")), (None, before)))
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(events))
}

fn not_done() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "not_done", "not all of it is done yet")
}

async fn done(batches: &Batches, status: &BatchStatus, index: usize) -> Result<Done, ApiError> {
    if index >= status.description.items {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "item_not_found", "the batch has no such item"));
    }
    match batches.outcomes(status, index..index + 1).await?.pop().flatten() {
        Some(ItemOutcome::Done(done)) => Ok(done),
        Some(ItemOutcome::Failed(_)) => {
            Err(ApiError::new(StatusCode::CONFLICT, "item_failed", "the item failed: the batch says why"))
        }
        None => Err(not_done()),
    }
}

/// A file beside an item's audio.
async fn beside(
    caller: &Caller,
    state: &AppState,
    batches: &Batches,
    path: &(String, usize),
    ending: &str,
) -> Result<Pieces, ApiError> {
    let (id, index) = path;
    let status = batches.status(caller.name(), parsed(id)?).await?;
    let done = done(batches, &status, *index).await?;
    if done.beside.iter().all(|there| there != ending) {
        let message = "the batch was not handed in with timestamps";
        return Err(ApiError::new(StatusCode::NOT_FOUND, "no_timestamps", message));
    }
    let file = batches.file(&status, *index, &done, ending).await?;
    let held = SharedHold::of(caller.speech(state).hold(file.len())?);
    Ok(Pieces::new(file, held))
}

async fn all_done(batches: &Batches, status: &BatchStatus) -> Result<Vec<Done>, ApiError> {
    let outcomes = batches.outcomes(status, 0..status.description.items).await?;
    let done = |outcome: Option<ItemOutcome>| match outcome {
        Some(ItemOutcome::Done(done)) => Ok(done),
        Some(ItemOutcome::Failed(_)) => {
            Err(ApiError::new(StatusCode::CONFLICT, "item_failed", "an item failed: the batch says which"))
        }
        None => Err(not_done()),
    };
    outcomes.into_iter().map(done).collect()
}
