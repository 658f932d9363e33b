//! Owns the metrics of texts that are spoken while they are written.

use std::time::Duration;

use prometheus::{Error, Histogram, IntCounter, IntGaugeVec, Registry};

use super::registration::{DURATION_BUCKETS, counter, gauges, histogram};

/// Their metrics.
pub struct LiveMetrics {
    sessions: IntGaugeVec,
    first_sound: Histogram,
    clears: IntCounter,
}

// === impl LiveMetrics ===

impl LiveMetrics {
    pub(super) fn new(r: &Registry) -> Result<Self, Error> {
        Ok(Self {
            sessions: gauges(
                r,
                "tts_live_sessions",
                "Sessions whose texts are spoken while they are written.",
                &["protocol"],
            )?,
            first_sound: histogram(
                r,
                "tts_live_first_sound_seconds",
                "Time from when a sentence may have ended, where nothing was being spoken, to the first bytes of its sound.",
                &DURATION_BUCKETS,
            )?,
            clears: counter(r, "tts_live_clears_total", "Texts whose speech was interrupted by whoever wrote them.")?,
        })
    }

    /// A session of this protocol opens or closes.
    pub fn count_session(&self, protocol: &'static str, change: i64) {
        self.sessions.with_label_values(&[protocol]).add(change);
    }

    pub fn observe_first_sound(&self, waited: Duration) {
        self.first_sound.observe(waited.as_secs_f64());
    }

    pub fn count_cleared(&self) {
        self.clears.inc();
    }
}
