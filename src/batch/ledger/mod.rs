//! Owns the list of batches: which items wait, who works on which, what became of them. In Redis for all replicas, or
//! in this process.
//!
//! An item is recorded once, however often it was worked off: whoever comes second is told so. An item that its worker
//! does not renew is given to another. Every batch that goes on comes to an end, whatever becomes of replicas, of
//! Redis' keys and of other versions' records.

mod memory;
mod redis;
mod turns;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::model::{BatchDescription, BatchId, BatchStatus, Done, ItemError, ItemOutcome, NewItem, now};
use memory::MemoryLedger;
pub use memory::MemoryLimits;
pub use redis::{RedisLedger, RedisLedgerSettings};

/// The list. A clone is the same one.
#[derive(Clone)]
pub enum Ledger {
    Memory(MemoryLedger),
    Redis(RedisLedger),
}

/// What there may be at a time.
#[derive(Debug, Clone, Copy)]
pub struct LedgerLimits {
    /// Batches that go on, and of those of one owner.
    pub open: usize,
    pub open_of_owner: usize,
    /// Bytes of the results of one batch, and of all batches of one owner.
    pub bytes_of_batch: u64,
    pub bytes_of_owner: u64,
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
#[derive(Debug, Clone, PartialEq)]
pub struct ItemTask {
    pub batch: BatchId,
    pub index: usize,
    /// As the caller wrote it.
    pub item: String,
    /// How often it was given to somebody, this time with it.
    pub attempt: usize,
    /// What the ledger calls it.
    pub entry: String,
    /// Of its batch.
    pub description: Arc<BatchDescription>,
}

/// Whether a worker's item is still to be worked off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    GoesOn,
    /// Its batch has ended or is gone.
    NothingWaits,
}

/// Whether there is room for a result; otherwise the most that there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    Enough,
    BatchFull(u64),
    OwnerFull(u64),
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// And the batch goes on.
    Open,
    /// And the batch has ended.
    Last,
    /// The item was recorded before.
    Repeated,
    /// Its batch has ended without it, or is gone.
    Unwanted,
}

/// Why the ledger cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("the list of batches cannot be reached: {0}")]
    Unreachable(String),
    #[error("the list of batches holds as much as it may")]
    Full,
    #[error("{0} batches of this token go on, and more may not")]
    ManyOpen(usize),
    #[error("Redis has no room for the list of batches")]
    NoRoom,
    #[error("a record of another version")]
    Foreign,
    /// What Redis holds under the batch's keys is none of ours: it refuses what is asked of it, or it cannot be read.
    #[error("the record of the batch is damaged: {0}")]
    Damaged(String),
}

