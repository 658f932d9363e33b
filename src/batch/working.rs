//! Owns working items off: take one, speak it, keep the result, record it. What fails in passing is tried again; what
//! this replica cannot do is left to others; what a worker leaves undone another one takes.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::Instrument;

use super::ledger::{ItemTask, Ledger, LedgerError, Recorded, Renewed, Room};
use super::model::{Done, ItemError, ItemOutcome, SpokenItem};
use super::store::{Store, StoreError};
use crate::resilience::{NotReadyReason, Readiness};
use crate::telemetry::{BatchItemEnd, Metrics, further_span};

/// Knows how an item is written and how it is spoken.
pub trait ItemSpeaker {
    /// An item of these fields, as it waits. With `timestamps`, times and subtitles are made too.
    fn item(&self, fields: Map<String, Value>, timestamps: bool) -> String;

    fn speak(&self, item: String) -> LocalBoxFuture<'static, Result<SpokenItem, ItemError>>;

    /// Waits until what was spoken is in the cache of all, if there is one.
    fn written(&self) -> LocalBoxFuture<'static, ()>;
}

#[derive(Debug, Clone, Copy)]
pub struct WorkSettings {
    /// Items that this replica works on at a time.
    pub at_once: usize,
    /// How often an item is tried.
    pub attempts: usize,
    /// How often a worker says that it still works on an item.
    pub renew_every: Duration,
}

/// Takes items until the service stops. A clone is another one of the same replica.
#[derive(Clone)]
pub(super) struct BatchWorker {
    pub ledger: Ledger,
    pub store: Store,
    pub speaking: Arc<dyn ItemSpeaker>,
    pub settings: WorkSettings,
    pub metrics: Metrics,
    pub readiness: Readiness,
    /// Rung when this replica got a batch.
    pub bell: Arc<Notify>,
    /// The ledger's name for this worker.
    pub name: String,
}

/// What a worker has done about an item so far.
#[derive(Default)]
struct Traces {
    /// Files that it has put into the store.
    files: RefCell<Vec<String>>,
    /// Whether it is recording the outcome, so that what becomes of the batch is its own doing.
    is_recording: Cell<bool>,
}

/// Why an item has no result.
enum Unfinished {
    Failed(ItemError),
    /// Nor will any other item of its batch.
    BatchFailed(ItemError),
    /// It can be kept nowhere: another worker takes it.
    GivenBack,
}

/// Between looks for work; the replica that got a batch begins at once.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between attempts: this, then twice as much each time, up to the most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Pauses until an item whose result or record cannot be kept is left to others: about an hour.
const PATIENCE: u32 = 720;
/// Pauses until a store that is full is not waited for any more: about ten seconds.
const PATIENCE_WITH_A_FULL_STORE: u32 = 6;

// === impl BatchWorker ===

