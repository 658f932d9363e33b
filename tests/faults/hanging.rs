//! Workers that do not come back, and work that must not wait behind other work.

use std::time::Duration;

use tts_batch_api::domain::Deadline;
use tts_batch_api::pool::PoolError;

use crate::support::{Pool, far, in_turn, settings, until};

#[test]
fn a_worker_that_hangs_is_replaced_and_the_next_sentence_is_computed() {
    in_turn(async {
        let pool = Pool::start(settings(1, 10));
        pool.load("good").await.unwrap();
        let gate = pool.script.inference_gate.close();

        let hung = pool.speak_before(Deadline::after(Duration::from_secs(1)), 0.5).await;

        assert_eq!(hung.err(), Some(PoolError::DeadlinePassed));
        until("the worker is replaced", || pool.restarts() == 1).await;
        let next = {
            let pool = pool.clone();
            actix::spawn(async move { pool.speak(0.5).await })
        };
        pool.until_inside(2).await;
        gate.open();
        assert!(next.await.unwrap().is_ok());
        pool.until_inside(0).await;
        until("the hanging thread has ended", || pool.script.living_threads() == 1).await;
    });
}

#[test]
fn no_more_threads_hang_than_there_are_workers() {
    in_turn(async {
        let pool = Pool::start(settings(1, 10));
        pool.load("good").await.unwrap();
        let gate = pool.script.inference_gate.close();
        let soon = || Deadline::after(Duration::from_secs(1));
        let first = pool.speak_before(soon(), 0.5).await;
        until("the worker is replaced", || pool.restarts() == 1).await;
        let second = pool.speak_before(soon(), 0.5).await;

        let third = pool.speak_before(Deadline::after(Duration::from_secs(1)), 0.5).await;

        assert_eq!([first, second, third].map(Result::err), [const { Some(PoolError::DeadlinePassed) }; 3]);
        assert_eq!(pool.restarts(), 1);
        assert_eq!(pool.inferences(), 2);
        gate.open();
        pool.until_inside(0).await;
        assert!(pool.speak(0.5).await.is_ok());
    });
}

/// One request with a hundred sentences in the queue, then one with a single sentence: it is second, not last.
#[test]
fn a_short_request_is_computed_before_the_rest_of_a_long_one() {
    in_turn(async {
        let pool = Pool::start(settings(1, 10));
        pool.load("good").await.unwrap();
        let gate = pool.script.inference_gate.close();
        let long = {
            let pool = pool.clone();
            actix::spawn(async move {
                let admission = pool.handle.admit_for(&pool.demand(100), far()).unwrap();
                let jobs = (0..100).map(|_| async {
                    let job = pool.job(far(), 0.5).await.unwrap();
                    pool.compute(&admission, job).await
                });
                futures_util::future::join_all(jobs).await.into_iter().flatten().count()
            })
        };
        pool.until_inside(1).await;
        pool.settle().await;
        let short = {
            let pool = pool.clone();
            actix::spawn(async move { pool.speak(0.25).await })
        };
        until("the short request waits", || pool.depth() == 2).await;
        pool.settle().await;

        gate.open();

        assert!(short.await.unwrap().is_ok());
        let before_the_short_one = pool.script.before(0.25);
        assert!(before_the_short_one.is_some_and(|count| count < 10), "{before_the_short_one:?} sentences came first");
        assert_eq!(long.await.unwrap(), 100);
    });
}
