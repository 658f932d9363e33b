//! The queue: its limit, and work that is of no use any more.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tts_batch_api::audio::Pcm;
use tts_batch_api::domain::Deadline;
use tts_batch_api::pool::{Demand, PoolError};

use crate::fake::{Closed, FAIL, GOOD, PANIC};
use crate::support::{PLAIN, Pool, far, in_turn, settings, until, voice};

const QUEUE_LIMIT: usize = 5;

type Job = JoinHandle<Result<Pcm, PoolError>>;

/// A pool whose only worker is busy until the gate opens.
async fn busy_pool() -> (Pool, Job, Closed) {
    let pool = Pool::start(settings(1, QUEUE_LIMIT));
    pool.settle().await;
    let gate = pool.script.inference_gate.close();
    let job = spawn(&pool, far(), PLAIN);
    pool.until_inside(1).await;
    (pool, job, gate)
}

fn spawn(pool: &Pool, deadline: Deadline, noise_scale: f32) -> Job {
    let pool = pool.clone();
    actix::spawn(async move { pool.speak_before(deadline, noise_scale).await })
}

#[test]
fn work_past_its_deadline_is_never_computed() {
    in_turn(async {
        let (pool, busy, gate) = busy_pool().await;

        let soon = Deadline::after(Duration::from_millis(50));
        let late: Vec<Job> = (0..QUEUE_LIMIT - 1).map(|_| spawn(&pool, soon, PLAIN)).collect();
        for job in late {
            assert_eq!(job.await.unwrap(), Err(PoolError::DeadlinePassed));
        }
        gate.open();

        assert!(busy.await.unwrap().is_ok());
        until("the expired work is counted", || pool.shed("expired") == QUEUE_LIMIT as u64 - 1).await;
        assert_eq!((pool.inferences(), pool.shed("abandoned"), pool.depth()), (1, 0, 0));
    });
}

#[test]
fn work_whose_caller_left_is_never_computed() {
    in_turn(async {
        let (pool, busy, gate) = busy_pool().await;

        for _ in 0..QUEUE_LIMIT - 1 {
            let admission = pool.handle.admit().unwrap();
            let job = pool.job(far(), PLAIN).await.unwrap();
            let mut computed = Box::pin(pool.compute(&admission, job));
            assert!((&mut computed).now_or_never().is_none());
            pool.settle().await;
        }
        gate.open();

        assert!(busy.await.unwrap().is_ok());
        until("the abandoned work is counted", || pool.shed("abandoned") == QUEUE_LIMIT as u64 - 1).await;
        assert_eq!((pool.inferences(), pool.shed("expired"), pool.depth()), (1, 0, 0));
    });
}

#[test]
fn work_in_a_worker_is_finished_when_its_caller_leaves() {
    in_turn(async {
        let (pool, busy, gate) = busy_pool().await;

        busy.abort();
        assert!(busy.await.unwrap_err().is_cancelled());
        assert_eq!(pool.depth(), 0);
        gate.open();

        assert!(pool.speak(PLAIN).await.is_ok());
        assert_eq!((pool.inferences(), pool.shed("abandoned")), (2, 0));
    });
}

#[test]
fn a_full_queue_refuses_at_once_and_computes_all_that_it_took() {
    in_turn(async {
        let (pool, busy, gate) = busy_pool().await;
        let taken: Vec<Job> = (0..QUEUE_LIMIT - 1).map(|_| spawn(&pool, far(), PLAIN)).collect();
        until("all are admitted", || pool.depth() == QUEUE_LIMIT as u64).await;

        // Ready when first asked: nothing that the gate holds back is waited for.
        let refused = pool.speak(PLAIN).now_or_never();

        assert_eq!(refused, Some(Err(PoolError::Overloaded { retry_after: Duration::from_secs(1) })));
        assert_eq!(pool.shed("capacity"), 1);
        gate.open();
        for job in taken.into_iter().chain([busy]) {
            assert!(job.await.unwrap().is_ok());
        }
        assert_eq!((pool.inferences(), pool.depth()), (QUEUE_LIMIT, 0));
    });
}

