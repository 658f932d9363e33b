//! Voices that bring down one worker after another: they are refused for a while, and cost the others nothing.

use std::time::Duration;

use futures_util::future::join_all;
use tts_batch_api::domain::Deadline;
use tts_batch_api::pool::{PoolError, PoolSettings};
use tts_batch_api::resilience::NotReadyReason;

use crate::fake::{ALSO_GOOD, FAIL, GOOD, PANIC};
use crate::support::{PLAIN, Pool, far, in_turn, metric, settings, until};

const LIMIT: u32 = 3;
const WORKERS: usize = 2;

fn pool() -> Pool {
    Pool::start(PoolSettings { panic_limit: LIMIT, ..settings(WORKERS, 100) })
}

fn is_refused<T>(answer: &Result<T, PoolError>) -> bool {
    matches!(answer, Err(PoolError::VoiceFailed { retry_after, .. }) if !retry_after.is_zero())
}

#[test]
fn a_voice_that_panics_on_every_sentence_is_refused_and_others_speak() {
    in_turn(async {
        let pool = pool();
        for _ in 0..LIMIT {
            assert!(matches!(pool.speak_as(GOOD, PANIC).await, Err(PoolError::SynthesisFailed(_))));
        }
        until("the voice is let go", || metric(&pool.metrics, "tts_voices_loaded") == 0).await;

        for _ in 0..3 {
            assert!(is_refused(&pool.speak_as(GOOD, PLAIN).await));
            assert!(pool.speak_as(ALSO_GOOD, PLAIN).await.is_ok());
        }

        assert_eq!(pool.restarts(), u64::from(LIMIT));
        assert_eq!(pool.readiness.reasons(), []);
    });
}

#[test]
fn a_good_sentence_in_between_counts_from_the_beginning() {
    in_turn(async {
        let pool = pool();

        for _ in 0..4 {
            for _ in 1..LIMIT {
                assert!(matches!(pool.speak_as(GOOD, PANIC).await, Err(PoolError::SynthesisFailed(_))));
            }
            // An error is no sentence, and no panic either.
            assert!(matches!(pool.speak_as(GOOD, FAIL).await, Err(PoolError::SynthesisFailed(_))));
            assert!(pool.speak_as(GOOD, PLAIN).await.is_ok());
        }

        assert_eq!(metric(&pool.metrics, "tts_voices_loaded"), 1);
    });
}

#[test]
fn panics_of_different_voices_do_not_add_up() {
    in_turn(async {
        let pool = pool();

        for name in [GOOD, ALSO_GOOD] {
            for _ in 1..LIMIT {
                assert!(matches!(pool.speak_as(name, PANIC).await, Err(PoolError::SynthesisFailed(_))));
            }
        }

        assert!(pool.speak_as(GOOD, PLAIN).await.is_ok());
        assert!(pool.speak_as(ALSO_GOOD, PLAIN).await.is_ok());
    });
}

#[test]
fn sentences_that_wait_for_a_refused_voice_bring_no_more_workers_down() {
    in_turn(async {
        let pool = pool();
        pool.load(GOOD).await.unwrap();
        let gate = pool.script.inference_gate.close();
        let sentences = {
            let pool = pool.clone();
            actix::spawn(async move {
                let admission = pool.handle.admit().unwrap();
                let sentences = (0..50).map(|_| async {
                    let job = pool.job(far(), PANIC).await.unwrap();
                    pool.compute(&admission, job).await
                });
                join_all(sentences).await
            })
        };
        pool.until_inside(WORKERS).await;
        pool.settle().await;

        gate.open();
        let answers = sentences.await.unwrap();

        // Those that were in work when the limit was reached are the only ones above it.
        let panics = pool.inferences();
        assert!(panics >= LIMIT as usize && panics < LIMIT as usize + WORKERS, "{panics} panics");
        assert_eq!(answers.iter().filter(|answer| is_refused(answer)).count(), 50 - panics);
        assert!(pool.speak_as(ALSO_GOOD, PLAIN).await.is_ok());
    });
}

#[test]
fn the_service_is_not_ready_while_every_worker_hangs() {
    in_turn(async {
        let pool = Pool::start(settings(1, 10));
        pool.load(GOOD).await.unwrap();
        let gate = pool.script.inference_gate.close();
        let soon = || Deadline::after(Duration::from_secs(1));

        let first = pool.speak_before(soon(), PLAIN).await;
        until("the worker is replaced", || pool.restarts() == 1).await;
        assert_eq!(pool.readiness.reasons(), []);
        let second = pool.speak_before(soon(), PLAIN).await;
        until("nobody works", || pool.readiness.reasons() == [NotReadyReason::NoWorkers]).await;
        gate.open();
        until("somebody works", || pool.readiness.reasons().is_empty()).await;

        assert_eq!([first, second].map(Result::err), [const { Some(PoolError::DeadlinePassed) }; 2]);
        assert!(pool.speak(PLAIN).await.is_ok());
    });
}
