//! What callers of batches do.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, RedisServer, TOKEN, TestServer, until};

pub const BATCHES: &str = "/v1/batches";

/// Hands in a batch, which must be taken; its id.
#[track_caller]
pub fn hand_in(server: &TestServer, batch: &Value) -> String {
    let answer = server.post_json(BATCHES, batch);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("{BATCHES}/{id}"));
    id
}

/// Texts as items.
pub fn items(texts: &[&str]) -> Value {
    json!(texts.iter().map(|text| json!({"text": text})).collect::<Vec<_>>())
}

pub fn send(server: &TestServer, method: Method, path: &str) -> Answer {
    Answer::of(server.request(method, path).header("user-token", TOKEN).send().unwrap())
}

pub fn get(server: &TestServer, path: &str) -> Answer {
    send(server, Method::GET, path)
}

#[track_caller]
pub fn batch(server: &TestServer, id: &str) -> Value {
    let answer = get(server, &format!("{BATCHES}/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The batch, once it has ended. It may take as long as it likes while items of it are done.
#[track_caller]
pub fn ended(server: &TestServer, id: &str) -> Value {
    when(server, id, "the end of the batch", |batch| matches!(batch["state"].as_str(), Some("succeeded" | "failed")))
}

/// The batch, once that many of its items are done.
#[track_caller]
pub fn done_at_least(server: &TestServer, id: &str, count: u64) -> Value {
    when(server, id, "a part of the items", |batch| batch["done"].as_u64() >= Some(count))
}

fn when(server: &TestServer, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut before = batch(server, id);
    while !is_so(&before) {
        before = until(what, || {
            let now = batch(server, id);
            (is_so(&now) || now["progress"] != before["progress"]).then_some(now)
        });
    }
    before
}

/// A replica with these settings beside the ones that tests have.
pub fn replica(redis: &RedisServer, more: &[(&str, &str)]) -> TestServer {
    let url = redis.url();
    let usual = [
        ("TTS_REDIS_URL", &*url),
        ("TTS_REDIS_TIMEOUT_MS", "10000"),
        ("TTS_WORKERS", "1"),
        ("TTS_BATCH_WORKERS", "2"),
        ("TTS_BATCH_CLAIM_MS", "5000"),
    ];
    TestServer::start(&[&usual, more].concat())
}

/// A replica that takes batches and works on none.
pub fn taker(redis: &RedisServer) -> TestServer {
    replica(redis, &[("TTS_BATCH_WORKERS", "0")])
}

/// A call with another token than that of the tests.
pub fn as_token(server: &TestServer, secret: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = server.request(method, path).bearer_auth(secret);
    let request = if let Some(body) = body { request.json(body) } else { request };
    Answer::of(request.send().unwrap())
}

/// A file of tokens by these names, whose secrets are `secret of NAME`.
pub fn tokens(entries: &[(&str, &str)]) -> (tempfile::TempDir, String) {
    use sha2::{Digest, Sha256};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.toml");
    let entry = |(name, more): &(&str, &str)| {
        let digest = Sha256::digest(format!("secret of {name}"));
        let digest = digest.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
        format!("[[token]]\nname = \"{name}\"\nsha256 = \"{digest}\"\nscopes = [\"speak\"]\n{more}\n")
    };
    std::fs::write(&file, entries.iter().map(entry).collect::<String>()).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (folder, file)
}

/// Keys of batches in Redis that match a pattern.
pub fn keys(redis: &RedisServer, pattern: &str) -> Vec<String> {
    redis.command(&["KEYS", pattern])
}

/// The hash of a batch's counts.
pub fn counts(id: &str) -> String {
    format!("{{tts-batch}}:{id}")
}
