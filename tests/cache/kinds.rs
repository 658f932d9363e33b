//! Every kind of Redis that a URL can name: entries are written, found and gone again alike.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tts_batch_api::cache::{CacheHit, LeaseOutcome};

use crate::cache::{TestCache, at, entry, key, run, until};
use crate::support::{RedisCluster, RedisServer};

const KEYS: usize = 200;

/// Writes many entries and finds them; takes and gives back a lease.
async fn assert_serves(url: &str, entries: impl Fn() -> usize) {
    let cache = TestCache::start(at(url));
    cache.until_up().await;

    (0..KEYS).for_each(|number| cache.store(number));
    until("every entry to be written", || entries() == KEYS).await;
    let keys: Vec<_> = (0..=KEYS).map(key).collect();
    let looked = cache.handle.lookup(&keys, true).await;
    let turn = cache.handle.turn(&key(KEYS)).await;
    let made = cache.handle.turn(&key(0)).await;

    for (number, found) in looked.found.iter().take(KEYS).enumerate() {
        assert_eq!(found.as_ref().map(|found| &found.entry.payload), Some(&entry(number).payload), "{url}: {number}");
    }
    assert_eq!(looked.found.last(), Some(&None));
    assert!(matches!(turn, LeaseOutcome::Ours(Some(_))), "no lease");
    assert!(matches!(made, LeaseOutcome::Made(CacheHit { .. })), "an entry that is there is made again");
    assert_eq!((cache.dropped_writes(), cache.breaker()), (0, 0));
}

#[test]
fn a_server_over_tcp() {
    run(async {
        let redis = RedisServer::start();

        assert_serves(&redis.url(), || redis.entries().len()).await;
    });
}

#[test]
fn a_server_over_a_unix_socket() {
    run(async {
        let redis = RedisServer::start();

        assert_serves(&format!("redis+unix://{}", redis.socket().display()), || redis.entries().len()).await;
    });
}

#[test]
fn a_server_with_a_password_and_another_database() {
    run(async {
        let redis = RedisServer::start();
        let _: redis::Value = redis.command(&["CONFIG", "SET", "requirepass", "p@ss/word"]);
        let counted = || {
            let url = format!("redis://:p%40ss%2Fword@127.0.0.1:{}/3", redis.port());
            let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
            redis::cmd("DBSIZE").query(&mut connection).unwrap()
        };

        assert_serves(&format!("redis://:p%40ss%2Fword@127.0.0.1:{}/3", redis.port()), counted).await;
    });
}

#[test]
fn a_cluster_of_three_nodes_each_of_which_has_a_part() {
    run(async {
        let cluster = RedisCluster::start();
        let counted = || cluster.nodes().iter().map(|node| node.entries().len()).sum();

        assert_serves(&cluster.url(), counted).await;

        assert!(cluster.nodes().iter().all(|node| node.entries().len() > KEYS / 10));
    });
}

/// A sentinel that watches one master; gone when this is.
struct Sentinel {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Sentinel {
    fn watching(master: u16) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("sentinel.conf");
        std::fs::write(&config, format!("port {port}\nsentinel monitor main 127.0.0.1 {master} 1\n")).unwrap();
        let mut command = Command::new("redis-server");
        command.arg(&config).arg("--sentinel").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { process: command.spawn().unwrap(), port, _folder: folder }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_master_that_sentinels_name() {
    run(async {
        let redis = RedisServer::start();
        let sentinel = Sentinel::watching(redis.port());

        assert_serves(&format!("redis-sentinel://127.0.0.1:{}#main", sentinel.port), || redis.entries().len()).await;
    });
}

#[test]
fn a_server_that_shows_no_certificate_is_not_spoken_to() {
    run(async {
        let redis = RedisServer::start();
        let mut settings = at(&format!("rediss://127.0.0.1:{}", redis.port()));
        settings.redis.connect_timeout = Duration::from_millis(500);
        let cache = TestCache::start(settings);

        cache.until_down().await;

        assert!(cache.get(1).await.is_none());
    });
}
