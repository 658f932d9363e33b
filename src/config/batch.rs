//! Owns the settings of batches.

use std::time::Duration;

use super::reader::SettingsReader;
use super::secret::Secret;
use super::values::ConfigError;

#[derive(Debug, Clone)]
pub struct BatchConfig {
    pub max_items: usize,
    pub body_limit_bytes: usize,
    /// Batches that may go on at a time, and of those of one token.
    pub max_open: usize,
    pub max_open_per_token: usize,
    /// Bytes of the results of one batch, and of all batches of one token.
    pub max_result_bytes: u64,
    pub max_result_bytes_per_token: u64,
    /// How long batches and their results are kept.
    pub ttl: Duration,
    /// Items that this process works on at a time; 0: it leaves them to others.
    pub workers: usize,
    /// How often an item is tried.
    pub attempts: usize,
    /// After how long an item whose worker says nothing is given to another.
    pub claim: Duration,
    pub item_deadline: Duration,
    /// How long an item that this replica cannot do is left to others.
    pub leave: Duration,
    /// Where results are: an address, `redis` or `memory`.
    pub store: Option<String>,
    /// Of one result in Redis, and of all in memory.
    pub store_bytes: usize,
    /// Of all batches without Redis: items, and bytes of those that wait.
    pub memory_items: usize,
    pub memory_bytes: usize,
    /// What webhooks are signed with; `None`: there are none.
    pub webhook_secret: Option<Secret>,
    /// Until one that failed is tried again.
    pub webhook_retry: Duration,
    /// Whether webhooks may go to addresses that are not public.
    pub webhook_private: bool,
}

// === impl BatchConfig ===

impl BatchConfig {
    pub(super) fn read(read: &mut SettingsReader, cores: usize) -> Result<Self, ConfigError> {
        Ok(Self {
            max_items: read.number("TTS_BATCH_MAX_ITEMS", 1..=1_000_000, 10_000)?,
            body_limit_bytes: read.number("TTS_BATCH_BODY_LIMIT_BYTES", 1024..=1 << 30, 8 << 20)?,
            max_open: read.number("TTS_BATCH_MAX_OPEN", 1..=1_000_000, 1_000)?,
            max_open_per_token: read.number("TTS_BATCH_MAX_OPEN_PER_TOKEN", 1..=1_000_000, 250)?,
            max_result_bytes: read.number("TTS_BATCH_MAX_RESULT_BYTES", 1024..=1 << 50, 2 << 30)?,
            max_result_bytes_per_token: read.number("TTS_BATCH_MAX_RESULT_BYTES_PER_TOKEN", 1024..=1 << 50, 4 << 30)?,
            ttl: Duration::from_secs(read.number("TTS_BATCH_TTL_SECONDS", 1..=31_536_000, 86_400)?),
            workers: read.number("TTS_BATCH_WORKERS", 0..=1024, cores + 1)?,
            attempts: read.number("TTS_BATCH_ATTEMPTS", 1..=100, 3)?,
            claim: read.milliseconds("TTS_BATCH_CLAIM_MS", 300..=3_600_000, 30_000)?,
            item_deadline: read.milliseconds("TTS_BATCH_ITEM_DEADLINE_MS", 1_000..=86_400_000, 600_000)?,
            leave: read.milliseconds("TTS_BATCH_LEAVE_MS", 0..=86_400_000, 120_000)?,
            store: read.text("TTS_BATCH_STORE"),
            store_bytes: read.number("TTS_BATCH_STORE_BYTES", 1024..=1 << 40, 256 << 20)?,
            memory_items: read.number("TTS_BATCH_MEMORY_ITEMS", 1..=10_000_000, 100_000)?,
            memory_bytes: read.number("TTS_BATCH_MEMORY_BYTES", 1024..=1 << 40, 64 << 20)?,
            webhook_secret: read.text("TTS_BATCH_WEBHOOK_SECRET").map(Secret::new),
            webhook_retry: read.milliseconds("TTS_BATCH_WEBHOOK_RETRY_MS", 100..=3_600_000, 30_000)?,
            webhook_private: read.flag("TTS_BATCH_WEBHOOK_PRIVATE", false)?,
        })
    }
}
