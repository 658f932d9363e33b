//! Two versions of the service on one Redis: what one does not know it leaves to the other, and everything else goes
//! on.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{BATCHES, batch, counts, ended, get, hand_in, items, keys, replica, send, taker};
use crate::support::RedisServer;

/// The record of a batch, as another version would write it.
fn rewrite(redis: &RedisServer, id: &str, change: impl FnOnce(&mut Value)) {
    let about: String = redis.command(&["HGET", &counts(id), "about"]);
    let mut about: Value = serde_json::from_str(&about).unwrap();
    change(&mut about);
    let _: i64 = redis.command(&["HSET", &counts(id), "about", &about.to_string(), "mood", "sunny"]);
}

#[test]
fn batches_of_another_version_are_named_once_and_left_to_who_knows_them() {
    let redis = RedisServer::start();
    let server = taker(&redis);
    let ids: Vec<String> = (0..2).map(|_| hand_in(&server, &json!({"items": items(&["x"])}))).collect();
    rewrite(&redis, &ids[0], |about| about["version"] = json!(99));
    rewrite(&redis, &ids[1], |about| *about = json!({"everything": "else"}));
    let server = replica(&redis, &[]);
    let id = hand_in(&server, &json!({"items": items(&["Ours."])}));

    assert_eq!(ended(&server, &id)["state"], "succeeded");

    let listed = get(&server, BATCHES).json();
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["data"][0]["id"]), (1, &json!(id)), "{listed}");
    for id in &ids {
        let path = format!("{BATCHES}/{id}");
        get(&server, &path).assert_error(503, "batch_of_another_version", None);
        send(&server, Method::DELETE, &path).assert_error(503, "batch_of_another_version", None);
        let waiting: i64 = redis.command(&["XLEN", &format!("{}:items", counts(id))]);
        let active: Option<f64> = redis.command(&["ZSCORE", "{tts-batch}:active", id]);
        assert_eq!((waiting, active.is_some()), (1, true));
    }
    let log = server.stop();
    for id in &ids {
        let named = log.iter().filter(|line| line.contains("another version") && line.contains(id.as_str())).count();
        assert_eq!(named, 1, "{log:?}");
    }
}

#[test]
fn a_batch_of_another_version_that_nobody_knows_is_gone_when_its_time_is_over() {
    let redis = RedisServer::start();
    let server = taker(&redis);
    let id = hand_in(&server, &json!({"items": items(&["x"])}));
    rewrite(&redis, &id, |about| about["version"] = json!(99));
    let _server = replica(&redis, &[]);

    // As Redis does then.
    let _: i64 = redis.command(&["DEL", &counts(&id), &format!("{}:items", counts(&id))]);

    crate::support::until("nothing of it", || {
        let active: Option<f64> = redis.command(&["ZSCORE", "{tts-batch}:active", &id]);
        (active.is_none() && keys(&redis, &format!("*{id}*")).is_empty()).then_some(())
    });
}

#[test]
fn what_another_version_adds_to_a_record_disturbs_nobody() {
    let redis = RedisServer::start();
    let server = taker(&redis);
    let id = hand_in(&server, &json!({"items": items(&["x", "y"])}));
    rewrite(&redis, &id, |about| about["colour"] = json!({"red": 1}));
    let old = hand_in(&server, &json!({"items": items(&["z"])}));
    // A version that knows neither versions nor names of items.
    rewrite(&redis, &old, |about| {
        let about = about.as_object_mut().unwrap();
        assert!(about.remove("version").is_some() && about.remove("has_custom_ids").is_some());
    });
    let server = replica(&redis, &[]);

    assert_eq!([&id, &old].map(|id| ended(&server, id)["state"].clone()), ["succeeded", "succeeded"]);

    let _: i64 = redis.command(&["HSET", &format!("{}:outcomes", counts(&id)), "1", "{\"state\":\"paused\"}"]);
    let results = batch(&server, &id)["results"].clone();
    assert_eq!(
        (&results[0]["state"], &results[1]["error"]["code"]),
        (&json!("done"), &json!("result_of_another_version"))
    );
}

#[test]
fn an_item_that_nobody_can_read_fails_and_says_why() {
    let redis = RedisServer::start();
    let server = taker(&redis);
    let id = hand_in(&server, &json!({"items": items(&["x"])}));
    let stream = format!("{}:items", counts(&id));
    let entries: Vec<(String, Vec<String>)> = redis.command(&["XRANGE", &stream, "-", "+"]);
    // Never without an item: such a batch is lost.
    let _: String = redis.command(&["XADD", &stream, "*", "n", "0", "item", "{\"words\":[]}"]);
    let _: i64 = redis.command(&["XDEL", &stream, &entries[0].0]);
    let server = replica(&redis, &[("TTS_BATCH_LEAVE_MS", "0")]);

    let batch = ended(&server, &id);

    assert_eq!(batch["results"][0]["error"]["code"], "item_of_another_version", "{batch}");
}
