//! Owns the cache as the rest of the service sees it: lookups in the caller's own task as far as this process knows the
//! answer, beyond that by messages to the `CacheActor`.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use tokio::sync::Semaphore;
use tracing::Instrument;
use uuid::Uuid;

use super::actor::{CacheActor, IsWritten, Lookup, TakeLease, Write};
use super::envelope::{Corrupt, OVERHEAD_BYTES};
use super::l1::L1;
use super::lease::{Lease, LeaseOutcome};
use super::redis::{Fault, Leased, Redis, RedisSettings, Stored};
use super::{Answer, CacheEntry, CacheHit, CacheKey};
use crate::resilience::ByteBudget;
use crate::telemetry::{CacheTier, LookupResult, Metrics, stage_span};

#[derive(Debug, Clone)]
pub struct CacheSettings {
    /// Memory for L1, entries and their keys.
    pub l1_bytes: u64,
    pub ttl: Duration,
    /// Of one entry or answer, in any tier.
    pub max_entry_bytes: usize,
    /// `None`: this process shares nothing.
    pub l2: Option<L2Settings>,
}

#[derive(Debug, Clone)]
pub struct L2Settings {
    pub redis: RedisSettings,
    /// Bytes that may wait to be written.
    pub write_queue_bytes: usize,
    /// Calls that requests may wait for at once; one more is a miss.
    pub max_in_flight: usize,
    /// How long a replica has to itself what it makes, and so the longest that another one waits for it.
    pub lease: Duration,
}

/// What a lookup brought, in the order of the keys.
#[derive(Debug, Default)]
pub struct LookupOutcome {
    pub found: Vec<Option<CacheHit>>,
    /// L2 was asked for something and did not answer.
    pub l2_failed: bool,
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
    l1: L1,
    l2: Option<L2>,
    ttl: Duration,
    max_entry_bytes: usize,
}

#[derive(Clone)]
struct L2 {
    actor: Addr<CacheActor>,
    /// Whether it is worth sending the actor anything.
    redis: Redis,
    calls: Arc<Semaphore>,
    lease: Duration,
}

/// Counts a call for as long as somebody waits for it.
struct CallGuard<'a>(&'a Metrics);

/// While waiting for writes.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// How often a replica looks whether another is done.
const LEASE_POLL: Duration = Duration::from_millis(25);
/// More than this is not checked on the thread that serves connections.
const CHECKED_AT_ONCE_BYTES: usize = 256 << 10;

// === impl CacheHandle ===

impl CacheHandle {
    /// Starts the cache on the current system. What it lets go and somebody still reads counts to `answers`.
    pub fn start(settings: CacheSettings, answers: ByteBudget, metrics: Metrics) -> Self {
        let evictions = metrics.cache_l1_evictions.clone();
        let (bytes, max_entry_bytes) = (settings.l1_bytes, settings.max_entry_bytes);
        let l1 = L1::new(bytes, max_entry_bytes, settings.ttl, answers, move || evictions.inc());
        let (bytes, entries) = (l1.clone(), l1.clone());
        if metrics.show_l1(move || bytes.bytes(), move || entries.entries()).is_err() {
            tracing::debug!("the size of another L1 is shown already");
        }
        let l2 = settings.l2.map(|l2| {
            let redis = Redis::new(l2.redis, metrics.clone());
            let actor = CacheActor::new(redis.clone(), metrics.clone(), l2.write_queue_bytes).start();
            L2 { actor, redis, calls: Arc::new(Semaphore::new(l2.max_in_flight)), lease: l2.lease }
        });
        let tiers = Tiers { l1, l2, ttl: settings.ttl, max_entry_bytes: settings.max_entry_bytes };
        Self { tiers: Some(tiers), metrics }
    }

    /// A cache that keeps nothing.
    pub fn disabled(metrics: Metrics) -> Self {
        Self { tiers: None, metrics }
    }

    pub fn is_enabled(&self) -> bool {
        self.tiers.is_some()
    }

