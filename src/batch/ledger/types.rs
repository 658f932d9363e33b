//! Shapes that every ledger of batches has: bounds, submissions, tasks, and what became of them.

use std::sync::Arc;

use super::super::model::{BatchDescription, BatchId};

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

pub type LedgerResult<T> = Result<T, LedgerError>;
