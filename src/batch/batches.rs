//! Owns batches as the rest of the service sees them: handing in, looking, fetching, removing; and what is done without anybody asking.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::ledger::{Idempotency, Ledger, LedgerError, Submitted};
use super::model::{BatchId, Description, Outcome, Status, now};
use super::store::{Store, StoreError};
use super::webhook::{Webhook, WebhookError};
use super::working::{Speaking, Worker, file_name, file_names};
use crate::resilience::Readiness;
use crate::telemetry::{Metrics, further_span, traceparent};

/// All batches. A clone shares them.
#[derive(Clone)]
pub struct Batches(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    store: Store,
    webhook: Webhook,
    settings: BatchSettings,
    bell: Arc<Notify>,
}

/// What batches work with.
pub struct BatchParts {
    pub ledger: Ledger,
    pub store: Store,
    pub webhook: Webhook,
    pub speaking: Arc<dyn Speaking>,
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

#[derive(Debug, Clone, Copy)]
pub struct WorkSettings {
    /// Items that this replica works on at a time.
    pub at_once: usize,
    /// How often an item is tried.
    pub attempts: usize,
    /// How often a worker says that it still works on an item.
    pub renew_every: Duration,
}

/// What somebody hands in.
#[derive(Debug, Clone)]
pub struct Submission {
    pub owner: String,
    pub items: Vec<String>,
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
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

/// How often expired batches and ends that are to be told are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Webhooks that are told at a time.
const TOLD_AT_ONCE: usize = 16;
/// Outcomes that are read at a time.
const CHUNK: usize = 500;

// === impl Batches ===

impl Batches {
    /// Begins to work items off, on the current system.
    pub fn start(parts: BatchParts, settings: BatchSettings) -> Self {
        let BatchParts { ledger, store, webhook, speaking, metrics, readiness } = parts;
        let bell = Arc::new(Notify::new());
        let replica = Uuid::new_v4();
        for number in 0..settings.work.at_once {
            let name = format!("{replica}-{number}");
            let worker = Worker {
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
        let batches = Self(Arc::new(Inner { ledger, store, webhook, settings, bell }));
        actix::spawn(batches.clone().expire_always());
        actix::spawn(batches.clone().tell_always());
        batches
    }

    /// Whether batches survive the end of this process.
    pub fn are_durable(&self) -> bool {
        self.0.ledger.is_durable()
    }

    /// Takes a batch; whether it is a new one.
    pub async fn submit(&self, submission: Submission) -> Result<(Status, bool), BatchError> {
        let Submission { owner, items, concatenate, webhook, name } = submission;
        if let Some(url) = &webhook {
            self.0.webhook.check(url)?;
        }
        let idempotency = name.map(|name| Idempotency {
            key: format!("{owner}\n{name}"),
            digest: digest(&items, concatenate, webhook.as_deref()),
        });
        let created = now().as_secs();
        let expires = created + self.0.settings.keep.as_secs();
        let traceparent = traceparent(&Span::current());
        let description =
            Description { owner, created, expires, items: items.len(), concatenate, webhook, traceparent };
        let id = BatchId::random();
        let submitted = self.0.ledger.submit(id, description, items, idempotency).await?;
        let (id, is_new) = match submitted {
            Submitted::New => (id, true),
            Submitted::Known(id) => (id, false),
            Submitted::Conflict => return Err(BatchError::Conflict),
        };
        self.0.bell.notify_waiters();
        let status = self.0.ledger.status(id).await?.ok_or(BatchError::Unknown)?;
        Ok((status, is_new))
    }

    /// A batch of this owner. Those of others do not exist.
    pub async fn status(&self, owner: &str, id: BatchId) -> Result<Status, BatchError> {
        let status = self.0.ledger.status(id).await?;
        status.filter(|status| status.description.owner == owner).ok_or(BatchError::Unknown)
    }

    pub async fn list(&self, owner: &str, page: Range<usize>) -> Result<(Vec<Status>, bool), BatchError> {
        Ok(self.0.ledger.list(owner, page).await?)
    }

    /// What became of these items, `None` of those that wait.
    pub async fn outcomes(&self, status: &Status, items: Range<usize>) -> Result<Vec<Option<Outcome>>, BatchError> {
        let count = status.description.items;
        Ok(self.0.ledger.outcomes(status.id, items.start.min(count)..items.end.min(count)).await?)
    }

    /// A file of an item's result, by its ending.
    pub async fn file(&self, id: BatchId, index: usize, ending: &str) -> Result<Bytes, BatchError> {
        Ok(self.0.store.get(id, &file_name(index, ending)).await?)
    }

    /// Ends the batch, if it goes on, and removes all that there is of it.
    pub async fn remove(&self, owner: &str, id: BatchId) -> Result<Status, BatchError> {
        let status = self.status(owner, id).await?;
        self.forget(&status).await?;
        Ok(status)
    }

    async fn forget(&self, status: &Status) -> Result<(), BatchError> {
        let mut names = Vec::new();
        for start in (0..status.description.items).step_by(CHUNK) {
            let outcomes = self.outcomes(status, start..start + CHUNK).await?;
            for (index, outcome) in (start..).zip(outcomes) {
                if let Some(Outcome::Done(done)) = outcome {
                    names.extend(file_names(index, &done));
                }
            }
        }
        self.0.store.remove(status.id, names.into_iter()).await?;
        self.0.ledger.remove(status.id).await?;
        Ok(())
    }

    // --- what is done without anybody asking ---

    // A ledger that cannot be reached is one to look into later.

    async fn expire_always(self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let _ = self.expire().await;
        }
    }

    /// Tells several at a time, so that one that does not answer keeps no other waiting.
    async fn tell_always(self) {
        let (mut telling, mut under_way) = (FuturesUnordered::new(), HashSet::new());
        loop {
            while telling.len() < TOLD_AT_ONCE
                && let Ok(Some(id)) = self.0.ledger.to_tell(self.0.settings.tell_again).await
            {
                if under_way.insert(id) {
                    telling.push(self.tell(id).map(move |_| id));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                Some(told) = telling.next() => drop(under_way.remove(&told)),
            }
        }
    }

    async fn expire(&self) -> Result<(), BatchError> {
        while let Some(id) = self.0.ledger.expired().await? {
            match self.0.ledger.status(id).await? {
                Some(status) => self.forget(&status).await?,
                None => drop(self.0.ledger.remove(id).await?),
            }
        }
        Ok(())
    }

    async fn tell(&self, id: BatchId) -> Result<(), BatchError> {
        let Some(status) = self.0.ledger.status(id).await? else {
            return Ok(self.0.ledger.told(id).await?);
        };
        let traceparent = status.description.traceparent.as_deref();
        let span = further_span!(traceparent, "webhook", otel.kind = "client", batch = %id);
        match self.0.webhook.tell(&status).instrument(span).await {
            Ok(()) => self.0.ledger.told(id).await?,
            Err(error) => tracing::warn!(batch = %id, %error, "a webhook was not told"),
        }
        Ok(())
    }
}

fn digest(items: &[String], concatenate: bool, webhook: Option<&str>) -> String {
    let mut digest = Sha256::new();
    for part in items.iter().map(String::as_str).chain([webhook.unwrap_or_default()]) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.update([u8::from(concatenate)]);
    digest.finalize().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
