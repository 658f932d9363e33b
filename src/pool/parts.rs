//! The settings of the pool, and the parts that it works with.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use piper_acoustic::Engine;
use tokio::sync::Semaphore;

use crate::domain::VoiceId;
use crate::resilience::Readiness;
use crate::telemetry::Metrics;
use crate::voices::Catalogue;

#[derive(Debug, Clone)]
pub struct PoolSettings {
    pub workers: usize,
    /// Requests that may be in the pool at once, waiting or computed.
    pub queue_limit: usize,
    /// For all voices in memory together.
    pub memory_limit_bytes: u64,
    /// Voices that are never let go once they are loaded.
    pub pinned: HashSet<VoiceId>,
    /// After how long without use a voice is let go; `None`: when its room is needed.
    pub voice_idle: Option<Duration>,
    /// How long a request waits for a voice that is being fetched or loaded.
    pub voice_wait: Duration,
    /// How long after its deadline a computation that was cancelled may go on before its thread is given up.
    pub hang_grace: Duration,
    /// Sentences in a row over which a voice may bring its worker down.
    pub panic_limit: u32,
}

/// What the pool works with.
pub struct PoolParts {
    pub engine: Arc<dyn Engine>,
    pub catalogue: Catalogue,
    pub metrics: Metrics,
    pub readiness: Readiness,
}

/// Looks how many requests of callers there are.
pub struct CallerCount {
    pub permits: Arc<Semaphore>,
    pub limit: usize,
}

// === impl CallerCount ===

impl CallerCount {
    /// Requests of callers that are in the pool.
    pub fn count(&self) -> usize {
        self.limit.saturating_sub(self.permits.available_permits())
    }
}
