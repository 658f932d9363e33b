//! Several tokens: none of them keeps another from its turn, its places or its room.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{BATCHES, as_token, counts, ended, get, hand_in, items, replica, send, taker, tokens};
use crate::redis::done;
use crate::support::{Answer, RedisServer, TestServer, until};

/// Short to write and long to keep: ten seconds of silence between two words.
fn pauses(count: usize) -> Value {
    let item = |number| json!({"text": format!("{number}. A."), "sentence_silence_ms": 10_000});
    json!((0..count).map(item).collect::<Vec<_>>())
}

/// What one of them takes at least.
const PAUSE_BYTES: u64 = 441_000;
/// Of one with its pause, at most.
const RESULT_BYTES: u64 = 500_000;

fn call(server: &TestServer, name: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
    as_token(server, &format!("secret of {name}"), method, path, body)
}

#[track_caller]
fn hand_in_as(server: &TestServer, name: &str, batch: &Value) -> String {
    let answer = call(server, name, Method::POST, BATCHES, Some(batch));
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Items of all batches of a token that are done.
fn done_of(server: &TestServer, name: &str) -> u64 {
    let listed = call(server, name, Method::GET, BATCHES, None).json();
    listed["data"].as_array().unwrap().iter().map(done).sum()
}

/// Another token's sentence comes after batches that would take long: few of their items are done before it.
#[track_caller]
fn assert_a_sentence_has_its_turn(server: &TestServer) {
    for number in 0..40 {
        let texts: Vec<String> =
            (0..3).map(|item| format!("Number {number} of forty, its item {item}, takes a while.")).collect();
        hand_in_as(server, "many", &json!({"items": items(&texts.iter().map(String::as_str).collect::<Vec<_>>())}));
    }
    let id = hand_in_as(server, "single", &json!({"items": items(&["A single sentence."])}));
    let before = done_of(server, "many");

    let path = format!("{BATCHES}/{id}");
    until("the sentence", || (call(server, "single", Method::GET, &path, None).json()["done"] == 1).then_some(()));

    let meanwhile = done_of(server, "many") - before;
    assert!(meanwhile <= 15, "{meanwhile} of 120 items came first");
}

#[test]
fn a_tokens_many_batches_keep_no_other_tokens_sentence_waiting() {
    let (_folder, file) = tokens(&[("many", ""), ("single", "")]);
    let settings = [("TTS_TOKENS_FILE", &*file), ("TTS_WORKERS", "1"), ("TTS_BATCH_WORKERS", "1")];
    let server = TestServer::start(&settings);

    assert_a_sentence_has_its_turn(&server);
}

#[test]
fn nor_where_replicas_share_them() {
    let redis = RedisServer::start();
    let (_folder, file) = tokens(&[("many", ""), ("single", "")]);

    assert_a_sentence_has_its_turn(&replica(&redis, &[("TTS_TOKENS_FILE", &file), ("TTS_BATCH_WORKERS", "1")]));
}

fn assert_places_are_shared(server: &TestServer) {
    let batch = json!({"items": items(&["x"])});
    let ids = [hand_in_as(server, "one", &batch), hand_in_as(server, "one", &batch)];

    let third = call(server, "one", Method::POST, BATCHES, Some(&batch));

    third.assert_error(429, "too_many_batches", None);
    assert_eq!(third.header("retry-after"), "30");
    hand_in_as(server, "two", &batch);
    let removed = call(server, "one", Method::DELETE, &format!("{BATCHES}/{}", ids[0]), None);
    assert_eq!(removed.status, 200);
    hand_in_as(server, "one", &batch);
}

#[test]
fn a_token_has_its_own_share_of_open_batches() {
    let (_folder, file) = tokens(&[("one", ""), ("two", "")]);
    let redis = RedisServer::start();
    let settings = [("TTS_TOKENS_FILE", &*file), ("TTS_BATCH_WORKERS", "0"), ("TTS_BATCH_MAX_OPEN_PER_TOKEN", "2")];

    assert_places_are_shared(&TestServer::start(&settings));
    assert_places_are_shared(&replica(&redis, &settings));
}

/// It ends with what it may have, and hands that out.
#[track_caller]
fn assert_bounded(server: &TestServer, id: &str, limit: u64) {
    let batch = ended(server, id);
    let bytes = batch["result_bytes"].as_u64().unwrap();
    assert_eq!(
        (batch["state"].as_str(), &batch["error"]["code"]),
        (Some("failed"), &json!("results_too_large")),
        "{batch}"
    );
    assert!(done(&batch) > 0 && (done(&batch) * PAUSE_BYTES..=limit).contains(&bytes), "{batch}");
    assert_eq!(get(server, &format!("{BATCHES}/{id}/archive")).status, 200);
}

#[test]
fn results_of_a_batch_are_bounded() {
    let redis = RedisServer::start();
    let settings = [("TTS_BATCH_MAX_RESULT_BYTES", "1400000"), ("TTS_BATCH_WORKERS", "1")];

    for server in [TestServer::start(&settings), replica(&redis, &settings)] {
        let id = hand_in(&server, &json!({"items": pauses(6)}));
        assert_bounded(&server, &id, 1_400_000);
    }
}

#[test]
fn results_of_a_token_are_bounded_until_it_removes_some() {
    let redis = RedisServer::start();
    let settings = [("TTS_BATCH_MAX_RESULT_BYTES_PER_TOKEN", "900000"), ("TTS_BATCH_WORKERS", "1")];

    for server in [TestServer::start(&settings), replica(&redis, &settings)] {
        let first = hand_in(&server, &json!({"items": pauses(1)}));
        assert_eq!(ended(&server, &first)["state"], "succeeded");
        let second = hand_in(&server, &json!({"items": pauses(1)}));
        assert_eq!(ended(&server, &second)["error"]["code"], "results_too_large");

        assert_eq!(send(&server, Method::DELETE, &format!("{BATCHES}/{first}")).status, 200);

        let third = hand_in(&server, &json!({"items": pauses(2)}));
        assert_bounded(&server, &third, 900_000);
    }
}

#[test]
fn what_a_lost_batch_took_is_not_counted_for_ever() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[("TTS_BATCH_MAX_RESULT_BYTES_PER_TOKEN", "900000")]);
    let lost = hand_in(&server, &json!({"items": pauses(1)}));
    ended(&server, &lost);
    let _: i64 = redis.command(&["DEL", &counts(&lost)]);

    let id = hand_in(&server, &json!({"items": pauses(1)}));

    assert_eq!(ended(&server, &id)["state"], "succeeded");
}

