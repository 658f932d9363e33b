//! The batches that are worked off, as this replica knows them.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::super::super::model::{BatchDescription, BatchId};
use super::super::turns::Turns;
use super::super::types::LedgerError;

/// What this replica knows of the batches that are worked off. Read anew now and then, so that an item costs one call.
#[derive(Default)]
pub(super) struct ActiveBatches {
    pub read: Option<Instant>,
    /// Why it could not be read the last time.
    pub unread: Option<LedgerError>,
    pub batches: HashMap<BatchId, Posted>,
    pub turns: Turns,
}

#[derive(Clone)]
pub(super) struct Posted {
    pub description: Arc<BatchDescription>,
    /// Where to look next among the items that were begun.
    pub cursor: String,
    /// It had no item when it was asked last.
    pub rests: bool,
}
