//! Owns the routes of batches: handing in, looking, listing, removing. What an item is stands in `items`, fetching in
//! `results`.

mod archive;
mod items;
mod results;
mod submit;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::error::ApiError;
use super::responses::Failures;
use crate::batch::{
    BatchError, BatchId, BatchState, BatchStatus, Batches, ItemError, ItemOutcome, LedgerError, StoreError,
};
use crate::domain::InvalidField;
pub use items::Items;
pub use results::{archive, audio, events, joined, subtitles, timestamps};
pub use submit::submit;
// What describes them stands beside handlers.
pub use results::{__path_archive, __path_audio, __path_events, __path_joined, __path_subtitles, __path_timestamps};
pub use submit::__path_submit;

/// A batch at this moment.
#[derive(Serialize, ToSchema)]
pub struct Batch {
    id: String,
    /// `queued`, `running`, `succeeded`, `failed` (it has ended, and items of it failed) or `cancelled`.
    state: &'static str,
    /// Of the items, in all.
    items: usize,
    done: usize,
    failed: usize,
    /// From 0 to 1.
    progress: f64,
    /// Length of the results so far.
    audio_seconds: f64,
    /// Items that were worked off again after another replica had done them.
    repeated: usize,
    /// In seconds since 1970.
    created: u64,
    expires: u64,
    /// Whether it survives the end of the process.
    durable: bool,
    /// Bytes of the results so far.
    result_bytes: u64,
    /// Why it ended before all items were worked off: those that were not failed for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemFailure>,
}

/// A batch with a page of its items.
#[derive(Serialize, ToSchema)]
struct BatchWithItems {
    #[serde(flatten)]
    batch: Batch,
    results: Vec<ItemState>,
    has_more: bool,
}

#[derive(Serialize, ToSchema)]
struct ItemState {
    index: usize,
    /// What the caller calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_id: Option<String>,
    /// `waiting`, `done` or `failed`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<ItemAudio>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemFailure>,
}

/// A result, and where it is.
#[derive(Serialize, ToSchema)]
struct ItemAudio {
    url: String,
    voice_id: String,
    format: String,
    content_type: String,
    sample_rate: u32,
    seconds: f64,
    bytes: usize,
    /// Whether there are `.../timestamps` and `.../subtitles`.
    has_timestamps: bool,
}

#[derive(Serialize, ToSchema)]
struct ItemFailure {
    code: String,
    message: String,
}

#[derive(Serialize, ToSchema)]
struct BatchList {
    data: Vec<Batch>,
    has_more: bool,
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// How many to leave out.
    #[serde(default)]
    #[param(maximum = 1_000_000_000)]
    offset: usize,
    /// From 1 to 1000; 100 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;
const MAX_OFFSET: usize = 1_000_000_000;
/// Until there may be a place again.
const UNTIL_ONE_ENDS: Duration = Duration::from_secs(30);
/// Until what cannot be reached may be back.
const UNREACHABLE: Duration = Duration::from_secs(5);

// === handlers ===

/// How far a batch is, and what became of its items.
#[utoipa::path(get, path = "/v1/batches/{id}", tag = "batches", security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The batch"), Page),
    responses(
        (status = 200, description = "The batch", body = BatchWithItems),
        Failures,
    ))]
pub async fn show(
    caller: Caller,
    batches: web::Data<Batches>,
    id: web::Path<String>,
    page: web::Query<Page>,
) -> Result<HttpResponse, ApiError> {
    let status = batches.status(caller.name(), parsed(&id)?).await?;
    let page = page.range()?;
    let outcomes = batches.outcomes(&status, page.clone()).await?;
    let custom_ids = batches.custom_ids(&status, page.clone()).await?.into_iter().chain(std::iter::repeat(None));
    let items = (page.start..).zip(outcomes).zip(custom_ids);
    let results =
        items.map(|((index, outcome), custom_id)| ItemState::of(&status, index, custom_id, outcome)).collect();
    let has_more = status.description.items > page.end;
    Ok(HttpResponse::Ok().json(BatchWithItems { batch: shown(&status, &batches), results, has_more }))
}

/// The caller's batches, the newest first.
#[utoipa::path(get, path = "/v1/batches", tag = "batches", security(("user-token" = []), ("bearer" = [])),
    params(Page),
    responses(
        (status = 200, description = "The batches", body = BatchList),
        Failures,
    ))]
pub async fn list(
    caller: Caller,
    batches: web::Data<Batches>,
    page: web::Query<Page>,
) -> Result<HttpResponse, ApiError> {
    let (found, has_more) = batches.list(caller.name(), page.range()?).await?;
    let data = found.iter().map(|status| shown(status, &batches)).collect();
    Ok(HttpResponse::Ok().json(BatchList { data, has_more }))
}

/// Ends a batch, if it goes on, and removes it with its results.
#[utoipa::path(delete, path = "/v1/batches/{id}", tag = "batches", security(("user-token" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The batch")),
    responses(
        (status = 200, description = "As it was, `cancelled` if it had not ended", body = Batch),
        Failures,
    ))]
