//! Owns the measured speed of voices: the seconds that a worker needs for a phoneme id, of each voice, smoothed over
//! its last sentences. Until enough was measured it is a guess, which says so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::VoiceId;

/// The paces of the voices that were asked for.
#[derive(Debug, Default)]
pub struct Paces(Mutex<HashMap<VoiceId, Arc<Pace>>>);

/// The pace of one voice.
#[derive(Debug)]
pub struct Pace(Mutex<Measured>);

/// Sums whose older parts count less and less (an exponentially weighted mean, by ids).
#[derive(Debug)]
struct Measured {
    seconds: f64,
    ids: f64,
    /// All that were measured.
    seen: f64,
}

/// A voice of medium quality on one core of a server.
const GUESS_SECONDS_PER_ID: f64 = 0.001;
/// As many ids as the guess counts for.
const GUESS_IDS: f64 = 50.0;
/// As many as the calibration counts for.
const CALIBRATION_IDS: f64 = 1_000.0;
/// After so many ids, those before count for a third.
const MEMORY_IDS: f64 = 8_000.0;
/// Before so many, about ten long sentences, it is still a guess: the first ones on a machine that was idle, or is
/// suddenly flooded, mislead.
const CERTAIN_IDS: f64 = 4_000.0;
/// What is measured lies between: a sentence whose worker stood still says nothing of the next.
const SECONDS_PER_ID: [f64; 2] = [GUESS_SECONDS_PER_ID / 100.0, GUESS_SECONDS_PER_ID * 20.0];

// === impl Paces ===

impl Paces {
    pub fn of(&self, voice: &VoiceId) -> Arc<Pace> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.entry(voice.clone()).or_default().clone()
    }
}

// === impl Pace ===

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Measured { seconds: GUESS_SECONDS_PER_ID * GUESS_IDS, ids: GUESS_IDS, seen: 0.0 }))
    }
}

impl Pace {
    /// So many ids took each worker so long before anybody asked for any. It takes the place of the guess, and is soon
    /// outweighed.
    pub fn calibrate(&self, ids: f64, took: Duration) {
        if ids <= 0.0 {
            return;
        }
        let [least, most] = SECONDS_PER_ID;
        let pace = (took.as_secs_f64() / ids).clamp(least, most);
        *self.lock() = Measured { seconds: pace * CALIBRATION_IDS, ids: CALIBRATION_IDS, seen: CERTAIN_IDS };
    }

    /// So many ids took a worker so long.
    pub fn measure(&self, ids: f64, took: Duration) {
        if ids <= 0.0 {
            return;
        }
        let [least, most] = SECONDS_PER_ID.map(|pace| pace * ids);
        let kept = (-ids / MEMORY_IDS).exp();
        let mut measured = self.lock();
        measured.seconds = measured.seconds * kept + took.as_secs_f64().clamp(least, most);
        measured.ids = measured.ids * kept + ids;
        measured.seen += ids;
    }

    pub fn seconds_per_id(&self) -> f64 {
        let measured = self.lock();
        measured.seconds / measured.ids
    }

    pub fn is_certain(&self) -> bool {
        self.lock().seen >= CERTAIN_IDS
    }

    fn lock(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(sentences: usize, seconds: f64) -> Pace {
        let pace = Pace::default();
        for _ in 0..sentences {
            pace.measure(200.0, Duration::from_secs_f64(seconds));
        }
        pace
    }

    #[test]
    fn what_is_measured_takes_the_place_of_the_guess() {
        assert_eq!(measured(0, 0.0).seconds_per_id(), GUESS_SECONDS_PER_ID);
        assert!(!measured(19, 1.0).is_certain() && measured(20, 1.0).is_certain());
        assert!((measured(40, 1.0).seconds_per_id() - 0.005).abs() < 0.0001);
    }

    #[test]
    fn newer_sentences_count_more() {
        let pace = measured(40, 0.4);
        for _ in 0..80 {
            pace.measure(200.0, Duration::from_secs_f64(0.2));
        }

        assert!((pace.seconds_per_id() - 0.001).abs() < 0.0002, "{}", pace.seconds_per_id());
    }

    #[test]
    fn a_calibrated_pace_is_no_guess_and_follows_what_is_measured() {
        let pace = Pace::default();
        pace.calibrate(100.0, Duration::from_millis(300));
        assert!(pace.is_certain() && (pace.seconds_per_id() - 0.003).abs() < 1e-9);

        for _ in 0..20 {
            pace.measure(200.0, Duration::from_millis(200));
        }

        assert!((0.001..0.0015).contains(&pace.seconds_per_id()), "{}", pace.seconds_per_id());
        pace.calibrate(0.0, Duration::from_millis(300));
        assert!(pace.seconds_per_id() < 0.0015);
    }

    #[test]
    fn a_worker_that_stood_still_says_little() {
        assert!(measured(1, 600.0).seconds_per_id() <= SECONDS_PER_ID[1]);
        assert!(measured(1, 0.0).seconds_per_id() > 0.0);
    }
}
