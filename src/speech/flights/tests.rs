//! One making for all who want it, whoever leaves.

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
    outcome: FlightResult<usize>,
}

impl Maker {
    fn new(outcome: FlightResult<usize>) -> Self {
        Self {
            flights: Flights::default(),
            gate: Arc::new(Semaphore::new(0)),
            begun: Arc::new(Semaphore::new(0)),
            ended: Arc::default(),
            outcome,
        }
    }

    async fn ask(&self, deadline: Deadline) -> FlightResult<usize> {
        let lead = || {
            let maker = self.clone();
            async move {
                maker.begun.add_permits(1);
                deadline.limit(maker.gate.acquire()).await?.unwrap().forget();
                maker.ended.fetch_add(1, SeqCst);
                maker.outcome
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

/// A flight of these parts, that goes on when the gate opens; then it is being kept until the gate closes.
fn follow(flights: &Flights<usize>, parts: &'static [usize], gate: &Arc<Semaphore>) -> Follower<usize> {
    let gate = gate.clone();
    flights.follow(key(), |publisher| async move {
        for part in parts {
            publisher.put(*part);
            gate.acquire().await.unwrap().forget();
        }
        Ok(Some(async move { drop(gate.acquire().await) }.boxed()))
    })
}

async fn all(mut follower: Follower<usize>) -> Vec<usize> {
    let mut parts = Vec::new();
    while let Some(part) = follower.next().await {
        parts.push(part.unwrap());
    }
    parts
}

#[tokio::test]
async fn parts_come_as_they_are_made_and_from_the_first_on_to_whoever_comes_later() {
    let (flights, gate) = (Flights::default(), Arc::new(Semaphore::new(0)));
    let mut first = follow(&flights, &[1, 2], &gate);

    assert_eq!(first.next().await, Some(Ok(1)));
    assert!(first.next().now_or_never().is_none());
    let second = follow(&flights, &[], &gate);
    gate.add_permits(2);

    assert_eq!((all(first).await, all(second).await), (vec![2], vec![1, 2]));
}

#[tokio::test]
async fn what_is_being_kept_is_not_made_again() {
    let (flights, gate) = (Flights::default(), Arc::new(Semaphore::new(1)));

    let first = all(follow(&flights, &[1], &gate)).await;
    let meanwhile = all(follow(&flights, &[2], &gate)).await;
    let landed = flights.landed(&key());
    assert!(flights.settled().now_or_never().is_none());
    gate.add_permits(1);
    flights.settled().await;
    assert!(!flights.is_under_way(&key()));
    let mut after = follow(&flights, &[3], &gate);

    assert_eq!((first, meanwhile, landed), (vec![1], vec![1], Some(vec![1])));
    assert_eq!(after.next().await, Some(Ok(3)));
}

#[tokio::test]
async fn a_flight_alone_is_followed_to_its_end_and_stopped_when_nobody_follows() {
    let (open, closed) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(0)));
    let fly = |gate: &Arc<Semaphore>| {
        let gate = gate.clone();
        alone(|publisher| async move {
            publisher.put(1);
            drop(gate.acquire().await);
            Ok(None)
        })
    };

    let heard = all(fly(&open)).await;
    drop(fly(&closed));
    while Arc::strong_count(&closed) > 1 {
        tokio::task::yield_now().await;
    }

    assert_eq!(heard, [1]);
}

#[tokio::test]
async fn a_panic_is_an_error_and_leaves_nothing_behind() {
    let flights: Flights<usize> = Flights::default();

    let outcome = flights.join(key(), far(), || async { panic!("as the test wants") }).await;

    assert!(matches!(outcome, Err(SpeechError::Failed(_))), "{outcome:?}");
    assert!(!flights.is_under_way(&key()));
}
