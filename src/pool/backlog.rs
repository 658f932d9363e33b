//! Owns which requests the pool takes: those that will be done by their deadlines, as far as can be foretold, without
//! making one late that was taken before (admission control by deadline). Whoever is refused is told when there will be
//! room for it, behind all who were told so before; what was taken and cannot be done any more, because it went slower
//! than was foretold, is refused before it is begun.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::forecast::{Pending, completions};
use super::schedule::{Priority, Share};
use crate::domain::Deadline;

/// Requests that have places, and those that were refused and will come back.
#[derive(Debug)]
pub struct Backlog {
    class: Priority,
    workers: usize,
    places: usize,
    expected: Mutex<ExpectedWork>,
}

#[derive(Debug, Default)]
struct ExpectedWork {
    /// In the order of their arrival.
    taken: Vec<AdmittedWork>,
    /// In the order in which they were refused.
    promised: Vec<Promised>,
}

#[derive(Debug)]
struct AdmittedWork {
    share: Share,
    deadline: Deadline,
}

/// Room for somebody who was refused.
#[derive(Debug)]
struct Promised {
    caller: usize,
    seconds_left: f64,
    due: Instant,
}

/// What is foretold to be done in this part of the time that there is, is taken. Estimates err.
const PRUDENCE: f64 = 0.95;
/// While nobody knows how fast a voice is, only what would take twice the time is refused.
const PRUDENCE_OF_A_GUESS: f64 = 2.0;
/// What was taken stays until it would take this part of the time that is left for it: things may go faster again.
const LENIENCE: f64 = 1.1;
const LENIENCE_OF_A_GUESS: f64 = 3.0;
/// Whoever comes back shall be taken also if things went a little slower.
const PRUDENCE_OF_A_PROMISE: f64 = 0.85;
/// How long after it is due a promise counts.
const PATIENCE: Duration = Duration::from_secs(3);
/// More are told what the last of these was told.
const MOST_PROMISES: usize = 256;
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(5);

// === impl Backlog ===

impl Backlog {
    pub fn new(class: Priority, workers: usize, places: usize) -> Self {
        Self { class, workers, places, expected: Mutex::default() }
    }

    /// Takes a request that has a place, or says when to come back with it.
    pub fn take(&self, share: &Share, deadline: Deadline) -> Result<(), Duration> {
        let mut expected = self.lock();
        expected.keep_promise(share);
        if self.is_in_time(&expected, share, deadline) {
            expected.taken.push(AdmittedWork { share: share.clone(), deadline });
            return Ok(());
        }
        Err(self.promise(&mut expected, share, deadline))
    }

    /// Takes a request that cannot be refused any more.
    pub fn take_begun(&self, share: &Share, deadline: Deadline) {
        share.demand().begin();
        self.lock().taken.push(AdmittedWork { share: share.clone(), deadline });
    }

    /// When a request that has no place shall come back.
    pub fn refuse(&self, share: &Share, deadline: Deadline) -> Duration {
        let mut expected = self.lock();
        expected.keep_promise(share);
        self.promise(&mut expected, share, deadline)
    }

    pub fn leave(&self, share: &Share) {
        self.lock().taken.retain(|taken| taken.share.id() != share.id());
    }

    /// Refuses what has not begun and will not be done in time, the last first, and says how many that were.
    pub fn refuse_late(&self) -> usize {
        let mut expected = self.lock();
        let mut late = Vec::new();
        while let Some(index) = self.last_late(&expected) {
            late.push(expected.taken.remove(index));
        }
        for AdmittedWork { share, deadline } in late.iter().rev() {
            share.refuse(self.promise(&mut expected, share, *deadline));
        }
        late.len()
    }

