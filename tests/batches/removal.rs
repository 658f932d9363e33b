//! What is removed is gone, though workers are in the middle of it, and so is what no ledger knows.
//!
//! `TTS_TEST_BATCH_ITEMS=9000 cargo test --release --test batches removal -- --nocapture` removes large batches and
//! prints how long that takes.

use std::path::Path;
use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{BATCHES, done_at_least, ended, get, hand_in, items, keys, replica, send};
use crate::redis::count;
use crate::support::{Bucket, Mood, RedisServer, TestServer, until};

const ITEMS: usize = 60;

/// Items of few texts: it is not about speaking them.
fn few(count: usize) -> Value {
    items(&["One.", "Two.", "Three.", "Four."].iter().cycle().take(count).copied().collect::<Vec<_>>())
}

/// Removes a batch in the middle of the work, and waits until nothing is left and nobody works on it.
#[track_caller]
fn assert_nothing_stays(server: &TestServer, place: &str, left: impl Fn(&str) -> usize) {
    let count = count(ITEMS);
    let id = hand_in(server, &json!({"items": few(count), "timestamps": true}));
    done_at_least(server, &id, (count / 4) as u64);
    assert!(left(&id) > 0);
    let began = Instant::now();

    let removed = send(server, Method::DELETE, &format!("{BATCHES}/{id}"));

    assert_eq!((removed.status, removed.json()["state"].as_str()), (200, Some("cancelled")));
    get(server, &format!("{BATCHES}/{id}")).assert_error(404, "batch_not_found", None);
    until("nobody to work on it", || (server.metric("tts_background_depth") == 0.0).then_some(()));
    until("nothing of it", || (left(&id) == 0).then_some(()));
    println!("{place}: nothing is left of {count} items after {:?}", began.elapsed());
    // Whoever had an item of it has put that away, too, before he takes another.
    let next = hand_in(server, &json!({"items": items(&["a", "b", "c", "d"])}));
    ended(server, &next);
    assert_eq!(left(&id), 0);
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn nothing_stays_in_redis_of_a_batch_that_is_removed_in_work() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[]);

    assert_nothing_stays(&server, "Redis", |id| keys(&redis, &format!("*{id}*")).len());
}

#[test]
fn nothing_stays_in_a_folder_of_a_batch_that_is_removed_in_work() {
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let store = format!("file://{}", folder.path().display());
    let server = replica(&redis, &[("TTS_BATCH_STORE", &store)]);

    assert_nothing_stays(&server, "a folder, by Redis", |id| files(&folder.path().join(id)));
}

#[test]
fn nothing_stays_in_a_folder_without_redis() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file://{}", folder.path().display());
    let server = TestServer::start(&[("TTS_BATCH_STORE", &store)]);

    assert_nothing_stays(&server, "a folder", |id| files(&folder.path().join(id)));
}

#[test]
fn nothing_stays_in_a_bucket_of_a_batch_that_is_removed_in_work() {
    let (redis, bucket) = (RedisServer::start(), Bucket::start(Mood::Well));
    let server = replica(&redis, &bucket.variables("secret"));

    assert_nothing_stays(&server, "a bucket", |id| {
        bucket.objects.lock().unwrap().keys().filter(|path| path.contains(id)).count()
    });
}

#[test]
fn results_that_no_ledger_knows_are_removed_when_their_time_is_over() {
    let (redis, folder) = (RedisServer::start(), tempfile::tempdir().unwrap());
    let store = format!("file://{}", folder.path().display());
    let server = replica(&redis, &[("TTS_BATCH_STORE", &store), ("TTS_BATCH_TTL_SECONDS", "4")]);
    let id = hand_in(&server, &json!({"items": items(&["x"])}));
    ended(&server, &id);
    std::fs::create_dir(folder.path().join("of somebody else")).unwrap();
    std::fs::write(folder.path().join("of somebody else/file"), "x").unwrap();
    assert_eq!(files(&folder.path().join(&id)), 1);

    let _: String = redis.command(&["FLUSHALL"]);

    until("no results", || (!folder.path().join(&id).exists()).then_some(()));
    assert_eq!(files(folder.path()), 1);
}
