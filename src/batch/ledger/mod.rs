//! Owns the list of batches: which items wait, who works on which, what became of them. In Redis for all replicas, or
//! in this process.
//!
//! An item is recorded once, however often it was worked off: whoever comes second is told so. An item that its worker
//! does not renew is given to another. Every batch that goes on comes to an end, whatever becomes of replicas, of
//! Redis' keys and of other versions' records.

mod memory;
mod redis;
mod turns;
mod types;

use std::ops::Range;
use std::time::Duration;

use super::model::{BatchDescription, BatchId, BatchStatus, Done, ItemError, ItemOutcome, NewItem, now};
use memory::MemoryLedger;
pub use memory::MemoryLimits;
pub use redis::{RedisLedger, RedisLedgerSettings};
use types::LedgerResult;
pub use types::{Idempotency, ItemTask, LedgerError, LedgerLimits, Recorded, Renewed, Room, Submitted};

/// The list. A clone is the same one.
#[derive(Clone)]
pub enum Ledger {
    Memory(MemoryLedger),
    Redis(RedisLedger),
}

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
