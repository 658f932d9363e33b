//! What a replica lacks, a voice or a limit, is left to those that have it, for a while.

use serde_json::{Value, json};

use crate::client::{batch, counts, ended, hand_in, items, replica, taker};
use crate::redis::done;
use crate::support::{RedisServer, VOICE, until};

const LONG: &str = "This is longer than some replicas take.";

/// Some items that every replica can do, and more that those with a low limit cannot.
fn mixed() -> Value {
    let texts: Vec<&str> = (0..20).map(|number| if number % 4 == 0 { "Short." } else { LONG }).collect();
    items(&texts)
}

#[test]
fn what_a_replica_cannot_do_is_done_by_one_that_can() {
    let redis = RedisServer::start();
    let hands_in = taker(&redis);
    let id = hand_in(&hands_in, &json!({"items": mixed()}));
    let limited = replica(&redis, &[("TTS_MAX_TEXT_CHARS", "20")]);
    until("all that it leaves", || {
        let left: usize = redis.command(&["HLEN", &format!("{}:left", counts(&id))]);
        (left == 15 && done(&batch(&limited, &id)) == 5).then_some(())
    });

    let _able = replica(&redis, &[]);

    let batch = ended(&limited, &id);
    assert_eq!((batch["state"].as_str(), done(&batch), batch["repeated"].as_u64()), (Some("succeeded"), 20, Some(0)));
    // Each item that was left was begun once by either, unless both had it at a time.
    let begun: usize = redis.command(&["HGET", &counts(&id), "begun"]);
    assert!((35..40).contains(&begun), "{begun}");
}

#[test]
fn what_nobody_can_do_fails_with_its_reason() {
    let redis = RedisServer::start();
    let hands_in = taker(&redis);
    let id = hand_in(&hands_in, &json!({"items": mixed()}));
    let other = hand_in(&hands_in, &json!({"items": [{"text": "Hi.", "voice_id": VOICE}]}));
    let limits = [("TTS_MAX_TEXT_CHARS", "20"), ("TTS_BATCH_LEAVE_MS", "1000")];
    let replicas = [replica(&redis, &limits), replica(&redis, &limits)];

    let batch = ended(&replicas[0], &id);

    assert_eq!((done(&batch), batch["failed"].as_u64()), (5, Some(15)));
    for item in batch["results"].as_array().unwrap().iter().filter(|item| item["state"] == "failed") {
        assert_eq!(item["error"]["code"], "text_too_long");
        assert!(item["error"]["message"].as_str().unwrap().starts_with("no replica can do it: "), "{item}");
    }
    assert_eq!(ended(&replicas[1], &other)["state"], "succeeded");
}