    fn last_late(&self, expected: &ExpectedWork) -> Option<usize> {
        if expected.taken.len() < 2 {
            return None;
        }
        let done = completions(&expected.pending(), self.workers);
        let is_late = |(taken, done): (&AdmittedWork, &f64)| {
            let demand = taken.share.demand();
            let lenience = if demand.is_certain() { LENIENCE } else { LENIENCE_OF_A_GUESS };
            // What is past its deadline is dropped as such.
            let is_waiting = !demand.has_begun() && !taken.deadline.has_passed();
            is_waiting && *done > taken.deadline.remaining().as_secs_f64() * lenience
        };
        expected.taken.iter().zip(&done).rposition(is_late)
    }

    fn is_in_time(&self, expected: &ExpectedWork, share: &Share, deadline: Deadline) -> bool {
        let (own, demand) = (pending(share), share.demand());
        // When the background has a worker nobody can tell. Whoever is alone has all that there is, be it enough or
        // not.
        if self.class == Priority::Background || own.left <= 0.0 || expected.taken.is_empty() {
            return true;
        }
        let mut pending = expected.pending();
        let before = completions(&pending, self.workers);
        pending.push(own);
        let after = completions(&pending, self.workers);
        let prudence = if demand.is_certain() { PRUDENCE } else { PRUDENCE_OF_A_GUESS };
        let is_late =
            |done: f64, deadline: Deadline, prudence: f64| done > deadline.remaining().as_secs_f64() * prudence;
        if after.last().is_some_and(|done| is_late(*done, deadline, prudence)) {
            // What would be late alone lacks time and not room: its deadline tells it so, and to come back would not
            // help.
            return completions(&[own], self.workers).last().is_some_and(|done| is_late(*done, deadline, prudence));
        }
        let made_late = |((taken, before), after): ((&AdmittedWork, &f64), &f64)| {
            let is_own = taken.share.caller().id() == own.caller && !taken.share.demand().has_begun();
            let prudence = prudence.max(1.0);
            is_own && !is_late(*before, taken.deadline, prudence) && is_late(*after, taken.deadline, prudence)
        };
        !expected.taken.iter().zip(&before).zip(&after).any(made_late)
    }

    /// When there will be room for the request, behind all who were told so before.
    fn promise(&self, expected: &mut ExpectedWork, share: &Share, deadline: Deadline) -> Duration {
        if expected.promised.len() >= MOST_PROMISES {
            let last = expected.promised.last().map(|last| last.due.saturating_duration_since(Instant::now()));
            return last.unwrap_or_default().max(SHORTEST_WAIT);
        }
        let own = pending(share);
        let mut all = expected.pending();
        all.extend(expected.promised.iter().map(|promised| Pending {
            caller: promised.caller,
            has_begun: false,
            left: promised.seconds_left,
        }));
        all.push(own);
        let mut done = completions(&all, self.workers);
        let in_time =
            done.pop().unwrap_or_default() - deadline.anew().remaining().as_secs_f64() * PRUDENCE_OF_A_PROMISE;

        // A place is free when as many are done as must be before.
        let (of_caller, own_places) = (share.caller().held(), share.caller().places_of(self.places));
        let is_full = expected.taken.len() >= self.places;
        let places = if is_full { self.places } else { own_places };
        let counts = |request: &Pending| is_full || request.caller == own.caller;
        let mut done: Vec<f64> =
            all.iter().zip(done).filter(|(request, _)| counts(request)).map(|(_, done)| done).collect();
        let free = if is_full || of_caller >= own_places {
            done.sort_by(f64::total_cmp);
            done.get(done.len().saturating_sub(places)).copied().unwrap_or_default()
        } else {
            0.0
        };

        let wait = in_time.max(free).clamp(SHORTEST_WAIT.as_secs_f64(), LONGEST_WAIT.as_secs_f64());
        let wait = Duration::from_secs_f64(wait);
        expected.promised.push(Promised { caller: own.caller, seconds_left: own.left, due: Instant::now() + wait });
        wait
    }

    fn lock(&self) -> MutexGuard<'_, ExpectedWork> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl ExpectedWork ===

impl ExpectedWork {
    fn pending(&self) -> Vec<Pending> {
        self.taken.iter().map(|taken| pending(&taken.share)).collect()
    }

