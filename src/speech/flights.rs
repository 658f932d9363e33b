//! Owns that nothing is made twice at once: whoever wants what is being made already waits for that. It is made by a task of its own, which
//! outlives the caller that began it; when nobody at all waits any more, what has not begun is dropped and what runs is stopped.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::SpeechError;
use crate::cache::CacheKey;
use crate::domain::Deadline;

/// What is being made, by key. A clone is another handle to it. There are as many as requests are admitted or wait for L2.
#[derive(Clone)]
pub struct Flights<T>(Arc<Mutex<HashMap<CacheKey, Seats<T>>>>);

/// What was made, and what remains to be done with it once everybody has it and before it counts as made.
pub struct Landing<T> {
    pub made: T,
    pub keep: Option<BoxFuture<'static, ()>>,
}

type Outcome<T> = Result<T, SpeechError>;
type Seats<T> = Arc<watch::Sender<Option<Outcome<T>>>>;

/// The flight's entry, which goes when the flight ends, however it ends.
struct Listed<T> {
    flights: Flights<T>,
    key: CacheKey,
    seats: Seats<T>,
}

// === impl Flights ===

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// What is or was being made under `key`, or else what `lead` makes. An error is everybody's, but for a deadline that was only the
    /// leader's: whoever has more time leads anew.
    pub async fn join<F>(&self, key: CacheKey, deadline: Deadline, lead: impl Fn() -> F) -> Outcome<T>
    where
        F: Future<Output = Outcome<Landing<T>>> + Send + 'static,
    {
        loop {
            let mut seat = self.seat(key, &lead);
            let landed = deadline.limit(seat.wait_for(Option::is_some)).await?;
            match landed.map(|outcome| outcome.clone()) {
                Ok(Some(Err(SpeechError::DeadlinePassed))) if !deadline.has_passed() => {}
                Ok(Some(outcome)) => return outcome,
                Ok(None) | Err(_) => return Err(SpeechError::Failed("what made it ended early".to_owned())),
            }
        }
    }

    /// Whether it is being made.
    pub fn is_under_way(&self, key: &CacheKey) -> bool {
        self.lock().contains_key(key)
    }

    /// What was made and is still being kept.
    pub fn landed(&self, key: &CacheKey) -> Option<T> {
        let seats = self.lock().get(key)?.clone();
        let outcome = seats.borrow();
        outcome.as_ref()?.as_ref().ok().cloned()
    }

    fn seat<F>(&self, key: CacheKey, lead: impl Fn() -> F) -> watch::Receiver<Option<Outcome<T>>>
    where
        F: Future<Output = Outcome<Landing<T>>> + Send + 'static,
    {
        let mut under_way = self.lock();
        if let Some(seats) = under_way.get(&key) {
            return seats.subscribe();
        }
        let (seats, seat) = watch::channel(None);
        let seats = Arc::new(seats);
        under_way.insert(key, seats.clone());
        tokio::spawn(fly(lead(), Listed { flights: self.clone(), key, seats }));
        seat
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CacheKey, Seats<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Makes it, for as long as somebody waits.
async fn fly<T: Clone + Send + Sync + 'static>(work: impl Future<Output = Outcome<Landing<T>>>, listed: Listed<T>) {
    let mut work = pin!(work);
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome,
            () = listed.seats.closed() => {
                if listed.leave_if_empty() {
                    return;
                }
            }
        }
    };
    match outcome {
        Ok(Landing { made, keep }) => {
            listed.seats.send_replace(Some(Ok(made)));
            if let Some(keep) = keep {
                keep.await;
            }
        }
        Err(error) => {
            // Before anybody hears of it: whoever tries again tries anew.
            listed.leave();
            listed.seats.send_replace(Some(Err(error)));
        }
    }
}

// === impl Listed ===

impl<T> Listed<T> {
    fn leave(&self) {
        self.leave_unless(|_| false);
    }

    /// True if nobody waits; then nobody can come to wait any more either.
    fn leave_if_empty(&self) -> bool {
        self.leave_unless(|seats| seats.receiver_count() > 0)
    }

    fn leave_unless(&self, stays: impl FnOnce(&Seats<T>) -> bool) -> bool {
        let mut under_way = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stays(&self.seats) {
            return false;
        }
        if under_way.get(&self.key).is_some_and(|seats| Arc::ptr_eq(seats, &self.seats)) {
            under_way.remove(&self.key);
        }
        true
    }
}

