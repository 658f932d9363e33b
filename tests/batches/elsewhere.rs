//! What a replica lacks, a voice or a limit, is left to those that have it, for a while.

use serde_json::{Value, json};

use crate::client::{batch, counts, ended, hand_in, items, replica, taker};
use crate::redis::done;
use crate::support::{ModelsFolder, RedisServer, VOICE, until};

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
fn what_a_replica_has_no_voice_for_is_done_by_one_that_has_it() {
    let (redis, both, one) = (
        RedisServer::start(),
        ModelsFolder::with_copies(&[VOICE, "xx_XX-other-low"]),
        ModelsFolder::with_copies(&[VOICE]),
    );
    let voices = |folder: &str, workers: &str| {
        let voices =
            [("TTS_MODELS_DIR", folder), ("TTS_VOICES", "*"), ("TTS_DEFAULT_VOICE", VOICE), ("TTS_OFFLINE", "true")];
        replica(&redis, &[&voices[..], &[("TTS_BATCH_WORKERS", workers)]].concat())
    };
    let item = |voice: &str| json!({"text": "Who says this?", "voice_id": voice});
    let id = hand_in(&voices(both.name(), "0"), &json!({"items": [item(VOICE), item("xx_XX-other-low"), item(VOICE)]}));
    let lacking = voices(one.name(), "2");
    until("what it has no voice for is left", || {
        let left: usize = redis.command(&["HLEN", &format!("{}:left", counts(&id))]);
        (left == 1 && done(&batch(&lacking, &id)) == 2).then_some(())
    });

    let _able = voices(both.name(), "2");

    let batch = ended(&lacking, &id);
    let spoke: Vec<&str> = (0..3).filter_map(|index| batch["results"][index]["audio"]["voice_id"].as_str()).collect();
    assert_eq!((batch["state"].as_str(), spoke), (Some("succeeded"), vec![VOICE, "xx_XX-other-low", VOICE]));
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