#[test]
fn permits_come_back_however_a_request_ends() {
    in_turn(async {
        let pool = Pool::start(settings(1, QUEUE_LIMIT));

        for _ in 0..2 * QUEUE_LIMIT {
            assert!(pool.speak(PLAIN).await.is_ok());
            assert!(pool.speak(FAIL).await.is_err());
            assert!(pool.speak(PANIC).await.is_err());
            let passed = Deadline::after(Duration::ZERO);
            assert_eq!(pool.speak_before(passed, PLAIN).await, Err(PoolError::DeadlinePassed));
            assert!(pool.speak(PLAIN).now_or_never().is_none());
        }

        assert_eq!(pool.depth(), 0);
        let admissions: Vec<_> = (0..QUEUE_LIMIT).map(|_| pool.handle.admit()).collect();
        assert!(admissions.iter().all(Result::is_ok));
        assert!(pool.handle.admit().is_err());
    });
}

/// A request of two sentences that counts as so many ids.
fn spawn_two(pool: &Pool, ids: f64, deadline: Deadline, noise_scale: f32) -> JoinHandle<Result<(), PoolError>> {
    let demand = Demand::default();
    pool.handle.estimate(&demand, [(&voice(GOOD), ids)]);
    let pool = pool.clone();
    actix::spawn(async move {
        let admission = pool.handle.admit_for(&demand, deadline)?;
        let sentence = async || pool.compute(&admission, pool.job(deadline, noise_scale).await?).await;
        let (first, second) = tokio::join!(sentence(), sentence());
        first.and(second).map(drop)
    })
}

/// From now on it is known that a worker needs a millisecond for an id.
fn measure(pool: &Pool) {
    pool.handle.admit().unwrap().computed(&voice(GOOD), 1e6, Duration::from_secs(1_000));
}

#[test]
fn requests_of_a_caller_are_finished_one_after_another() {
    in_turn(async {
        let (pool, busy, gate) = busy_pool().await;
        let marks = [0.1, 0.2, 0.3];
        let mut requests = Vec::new();
        for mark in marks {
            requests.push(spawn_two(&pool, 100.0, far(), mark));
            until("it has its place", || pool.depth() == 1 + requests.len() as u64).await;
            pool.settle().await;
        }

        gate.open();

        assert!(busy.await.unwrap().is_ok());
        assert!(join_all(requests).await.into_iter().all(|request| request.unwrap().is_ok()));
        assert_eq!(pool.script.begun(), [PLAIN, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3]);
    });
}

#[test]
fn what_cannot_be_done_in_time_is_refused_at_once_and_told_when_to_come_back_and_the_rest_is_done() {
    in_turn(async {
        let (pool, busy, gate) = busy_pool().await;
        measure(&pool);
        let deadline = Deadline::after(Duration::from_secs(400));
        let request = || spawn_two(&pool, 100_000.0, deadline, PLAIN);
        let taken: Vec<_> = (0..3).map(|_| request()).collect();
        until("all are admitted", || pool.depth() == 4).await;

        let refused = [request().await.unwrap(), request().await.unwrap()];

        // They would be done after 400 seconds and after 500, and shall be within 340 when they come back.
        let tens_of_seconds = refused.map(|refused| match refused {
            Err(PoolError::Overloaded { retry_after }) => retry_after.as_secs() / 10,
            other => panic!("{other:?}"),
        });
        assert_eq!(tens_of_seconds, [6, 16]);
        assert_eq!((pool.shed("capacity"), pool.inferences()), (2, 1));
        gate.open();
        assert!(busy.await.unwrap().is_ok());
        assert!(join_all(taken).await.into_iter().all(|request| request.unwrap().is_ok()));
        assert_eq!((pool.inferences(), pool.shed("expired"), pool.depth()), (7, 0, 0));
    });
}

#[test]
fn what_turns_out_to_take_too_long_is_refused_before_it_is_begun() {
    in_turn(async {
        let (pool, busy, gate) = busy_pool().await;
        let deadline = Deadline::after(Duration::from_hours(1));
        // Taken as long as nobody knows how fast the voice is.
        let first = spawn_two(&pool, 3_000_000.0, deadline, PLAIN);
        until("the first is admitted", || pool.depth() == 2).await;
        let second = spawn_two(&pool, 3_000_000.0, deadline, PLAIN);
        until("the second is admitted", || pool.depth() == 3).await;

        measure(&pool);
        let refused = second.await.unwrap();

        assert!(matches!(refused, Err(PoolError::Overloaded { .. })), "{refused:?}");
        assert_eq!((pool.shed("capacity"), pool.inferences(), pool.depth()), (1, 1, 2));
        gate.open();
        assert!(busy.await.unwrap().is_ok() && first.await.unwrap().is_ok());
        assert_eq!((pool.inferences(), pool.shed("capacity"), pool.depth()), (3, 1, 0));
    });
}