impl BatchWorker {
    pub async fn run(self) {
        let mut failures = 0;
        while !self.readiness.reasons().contains(&NotReadyReason::Draining) {
            match self.ledger.take(&self.name).await {
                Ok(Some(task)) => {
                    failures = 0;
                    let traceparent = task.description.traceparent.as_deref();
                    let span = further_span!(traceparent, "batch item", otel.kind = "consumer", batch = %task.batch, item = task.index);
                    self.work_off(&task).instrument(span).await;
                }
                Ok(None) => {
                    failures = 0;
                    let _ = tokio::time::timeout(LOOK_EVERY, self.bell.notified()).await;
                }
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(%error, "batches wait");
                    }
                    failures += 1;
                    sleep(pause(failures)).await;
                }
            }
        }
    }

    async fn work_off(&self, task: &ItemTask) {
        let traces = Traces::default();
        let ended_without_it = tokio::select! {
            () = self.finish(task, &traces) => false,
            () = self.renew_while_it_waits(task, &traces) => true,
        };
        if ended_without_it && !self.is_recorded(task).await {
            self.leave_nothing(task, &traces).await;
        }
    }

    /// Ends when nobody waits for the item any more.
    async fn renew_while_it_waits(&self, task: &ItemTask, traces: &Traces) {
        loop {
            sleep(self.settings.renew_every).await;
            // If it cannot be renewed now, perhaps the next time; at worst it is done twice.
            let renewed = self.ledger.renew(task, &self.name).await;
            if renewed == Ok(Renewed::NothingWaits) && !traces.is_recording.get() {
                return;
            }
        }
    }

    async fn finish(&self, task: &ItemTask, traces: &Traces) {
        let outcome = if task.attempt > self.settings.attempts {
            ItemOutcome::Failed(ItemError::new("gave_up", "workers that had this item did not come back"))
        } else {
            match self.result(task, traces).await {
                Ok(done) => ItemOutcome::Done(done),
                Err(Unfinished::Failed(error)) if error.is_local => match self.left(task, error).await {
                    Some(error) => ItemOutcome::Failed(error),
                    None => return,
                },
                Err(Unfinished::Failed(error)) => ItemOutcome::Failed(error),
                Err(Unfinished::BatchFailed(error)) => return self.fail_batch(task, &error, traces).await,
                Err(Unfinished::GivenBack) => return,
            }
        };
        traces.is_recording.set(true);
        match patiently(|| self.ledger.record(task, &outcome)).await {
            Some(Recorded::Open | Recorded::Last) => self.metrics.count_batch_item(match outcome {
                ItemOutcome::Done(_) => BatchItemEnd::Done,
                ItemOutcome::Failed(_) => BatchItemEnd::Failed,
            }),
            Some(Recorded::Repeated) => self.metrics.count_batch_item(BatchItemEnd::Repeated),
            Some(Recorded::Unwanted) => self.leave_nothing(task, traces).await,
            None => {}
        }
    }

    /// The item's result, kept.
    async fn result(&self, task: &ItemTask, traces: &Traces) -> Result<Done, Unfinished> {
        let mut failures = 0;
        let sound = loop {
            match self.speaking.speak(task.item.clone()).await {
                Ok(sound) => break sound,
                Err(error) if error.is_passing && failures + 1 < self.settings.attempts as u32 => {
                    failures += 1;
                    sleep(pause(failures)).await;
                }
                Err(error) => return Err(Unfinished::Failed(error)),
            }
        };
        let SpokenItem { audio, mut done, beside } = sound;
        self.expect_room(task, done.stored_bytes()).await?;
        let beside = beside.into_iter().map(|(ending, file)| (ending.to_owned(), file));
        for (ending, file) in std::iter::once((done.extension.clone(), audio)).chain(beside) {
            let name = file_name(task.index, &ending);
            traces.files.borrow_mut().push(name.clone());
            done.stores(&ending, &file);
            self.put(task, &name, file).await?;
        }
        Ok(done)
    }

    async fn expect_room(&self, task: &ItemTask, bytes: usize) -> Result<(), Unfinished> {
        let room = patiently(|| self.ledger.room(task, bytes)).await.ok_or(Unfinished::GivenBack)?;
        let (whose, limit) = match room {
            Room::Enough => return Ok(()),
            Room::BatchFull(limit) => ("the batch", limit),
            Room::OwnerFull(limit) => ("this token's batches", limit),
        };
        let message = format!(
            "the results of {whose} would take more than {limit} bytes: fetch and delete some, or hand in less"
        );
        Err(Unfinished::BatchFailed(ItemError::new("results_too_large", message)))
    }

    async fn put(&self, task: &ItemTask, name: &str, file: Bytes) -> Result<(), Unfinished> {
        let (mut failures, mut full) = (0, 0);
        loop {
            match self.store.put(task.batch, name, file.clone()).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Full) => full += 1,
                Err(StoreError::Unreachable) => full = 0,
                Err(refused) => {
                    tracing::warn!(batch = %task.batch, code = refused.code(), "a result cannot be kept");
                    return Err(Unfinished::Failed(ItemError::new(refused.code(), refused.to_string())));
                }
            }
            failures += 1;
            if failures == 1 {
                let code = if full > 0 { StoreError::Full.code() } else { StoreError::Unreachable.code() };
                tracing::warn!(batch = %task.batch, code, "a result waits to be kept");
            }
            if full > PATIENCE_WITH_A_FULL_STORE {
                let message =
                    "the store of results is full: fetch and delete batches, or have the operator give it more room";
                return Err(Unfinished::BatchFailed(ItemError::new("store_full", message)));
            }
            if failures > PATIENCE {
                return Err(Unfinished::GivenBack);
            }
            sleep(pause(failures)).await;
        }
    }

    /// Leaves an item that lies with this replica to others. The error, if none of them could do it either.
    async fn left(&self, task: &ItemTask, error: ItemError) -> Option<ItemError> {
        match patiently(|| self.ledger.leave(task, &self.name)).await {
            Some(false) => Some(ItemError::new(&error.code, format!("no replica can do it: {}", error.message))),
            Some(true) | None => None,
        }
    }

    async fn fail_batch(&self, task: &ItemTask, error: &ItemError, traces: &Traces) {
        traces.is_recording.set(true);
        if patiently(|| self.ledger.fail(task.batch, &task.description, error)).await == Some(true) {
            tracing::warn!(batch = %task.batch, code = error.code, "a batch cannot go on");
        }
        if !self.is_recorded(task).await {
            self.leave_nothing(task, traces).await;
        }
    }

    /// Whether the item has a result: another worker may have made it.
    async fn is_recorded(&self, task: &ItemTask) -> bool {
        let recorded = patiently(|| self.ledger.outcomes(task.batch, task.index..task.index + 1)).await;
        recorded.is_none_or(|outcomes| matches!(outcomes.as_slice(), [Some(ItemOutcome::Done(_))]))
    }

    /// Of an item that nobody waits for nothing stays. What cannot be removed now is found when its time is over.
    async fn leave_nothing(&self, task: &ItemTask, traces: &Traces) {
        let _ = self.store.remove(task.batch, traces.files.take()).await;
    }
}

/// Asks until there is an answer, for about an hour. What is damaged gives none.
async fn patiently<T>(mut ask: impl AsyncFnMut() -> Result<T, LedgerError>) -> Option<T> {
    for failures in 1..=PATIENCE {
        match ask().await {
            Ok(answer) => return Some(answer),
            Err(LedgerError::Damaged(_)) => return None,
            Err(_) => sleep(pause(failures)).await,
        }
    }
    None
}

fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_PAUSE)
}

/// The files of a result, as the store names them.
pub(super) fn file_names(index: usize, done: &Done) -> impl Iterator<Item = String> {
    let endings: Vec<&String> = std::iter::once(&done.extension).chain(&done.beside).collect();
    endings.into_iter().map(|ending| file_name(index, ending)).collect::<Vec<_>>().into_iter()
}

pub(super) fn file_name(index: usize, ending: &str) -> String {
    format!("{index:05}.{ending}")
}
