//! Owns the list of batches: which items wait, who works on which, what became of them. In Redis for all replicas, or in this process.
//!
//! An item is recorded once, however often it was worked off: whoever comes second is told so. An item that its worker does not renew is
//! given to another.

mod memory;
mod redis;
mod scripts;

use std::ops::Range;
use std::time::Duration;

use super::model::{BatchId, Description, Outcome, Status};
use memory::MemoryLedger;
pub use memory::MemoryLimits;
pub use redis::RedisLedger;

/// The list. A clone is the same one.
#[derive(Clone)]
pub enum Ledger {
    Memory(MemoryLedger),
    Redis(RedisLedger),
}

/// The same submission again, by the caller's own name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Of the caller and the name that he gave.
    pub key: String,
    /// Of what he submits by it.
    pub digest: String,
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    New,
    /// It was there.
    Known(BatchId),
    /// Something else was submitted by that name.
    Conflict,
}

/// An item to be worked off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub batch: BatchId,
    pub index: usize,
    /// As the caller wrote it.
    pub item: String,
    /// How often it was given to somebody, this time with it.
    pub attempt: usize,
    /// What the ledger calls it.
    pub entry: String,
    /// That of its batch.
    pub traceparent: Option<String>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// And the batch goes on.
    Open,
    /// And the batch has ended.
    Last,
    /// The item was recorded before, or its batch is gone.
    Repeated,
}

/// Why the ledger cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("the list of batches cannot be reached: {0}")]
    Unreachable(String),
    #[error("the list of batches holds as much as it may")]
    Full,
}

type Answer<T> = Result<T, LedgerError>;

/// Calls the same method of whichever it is.
macro_rules! either {
    ($self:ident, $ledger:ident => $call:expr) => {
        match $self {
            Self::Memory($ledger) => Ok($call),
            Self::Redis($ledger) => $call.await,
        }
    };
}

// === impl Ledger ===

impl Ledger {
    pub fn in_memory(limits: MemoryLimits) -> Self {
        Self::Memory(MemoryLedger::new(limits))
    }

    /// Whether it survives the end of this process.
    pub fn is_durable(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    pub async fn submit(
        &self,
        id: BatchId,
        description: Description,
        items: Vec<String>,
        idempotency: Option<Idempotency>,
    ) -> Answer<Submitted> {
        match self {
            Self::Memory(ledger) => ledger.submit(id, description, items, idempotency),
            Self::Redis(ledger) => ledger.submit(id, &description, &items, idempotency).await,
        }
    }

    /// An item for this worker, if one waits.
    pub async fn take(&self, consumer: &str) -> Answer<Option<Task>> {
        either!(self, ledger => ledger.take(consumer))
    }

    /// Says that the item is still being worked on.
    pub async fn renew(&self, task: &Task, consumer: &str) -> Answer<()> {
        either!(self, ledger => ledger.renew(task, consumer))
    }

    pub async fn record(&self, task: &Task, outcome: &Outcome) -> Answer<Recorded> {
        either!(self, ledger => ledger.record(task, outcome))
    }

    pub async fn status(&self, id: BatchId) -> Answer<Option<Status>> {
        either!(self, ledger => ledger.status(id))
    }

    /// What became of these items, `None` of those that wait.
    pub async fn outcomes(&self, id: BatchId, items: Range<usize>) -> Answer<Vec<Option<Outcome>>> {
        either!(self, ledger => ledger.outcomes(id, items))
    }

    /// An owner's batches, the newest first, and whether there are more.
    pub async fn list(&self, owner: &str, page: Range<usize>) -> Answer<(Vec<Status>, bool)> {
        either!(self, ledger => ledger.list(owner, page))
    }

    /// Forgets the batch and its items. What is worked on at the time is recorded nowhere.
    pub async fn remove(&self, id: BatchId) -> Answer<Option<Status>> {
        either!(self, ledger => ledger.remove(id))
    }

    /// A batch whose time is over.
    pub async fn expired(&self) -> Answer<Option<BatchId>> {
        either!(self, ledger => ledger.expired())
    }

    /// A batch whose end is to be told now. It comes again after `retry` unless it is [`Ledger::told`].
    pub async fn to_tell(&self, retry: Duration) -> Answer<Option<BatchId>> {
        either!(self, ledger => ledger.to_tell(retry))
    }

    pub async fn told(&self, id: BatchId) -> Answer<()> {
        either!(self, ledger => ledger.told(id))
    }
}