    /// The most that an answer may have to be kept.
    pub fn max_entry_bytes(&self) -> usize {
        self.tiers.as_ref().map_or(0, |tiers| tiers.max_entry_bytes)
    }

    // --- answers: this process alone ---

    /// The answer if it is in L1.
    pub fn answer(&self, key: &CacheKey) -> Option<Answer> {
        let found = self.tiers.as_ref()?.l1.answer(key);
        self.count(CacheTier::L1, found.is_some());
        found
    }

    pub fn keep_answer(&self, key: CacheKey, answer: Answer) {
        if let Some(tiers) = &self.tiers {
            tiers.l1.keep_answer(key, answer);
        }
    }

    /// Waits until the entries that were made are in L2, or dropped: for a process that is about to end.
    pub async fn written(&self) {
        let Some(l2) = self.tiers.as_ref().and_then(|tiers| tiers.l2.as_ref()) else { return };
        while !l2.actor.send(IsWritten).await.unwrap_or(true) {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    // --- entries: all tiers ---

    /// The entry if it is in L1, without counting the look.
    pub fn peek(&self, key: &CacheKey) -> Option<CacheEntry> {
        self.tiers.as_ref()?.l1.entry(key)
    }

    /// The entries, from L1 and what is not there from L2, where `ask_l2` says so. Never an error: what cannot be had
    /// is not found.
    pub async fn lookup(&self, keys: &[CacheKey], ask_l2: bool) -> LookupOutcome {
        let Some(tiers) = &self.tiers else { return LookupOutcome { found: vec![None; keys.len()], l2_failed: false } };
        let local = |key: &CacheKey| {
            let entry = tiers.l1.entry(key);
            self.count(CacheTier::L1, entry.is_some());
            entry.map(|entry| CacheHit { entry, tier: CacheTier::L1 })
        };
        let found = stage_span!("cache L1", keys = keys.len()).in_scope(|| keys.iter().map(local).collect());
        let mut looked = LookupOutcome { found, l2_failed: false };
        let missing: Vec<usize> = (0..keys.len()).filter(|index| looked.found[*index].is_none()).collect();
        let Some(l2) = tiers.l2.as_ref().filter(|_| ask_l2 && !missing.is_empty()) else { return looked };

        let wanted: Vec<CacheKey> = missing.iter().map(|index| keys[*index]).collect();
        let Ok(fetched) =
            self.ask(l2, Lookup(wanted.clone())).instrument(stage_span!("cache L2", keys = wanted.len())).await
        else {
            for _ in missing {
                self.metrics.count_lookup(CacheTier::L2, LookupResult::Error);
            }
            looked.l2_failed = true;
            return looked;
        };
        let opened = open_all(wanted.into_iter().zip(fetched).collect()).await;
        for (index, result) in missing.into_iter().zip(opened) {
            looked.found[index] = self.accept(tiers, keys[index], result);
        }
        looked
    }

    /// Keeps an entry in all tiers.
    pub fn store(&self, key: CacheKey, entry: &CacheEntry) {
        let Some(tiers) = &self.tiers else { return };
        tiers.l1.keep_entry(key, entry.clone());
        let Some(l2) = &tiers.l2 else { return };
        let ttl = tiers.ttl.saturating_sub(entry.age());
        let fits = entry.payload.len() <= tiers.max_entry_bytes;
        let write = || Write::Entry { key, sealed: entry.seal(&key), ttl };
        if !fits || !l2.redis.is_usable() || l2.actor.try_send(write()).is_err() {
            self.metrics.cache_writes_dropped.inc();
        }
    }

    /// Whether this replica makes the entry. Waits while another one does, though not for long: one that is slow or
    /// gone is not waited for.
    pub async fn turn(&self, key: &CacheKey) -> LeaseOutcome {
        let Some((tiers, l2)) = self.tiers.as_ref().and_then(|tiers| Some((tiers, tiers.l2.as_ref()?))) else {
            return LeaseOutcome::Ours(None);
        };
        let token = Uuid::new_v4().to_string();
        let give_up = tokio::time::Instant::now() + l2.lease;
        loop {
            let take = TakeLease { key: *key, token: token.clone(), time: l2.lease };
            match self.ask(l2, take).await {
                Ok(Leased::Granted) => return LeaseOutcome::Ours(Some(Lease::new(l2.actor.clone(), *key, token))),
                Ok(Leased::Stored(sealed)) => {
                    let opened = open_all(vec![(*key, Stored::Value(sealed))]).await.into_iter().next();
                    return match opened.and_then(|result| self.accept(tiers, *key, result)) {
                        Some(found) => LeaseOutcome::Made(found),
                        None => LeaseOutcome::Ours(None),
                    };
                }
                Ok(Leased::Held) if tokio::time::Instant::now() + LEASE_POLL < give_up => {
                    tokio::time::sleep(LEASE_POLL).await;
                }
                Ok(Leased::Held) | Err(Fault) => return LeaseOutcome::Ours(None),
            }
        }
    }

    /// Asks the actor, unless Redis is known not to answer or too many ask.
    async fn ask<M, T>(&self, l2: &L2, message: M) -> Result<T, Fault>
    where
        M: actix::Message<Result = Result<T, Fault>> + Send + 'static,
        T: Send + 'static,
        CacheActor: actix::Handler<M>,
    {
        if !l2.redis.is_usable() {
            return Err(Fault);
        }
        let _permit = l2.calls.try_acquire().map_err(|_| Fault)?;
        let _counted = CallGuard::enter(&self.metrics);
        l2.actor.send(message).await.map_err(|_| Fault)?
    }

    /// Counts what L2 brought, and keeps what is good in L1.
    fn accept(&self, tiers: &Tiers, key: CacheKey, result: Result<Option<CacheEntry>, Corrupt>) -> Option<CacheHit> {
        let is_current = |entry: &CacheEntry| entry.age() < tiers.ttl;
        match result {
            Err(Corrupt) => {
                self.metrics.count_lookup(CacheTier::L2, LookupResult::Corrupt);
                None
            }
            Ok(entry) => {
                let entry = entry.filter(is_current);
                self.count(CacheTier::L2, entry.is_some());
                let entry = entry?;
                tiers.l1.keep_entry(key, entry.clone());
                Some(CacheHit { entry, tier: CacheTier::L2 })
            }
        }
    }

    fn count(&self, tier: CacheTier, found: bool) {
        self.metrics.count_lookup(tier, if found { LookupResult::Hit } else { LookupResult::Miss });
    }
}

impl<'a> CallGuard<'a> {
    fn enter(metrics: &'a Metrics) -> Self {
        metrics.cache_l2_in_flight.inc();
        Self(metrics)
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        self.0.cache_l2_in_flight.dec();
    }
}

/// Opens envelopes; off this thread where there is much to check.
async fn open_all(stored: Vec<(CacheKey, Stored)>) -> Vec<Result<Option<CacheEntry>, Corrupt>> {
    let open = |(key, stored): (CacheKey, Stored)| match stored {
        Stored::Nothing => Ok(None),
        Stored::NoEntry => Err(Corrupt),
        Stored::Value(sealed) => CacheEntry::open(&key, &sealed).map(Some),
    };
    let bytes: usize = stored.iter().map(|(_, stored)| stored.bytes()).sum();
    if bytes <= CHECKED_AT_ONCE_BYTES {
        return stored.into_iter().map(open).collect();
    }
    let count = stored.len();
    let opened = tokio::task::spawn_blocking(move || stored.into_iter().map(open).collect());
    opened.await.unwrap_or_else(|_| vec![Err(Corrupt); count])
}

impl Stored {
    fn bytes(&self) -> usize {
        match self {
            Self::Value(sealed) => sealed.len().saturating_sub(OVERHEAD_BYTES),
            Self::Nothing | Self::NoEntry => 0,
        }
    }
}