    /// Somebody comes: one whom its caller was told to send now, if there is one. Who does not come is not waited for
    /// any longer.
    fn keep_promise(&mut self, share: &Share) {
        let now = Instant::now();
        self.promised.retain(|promised| promised.due + PATIENCE > now);
        let caller = share.caller().id();
        let comes = |promised: &Promised| promised.caller == caller && promised.due <= now;
        if let Some(index) = self.promised.iter().position(comes) {
            self.promised.remove(index);
        }
    }
}

fn pending(share: &Share) -> Pending {
    let demand = share.demand();
    Pending { caller: share.caller().id(), has_begun: demand.has_begun(), left: demand.seconds_left() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::pool::demand::Demand;
    use crate::pool::pace::Pace;
    use crate::pool::schedule::CallerShare;

    const WORKERS: usize = 2;
    const PLACES: usize = 64;
    /// Of one worker, for each request.
    const SECONDS: f64 = 1.2;

    fn backlog() -> Backlog {
        Backlog::new(Priority::Interactive, WORKERS, PLACES)
    }

    /// A pace that is known: a millisecond for an id.
    fn known() -> Arc<Pace> {
        let pace = Pace::default();
        pace.measure(1e6, Duration::from_secs(1_000));
        pace.into()
    }

    fn share(caller: &CallerShare, pace: &Arc<Pace>, seconds: f64) -> Share {
        let demand = Demand::new(false);
        demand.set(vec![(pace.clone(), seconds * 1_000.0)]);
        Share::of(caller.clone(), Priority::Interactive, demand)
    }

    fn in_seconds(seconds: f64) -> Deadline {
        Deadline::after(Duration::from_secs_f64(seconds))
    }

    /// How many of so many at once are taken, and what the others are told.
    fn at_once(backlog: &Backlog, callers: &[CallerShare], requests: usize) -> (Vec<Share>, Vec<f64>) {
        let (pace, mut taken, mut waits) = (known(), Vec::new(), Vec::new());
        for number in 0..requests {
            let share = share(&callers[number % callers.len()], &pace, SECONDS);
            match backlog.take(&share, in_seconds(30.0)) {
                Ok(()) => taken.push(share),
                Err(wait) => waits.push(wait.as_secs_f64()),
            }
        }
        (taken, waits)
    }

    fn within(actual: f64, expected: f64) -> bool {
        (actual - expected).abs() < 0.5
    }

    #[test]
    fn as_many_are_taken_as_can_be_done_in_time_of_one_caller_and_of_ten() {
        for callers in [1, 10] {
            let callers: Vec<CallerShare> = (0..callers).map(|_| CallerShare::default()).collect();

            let (taken, waits) = at_once(&backlog(), &callers, 60);

            // In 30 seconds two workers can do 50.
            assert_eq!(taken.len(), 47, "of {} callers", callers.len());
            assert_eq!(waits.len(), 13);
        }
    }

    #[test]
    fn whoever_is_refused_is_told_a_time_of_its_own_at_which_it_is_taken() {
        let (backlog, caller) = (backlog(), CallerShare::default());
        let (mut taken, waits) = at_once(&backlog, std::slice::from_ref(&caller), 60);

        // 28.8 seconds of work, to be 25.5 when the first one comes back, and each needs 0.6.
        assert!(waits.iter().enumerate().all(|(n, wait)| within(*wait, 3.3 + 0.6 * n as f64)), "{waits:?}");

        let (pace, mut done) = (known(), 0);
        for wait in waits {
            // What is done by then leaves.
            while (done + 1) as f64 * SECONDS / WORKERS as f64 <= wait {
                backlog.leave(&taken[done]);
                done += 1;
            }
            let again = share(&caller, &pace, SECONDS);
            assert!(backlog.take(&again, in_seconds(30.0)).is_ok(), "after {wait} seconds");
            taken.push(again);
        }
    }

    #[test]
    fn the_wait_follows_the_queue_within_bounds() {
        let (backlog, caller, pace) = (backlog(), CallerShare::default(), known());
        let refused = |seconds| backlog.refuse(&share(&caller, &pace, seconds), in_seconds(30.0));

        assert_eq!(refused(0.0), SHORTEST_WAIT);
        assert!(within(refused(100.0).as_secs_f64(), 50.0 - 25.5));
        assert_eq!(refused(1_000_000.0), LONGEST_WAIT);
        for _ in 0..MOST_PROMISES {
            refused(1.0);
        }
        assert_eq!(backlog.lock().promised.len(), MOST_PROMISES);
    }

    #[test]
    fn without_a_place_the_wait_is_until_one_is_free() {
        let (backlog, caller, pace) =
            (Backlog::new(Priority::Interactive, WORKERS, 4), CallerShare::default(), known());
        let new = || share(&caller, &pace, 4.0);
        for _ in 0..4 {
            backlog.take(&new(), in_seconds(600.0)).unwrap();
        }

        let waits: Vec<f64> = (0..3).map(|_| backlog.refuse(&new(), in_seconds(600.0)).as_secs_f64()).collect();

        assert!(waits.iter().zip([2.0, 4.0, 6.0]).all(|(wait, expected)| within(*wait, expected)), "{waits:?}");
    }

    #[test]
    fn a_short_request_that_would_make_an_older_one_late_is_refused() {
        let (backlog, caller, pace) = (backlog(), CallerShare::default(), known());
        backlog.take(&share(&caller, &pace, 40.0), in_seconds(60.0)).unwrap();
        backlog.take(&share(&caller, &pace, 26.0), in_seconds(30.0)).unwrap();

        assert!(backlog.take(&share(&caller, &pace, 5.0), in_seconds(30.0)).is_err());
        assert!(
            backlog.take(&share(&CallerShare::default(), &pace, 5.0), in_seconds(30.0)).is_ok(),
            "of another caller"
        );
    }

    #[test]
    fn while_nobody_knows_how_fast_a_voice_is_little_is_refused() {
        let (backlog, caller, guess) = (backlog(), CallerShare::default(), Arc::new(Pace::default()));
        let taken = (0..PLACES).filter(|_| backlog.take(&share(&caller, &guess, SECONDS), in_seconds(30.0)).is_ok());

        assert_eq!(taken.count(), PLACES);
        assert_eq!(backlog.refuse_late(), 0);
    }

    #[test]
    fn what_turns_out_to_be_late_is_refused_unless_it_has_begun_the_last_first() {
        let (backlog, caller, pace) = (backlog(), CallerShare::default(), Arc::new(Pace::default()));
        let shares: Vec<Share> = (0..60).map(|_| share(&caller, &pace, SECONDS)).collect();
        assert!(shares.iter().all(|share| backlog.take(share, in_seconds(30.0)).is_ok()));
        shares[59].demand().begin();

        // As fast as was guessed.
        pace.measure(1e6, Duration::from_secs(1_000));

        // Two workers do 55 in 33 seconds, and it is the first of them that has begun.
        assert_eq!(backlog.refuse_late(), 6);
        let refused: Vec<usize> = (0..60).filter(|number| shares[*number].refused().is_some()).collect();
        assert_eq!(refused, (53..59).collect::<Vec<_>>());
        assert_eq!((backlog.refuse_late(), backlog.lock().taken.len()), (0, 54));
        let waits = refused.iter().filter_map(|number| shares[*number].refused()).map(|wait| wait.as_secs_f64());
        assert!(waits.enumerate().all(|(n, wait)| within(wait, 7.5 + 0.6 * n as f64)));
    }

    #[test]
    fn whoever_has_all_workers_is_taken_though_it_takes_too_long() {
        let (backlog, caller, pace) = (backlog(), CallerShare::default(), known());

        assert!(backlog.take(&share(&caller, &pace, 600.0), in_seconds(30.0)).is_ok());
        assert_eq!(backlog.refuse_late(), 0);
    }
}
