//! Values under our names that are not what was written.

use crate::cache::{MAX_ENTRY_BYTES, TestCache, at, entry, key, run, until};
use crate::support::RedisServer;

fn name(number: usize) -> String {
    format!("tts:{{{}}}", key(number))
}

async fn stored(redis: &RedisServer, cache: &TestCache, number: usize) -> Vec<u8> {
    cache.store(number);
    until("the entry to be written", || redis.entries().contains(&name(number))).await;
    redis.command(&["GET", &name(number)])
}

fn put(redis: &RedisServer, number: usize, value: &[u8]) {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    redis::cmd("SET").arg(name(number)).arg(value).exec(&mut connection).unwrap();
}

#[test]
fn damaged_values_are_counted_and_never_served() {
    run(async {
        let redis = RedisServer::start();
        let cache = TestCache::start(at(&redis.url()));
        cache.until_up().await;
        let good = stored(&redis, &cache, 1).await;
        let other = stored(&redis, &cache, 2).await;
        let mut old = good.clone();
        old[4] = 0;

        let mut damaged = vec![other, old, b"x".to_vec(), good[..good.len() - 1].to_vec(), good.repeat(2)];
        damaged.extend((0..good.len()).step_by(37).map(|at| {
            let mut value = good.clone();
            value[at] ^= 1 << (at % 8);
            value
        }));
        for value in &damaged {
            put(&redis, 1, value);
            assert_eq!(cache.get(1).await, None);
        }

        assert_eq!(cache.lookups("corrupt"), damaged.len() as u64);
        assert_eq!((cache.breaker(), cache.lookups("error")), (0, 0), "the server works");
        put(&redis, 1, &good);
        assert_eq!(cache.get(1).await.unwrap().payload, entry(1).payload);
    });
}

#[test]
fn a_value_of_200_megabytes_is_not_read() {
    run(async {
        let redis = RedisServer::start();
        let cache = TestCache::start(at(&redis.url()));
        cache.until_up().await;
        let _: u64 = redis.command(&["SETRANGE", &name(1), "209715199", "x"]);
        let before = redis.info("total_net_output_bytes");

        let found = cache.get(1).await;

        let sent = redis.info("total_net_output_bytes") - before;
        assert_eq!((found, cache.lookups("corrupt")), (None, 1));
        assert!(sent < 2 * MAX_ENTRY_BYTES as u64, "{sent} bytes came");
    });
}

#[test]
fn a_value_of_another_type_is_a_miss_and_is_replaced() {
    run(async {
        let redis = RedisServer::start();
        let cache = TestCache::start(at(&redis.url()));
        cache.until_up().await;
        let _: u64 = redis.command(&["LPUSH", &name(1), "x"]);

        let before = cache.get(1).await;
        cache.store(1);
        until("the list to be replaced", || redis.command::<String>(&["TYPE", &name(1)]) == "string").await;

        assert_eq!((before, cache.lookups("corrupt")), (None, 1));
        assert_eq!(cache.get(1).await.unwrap().payload, entry(1).payload);
    });
}

#[test]
fn names_hold_nothing_but_a_digest_and_entries_end() {
    run(async {
        let redis = RedisServer::start();
        let cache = TestCache::start(at(&redis.url()));
        cache.until_up().await;

        stored(&redis, &cache, 1).await;

        let is_ours = |name: &String| {
            name.strip_prefix("tts:{")
                .and_then(|rest| rest.strip_suffix('}'))
                .is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
        };
        let entries = redis.entries();
        assert!(entries.iter().all(is_ours), "{entries:?}");
        let ttl: u64 = redis.command(&["TTL", &name(1)]);
        assert!((3_500..=3_600).contains(&ttl), "{ttl}");
    });
}

#[test]
fn what_is_too_large_is_not_written() {
    run(async {
        let redis = RedisServer::start();
        let cache = TestCache::start(at(&redis.url()));
        cache.until_up().await;

        let large = tts_batch_api::cache::CacheEntry::new(vec![0; MAX_ENTRY_BYTES + 1]);
        cache.handle.store(key(1), &large);

        assert_eq!(cache.dropped_writes(), 1);
        assert!(redis.entries().is_empty());
    });
}
