//! Several replicas and Redis: every item is done once, whoever dies on the way.
//!
//! `TTS_TEST_BATCH_ITEMS=1000 cargo test --release --test batches redis -- --nocapture` runs longer and prints what it
//! saw.

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{BATCHES, done_at_least, ended, get, hand_in, items, replica};
use crate::support::{Answer, RedisCluster, RedisServer, TOKEN, TestServer, until};

/// Done by no test in another time than by any other: few different texts, in batches of many.
const DIFFERENT: usize = 40;
const ITEMS: usize = 300;

/// So many, unless whoever runs the tests wants others.
pub fn count(usual: usize) -> usize {
    std::env::var("TTS_TEST_BATCH_ITEMS").map_or(usual, |count| count.parse().unwrap())
}

pub fn many(count: usize) -> Value {
    let texts: Vec<String> =
        (0..count).map(|number| format!("Sentence number {} is spoken.", number % DIFFERENT)).collect();
    items(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

pub fn done(batch: &Value) -> u64 {
    batch["done"].as_u64().unwrap()
}

/// All items are done, and each has its own audio.
#[track_caller]
fn assert_whole(server: &TestServer, id: &str, count: usize) {
    let mut seen = 0;
    for offset in (0..count).step_by(1_000) {
        let page = get(server, &format!("{BATCHES}/{id}?limit=1000&offset={offset}")).json();
        for item in page["results"].as_array().unwrap() {
            assert_eq!((item["index"].as_u64(), item["state"].as_str()), (Some(seen), Some("done")));
            seen += 1;
        }
    }
    assert_eq!(seen, count as u64);
    for index in 0..DIFFERENT.min(count) {
        let audio = get(server, &format!("{BATCHES}/{id}/items/{index}/audio"));
        let spoken =
            server.post_json("/v1/synthesizeSpeech", &json!({"text": format!("Sentence number {index} is spoken.")}));
        assert_eq!(audio.body, spoken.body, "item {index}");
    }
}

#[test]
fn three_replicas_do_each_item_once_though_two_are_killed() {
    let redis = RedisServer::start();
    let count = count(ITEMS);
    let (first, mut second, third) = (replica(&redis, &[]), replica(&redis, &[]), replica(&redis, &[]));
    let id = hand_in(&first, &json!({"items": many(count)}));
    for part in [4, 2] {
        done_at_least(&first, &id, (count / part) as u64);
        second.signal(Signal::SIGKILL);
        second.wait();
        second = replica(&redis, &[]);
    }

    let batch = ended(&third, &id);

    let begun: i64 = redis.command(&["HGET", &format!("{{tts-batch}}:{id}"), "begun"]);
    println!("{count} items, begun {begun} times: {:.2} % twice", (begun as f64 / count as f64 - 1.0) * 100.0);
    assert_eq!((batch["state"].as_str(), done(&batch)), (Some("succeeded"), count as u64));
    assert_eq!((batch["repeated"].as_u64(), batch["durable"].as_bool()), (Some(0), Some(true)));
    // Each replica that was killed had two items at most.
    assert!((count as i64..=count as i64 + 4).contains(&begun), "{begun}");
    assert_whole(&third, &id, count);
    assert!([&first, &third].iter().all(|server| server.metric("tts_batch_items_total{result=\"done\"}") > 0.0));
}

#[test]
fn redis_is_killed_and_comes_back_and_the_batch_ends() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let server = replica(&redis, &[]);
    let id = hand_in(&server, &json!({"items": many(150)}));
    done_at_least(&server, &id, 30);

    redis.restart();

    until("the batch to be seen again", || (get(&server, &format!("{BATCHES}/{id}")).status == 200).then_some(()));
    let batch = ended(&server, &id);
    assert_eq!((batch["state"].as_str(), done(&batch)), (Some("succeeded"), 150));
    assert_whole(&server, &id, 150);
}

#[test]
fn a_name_is_that_of_one_batch_until_it_is_removed() {
    let redis = RedisServer::start();
    let server = TestServer::start(&[
        ("TTS_REDIS_URL", &redis.url()),
        ("TTS_REDIS_TIMEOUT_MS", "10000"),
        ("TTS_BATCH_WORKERS", "0"),
        ("TTS_BATCH_MAX_OPEN", "2"),
    ]);
    let hand_in = |name: &str, text: &str| {
        let request = server.post(BATCHES).header("idempotency-key", name).json(&json!({"items": items(&[text])}));
        Answer::of(request.send().unwrap())
    };
    let id = |answer: &Answer| answer.json()["id"].as_str().unwrap().to_owned();

    let first = hand_in("monday", "One.");
    assert_eq!((first.status, id(&hand_in("monday", "One."))), (202, id(&first)));
    hand_in("monday", "Another.").assert_error(409, "idempotency_conflict", None);
    assert_eq!(hand_in("tuesday", "Two.").status, 202);
    hand_in("wednesday", "Three.").assert_error(503, "over_capacity", None);
    let removed = server.request(Method::DELETE, &format!("{BATCHES}/{}", id(&first))).header("user-token", TOKEN);
    assert_eq!(removed.send().unwrap().status(), 200);

    let again = hand_in("monday", "One.");

    assert_eq!(again.status, 202, "{}", again.text());
    assert_ne!(id(&again), id(&first));
    let streams: Vec<String> = redis.command(&["KEYS", "*:items"]);
    assert_eq!(streams.len(), 2, "{streams:?}: nothing stays of what was refused");
}

#[test]
fn while_redis_is_away_batches_say_so_and_speech_goes_on() {
    let mut redis = RedisServer::start();
    let server = replica(&redis, &[]);
    redis.kill();

    let batch = json!({"items": items(&["x"])});
    until("the loss", || (server.post_json(BATCHES, &batch).status == 503).then_some(()));

    assert_eq!(server.post_json("/v1/synthesizeSpeech", &json!({"text": "Still here."})).status, 200);
    server.post_json(BATCHES, &batch).assert_error(503, "batches_unavailable", None);
}

#[test]
fn an_item_that_kills_whoever_takes_it_is_given_up() {
    let redis = RedisServer::start();
    let taker = TestServer::start(&[("TTS_REDIS_URL", &redis.url()), ("TTS_BATCH_WORKERS", "0")]);
    let id = hand_in(&taker, &json!({"items": items(&["x"])}));
    let stream = format!("{{tts-batch}}:{id}:items");
    // As replicas would that die with it in their hands.
    for number in 0..3 {
        let consumer = format!("dead-{number}");
        let _: redis::Value = match number {
            0 => redis.command(&["XREADGROUP", "GROUP", "workers", &consumer, "COUNT", "1", "STREAMS", &stream, ">"]),
            _ => redis.command(&["XAUTOCLAIM", &stream, "workers", &consumer, "0", "0-0"]),
        };
    }
    let server = replica(&redis, &[]);

    let batch = ended(&server, &id);

    assert_eq!((batch["state"].as_str(), &batch["results"][0]["error"]["code"]), (Some("failed"), &json!("gave_up")));
    let left: Vec<String> = redis.command(&["KEYS", &stream]);
    assert!(left.is_empty());
}

#[test]
fn a_cluster_keeps_batches_too() {
    let cluster = RedisCluster::start();
    let server = TestServer::start(&[("TTS_REDIS_URL", &cluster.url()), ("TTS_REDIS_TIMEOUT_MS", "10000")]);
    let id = hand_in(&server, &json!({"items": many(20)}));

    let batch = ended(&server, &id);

    assert_eq!((batch["state"].as_str(), done(&batch)), (Some("succeeded"), 20));
    assert_whole(&server, &id, 20);
}
