//! Owns batches as the rest of the service sees them: handing in, looking, fetching, removing.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tracing::Span;
use uuid::Uuid;

use super::ledger::{Idempotency, Ledger, LedgerError, Submitted};
use super::model::{BatchDescription, BatchId, BatchStatus, Done, ItemOutcome, NewItem, VERSION};
use super::store::{Store, StoreError};
use super::webhook::{Webhook, WebhookError};
use super::working::{BatchWorker, ItemSpeaker, WorkSettings, file_name, file_names};
use crate::resilience::Readiness;
use crate::telemetry::{Metrics, traceparent};

/// All batches. A clone shares them.
#[derive(Clone)]
pub struct Batches(pub(super) Arc<BatchesInner>);

pub(super) struct BatchesInner {
    pub ledger: Ledger,
    pub store: Store,
    pub webhook: Webhook,
    pub settings: BatchSettings,
    bell: Arc<Notify>,
}

/// What batches work with.
pub struct BatchParts {
    pub ledger: Ledger,
    pub store: Store,
    pub webhook: Webhook,
    pub speaking: Arc<dyn ItemSpeaker>,
    pub metrics: Metrics,
    pub readiness: Readiness,
}

#[derive(Debug, Clone, Copy)]
pub struct BatchSettings {
    /// How long a batch and its results are kept, from its beginning.
    pub keep: Duration,
    /// Until an end that could not be told is told again, as long as the batch is kept.
    pub tell_again: Duration,
    pub work: WorkSettings,
}

/// What somebody hands in.
#[derive(Debug, Clone)]
pub struct Submission {
    pub owner: String,
    pub items: Vec<NewItem>,
    pub concatenate: bool,
    pub webhook: Option<String>,
    /// The caller's own name for it: the same one again is the same batch.
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("there is no such batch")]
    Unknown,
    #[error("another batch was handed in with this idempotency-key")]
    Conflict,
    /// Of this item.
    #[error("the result of item {0} is not in the store any more: hand it in again")]
    ResultGone(usize),
    #[error("the result of item {0} is damaged in the store: hand it in again")]
    ResultDamaged(usize),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

// === impl Batches ===

impl Batches {
    /// Begins to work items off, on the current system.
    pub fn start(parts: BatchParts, settings: BatchSettings) -> Self {
        let BatchParts { ledger, store, webhook, speaking, metrics, readiness } = parts;
        let bell = Arc::new(Notify::new());
        let replica = Uuid::new_v4();
        for number in 0..settings.work.at_once {
            let name = format!("{replica}-{number}");
            let worker = BatchWorker {
                ledger: ledger.clone(),
                store: store.clone(),
                speaking: speaking.clone(),
                settings: settings.work,
                metrics: metrics.clone(),
                readiness: readiness.clone(),
                bell: bell.clone(),
                name,
            };
            actix::spawn(worker.run());
        }
        let batches = Self(Arc::new(BatchesInner { ledger, store, webhook, settings, bell }));
        batches.keep_up();
        batches
    }

    /// Whether batches survive the end of this process.
    pub fn are_durable(&self) -> bool {
        self.0.ledger.is_durable()
    }

    /// The batch that this submission made before, by its name. Finding it costs its owner nothing.
    pub async fn find(&self, submission: &Submission) -> Result<Option<BatchStatus>, BatchError> {
        let Some(idempotency) = submission.idempotency() else { return Ok(None) };
        match self.0.ledger.find(&idempotency).await? {
            None | Some(Submitted::New) => Ok(None),
            Some(Submitted::Known(id)) => Ok(self.0.ledger.status(id).await?),
            Some(Submitted::Conflict) => Err(BatchError::Conflict),
        }
    }

    /// Whether batches can tell of their end.
    pub fn check_webhook(&self, url: &str) -> Result<(), BatchError> {
        Ok(self.0.webhook.check(url)?)
    }

    pub async fn submit(&self, submission: Submission) -> Result<BatchStatus, BatchError> {
        let idempotency = submission.idempotency();
        let Submission { owner, items, concatenate, webhook, .. } = submission;
        let created = self.0.ledger.now().await?.as_secs();
        let description = BatchDescription {
            version: VERSION,
            owner,
            created,
            expires: created + self.0.settings.keep.as_secs(),
            items: items.len(),
            has_custom_ids: items.iter().any(|item| item.custom_id.is_some()),
            concatenate,
            webhook,
            traceparent: traceparent(&Span::current()),
        };
        let id = BatchId::random();
        let submitted = self.0.ledger.submit(id, description.clone(), items, idempotency).await?;
        match submitted {
            Submitted::New => {
                self.0.bell.notify_waiters();
                Ok(BatchStatus::new(id, description))
            }
            Submitted::Known(id) => self.0.ledger.status(id).await?.ok_or(BatchError::Unknown),
            Submitted::Conflict => Err(BatchError::Conflict),
        }
    }

