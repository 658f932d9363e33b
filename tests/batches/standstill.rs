//! Redis loses keys, by eviction or as a whole: whatever is lost, each batch ends with a reason or goes on, and none
//! keeps others from their turn.

use serde_json::{Value, json};

use crate::client::{BATCHES, counts, done_at_least, ended, get, hand_in, items, keys, replica, taker};
use crate::redis::{done, many};
use crate::support::{RedisServer, TestServer, until};

fn forget(redis: &RedisServer, key: &str) {
    let forgotten: i64 = redis.command(&["DEL", key]);
    assert_eq!(forgotten, 1, "{key}");
}

fn stream(id: &str) -> String {
    format!("{}:items", counts(id))
}

/// It ended for this reason, which each item without a result has, too.
#[track_caller]
fn assert_failed(batch: &Value, code: &str) {
    assert_eq!((batch["state"].as_str(), &batch["error"]["code"]), (Some("failed"), &json!(code)), "{batch}");
    let results = batch["results"].as_array().unwrap();
    for item in results.iter().filter(|item| item["state"] != "done") {
        assert_eq!((item["state"].as_str(), &item["error"]["code"]), (Some("failed"), &json!(code)), "{item}");
    }
}

#[test]
fn a_batch_whose_items_are_lost_while_it_is_handed_in_is_refused() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[]);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| server.post_json(BATCHES, &json!({"items": many(10_000)})));
        until("some items", || (!keys(&redis, "*:items").is_empty()).then_some(()));
        let _: String = redis.command(&["FLUSHALL"]);

        let answer = answer.join().unwrap();

        // If the last item was there before, the batch is lost, and says so.
        if answer.status == 202 {
            let path = format!("{BATCHES}/{}", answer.json()["id"].as_str().unwrap());
            get(&server, &path).assert_error(404, "batch_not_found", None);
        } else {
            answer.assert_error(503, "batches_unavailable", None);
        }
    });
    let id = hand_in(&server, &json!({"items": items(&["Still here."])}));
    assert_eq!(ended(&server, &id)["state"], "succeeded");
}

#[test]
fn a_batch_whose_items_are_evicted_ends_with_a_reason() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[]);
    let id = hand_in(&server, &json!({"items": many(60)}));
    done_at_least(&server, &id, 10);

    forget(&redis, &stream(&id));

    let batch = ended(&server, &id);
    assert_failed(&batch, "items_lost");
    assert!((10..60).contains(&done(&batch)), "{batch}");
    assert_eq!(batch["failed"].as_u64(), Some(60 - done(&batch)));
    assert_eq!(get(&server, &format!("{BATCHES}/{id}/archive")).status, 200);
}

#[test]
fn without_anybody_who_works_on_it_too() {
    let redis = RedisServer::start();
    let server = taker(&redis);
    let id = hand_in(&server, &json!({"items": items(&["x", "y"])}));

    forget(&redis, &stream(&id));

    assert_failed(&ended(&server, &id), "items_lost");
}

#[test]
fn batches_whose_items_were_evicted_keep_no_other_waiting() {
    let redis = RedisServer::start();
    let server = taker(&redis);
    let lost: Vec<String> = (0..40).map(|_| hand_in(&server, &json!({"items": items(&["x"])}))).collect();
    for id in &lost {
        forget(&redis, &stream(id));
    }
    for id in &lost[..5] {
        forget(&redis, &counts(id));
    }
    let id = hand_in(&server, &json!({"items": items(&["Here."])}));
    let server = replica(&redis, &[]);

    let batch = ended(&server, &id);

    assert_eq!(batch["state"], "succeeded");
    for id in &lost[5..] {
        assert_failed(&ended(&server, id), "items_lost");
    }
    until("nothing to work on", || keys(&redis, "{tts-batch}:active").is_empty().then_some(()));
}

#[test]
fn a_batch_that_is_lost_from_the_list_of_those_that_go_on_goes_on() {
    let redis = RedisServer::start();
    let server = taker(&redis);
    let id = hand_in(&server, &json!({"items": items(&["x", "y"])}));
    forget(&redis, "{tts-batch}:active");

    let server = replica(&redis, &[]);

    assert_eq!(ended(&server, &id)["state"], "succeeded");
}

#[test]
fn a_batch_whose_outcomes_are_evicted_says_so_when_it_ends() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[]);
    let id = hand_in(&server, &json!({"items": many(60)}));
    done_at_least(&server, &id, 10);

    forget(&redis, &format!("{}:outcomes", counts(&id)));

    assert_failed(&ended(&server, &id), "results_lost");
}

#[test]
fn what_is_left_of_a_batch_whose_record_is_evicted_is_removed() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[]);
    let id = hand_in(&server, &json!({"items": many(20)}));
    ended(&server, &id);
    assert_eq!(keys(&redis, &format!("tts-batch-result:{id}:*")).len(), 20);

    forget(&redis, &counts(&id));

    until("nothing of it", || keys(&redis, &format!("*{id}*")).is_empty().then_some(()));
}

#[test]
fn a_name_whose_batch_is_lost_is_free_again() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[]);
    let hand_in = |server: &TestServer| {
        let request = server.post(BATCHES).header("idempotency-key", "monday").json(&json!({"items": items(&["x"])}));
        crate::support::Answer::of(request.send().unwrap())
    };
    let first = hand_in(&server).json()["id"].as_str().unwrap().to_owned();
    forget(&redis, &counts(&first));

    let again = hand_in(&server);

    assert_eq!(again.status, 202, "{}", again.text());
    let id = again.json()["id"].as_str().unwrap().to_owned();
    assert_ne!(id, first);
    assert_eq!(ended(&server, &id)["state"], "succeeded");
}

/// Each is a field that a script counts with, or the kind of a key.
#[test]
fn a_batch_whose_record_is_damaged_holds_up_no_other() {
    let redis = RedisServer::start();
    let server = replica(&redis, &[("TTS_BATCH_WORKERS", "1")]);
    for damage in ["bytes", "done", "begun", "items", "about"] {
        let damaged = hand_in(&server, &json!({"items": many(60)}));
        done_at_least(&server, &damaged, 1);
        match damage {
            "items" => {
                let _: i64 = redis.command(&["DEL", &stream(&damaged)]);
                let _: String = redis.command(&["SET", &stream(&damaged), "garbage"]);
            }
            "about" => {
                let _: redis::Value = redis.command(&[
                    "EVAL",
                    "return redis.call('HSET', KEYS[1], 'about', '\\255')",
                    "1",
                    &counts(&damaged),
                ]);
            }
            field => {
                let _: i64 = redis.command(&["HSET", &counts(&damaged), field, "garbage"]);
            }
        }

        let other = hand_in(&server, &json!({"items": items(&["Nothing holds this up."])}));

        assert_eq!(ended(&server, &other)["state"], "succeeded", "{damage}");
        assert_eq!(get(&server, BATCHES).status, 200, "{damage}");
    }
}
