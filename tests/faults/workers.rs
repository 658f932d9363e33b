//! Workers that panic: each costs its own sentence, and another takes its place. And those that are idle: they help
//! others.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use futures_util::future::join_all;
use tts_batch_api::pool::PoolError;

use crate::fake::{FAIL, PANIC};
use crate::support::{PLAIN, Pool, in_turn, settings, until};

const WORKERS: usize = 3;

fn pool() -> Pool {
    Pool::start(settings(WORKERS, 100))
}

/// Asserts that `WORKERS` inferences can be in work at once, and no more.
async fn assert_all_workers_work(pool: &Pool) {
    pool.script.most_inside.store(0, SeqCst);
    let gate = pool.script.inference_gate.close();
    let jobs = (0..4 * WORKERS).map(|_| {
        let pool = pool.clone();
        actix::spawn(async move { pool.speak(PLAIN).await })
    });
    let jobs: Vec<_> = jobs.collect();
    pool.until_inside(WORKERS).await;
    gate.open();
    for job in jobs {
        assert!(job.await.unwrap().is_ok());
    }
    assert_eq!(pool.script.most_inside.load(SeqCst), WORKERS);
}

#[test]
fn a_panic_fails_its_own_sentence_alone() {
    in_turn(async {
        let pool = pool();
        let gate = pool.script.inference_gate.close();
        let jobs: Vec<_> = [PLAIN, PANIC, PLAIN]
            .map(|mark| {
                let pool = pool.clone();
                actix::spawn(async move { pool.speak(mark).await })
            })
            .into();
        pool.until_inside(3).await;

        gate.open();
        let answers: Vec<_> = join_all(jobs).await.into_iter().map(Result::unwrap).collect();

        assert!(answers[0].is_ok() && answers[2].is_ok());
        assert_eq!(answers[1], Err(PoolError::SynthesisFailed("the worker panicked".to_owned())));
        until("the restart is counted", || pool.restarts() == 1).await;
    });
}

#[test]
fn a_hundred_panics_leave_as_many_threads_and_workers() {
    in_turn(async {
        let pool = pool();
        assert_all_workers_work(&pool).await;
        assert_eq!(pool.script.living_threads(), WORKERS);

        for _ in 0..100 {
            assert!(matches!(pool.speak(PANIC).await, Err(PoolError::SynthesisFailed(_))));
            assert!(pool.speak(PLAIN).await.is_ok());
        }

        until("the restarts are counted", || pool.restarts() == 100).await;
        assert_all_workers_work(&pool).await;
        until("the threads of dead workers have ended", || pool.script.living_threads() == WORKERS).await;
    });
}

#[test]
fn workers_that_panic_in_a_row_come_back() {
    in_turn(async {
        let pool = pool();

        let panics = (0..3 * WORKERS).map(|_| pool.speak(PANIC));
        let answers = join_all(panics).await;

        assert!(answers.iter().all(|answer| matches!(answer, Err(PoolError::SynthesisFailed(_)))));
        assert_all_workers_work(&pool).await;
        assert_eq!(pool.restarts(), 3 * WORKERS as u64);
    });
}

#[test]
fn an_error_of_the_engine_costs_no_worker() {
    in_turn(async {
        let pool = pool();

        let failed = pool.speak(FAIL).await;

        assert!(matches!(failed, Err(PoolError::SynthesisFailed(reason)) if reason.contains("wants to fail")));
        assert_all_workers_work(&pool).await;
        assert_eq!(pool.restarts(), 0);
    });
}

#[test]
fn idle_workers_help_with_a_sentence_where_somebody_waits_for_it() {
    in_turn(async {
        let pool = pool();
        let helps = || pool.script.helps.load(SeqCst);

        assert!(pool.speak(PLAIN).await.is_ok());
        until("both other workers have helped", || helps() == WORKERS - 1).await;

        let background = Pool { handle: pool.handle.in_background(4), ..pool.clone() };
        assert!(background.speak(PLAIN).await.is_ok());
        let _others = [(); WORKERS - 1].map(|()| pool.handle.admit().unwrap());
        assert!(pool.speak(PLAIN).await.is_ok());
        // After this no worker has anything to do that it was asked for before.
        assert_all_workers_work(&pool).await;
        assert_eq!(helps(), WORKERS - 1, "nobody helps in the background, nor where others may want the workers");
    });
}

#[test]
fn a_panic_of_whoever_helps_costs_no_sentence() {
    in_turn(async {
        let pool = pool();
        pool.script.help_panics.store(true, SeqCst);

        assert!(pool.speak(PLAIN).await.is_ok());

        until("the restarts are counted", || pool.restarts() == WORKERS as u64 - 1).await;
        pool.script.help_panics.store(false, SeqCst);
        assert_all_workers_work(&pool).await;
    });
}

#[test]
fn a_pool_that_nobody_uses_ends_with_its_threads() {
    in_turn(async {
        let pool = pool();
        assert_all_workers_work(&pool).await;
        let script = pool.script.clone();
        assert_eq!(script.living_threads(), WORKERS);

        drop(pool);

        until("the threads have ended", || script.living_threads() == 0).await;
        until("nothing of the pool is left", || Arc::strong_count(&script) == 1).await;
    });
}
