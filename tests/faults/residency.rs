//! Many voices under one limit: which are loaded, which must go, and what callers are told when none can.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tts_batch_api::domain::Deadline;
use tts_batch_api::pool::{PoolError, PoolSettings};

use crate::fake::{ALSO_GOOD, FIFTH, FOURTH, GOOD, LARGE, LARGE_BYTES, SIXTH, THIRD, VOICE_BYTES};
use crate::support::{Pool, far, in_turn, metric, settings, until, voice};

fn room_for(voices: u64) -> PoolSettings {
    PoolSettings { memory_limit_bytes: voices * VOICE_BYTES, ..settings(2, 100) }
}

async fn loaded(pool: &Pool) -> Vec<String> {
    let mut names: Vec<String> = pool.handle.loaded().await.iter().map(|(id, _)| id.to_string()).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_voice_that_was_used_longest_ago_makes_room() {
    in_turn(async {
        let pool = Pool::start(room_for(2));
        for name in [GOOD, ALSO_GOOD, GOOD, THIRD] {
            pool.load(name).await.unwrap();
        }

        assert_eq!(loaded(&pool).await, [GOOD, THIRD]);
        assert_eq!(metric(&pool.metrics, "tts_voice_evictions_total"), 1);
        assert_eq!(metric(&pool.metrics, "tts_voice_memory_bytes"), 2 * VOICE_BYTES);
    });
}

#[test]
fn a_voice_in_use_stays_and_its_result_is_whole() {
    in_turn(async {
        let pool = Pool::start(room_for(1));
        let gate = pool.script.inference_gate.close();
        let speaking = {
            let pool = pool.clone();
            actix::spawn(async move { pool.speak(0.5).await })
        };
        pool.until_inside(1).await;

        let refused = pool.load_before(Deadline::after(Duration::from_millis(50)), ALSO_GOOD).await;

        assert_eq!(refused.err(), Some(PoolError::NoRoom(voice(ALSO_GOOD))));
        assert_eq!(pool.handle.unload(&voice(GOOD)).await, Err(PoolError::VoiceInUse(voice(GOOD))));
        assert_eq!(loaded(&pool).await, [GOOD]);
        gate.open();
        assert_eq!(speaking.await.unwrap().unwrap().samples.len(), 3);
        until("the voice is let go", || pool.depth() == 0).await;
        assert!(pool.load(ALSO_GOOD).await.is_ok());
        assert_eq!(loaded(&pool).await, [ALSO_GOOD]);
    });
}

#[test]
fn six_voices_in_the_room_of_three_refuse_none_of_twelve_callers() {
    const SIX: [&str; 6] = [GOOD, ALSO_GOOD, THIRD, FOURTH, FIFTH, SIXTH];
    in_turn(async {
        let pool = Pool::start(room_for(3));
        let mut held = Vec::new();
        for name in &SIX[..3] {
            held.push(pool.load(name).await.unwrap());
        }
        let callers: Vec<_> = (0..12)
            .map(|caller| {
                let pool = pool.clone();
                actix::spawn(async move {
                    for turn in 0..5 {
                        let held = pool.load(SIX[(caller + turn) % 6]).await?;
                        tokio::time::sleep(Duration::from_millis(3)).await;
                        assert!(metric(&pool.metrics, "tts_voice_memory_bytes") <= 3 * VOICE_BYTES);
                        drop(held);
                    }
                    Ok::<_, PoolError>(())
                })
            })
            .collect();
        let waits = || SIX.iter().any(|name| pool.handle.is_room_awaited(&voice(name)));
        until("one waits for the room of those that are held", waits).await;
        drop(held);

        for caller in callers {
            assert_eq!(caller.await.unwrap(), Ok(()));
        }

        assert!(metric(&pool.metrics, "tts_voice_evictions_total") >= 3);
        assert!(metric(&pool.metrics, "tts_voice_room_wait_seconds_count") >= 1);
    });
}

#[test]
fn a_voice_that_is_always_in_use_leaves_for_one_that_waits_and_comes_back() {
    in_turn(async {
        let pool = Pool::start(room_for(1));
        let is_waiting = Rc::new(Cell::new(true));
        let callers = actix::spawn({
            let (pool, is_waiting) = (pool.clone(), is_waiting.clone());
            async move {
                let mut callers = Vec::new();
                while is_waiting.get() {
                    let pool = pool.clone();
                    callers.push(actix::spawn(async move {
                        let held = pool.load(GOOD).await;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        held.map(drop)
                    }));
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                callers
            }
        });
        until("the first one is in use", || metric(&pool.metrics, "tts_voices_loaded") == 1).await;

        let waited = pool.load(ALSO_GOOD).await;

        is_waiting.set(false);
        assert!(waited.is_ok(), "{:?}", waited.err());
        drop(waited);
        for caller in callers.await.unwrap() {
            assert_eq!(caller.await.unwrap(), Ok(()));
        }
    });
}

#[test]
fn who_holds_a_voice_does_not_wait_for_the_room_of_another() {
    in_turn(async {
        let pool = Pool::start(room_for(1));
        let held = pool.load(GOOD).await.unwrap();

        let refused = pool.handle.voice_beside(&voice(ALSO_GOOD), far()).await;
        let same = pool.handle.voice_beside(&voice(GOOD), far()).await;

        assert_eq!(refused.err(), Some(PoolError::NoRoom(voice(ALSO_GOOD))));
        assert!(same.is_ok());
        drop((held, same));
        assert!(pool.load(ALSO_GOOD).await.is_ok());
    });
}

#[test]
fn a_voice_that_is_larger_than_the_limit_is_refused_at_once() {
    in_turn(async {
        let small = Pool::start(PoolSettings { memory_limit_bytes: VOICE_BYTES - 1, ..settings(1, 1) });

        let refused = small.load(GOOD).await;

        let too_large = PoolError::VoiceTooLarge { voice: voice(GOOD), bytes: VOICE_BYTES, limit: VOICE_BYTES - 1 };
        assert_eq!(refused.err(), Some(too_large));
        assert_eq!(small.script.loads.load(SeqCst), 0);
    });
}

#[test]
fn what_a_voice_takes_indeed_is_held_against_the_limit() {
    in_turn(async {
        let pool = Pool::start(room_for(3));
        for name in [GOOD, ALSO_GOOD, LARGE] {
            pool.load(name).await.unwrap();
        }
        assert_eq!(loaded(&pool).await, [ALSO_GOOD, LARGE]);
        assert_eq!(metric(&pool.metrics, "tts_voice_memory_bytes"), VOICE_BYTES + LARGE_BYTES);

        let small = Pool::start(room_for(1));
        small.load(GOOD).await.unwrap();
        let refused = small.load(LARGE).await;
        let again = small.load(LARGE).await;

        let too_large = PoolError::VoiceTooLarge { voice: voice(LARGE), bytes: LARGE_BYTES, limit: VOICE_BYTES };
        assert_eq!(refused.err(), Some(too_large));
        assert!(matches!(again.err(), Some(PoolError::VoiceFailed { .. })), "it is tried again and again");
        assert_eq!(small.script.loads.load(SeqCst), 2);
        assert_eq!(metric(&small.metrics, "tts_voice_quarantines_total"), 1);
        assert_eq!(metric(&small.metrics, "tts_voice_memory_bytes"), 0);
        assert!(small.load(GOOD).await.is_ok());
    });
}

#[test]
fn voices_that_take_turns_in_one_place_are_all_spoken() {
    in_turn(async {
        let pool = Pool::start(room_for(1));
        for _ in 0..50 {
            for name in [GOOD, ALSO_GOOD] {
                let held = pool.load(name).await.unwrap();
                assert_eq!(loaded(&pool).await, [name]);
                drop(held);
            }
        }

        assert_eq!(pool.script.loads.load(SeqCst), 100);
        assert_eq!(pool.script.most_loading.load(SeqCst), 1);
    });
}

#[test]
fn pinned_voices_are_never_let_go() {
    in_turn(async {
        let pool = Pool::start(PoolSettings { pinned: [voice(GOOD)].into(), ..room_for(2) });
        for name in [GOOD, ALSO_GOOD, THIRD, ALSO_GOOD] {
            pool.load(name).await.unwrap();
        }

        assert_eq!(loaded(&pool).await, [ALSO_GOOD, GOOD]);
        assert_eq!(pool.handle.unload(&voice(GOOD)).await, Err(PoolError::VoiceInUse(voice(GOOD))));
        let all = Pool::start(PoolSettings { pinned: [voice(GOOD)].into(), ..room_for(1) });
        all.load(GOOD).await.unwrap();
        let in_vain = all.load(ALSO_GOOD).await.err();
        assert_eq!(in_vain, Some(PoolError::NoRoom(voice(ALSO_GOOD))), "no wait would help");
        assert_eq!(pool.handle.unload(&voice(ALSO_GOOD)).await, Ok(()));
        assert_eq!(loaded(&pool).await, [GOOD]);
    });
}

#[test]
fn an_idle_voice_is_let_go_by_itself() {
    in_turn(async {
        let pool = Pool::start(PoolSettings { voice_idle: Some(Duration::ZERO), ..room_for(2) });

        let held = pool.load(GOOD).await.unwrap();
        pool.load(ALSO_GOOD).await.unwrap();

        until("the idle voice is gone", || metric(&pool.metrics, "tts_voices_loaded") == 1).await;
        assert_eq!(loaded(&pool).await, [GOOD]);
        drop(held);
        until("the other one is gone", || metric(&pool.metrics, "tts_voices_loaded") == 0).await;
    });
}

/// Random holds and releases from many tasks at once: whatever is held computes, and the limit holds at every look.
#[test]
fn voices_that_are_held_are_never_taken_away() {
    in_turn(async {
        let pool = Pool::start(room_for(2));
        let tasks: Vec<_> = (0..6)
            .map(|task| {
                let pool = pool.clone();
                actix::spawn(async move {
                    let mut refused = 0;
                    for step in 0..200 {
                        let name = [GOOD, ALSO_GOOD, THIRD][(task * 7 + step * 5) % 3];
                        match pool.load(name).await {
                            Ok(held) => {
                                tokio::task::yield_now().await;
                                assert!(pool.handle.loaded().await.iter().any(|(id, _)| *id == voice(name)));
                                drop(held);
                            }
                            Err(PoolError::NoRoom(_)) => refused += 1,
                            Err(other) => panic!("{other}"),
                        }
                        assert!(metric(&pool.metrics, "tts_voice_memory_bytes") <= 2 * VOICE_BYTES);
                    }
                    refused
                })
            })
            .collect();

        let mut refused = 0;
        for task in tasks {
            refused += task.await.unwrap();
        }

        assert!(refused < 6 * 200, "nothing was ever loaded");
    });
}
