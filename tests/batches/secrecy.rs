//! What was said stays nowhere once it is spoken.

use std::path::Path;

use serde_json::json;

use crate::client::{ended, get, hand_in};
use crate::support::{RedisServer, TestServer};

/// A word that nothing else in the service says.
const CANARY: &str = "quetzalcoatlus";

/// Every file below a folder that holds the word.
fn holding_it(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding_it(&path));
        } else if path.is_file() && contains(&std::fs::read(&path).unwrap()) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn contains(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|window| window.eq_ignore_ascii_case(CANARY.as_bytes()))
}

#[test]
fn after_a_batch_neither_redis_nor_disk_nor_log_holds_its_text() {
    let redis = RedisServer::with(&["--appendonly", "yes"]);
    let results = tempfile::tempdir().unwrap();
    let server = TestServer::start(&[
        ("TTS_REDIS_URL", &redis.url()),
        ("TTS_REDIS_TIMEOUT_MS", "10000"),
        ("TTS_LOG_LEVEL", "trace"),
        ("TTS_BATCH_STORE", &format!("file://{}", results.path().display())),
    ]);
    let texts: Vec<_> = (0..20).map(|number| json!({"text": format!("{CANARY} number {number}.")})).collect();
    let id = hand_in(&server, &json!({"items": texts}));

    let batch = ended(&server, &id);

    assert_eq!(batch["state"], "succeeded");
    assert_eq!(get(&server, &format!("/v1/batches/{id}/items/7/audio")).status, 200);
    assert_eq!(std::fs::read_dir(results.path().join(&id)).unwrap().count(), 20);
    let metrics = server.get("/metrics");
    for line in server.stop() {
        assert!(!contains(line.as_bytes()), "{line}");
    }
    assert!(!contains(&metrics.body));
    // What is deleted is in the file of commands until that is written anew.
    let _: String = redis.command(&["BGREWRITEAOF"]);
    crate::support::until("the new file", || (redis.info("aof_rewrite_in_progress") == 0).then_some(()));
    crate::support::until("a clean folder", || holding_it(redis.folder()).is_empty().then_some(()));
    assert!(holding_it(results.path()).is_empty());
    let keys: Vec<String> = redis.command(&["KEYS", "*"]);
    assert!(!keys.is_empty());
    for key in keys {
        let dumped: Vec<u8> = redis.command(&["DUMP", &key]);
        assert!(!contains(key.as_bytes()) && !contains(&dumped), "{key}");
    }
}