impl<T> Drop for Listed<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::cache::KeyBuilder;

    fn key() -> CacheKey {
        KeyBuilder::new("test").finish()
    }

    fn far() -> Deadline {
        Deadline::after(Duration::from_mins(1))
    }

    /// Makes a number when the gate opens, and counts.
    #[derive(Clone)]
    struct Maker {
        flights: Flights<usize>,
        gate: Arc<Semaphore>,
        /// A permit for each that has begun.
        begun: Arc<Semaphore>,
        ended: Arc<AtomicUsize>,
        outcome: Outcome<usize>,
    }

    impl Maker {
        fn new(outcome: Outcome<usize>) -> Self {
            Self {
                flights: Flights::default(),
                gate: Arc::new(Semaphore::new(0)),
                begun: Arc::new(Semaphore::new(0)),
                ended: Arc::default(),
                outcome,
            }
        }

        async fn ask(&self, deadline: Deadline) -> Outcome<usize> {
            let lead = || {
                let maker = self.clone();
                async move {
                    maker.begun.add_permits(1);
                    deadline.limit(maker.gate.acquire()).await?.unwrap().forget();
                    maker.ended.fetch_add(1, SeqCst);
                    maker.outcome.map(|made| Landing { made, keep: None })
                }
            };
            self.flights.join(key(), deadline, lead).await
        }

        async fn until_begun(&self, count: u32) {
            drop(self.begun.acquire_many(count).await.unwrap());
        }

        fn begun(&self) -> usize {
            self.begun.available_permits()
        }
    }

    #[tokio::test]
    async fn any_number_of_callers_cause_one_making() {
        let maker = Maker::new(Ok(7));

        let (answers, ()) = tokio::join!(join_all((0..1_000).map(|_| maker.ask(far()))), async {
            maker.until_begun(1).await;
            maker.gate.add_permits(1);
        });

        assert!(answers.iter().all(|answer| *answer == Ok(7)));
        assert_eq!(maker.begun(), 1);
        assert!(maker.flights.lock().is_empty());
    }

    #[tokio::test]
    async fn the_flight_survives_its_first_caller() {
        let maker = Maker::new(Ok(7));
        let mut first = Box::pin(maker.ask(far()));
        assert!(first.as_mut().now_or_never().is_none());
        maker.until_begun(1).await;
        let mut second = Box::pin(maker.ask(far()));
        assert!(second.as_mut().now_or_never().is_none());

        drop(first);
        tokio::task::yield_now().await;
        maker.gate.add_permits(1);

        assert_eq!(second.await, Ok(7));
        assert_eq!(maker.begun(), 1);
    }

    #[tokio::test]
    async fn a_flight_that_nobody_waits_for_is_stopped() {
        let maker = Maker::new(Ok(7));
        let mut only = Box::pin(maker.ask(far()));
        assert!(only.as_mut().now_or_never().is_none());
        maker.until_begun(1).await;

        drop(only);
        while maker.flights.is_under_way(&key()) {
            tokio::task::yield_now().await;
        }
        maker.gate.add_permits(1);
        let next = maker.ask(far()).await;

        assert_eq!(next, Ok(7));
        assert_eq!((maker.begun(), maker.ended.load(SeqCst)), (2, 1));
    }

    #[tokio::test]
    async fn an_error_is_everybodys_and_the_next_caller_tries_anew() {
        let maker = Maker::new(Err(SpeechError::Failed("broken".into())));

        let (answers, ()) = tokio::join!(join_all((0..10).map(|_| maker.ask(far()))), async {
            maker.until_begun(1).await;
            maker.gate.add_permits(2);
        });
        let next = maker.ask(far()).await;

        assert!(answers.iter().chain([&next]).all(|answer| *answer == Err(SpeechError::Failed("broken".into()))));
        assert_eq!(maker.begun(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_more_time_than_the_leader_leads_anew() {
        let maker = Maker::new(Ok(7));
        let soon = Deadline::after(Duration::from_millis(10));

        let (first, second, ()) = tokio::join!(maker.ask(soon), maker.ask(far()), async {
            maker.until_begun(2).await;
            maker.gate.add_permits(1);
        });

        assert_eq!((first, second), (Err(SpeechError::DeadlinePassed), Ok(7)));
    }

    #[tokio::test]
    async fn what_is_being_kept_is_not_made_again() {
        let flights = Flights::default();
        let kept = Arc::new(Semaphore::new(0));
        let lead = |made: usize| {
            let kept = kept.clone();
            move || {
                let kept = kept.clone();
                async move {
                    let keep = async move { drop(kept.acquire().await) }.boxed();
                    Ok(Landing { made, keep: Some(keep) })
                }
            }
        };

        let first = flights.join(key(), far(), lead(1)).await;
        let meanwhile = flights.join(key(), far(), lead(2)).await;
        let landed = flights.landed(&key());
        kept.close();
        while flights.is_under_way(&key()) {
            tokio::task::yield_now().await;
        }
        let after = flights.join(key(), far(), lead(3)).await;

        assert_eq!([first, meanwhile, after], [Ok(1), Ok(1), Ok(3)]);
        assert_eq!(landed, Some(1));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_leaves_nothing_behind() {
        let flights: Flights<usize> = Flights::default();

        let outcome = flights.join(key(), far(), || async { panic!("as the test wants") }).await;

        assert!(matches!(outcome, Err(SpeechError::Failed(_))), "{outcome:?}");
        assert!(!flights.is_under_way(&key()));
    }
}