#[test]
fn pauses_do_not_fill_redis() {
    let redis = RedisServer::with(&["--maxmemory", "16mb", "--maxmemory-policy", "noeviction"]);
    let server = replica(&redis, &[("TTS_CACHE_ENABLED", "false"), ("TTS_BATCH_WORKERS", "3")]);

    let id = hand_in(&server, &json!({"items": pauses(60)}));

    // What other workers make at the same time is counted when it is kept: there are two.
    assert_bounded(&server, &id, (4 << 20) + 2 * RESULT_BYTES);
    assert_eq!(send(&server, Method::DELETE, &format!("{BATCHES}/{id}")).status, 200);
    let next = hand_in(&server, &json!({"items": items(&["Short."])}));
    assert_eq!(ended(&server, &next)["state"], "succeeded");
}

#[test]
fn a_redis_without_room_ends_the_batch_with_a_reason() {
    let redis = RedisServer::with(&["--maxmemory", "16mb", "--maxmemory-policy", "noeviction"]);
    let hands_in = taker(&redis);
    let id = hand_in(&hands_in, &json!({"items": items(&["x", "y"])}));
    let _: i64 = redis.command(&["SETRANGE", "of somebody else", "16000000", "x"]);
    let server = replica(&redis, &[]);

    let batch = ended(&server, &id);

    assert_eq!((&batch["error"]["code"], batch["failed"].as_u64()), (&json!("store_full"), Some(2)), "{batch}");
    server.post_json(BATCHES, &json!({"items": items(&["x"])})).assert_error(503, "over_capacity", None);
    assert_eq!(send(&server, Method::DELETE, &format!("{BATCHES}/{id}")).status, 200);
}
