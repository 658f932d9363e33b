//! A cache in this process, and waits for what it does behind its callers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tts_batch_api::cache::{
    CacheEntry, CacheHandle, CacheKey, CacheSettings, KeyBuilder, L2Settings, RedisSettings, RedisTarget,
};
use tts_batch_api::resilience::BreakerSettings;
use tts_batch_api::resilience::ByteBudget;
use tts_batch_api::telemetry::Metrics;

/// Far above what a call takes on the slowest machine, where a test does not mean the timeout.
const AMPLE: Duration = Duration::from_secs(5);

/// Only keeps a test that would hang from hanging.
const LIMIT: Duration = Duration::from_mins(1);

pub const MAX_ENTRY_BYTES: usize = 64 << 10;

pub struct TestCache {
    pub handle: CacheHandle,
    pub metrics: Metrics,
}

/// Settings of Redis at that address, with ample time for everything.
pub fn at(url: &str) -> L2Settings {
    L2Settings {
        redis: RedisSettings {
            target: RedisTarget::parse(url).unwrap(),
            operation_timeout: AMPLE,
            write_timeout: AMPLE,
            connect_timeout: AMPLE,
            max_entry_bytes: MAX_ENTRY_BYTES,
            breaker: BreakerSettings {
                errors: 5,
                window: Duration::from_secs(1),
                probe_after: Duration::from_millis(100),
            },
        },
        write_queue_bytes: 32 << 20,
        max_in_flight: 256,
        lease: Duration::from_secs(3),
    }
}

/// Runs a test on an actor system of its own.
pub fn run(test: impl Future<Output = ()>) {
    actix::System::new().block_on(test);
}

pub fn key(number: usize) -> CacheKey {
    KeyBuilder::new("test").part("number", number.to_le_bytes()).finish()
}

/// An entry that shows whose it is.
pub fn entry(number: usize) -> CacheEntry {
    CacheEntry::new(Bytes::from(number.to_le_bytes().repeat(64)))
}

pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < limit, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

// === impl TestCache ===

impl TestCache {
    /// Without memory of its own, so that every lookup asks Redis.
    pub fn start(l2: L2Settings) -> Self {
        Self::with_memory(0, l2)
    }

    pub fn with_memory(l1_bytes: u64, l2: L2Settings) -> Self {
        let metrics = Metrics::new().unwrap();
        let settings =
            CacheSettings { l1_bytes, ttl: Duration::from_hours(1), max_entry_bytes: MAX_ENTRY_BYTES, l2: Some(l2) };
        Self { handle: CacheHandle::start(settings, ByteBudget::new(256 << 20), metrics.clone()), metrics }
    }

    /// What stands under one key.
    pub async fn get(&self, number: usize) -> Option<CacheEntry> {
        self.handle.lookup(&[key(number)], true).await.found.remove(0).map(|found| found.entry)
    }

    /// What is kept, however often the time for a call is too short on the way.
    pub async fn until_found(&self, number: usize) -> CacheEntry {
        let looks = async {
            loop {
                if let Some(found) = self.get(number).await {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, looks).await.expect("the entry is found")
    }

    pub fn store(&self, number: usize) {
        self.handle.store(key(number), &entry(number));
    }

    /// The value of one time series, 0 if it is not there.
    pub fn metric(&self, series: &str) -> u64 {
        let text = String::from_utf8(self.metrics.render().unwrap()).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    pub fn lookups(&self, result: &str) -> u64 {
        self.metric(&format!("tts_cache_lookups_total{{result=\"{result}\",tier=\"l2\"}}"))
    }

    pub fn dropped_writes(&self) -> u64 {
        self.metric("tts_cache_writes_dropped_total")
    }

    pub fn breaker(&self) -> u64 {
        self.metric("tts_cache_breaker_state")
    }

    pub async fn until_up(&self) {
        until("a connection to Redis", || self.metric("tts_cache_l2_up") == 1 && self.breaker() == 0).await;
    }

    pub async fn until_down(&self) {
        until("an open breaker", || self.breaker() == 2).await;
    }
}
