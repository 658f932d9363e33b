//! Owns the demand of one request on the pool: what of it is left to compute, and how far its sound is ahead of whoever
//! hears it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pace::Pace;

/// What a request wants. Clones are the same request's; it outlives the places that the request has one after another.
#[derive(Debug, Clone)]
pub struct Demand(Arc<DemandEntry>);

#[derive(Debug)]
struct DemandEntry {
    /// Its number among all requests.
    arrival: u64,
    /// It is heard as it is made.
    is_stream: bool,
    has_begun: AtomicBool,
    /// Phoneme ids, at a length scale of 1, by the voice that says them.
    left: Mutex<Vec<(Arc<Pace>, f64)>>,
    heard: Mutex<Option<Playback>>,
}

/// A sound as somebody hears it.
#[derive(Debug)]
struct Playback {
    since: Instant,
    /// How much of it there is.
    seconds: f64,
}

/// A stream that has less than this ahead of its hearer will soon be silent.
const LEAD: Duration = Duration::from_secs(2);

// === impl Demand ===

impl Default for Demand {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Demand {
    pub fn new(is_stream: bool) -> Self {
        static ARRIVALS: AtomicU64 = AtomicU64::new(0);

        let (has_begun, left, heard) = Default::default();
        Self(Arc::new(DemandEntry {
            arrival: ARRIVALS.fetch_add(1, Ordering::Relaxed),
            is_stream,
            has_begun,
            left,
            heard,
        }))
    }

    pub(super) fn arrival(&self) -> u64 {
        self.0.arrival
    }

    pub(super) fn set(&self, left: Vec<(Arc<Pace>, f64)>) {
        *self.left() = left;
    }

    /// So many ids are computed.
    pub(super) fn reduce(&self, pace: &Arc<Pace>, ids: f64) {
        if let Some((_, left)) = self.left().iter_mut().find(|(other, _)| Arc::ptr_eq(other, pace)) {
            *left = (*left - ids).max(0.0);
        }
    }

    /// What one worker would need for what is left.
    pub(super) fn seconds_left(&self) -> f64 {
        self.left().iter().map(|(pace, ids)| pace.seconds_per_id() * ids).sum()
    }

    /// Whether that is more than a guess.
    pub(super) fn is_certain(&self) -> bool {
        self.left().iter().all(|(pace, _)| pace.is_certain())
    }

    pub(super) fn begin(&self) {
        self.0.has_begun.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.0.has_begun.load(Ordering::Relaxed)
    }

    /// There is so much more of its sound.
    pub(super) fn sounds(&self, seconds: f64) {
        let mut heard = self.heard();
        heard.get_or_insert_with(|| Playback { since: Instant::now(), seconds: 0.0 }).seconds += seconds;
    }

    /// Whether it is a stream that whoever hears it has caught up with, or nearly, or that does not sound yet.
    pub(super) fn will_soon_be_silent(&self) -> bool {
        let lead = |heard: &Playback| heard.seconds - heard.since.elapsed().as_secs_f64();
        self.0.is_stream && self.heard().as_ref().is_none_or(|heard| lead(heard) < LEAD.as_secs_f64())
    }

    fn left(&self) -> MutexGuard<'_, Vec<(Arc<Pace>, f64)>> {
        self.0.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Option<Playback>> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
