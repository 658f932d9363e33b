//! Owns working items off: take one, speak it, keep the result, record it. What fails in passing is tried again; what a worker leaves undone
//! another one takes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::Instrument;

use super::batches::WorkSettings;
use super::ledger::{Ledger, Recorded, Task};
use super::model::{Done, ItemError, Outcome, Sound};
use super::store::{Store, StoreError};
use crate::resilience::{Readiness, Reason};
use crate::telemetry::{BatchItemEnd, Metrics, further_span};

/// Knows how an item is written and how it is spoken.
pub trait Speaking {
    /// An item of these fields, as it waits. With `timestamps`, times and subtitles are made too.
    fn item(&self, fields: Map<String, Value>, timestamps: bool) -> String;

    fn speak(&self, item: String) -> LocalBoxFuture<'static, Result<Sound, ItemError>>;
}

/// Takes items until the service stops. A clone is another one of the same replica.
#[derive(Clone)]
pub(super) struct Worker {
    pub ledger: Ledger,
    pub store: Store,
    pub speaking: Arc<dyn Speaking>,
    pub settings: WorkSettings,
    pub metrics: Metrics,
    pub readiness: Readiness,
    /// Rung when this replica got a batch.
    pub bell: Arc<Notify>,
    /// The ledger's name for this worker.
    pub name: String,
}

/// Between looks for work; the replica that got a batch begins at once.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between attempts: this, then twice as much each time, up to the most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Pauses until an item whose result or record cannot be kept is left to others: about an hour.
const PATIENCE: u32 = 720;

// === impl Worker ===

impl Worker {
    pub async fn run(self) {
        let mut failures = 0;
        while !self.readiness.reasons().contains(&Reason::Draining) {
            match self.ledger.take(&self.name).await {
                Ok(Some(task)) => {
                    failures = 0;
                    let traceparent = task.traceparent.as_deref();
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

    async fn work_off(&self, task: &Task) {
        let renewed = async {
            loop {
                sleep(self.settings.renew_every).await;
                // If it cannot be renewed now, perhaps the next time; at worst it is done twice.
                let _ = self.ledger.renew(task, &self.name).await;
            }
        };
        tokio::select! {
            () = self.finish(task) => {}
            () = renewed => {}
        }
    }

    async fn finish(&self, task: &Task) {
        let outcome = if task.attempt > self.settings.attempts {
            Outcome::Failed(error("gave_up", "workers that had this item did not come back"))
        } else {
            match self.result(task).await {
                Ok(done) => Outcome::Done(done),
                Err(Some(error)) => Outcome::Failed(error),
                Err(None) => return,
            }
        };
        match patiently(|| self.ledger.record(task, &outcome)).await {
            Some(Recorded::Repeated) => self.leave_nothing(task, &outcome).await,
            Some(Recorded::Open | Recorded::Last) => self.metrics.count_batch_item(match outcome {
                Outcome::Done(_) => BatchItemEnd::Done,
                Outcome::Failed(_) => BatchItemEnd::Failed,
            }),
            None => {}
        }
    }

    /// The item's result, kept. `None` for an error: it can be kept nowhere.
    async fn result(&self, task: &Task) -> Result<Done, Option<ItemError>> {
        let mut failures = 0;
        let sound = loop {
            match self.speaking.speak(task.item.clone()).await {
                Ok(sound) => break sound,
                Err(error) if error.is_passing && failures + 1 < self.settings.attempts as u32 => {
                    failures += 1;
                    sleep(pause(failures)).await;
                }
                Err(error) => return Err(Some(error)),
            }
        };
        let Sound { audio, done, beside } = sound;
        let files = std::iter::once((done.extension.as_str(), audio)).chain(beside);
        for (ending, file) in files {
            let name = file_name(task.index, ending);
            let put = async || match self.store.put(task.batch, &name, file.clone()).await {
                Ok(()) => Ok(Ok(())),
                Err(StoreError::Unreachable) => Err(()),
                Err(refused) => Ok(Err(error(refused.code(), &refused.to_string()))),
            };
            patiently(put).await.ok_or(None)?.map_err(Some)?;
        }
        Ok(done)
    }

    /// Of an item whose batch was removed in the meantime nothing stays.
    async fn leave_nothing(&self, task: &Task, outcome: &Outcome) {
        self.metrics.count_batch_item(BatchItemEnd::Repeated);
        if let (Ok(None), Outcome::Done(done)) = (self.ledger.status(task.batch).await, outcome) {
            let _ = self.store.remove(task.batch, file_names(task.index, done)).await;
        }
    }
}

/// Asks until there is an answer, for about an hour.
async fn patiently<T, E>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> Option<T> {
    for failures in 1..=PATIENCE {
        if let Ok(answer) = ask().await {
            return Some(answer);
        }
        sleep(pause(failures)).await;
    }
    None
}

fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_PAUSE)
}

fn error(code: &str, message: &str) -> ItemError {
    ItemError { code: code.to_owned(), message: message.to_owned(), is_passing: false }
}

/// The files of a result, as the store names them.
pub(super) fn file_names(index: usize, done: &Done) -> impl Iterator<Item = String> {
    let endings: Vec<&String> = std::iter::once(&done.extension).chain(&done.beside).collect();
    endings.into_iter().map(|ending| file_name(index, ending)).collect::<Vec<_>>().into_iter()
}

pub(super) fn file_name(index: usize, ending: &str) -> String {
    format!("{index:05}.{ending}")
}
