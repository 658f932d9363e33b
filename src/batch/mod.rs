//! Owns long work: many texts handed over at once, worked off by every replica there is when nobody else wants its
//! workers, and fetched when done. Refuses to know how an item is written or spoken: that is an [`ItemSpeaker`] of
//! whoever knows.
//!
//! - `model`: what a batch is; `batches`: it as others see it; `working`: working items off; `upkeep`: what is done
//!   without anybody asking.
//! - `ledger`: which items there are and what became of them, in Redis for all replicas or in this process; `store`:
//!   the results.
//! - `webhook`: telling somebody that a batch has ended.

mod batches;
mod ledger;
mod model;
mod store;
mod upkeep;
mod webhook;
mod working;

pub use batches::{BatchError, BatchParts, BatchSettings, Batches, Submission};
pub use ledger::{Ledger, LedgerError, LedgerLimits, MemoryLimits, RedisLedger, RedisLedgerSettings};
pub use model::{
    BatchDescription, BatchId, BatchState, BatchStatus, Done, ItemError, ItemOutcome, NewItem, SpokenItem,
};
pub use store::{ProbeFailed, Store, StoreError};
pub use webhook::{Webhook, WebhookError, WebhookSettings};
pub use working::{ItemSpeaker, WorkSettings};
