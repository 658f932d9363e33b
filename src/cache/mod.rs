//! Owns what was said before. Never fails a request: every fault is a miss. Refuses to know how speech is made.
//!
//! A lookup in L1 reads the moka cache in the caller's own task; it crosses no mailbox and takes no permit. Writes go through the
//! `CacheActor`, whose bounded mailbox drops what it cannot take.

mod actor;
mod envelope;
mod handle;
mod key;

pub use envelope::{Corrupt, Entry};
pub use handle::{Answer, CacheHandle, CacheSettings};
pub use key::{CacheKey, KeyBuilder};