pub async fn remove(
    caller: Caller,
    batches: web::Data<Batches>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let status = batches.remove(caller.name(), parsed(&id)?).await?;
    let mut batch = shown(&status, &batches);
    if !status.has_ended() {
        batch.state = "cancelled";
    }
    Ok(HttpResponse::Ok().json(batch))
}

// === shapes ===

fn shown(status: &BatchStatus, batches: &Batches) -> Batch {
    let BatchStatus { id, description, done, failed, repeated, seconds, bytes, error, .. } = status;
    Batch {
        id: id.to_string(),
        state: match status.state() {
            BatchState::Queued => "queued",
            BatchState::Running => "running",
            BatchState::Succeeded => "succeeded",
            BatchState::Failed => "failed",
        },
        items: description.items,
        done: *done,
        failed: *failed,
        progress: (done + failed) as f64 / description.items.max(1) as f64,
        audio_seconds: (seconds * 1e3).round() / 1e3,
        repeated: *repeated,
        created: description.created,
        expires: description.expires,
        durable: batches.are_durable(),
        result_bytes: *bytes,
        error: error.clone().map(ItemFailure::from),
    }
}

/// An id that is none is one that does not exist.
fn parsed(id: &str) -> Result<BatchId, BatchError> {
    BatchId::parse(id).ok_or(BatchError::Unknown)
}

// === impl ItemState ===

impl ItemState {
    fn of(status: &BatchStatus, index: usize, custom_id: Option<String>, outcome: Option<ItemOutcome>) -> Self {
        match outcome {
            None => Self { index, custom_id, state: "waiting", audio: None, error: None },
            Some(ItemOutcome::Done(done)) => {
                let audio = ItemAudio {
                    url: format!("/v1/batches/{}/items/{index}/audio", status.id),
                    voice_id: done.voice,
                    format: done.extension,
                    content_type: done.content_type,
                    sample_rate: done.sample_rate,
                    seconds: done.seconds,
                    bytes: done.bytes,
                    has_timestamps: !done.beside.is_empty(),
                };
                Self { index, custom_id, state: "done", audio: Some(audio), error: None }
            }
            Some(ItemOutcome::Failed(error)) => Self::failed(index, custom_id, error),
        }
    }
}

impl ItemState {
    fn failed(index: usize, custom_id: Option<String>, error: ItemError) -> Self {
        Self { index, custom_id, state: "failed", audio: None, error: Some(error.into()) }
    }
}

impl From<ItemError> for ItemFailure {
    fn from(ItemError { code, message, .. }: ItemError) -> Self {
        Self { code, message }
    }
}

// === impl Page ===

impl Page {
    fn range(&self) -> Result<std::ops::Range<usize>, ApiError> {
        let limit = self.limit.unwrap_or(DEFAULT_PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(InvalidField { field: "limit", expected: "a whole number from 1 to 1000" }.into());
        }
        // Far beyond what there can be, and what Redis counts with.
        if self.offset > MAX_OFFSET {
            return Err(InvalidField { field: "offset", expected: "a whole number up to 1000000000" }.into());
        }
        Ok(self.offset..self.offset + limit)
    }
}

impl From<BatchError> for ApiError {
    fn from(error: BatchError) -> Self {
        let message = error.to_string();
        match error {
            BatchError::Unknown => Self::new(StatusCode::NOT_FOUND, "batch_not_found", message),
            BatchError::Conflict => Self::new(StatusCode::CONFLICT, "idempotency_conflict", message),
            BatchError::Webhook(_) => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_webhook", message).param("webhook_url")
            }
            BatchError::ResultGone(_) => Self::new(StatusCode::GONE, "result_gone", message),
            BatchError::ResultDamaged(_) => Self::new(StatusCode::GONE, "result_damaged", message),
            BatchError::Ledger(LedgerError::Full | LedgerError::NoRoom) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "over_capacity", message).retry_after(UNTIL_ONE_ENDS)
            }
            BatchError::Ledger(LedgerError::ManyOpen(_)) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_batches", message).retry_after(UNTIL_ONE_ENDS)
            }
            BatchError::Ledger(LedgerError::Foreign) => {
                let message = "another version of the service keeps this batch: ask again until a replica of that version answers";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "batch_of_another_version", message).retry_after(UNREACHABLE)
            }
            BatchError::Ledger(LedgerError::Damaged(_)) => {
                let message = "what Redis holds of this batch is damaged: hand it in again";
                Self::new(StatusCode::GONE, "batch_damaged", message)
            }
            BatchError::Store(StoreError::Missing) => {
                let message = "the result is not in the store any more";
                Self::new(StatusCode::NOT_FOUND, "result_not_found", message)
            }
            BatchError::Store(error) => {
                let wait = std::time::Duration::from_secs(5);
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), message).retry_after(wait)
            }
            BatchError::Ledger(LedgerError::Unreachable(_)) => {
                let message = "batches cannot be reached at the moment";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "batches_unavailable", message).retry_after(UNREACHABLE)
            }
        }
    }
}
