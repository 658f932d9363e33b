//! Voices that load once, late, never, or with a panic.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures_util::future::join_all;
use tts_batch_api::domain::Deadline;
use tts_batch_api::pool::{PoolError, PoolSettings};
use tts_batch_api::voices::VoiceFilesError;

use crate::fake::{ALSO_GOOD, BROKEN, GOOD, PANICKING};
use crate::support::{PLAIN, Pool, in_turn, metric, settings, until, voice};

/// More than an actor's mailbox holds.
const CALLERS: usize = 50;

fn pool() -> Pool {
    Pool::start(settings(1, 100))
}

fn loads(pool: &Pool) -> usize {
    pool.script.loads.load(SeqCst)
}

fn reason(answer: Result<impl Sized, PoolError>) -> String {
    match answer {
        Err(PoolError::VoiceFailed { reason, .. } | PoolError::VoiceUnusable { problem: reason, .. }) => reason,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the voice was loaded"),
    }
}

#[test]
fn a_cold_voice_is_loaded_once_for_all_who_ask() {
    in_turn(async {
        let pool = pool();
        let gate = pool.script.load_gate.close();
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let pool = pool.clone();
                actix::spawn(async move { pool.load(GOOD).await.is_ok() })
            })
            .collect();
        until("the load has begun", || loads(&pool) == 1).await;

        gate.open();
        let answers = join_all(callers).await;

        assert!(answers.into_iter().all(Result::unwrap));
        assert_eq!(loads(&pool), 1);
        assert_eq!(metric(&pool.metrics, "tts_voices_loaded"), 1);
    });
}

#[test]
fn a_broken_voice_fails_all_who_ask_and_no_other_voice() {
    in_turn(async {
        let pool = pool();

        let answers = join_all((0..CALLERS).map(|_| pool.load(BROKEN))).await;

        for answer in answers {
            assert!(reason(answer).contains("no input scales"));
        }
        assert!(pool.load(ALSO_GOOD).await.is_ok());
        assert!(pool.speak(PLAIN).await.is_ok());
        assert_eq!(metric(&pool.metrics, "tts_voices_loaded"), 2);
    });
}

#[test]
fn a_load_that_panics_is_an_error_and_is_not_tried_again_at_once() {
    in_turn(async {
        let pool = pool();

        let first = pool.load(PANICKING).await;
        let second = pool.load(PANICKING).await;

        assert_eq!(
            (reason(first), reason(second)),
            ("loading it panicked".to_owned(), "loading it panicked".to_owned())
        );
        assert_eq!(loads(&pool), 1);
        assert_eq!(metric(&pool.metrics, "tts_voice_loads_total{result=\"error\"}"), 1);
        assert!(pool.speak(PLAIN).await.is_ok());
    });
}

#[test]
fn other_voices_speak_while_one_loads() {
    in_turn(async {
        let pool = pool();
        pool.load(GOOD).await.unwrap();
        let gate = pool.script.load_gate.close();
        let late = {
            let pool = pool.clone();
            actix::spawn(async move { pool.load(ALSO_GOOD).await.is_ok() })
        };
        until("the other load has begun", || loads(&pool) == 2).await;

        let spoken = pool.speak(PLAIN).await;

        assert!(spoken.is_ok());
        assert!(!late.is_finished());
        gate.open();
        assert!(late.await.unwrap());
    });
}

#[test]
fn a_load_that_nobody_waits_for_any_more_keeps_no_other_waiting() {
    in_turn(async {
        let pool = Pool::start(PoolSettings { voice_wait: Duration::from_millis(20), ..settings(1, 100) });
        let gate = pool.script.load_gate.close();
        let late = pool.load(GOOD).await;

        let other = pool.load(ALSO_GOOD).await;
        until("the other load begins beside the first", || loads(&pool) == 2).await;

        assert_eq!(late.err(), Some(PoolError::VoiceLoading(voice(GOOD))));
        assert_eq!(other.err(), Some(PoolError::VoiceLoading(voice(ALSO_GOOD))));
        gate.open();
        until("both are loaded", || metric(&pool.metrics, "tts_voices_loaded") == 2).await;
    });
}

#[test]
fn a_load_goes_on_when_its_caller_runs_out_of_time() {
    in_turn(async {
        let pool = pool();
        let gate = pool.script.load_gate.close();

        let late = pool.handle.voice(&voice(GOOD), Deadline::after(Duration::from_millis(20))).await;
        gate.open();

        assert_eq!(late.err(), Some(PoolError::DeadlinePassed));
        assert!(pool.load(GOOD).await.is_ok());
        assert_eq!(loads(&pool), 1);
    });
}

#[test]
fn a_voice_that_is_nowhere_is_named_and_nothing_is_loaded() {
    in_turn(async {
        let pool = pool();

        let unknown = pool.load("nobody").await;

        assert_eq!(unknown.err(), Some(PoolError::NoFiles(VoiceFilesError::Unknown(voice("nobody")))));
        assert_eq!(loads(&pool), 0);
    });
}
