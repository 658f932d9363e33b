//! Owns the cache as the rest of the service sees it: lookups that are direct, writes that are sent.

use std::time::Duration;

use actix::{Actor, Addr};
use bytes::Bytes;
use moka::sync::Cache;

use super::CacheKey;
use super::actor::{CacheActor, StoreAnswer};
use crate::telemetry::{CacheTier, LookupResult, Metrics};

#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// Memory for L1, entries and their keys.
    pub l1_bytes: u64,
    pub ttl: Duration,
}

/// A finished answer: the bytes of a response and what its headers say. A clone shares the bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub audio: Bytes,
    pub sample_rate: u32,
    pub seconds: f64,
    pub resampled: bool,
}

/// The cache. A clone is another handle to it.
#[derive(Clone)]
pub struct CacheHandle {
    /// `None`: nothing is kept.
    tiers: Option<Tiers>,
    metrics: Metrics,
}

#[derive(Clone)]
struct Tiers {
    l1: Cache<CacheKey, Answer>,
    actor: Addr<CacheActor>,
}

/// What an entry costs beside its bytes: key, answer, moka's own.
const ENTRY_OVERHEAD_BYTES: u32 = 256;

// === impl CacheHandle ===

impl CacheHandle {
    /// Starts the cache on the current system.
    pub fn start(settings: CacheSettings, metrics: Metrics) -> Self {
        let l1 = Cache::builder()
            .max_capacity(settings.l1_bytes)
            .weigher(|_, answer: &Answer| {
                let bytes = u32::try_from(answer.audio.len()).unwrap_or(u32::MAX);
                bytes.saturating_add(ENTRY_OVERHEAD_BYTES)
            })
            .time_to_live(settings.ttl)
            .build();
        let actor = CacheActor { l1: l1.clone() }.start();
        Self { tiers: Some(Tiers { l1, actor }), metrics }
    }

    /// A cache that keeps nothing.
    pub fn disabled(metrics: Metrics) -> Self {
        Self { tiers: None, metrics }
    }

    pub fn is_enabled(&self) -> bool {
        self.tiers.is_some()
    }

    /// The answer if it is in L1.
    pub fn get(&self, key: &CacheKey) -> Option<Answer> {
        let found = self.tiers.as_ref()?.l1.get(key);
        let result = if found.is_some() { LookupResult::Hit } else { LookupResult::Miss };
        self.metrics.count_lookup(CacheTier::L1, result);
        found
    }

    /// Keeps an answer. Returns when a lookup would find it, or when it was dropped because too many writes wait.
    pub async fn store(&self, key: CacheKey, answer: Answer) {
        if let Some(tiers) = &self.tiers {
            // A cache that is gone or full costs a later miss, nothing else.
            let _ = tiers.actor.send(StoreAnswer { key, answer }).await;
        }
    }
}