type LedgerResult<T> = Result<T, LedgerError>;

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

    /// Since 1970, by the one clock that all who share the ledger go by.
    pub async fn now(&self) -> LedgerResult<Duration> {
        match self {
            Self::Memory(_) => Ok(now()),
            Self::Redis(ledger) => ledger.now().await,
        }
    }

    /// What was submitted by this name before, if it is still there.
    pub async fn find(&self, idempotency: &Idempotency) -> LedgerResult<Option<Submitted>> {
        either!(self, ledger => ledger.find(idempotency))
    }

    pub async fn submit(
        &self,
        id: BatchId,
        description: BatchDescription,
        items: Vec<NewItem>,
        idempotency: Option<Idempotency>,
    ) -> LedgerResult<Submitted> {
        match self {
            Self::Memory(ledger) => ledger.submit(id, description, items, idempotency),
            Self::Redis(ledger) => ledger.submit(id, &description, &items, idempotency).await,
        }
    }

    /// An item for this worker, if one waits.
    pub async fn take(&self, consumer: &str) -> LedgerResult<Option<ItemTask>> {
        either!(self, ledger => ledger.take(consumer))
    }

    /// Says that the item is still being worked on.
    pub async fn renew(&self, task: &ItemTask, consumer: &str) -> LedgerResult<Renewed> {
        either!(self, ledger => ledger.renew(task, consumer))
    }

    /// Leaves an item to other replicas. False: there are none, or it was left to them for long enough.
    pub async fn leave(&self, task: &ItemTask, consumer: &str) -> LedgerResult<bool> {
        match self {
            Self::Memory(_) => Ok(false),
            Self::Redis(ledger) => ledger.leave(task, consumer).await,
        }
    }

    /// Whether there is room for a result of so many bytes.
    pub async fn room(&self, task: &ItemTask, bytes: usize) -> LedgerResult<Room> {
        either!(self, ledger => ledger.room(task, bytes))
    }

    pub async fn record(&self, task: &ItemTask, outcome: &ItemOutcome) -> LedgerResult<Recorded> {
        either!(self, ledger => ledger.record(task, outcome))
    }

    /// Ends a batch that cannot go on. False: it had ended.
    pub async fn fail(&self, id: BatchId, description: &BatchDescription, error: &ItemError) -> LedgerResult<bool> {
        match self {
            Self::Memory(ledger) => Ok(ledger.fail(id, error)),
            Self::Redis(ledger) => ledger.fail(id, description, error).await,
        }
    }

    pub async fn status(&self, id: BatchId) -> LedgerResult<Option<BatchStatus>> {
        either!(self, ledger => ledger.status(id))
    }

    /// Whether there is a record of it, even if only another version can read that.
    pub async fn knows(&self, id: BatchId) -> LedgerResult<bool> {
        either!(self, ledger => ledger.knows(id))
    }

    /// What became of these items, `None` of those that nothing is recorded of.
    pub async fn outcomes(&self, id: BatchId, items: Range<usize>) -> LedgerResult<Vec<Option<ItemOutcome>>> {
        either!(self, ledger => ledger.outcomes(id, items))
    }

    /// What the caller calls these items.
    pub async fn custom_ids(&self, id: BatchId, items: Range<usize>) -> LedgerResult<Vec<Option<String>>> {
        either!(self, ledger => ledger.custom_ids(id, items))
    }

    /// An owner's batches, the newest first, and whether there are more.
    pub async fn list(&self, owner: &str, page: Range<usize>) -> LedgerResult<(Vec<BatchStatus>, bool)> {
        either!(self, ledger => ledger.list(owner, page))
    }

    /// Ends a batch that is to be removed: from now on nothing of it is given out, recorded or seen.
    pub async fn close(&self, id: BatchId) -> LedgerResult<()> {
        either!(self, ledger => ledger.close(id))
    }

    /// Results that are recorded, a part at a time: from where the last part ended, 0 at first and at last.
    pub async fn recorded(&self, id: BatchId, from: u64) -> LedgerResult<(u64, Vec<(usize, Done)>)> {
        match self {
            Self::Memory(ledger) => Ok((0, ledger.recorded(id))),
            Self::Redis(ledger) => ledger.recorded(id, from).await,
        }
    }

    /// Forgets a batch that is closed.
    pub async fn remove(&self, id: BatchId) -> LedgerResult<()> {
        either!(self, ledger => ledger.remove(id))
    }

    /// A batch whose time is over. It comes again after a while unless it is removed.
    pub async fn expired(&self) -> LedgerResult<Option<BatchId>> {
        either!(self, ledger => ledger.expired())
    }

    /// A batch whose end is to be told now. It comes again after `retry` unless it is [`Ledger::told`].
    pub async fn to_tell(&self, retry: Duration) -> LedgerResult<Option<BatchId>> {
        either!(self, ledger => ledger.to_tell(retry))
    }

    pub async fn told(&self, id: BatchId) -> LedgerResult<()> {
        either!(self, ledger => ledger.told(id))
    }

    /// Looks after some of the batches: puts back what goes on, ends what cannot. Returns those whose record is lost.
    pub async fn look_after_some(&self) -> LedgerResult<Vec<BatchId>> {
        match self {
            Self::Memory(_) => Ok(Vec::new()),
            Self::Redis(ledger) => ledger.look_after_some().await,
        }
    }
}
