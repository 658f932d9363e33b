//! The queue: its limit, and work that is of no use any more.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tts_batch_api::audio::Pcm;
use tts_batch_api::domain::Deadline;
use tts_batch_api::pool::PoolError;

use crate::fake::{Closed, FAIL, PANIC};
use crate::support::{PLAIN, Pool, far, in_turn, settings, until};

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
