//! What the cache hands out: finished answers, and entries that were found.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::CacheEntry;
use crate::resilience::SharedHold;
use crate::telemetry::CacheTier;

/// A finished answer: the bytes of a response and what its headers say. A clone shares the bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub audio: Bytes,
    /// What a stream of it begins with, in place of what comes before `body_at`.
    pub stream_head: Bytes,
    pub body_at: usize,
    pub sample_rate: u32,
    pub seconds: f64,
    pub resampled: bool,
    /// Phonemes that a voice lacks and left out, as far as it is known.
    pub missing: Option<Arc<str>>,
    /// When the oldest of its sentences was made.
    pub made_at: SystemTime,
    /// What it holds of the memory of answers that wait for their readers; nothing while L1 has it.
    pub loan: SharedHold,
}

/// An entry that was found, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheHit {
    pub entry: CacheEntry,
    pub tier: CacheTier,
}

// === impl Answer ===

impl Answer {
    /// What follows the head, of a file and of a stream alike.
    pub fn body(&self) -> Bytes {
        self.audio.slice(self.body_at.min(self.audio.len())..)
    }

    /// Zero if the clock was set back since.
    pub fn age(&self) -> Duration {
        self.made_at.elapsed().unwrap_or_default()
    }
}
