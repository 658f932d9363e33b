//! Owns the decision not to ask something that does not answer. After some errors in a short time nobody asks any more,
//! so that nobody waits; a probe of its own, which nobody waits for, finds out when asking is worth it again.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between those who ask and what they ask.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: AtomicU8,
    /// When the latest errors were, never more than it takes to open.
    errors: Mutex<VecDeque<Instant>>,
}

#[derive(Debug, Clone, Copy)]
pub struct BreakerSettings {
    /// So many errors within `window` open it.
    pub errors: usize,
    pub window: Duration,
    /// Time to a probe, plus or minus a fifth, so that those who saw one failure do not all probe at once.
    pub probe_after: Duration,
}

/// The number is the one that metrics show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BreakerState {
    /// Everybody may ask.
    Closed = 0,
    /// A probe is under way.
    HalfOpen = 1,
    /// Nobody may.
    Open = 2,
}

// === impl Breaker ===

impl Breaker {
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: AtomicU8::new(BreakerState::Closed as u8), errors: Mutex::default() }
    }

    pub fn state(&self) -> BreakerState {
        match self.state.load(Ordering::Acquire) {
            0 => BreakerState::Closed,
            1 => BreakerState::HalfOpen,
            _ => BreakerState::Open,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.state() == BreakerState::Closed
    }

    /// Counts an error. True for the one that opens the breaker: whoever gets it has to probe.
    #[must_use]
    pub fn record_error(&self) -> bool {
        let now = Instant::now();
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.push_back(now);
        while errors.front().is_some_and(|error| now.duration_since(*error) > self.settings.window) {
            errors.pop_front();
        }
        if errors.len() < self.settings.errors {
            return false;
        }
        errors.clear();
        self.open()
    }

    /// Opens the breaker at once. True if it was closed.
    #[must_use]
    pub fn open(&self) -> bool {
        let (closed, open) = (BreakerState::Closed as u8, BreakerState::Open as u8);
        self.state.compare_exchange(closed, open, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Probes until it answers, then closes the breaker. `changed` hears of each state.
    pub async fn probe_until<F: Future<Output = bool>>(
        &self,
        mut answers: impl FnMut() -> F,
        mut changed: impl FnMut(BreakerState),
    ) {
        let mut enter = |state: BreakerState| {
            self.state.store(state as u8, Ordering::Release);
            changed(state);
        };
        loop {
            tokio::time::sleep(self.time_to_probe()).await;
            enter(BreakerState::HalfOpen);
            if answers().await {
                return enter(BreakerState::Closed);
            }
            enter(BreakerState::Open);
        }
    }

    fn time_to_probe(&self) -> Duration {
        // Hashers of the standard library are keyed at random, which is random enough here.
        let random = RandomState::new().build_hasher().finish() % 1_000;
        self.settings.probe_after.mul_f64(0.8 + 0.4 * random as f64 / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const SETTINGS: BreakerSettings = BreakerSettings { errors: 5, window: SECOND, probe_after: SECOND };

    #[tokio::test(start_paused = true)]
    async fn the_fifth_error_within_a_second_opens_it_once() {
        let breaker = Breaker::new(SETTINGS);

        let opened: Vec<bool> = (0..7).map(|_| breaker.record_error()).collect();

        assert_eq!(opened, [false, false, false, false, true, false, false]);
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn errors_far_apart_do_not_open_it() {
        let breaker = Breaker::new(SETTINGS);

        for _ in 0..100 {
            assert!(!breaker.record_error());
            tokio::time::advance(Duration::from_millis(260)).await;
        }

        assert!(breaker.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn it_closes_when_a_probe_is_answered() {
        let breaker = Breaker::new(SETTINGS);
        let probes = RefCell::new(Vec::new());
        let states = RefCell::new(Vec::new());
        let began = Instant::now();
        assert!(breaker.open());

        let answers = || {
            probes.borrow_mut().push(began.elapsed());
            std::future::ready(probes.borrow().len() == 3)
        };
        breaker.probe_until(answers, |state| states.borrow_mut().push(state)).await;

        let waits = probes.into_inner();
        let before = [Duration::ZERO, waits[0], waits[1]];
        for (wait, before) in waits.iter().zip(before) {
            // A millisecond either way is the clock's.
            let near_a_second = before + SECOND * 4 / 5..before + SECOND * 6 / 5 + Duration::from_millis(2);
            assert!(near_a_second.contains(wait), "{waits:?}");
        }
        let (half, open, closed) = (BreakerState::HalfOpen, BreakerState::Open, BreakerState::Closed);
        assert_eq!(states.into_inner(), [half, open, half, open, half, closed]);
        assert!(breaker.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_else_may_ask_while_a_probe_is_under_way() {
        let breaker = Breaker::new(SETTINGS);
        let closed_meanwhile = Cell::new(true);
        assert!(breaker.open());

        let answers = || {
            closed_meanwhile.set(breaker.is_closed() || breaker.record_error());
            std::future::ready(true)
        };
        breaker.probe_until(answers, |_| {}).await;

        assert!(!closed_meanwhile.get());
    }

    #[test]
    fn probes_of_several_processes_spread() {
        let breaker = Breaker::new(SETTINGS);

        let times: std::collections::BTreeSet<Duration> = (0..100).map(|_| breaker.time_to_probe()).collect();

        assert!(times.len() > 20, "{times:?}");
    }
}