    /// A batch of this owner. Those of others do not exist.
    pub async fn status(&self, owner: &str, id: BatchId) -> Result<BatchStatus, BatchError> {
        let status = self.0.ledger.status(id).await?;
        status.filter(|status| status.description.owner == owner).ok_or(BatchError::Unknown)
    }

    pub async fn list(&self, owner: &str, page: Range<usize>) -> Result<(Vec<BatchStatus>, bool), BatchError> {
        Ok(self.0.ledger.list(owner, page).await?)
    }

    /// What became of these items, `None` of those that wait.
    pub async fn outcomes(
        &self,
        status: &BatchStatus,
        items: Range<usize>,
    ) -> Result<Vec<Option<ItemOutcome>>, BatchError> {
        let outcomes = self.0.ledger.outcomes(status.id, within(status, items)).await?;
        Ok(outcomes.into_iter().map(|outcome| outcome.or_else(|| status.unrecorded())).collect())
    }

    /// What the caller calls these items; nothing if he calls none of them anything.
    pub async fn custom_ids(
        &self,
        status: &BatchStatus,
        items: Range<usize>,
    ) -> Result<Vec<Option<String>>, BatchError> {
        if !status.description.has_custom_ids {
            return Ok(Vec::new());
        }
        Ok(self.0.ledger.custom_ids(status.id, within(status, items)).await?)
    }

    /// The audio of an item, as it was made.
    pub async fn audio(&self, status: &BatchStatus, index: usize, done: &Done) -> Result<Bytes, BatchError> {
        self.file(status, index, done, &done.extension).await
    }

    /// A file of an item's result, by its ending.
    pub async fn file(
        &self,
        status: &BatchStatus,
        index: usize,
        done: &Done,
        ending: &str,
    ) -> Result<Bytes, BatchError> {
        let file = self.0.store.get(status.id, &file_name(index, ending)).await?;
        if ending == done.extension && file.len() != done.bytes {
            // Something else stands in its place.
            return Err(BatchError::ResultGone(index));
        }
        // Whoever did an item again may have stored it once more; a voice that is computed as it came never says the
        // same twice.
        if status.repeated == 0 && !done.has_stored(ending, &file) {
            return Err(BatchError::ResultDamaged(index));
        }
        Ok(file)
    }

    /// Makes sure that the audio of all these results, from the first item on, is still there.
    pub async fn expect_audio(&self, id: BatchId, results: &[Done]) -> Result<(), BatchError> {
        let names: Vec<String> =
            results.iter().enumerate().map(|(index, done)| file_name(index, &done.extension)).collect();
        let missing = self.0.store.missing(id, names.clone()).await?;
        let first = missing.first().and_then(|missing| names.iter().position(|name| name == missing));
        first.map_or(Ok(()), |index| Err(BatchError::ResultGone(index)))
    }

    /// Ends the batch, if it goes on, and removes all that there is of it.
    pub async fn remove(&self, owner: &str, id: BatchId) -> Result<BatchStatus, BatchError> {
        let status = self.status(owner, id).await?;
        self.forget(id).await?;
        Ok(status)
    }

    /// Ends the batch first, so that nothing is added to what is removed; what workers still have of it they remove
    /// themselves.
    pub(super) async fn forget(&self, id: BatchId) -> Result<(), BatchError> {
        let BatchesInner { ledger, store, .. } = &*self.0;
        ledger.close(id).await?;
        let mut from = 0;
        while !store.can_list() {
            let (next, results) = ledger.recorded(id, from).await?;
            store.remove(id, results.iter().flat_map(|(index, done)| file_names(*index, done)).collect()).await?;
            from = next;
            if from == 0 {
                break;
            }
        }
        store.clear(id).await?;
        Ok(ledger.remove(id).await?)
    }
}

// === impl Submission ===

impl Submission {
    fn idempotency(&self) -> Option<Idempotency> {
        let name = self.name.as_ref()?;
        let digest = digest(&self.items, self.concatenate, self.webhook.as_deref());
        Some(Idempotency { key: format!("{}\n{name}", self.owner), digest })
    }
}

fn within(status: &BatchStatus, items: Range<usize>) -> Range<usize> {
    let count = status.description.items;
    items.start.min(count)..items.end.min(count)
}

fn digest(items: &[NewItem], concatenate: bool, webhook: Option<&str>) -> String {
    let mut digest = Sha256::new();
    let named = items.iter().flat_map(|new| [Some(&new.item), new.custom_id.as_ref()].into_iter().flatten());
    for part in named.map(String::as_str).chain([webhook.unwrap_or_default()]) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.update([u8::from(concatenate)]);
    hex::encode(digest.finalize())
}
