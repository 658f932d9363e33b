//! Owns how fast the pool gets through requests, so that a refused caller is told when to come back.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Smoothed time between requests that finish while there is work.
#[derive(Debug)]
pub struct DrainRate(Mutex<Measured>);

#[derive(Debug)]
struct Measured {
    last_finish: Instant,
    seconds_per_request: f64,
}

/// Before anything was measured.
const FIRST_GUESS_SECONDS: f64 = 0.2;
/// Weight of the newest interval.
const SMOOTHING: f64 = 0.2;
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

// === impl DrainRate ===

impl DrainRate {
    pub fn new() -> Self {
        Self(Mutex::new(Measured { last_finish: Instant::now(), seconds_per_request: FIRST_GUESS_SECONDS }))
    }

    /// Work begins after a time without any, which says nothing of the rate.
    pub fn begin(&self) {
        self.measured(|measured| measured.last_finish = Instant::now());
    }

    /// A request has finished.
    pub fn finish(&self) {
        self.measured(|measured| {
            let interval = measured.last_finish.elapsed().as_secs_f64();
            measured.last_finish = Instant::now();
            measured.seconds_per_request += SMOOTHING * (interval - measured.seconds_per_request);
        });
    }

    /// When `requests` will have been worked off.
    pub fn time_for(&self, requests: usize) -> Duration {
        let seconds = self.measured(|measured| measured.seconds_per_request) * requests as f64;
        Duration::from_secs_f64(seconds).clamp(SHORTEST_WAIT, LONGEST_WAIT)
    }

    fn measured<T>(&self, work: impl FnOnce(&mut Measured) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_follows_the_queue_within_bounds() {
        let rate = DrainRate::new();

        assert_eq!(rate.time_for(1), SHORTEST_WAIT);
        assert_eq!(rate.time_for(50), Duration::from_secs(10));
        assert_eq!(rate.time_for(1_000_000), LONGEST_WAIT);
    }

    #[test]
    fn requests_that_finish_quickly_shorten_the_wait() {
        let rate = DrainRate::new();
        rate.begin();
        for _ in 0..30 {
            rate.finish();
        }

        assert!(rate.time_for(50) < Duration::from_secs(2));
    }
}
