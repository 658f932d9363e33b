//! Redis that dies, hangs, drops, garbles and refuses. Each fault is a miss; what it costs is counted.

use std::time::Duration;

use futures_util::future::join_all;
use tts_batch_api::cache::LeaseOutcome;

use crate::cache::{TestCache, at, entry, key, run, until};
use crate::support::{Fault, FaultProxy, RedisServer};

/// As by default.
const TIMEOUT: Duration = Duration::from_millis(25);

/// A cache with the default timeout, up, that has stored so many entries.
async fn with_entries(redis: &RedisServer, url: &str, count: usize) -> TestCache {
    let mut settings = at(url);
    settings.redis.operation_timeout = TIMEOUT;
    settings.redis.connect_timeout = Duration::from_millis(200);
    let cache = TestCache::start(settings);
    cache.until_up().await;
    (0..count).for_each(|number| cache.store(number));
    until("every entry to be written", || redis.entries().len() == count).await;
    cache
}

#[test]
fn a_hang_costs_five_calls_the_timeout_and_then_nobody_anything() {
    run(async {
        let redis = RedisServer::start();
        let cache = with_entries(&redis, &redis.url(), 1).await;
        redis.hang();

        let mut asked = 0;
        while cache.breaker() == 0 {
            assert_eq!(cache.get(0).await, None);
            asked += 1;
        }
        // Without waiting: a lookup that nobody sends anywhere is over at once.
        let after: Vec<_> = (0..1_000).map(|_| futures_util::FutureExt::now_or_never(cache.get(0))).collect();

        assert!(asked <= 5, "{asked} calls waited");
        assert!(after.iter().all(|answer| *answer == Some(None)), "a call waited for an open breaker");
        redis.go_on();
        cache.until_up().await;
        assert_eq!(cache.until_found(0).await.payload, entry(0).payload);
    });
}

#[test]
fn calls_that_hang_are_bounded() {
    run(async {
        let redis = RedisServer::start();
        let mut settings = at(&redis.url());
        settings.max_in_flight = 3;
        settings.redis.operation_timeout = Duration::from_secs(2);
        let cache = TestCache::start(settings);
        cache.until_up().await;
        redis.hang();

        let mut hanging: Vec<_> = (0..3).map(|number| Box::pin(cache.get(number))).collect();
        for call in &mut hanging {
            assert!(futures_util::FutureExt::now_or_never(call.as_mut()).is_none());
        }
        let in_flight = cache.metric("tts_cache_l2_in_flight");
        let one_more = futures_util::FutureExt::now_or_never(cache.get(4));
        drop(hanging);

        assert_eq!((in_flight, one_more), (3, Some(None)));
        assert_eq!(cache.metric("tts_cache_l2_in_flight"), 0);
        redis.go_on();
    });
}

#[test]
fn a_server_that_dies_and_comes_back_is_used_again() {
    run(async {
        let mut redis = RedisServer::start();
        let cache = with_entries(&redis, &redis.url(), 1).await;

        redis.kill();
        while cache.breaker() == 0 {
            assert_eq!(cache.get(0).await, None);
        }
        cache.store(1);
        let dropped = cache.dropped_writes();
        redis.restart();
        cache.until_up().await;
        cache.store(2);
        until("an entry to be written again", || !redis.entries().is_empty()).await;

        assert_eq!(dropped, 1, "a write for which there is no Redis waits for none");
        assert_eq!(cache.until_found(2).await.payload, entry(2).payload);
    });
}

#[test]
fn a_server_that_comes_back_is_not_stormed() {
    run(async {
        let redis = RedisServer::start();
        let proxy = FaultProxy::before(redis.port());
        let cache = with_entries(&redis, &proxy.url(), 1).await;
        proxy.set(Fault::Refuse);
        let began = tokio::time::Instant::now();
        let before = proxy.connections();

        let mut calls = 0;
        while calls < 2_000 || cache.breaker() == 0 {
            assert_eq!(cache.get(0).await, None);
            calls += 1;
        }
        until("some probes", || proxy.connections() >= before + 6).await;
        let (tried, seconds) = (proxy.connections() - before, began.elapsed().as_secs_f64());

        assert!(tried as f64 <= 2.0 * (seconds + 1.0), "{tried} connections in {seconds} s");
        proxy.set(Fault::Pass);
        cache.until_up().await;
    });
}

#[test]
fn a_server_that_was_absent_at_the_start_is_found() {
    run(async {
        let mut redis = RedisServer::start();
        redis.kill();
        let cache = TestCache::start(at(&redis.url()));
        cache.until_down().await;
        assert_eq!((cache.get(0).await, cache.metric("tts_cache_l2_up")), (None, 0));

        redis.restart();
        cache.until_up().await;

        cache.store(0);
        until("an entry to be written", || redis.entries().len() == 1).await;
    });
}

#[test]
fn a_slow_server_is_as_one_that_hangs() {
    run(async {
        let redis = RedisServer::start();
        let proxy = FaultProxy::before(redis.port());
        let cache = with_entries(&redis, &proxy.url(), 1).await;

        for fault in [Fault::Delay(4 * TIMEOUT), Fault::Dribble(Duration::from_millis(5)), Fault::Blackhole] {
            proxy.set(fault);
            let mut asked = 0;
            while cache.breaker() == 0 {
                let all = join_all((0..3).map(|_| cache.get(0))).await;
                assert!(all.iter().all(Option::is_none), "{fault:?}");
                asked += 1;
            }
            assert!(asked <= 3, "{fault:?}: {asked} rounds of calls waited");
            proxy.set(Fault::Pass);
            cache.until_up().await;
            assert_eq!(cache.until_found(0).await.payload, entry(0).payload, "{fault:?}");
        }
    });
}

