//! Owns the cache of speech. Never fails a request: every fault is a miss. Refuses to know how speech is made, or what
//! its entries hold.
//!
//! L1 is in this process and holds two kinds of things under one budget: finished answers, whose bytes are sent as they
//! are, and entries. A lookup there happens in the caller's own task; it crosses no mailbox and takes no permit. L2 is
//! Redis and holds entries alone, sealed so that damage is noticed. Lookups there are messages to the `CacheActor`,
//! under a timeout and behind a breaker; writes wait in its queue.
//!
//! - `key`: names; `envelope`: entries as they stand in L2; `handle`: the cache as others see it.
//! - `l1`, `redis`: the tiers; `actor`: what is said to Redis, in which order; `lease`: which of several replicas makes
//!   an entry.

mod actor;
mod answer;
mod envelope;
mod handle;
mod key;
mod l1;
mod lease;
mod redis;

pub use answer::{Answer, CacheHit};
pub use envelope::{CacheEntry, Corrupt};
pub use handle::{CacheHandle, CacheSettings, L2Settings, LookupOutcome};
pub use key::{CacheKey, KeyBuilder};
pub use lease::{Lease, LeaseOutcome};
pub use redis::{InvalidTarget, Redis, RedisProblem, RedisSettings, RedisTarget, SharedConnection};