/// Of ten thousand lookups while answers are cut, changed or lost, each brings its own entry or nothing.
#[test]
fn a_garbled_answer_is_never_given_to_another_key() {
    const ENTRIES: usize = 100;
    const CALLERS: usize = 8;
    const CALLS: usize = 10_000;

    run(async {
        let redis = RedisServer::start();
        let proxy = FaultProxy::before(redis.port());
        let mut settings = at(&proxy.url());
        // The breaker shall hide none of it.
        settings.redis.breaker.errors = usize::MAX;
        settings.redis.operation_timeout = TIMEOUT;
        let cache = TestCache::start(settings);
        cache.until_up().await;
        (0..ENTRIES).for_each(|number| cache.store(number));
        until("every entry to be written", || redis.entries().len() == ENTRIES).await;

        let mut found = 0;
        let faults = [Fault::Corrupt(7), Fault::Swallow(7), Fault::Truncate(7), Fault::Reset(7)];
        for (round, fault) in faults.into_iter().enumerate() {
            proxy.set(fault);
            for call in (0..CALLS / 4).step_by(CALLERS) {
                let numbers: Vec<usize> = (0..CALLERS).map(|caller| (round + call + 13 * caller) % ENTRIES).collect();
                for (number, got) in numbers.iter().zip(join_all(numbers.iter().map(|n| cache.get(*n))).await) {
                    let Some(got) = got else { continue };
                    assert_eq!(got.payload, entry(*number).payload, "{fault:?}: another key's entry");
                    found += 1;
                }
            }
        }

        assert!(found > CALLS / 20, "only {found} were found: the faults hid everything");
        proxy.set(Fault::Pass);
        until("a connection that works", || cache.metric("tts_cache_l2_up") == 1).await;
    });
}

#[test]
fn a_full_or_read_only_server_is_still_read() {
    run(async {
        let redis = RedisServer::start();
        let cache = with_entries(&redis, &redis.url(), 1).await;
        let refusals: [(&[&str], &[&str]); 2] = [
            (&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]),
            (&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]),
        ];
        for (refuse, accept) in refusals {
            let dropped = cache.dropped_writes();
            let _: redis::Value = redis.command(refuse);

            (10..30).for_each(|number| cache.store(number));
            until("the writes to fail", || cache.dropped_writes() == dropped + 20).await;

            assert_eq!(cache.until_found(0).await.payload, entry(0).payload, "{refuse:?}");
            assert_eq!(cache.breaker(), 0, "{refuse:?}");
            let _: redis::Value = redis.command(accept);
        }
    });
}

#[test]
fn a_server_that_wants_another_password_is_a_miss() {
    run(async {
        let redis = RedisServer::start();
        let _: redis::Value = redis.command(&["CONFIG", "SET", "requirepass", "secret"]);

        let cache = TestCache::start(at(&redis.url()));
        while cache.breaker() == 0 {
            assert_eq!(cache.get(0).await, None);
        }

        cache.store(0);
        assert_eq!(cache.dropped_writes(), 1);
    });
}

#[test]
fn writes_beyond_the_queue_are_dropped_and_counted() {
    run(async {
        let redis = RedisServer::start();
        let mut settings = at(&redis.url());
        settings.write_queue_bytes = 10_000;
        let cache = TestCache::start(settings);
        cache.until_up().await;
        redis.hang();

        (0..100).for_each(|number| cache.store(number));
        until("most writes to be dropped", || cache.dropped_writes() > 80).await;
        redis.go_on();
        until("the others to be written", || redis.entries().len() as u64 + cache.dropped_writes() == 100).await;

        let kept = redis.entries().len();
        assert!((5..20).contains(&kept), "{kept} entries had room");
    });
}

#[test]
fn a_lease_is_one_replicas_until_it_is_given_back() {
    run(async {
        let redis = RedisServer::start();
        let (one, other) = (TestCache::start(at(&redis.url())), TestCache::start(at(&redis.url())));
        one.until_up().await;
        other.until_up().await;

        let LeaseOutcome::Ours(Some(lease)) = one.handle.turn(&key(1)).await else { panic!("no lease") };
        let wanted = key(1);
        let mut waiting = Box::pin(other.handle.turn(&wanted));
        let held = tokio::time::timeout(Duration::from_millis(100), &mut waiting).await.is_err();
        one.store(1);
        drop(lease);

        let LeaseOutcome::Made(found) = waiting.await else { panic!("made twice") };
        assert!(held, "the other did not wait");
        assert_eq!(found.entry.payload, entry(1).payload);
        until("the lease to be gone", || redis.command::<u64>(&["DBSIZE"]) == 1).await;
    });
}

#[test]
fn a_replica_that_is_gone_is_waited_for_no_longer_than_its_lease() {
    run(async {
        let redis = RedisServer::start();
        let mut settings = at(&redis.url());
        settings.lease = Duration::from_millis(300);
        let cache = TestCache::start(settings);
        cache.until_up().await;
        let lease = format!("tts:{{{}}}:lease", key(1));
        let _: redis::Value = redis.command(&["SET", &lease, "another's", "PX", "60000"]);

        let turn = cache.handle.turn(&key(1)).await;
        drop(turn);
        cache.store(1);
        until("the entry to be written", || redis.entries().len() == 1).await;

        let owner: String = redis.command(&["GET", &lease]);
        assert_eq!(owner, "another's", "a lease was deleted by one who did not have it");
    });
}
