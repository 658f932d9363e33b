//! Answers that are kept: what a repeated request costs, and what counts as the same request.

use serde_json::{Value, json};

use crate::support::{Answer, TestServer, VOICE};
use crate::{SYNTHESIZE, with};

const L1_HITS: &str = "tts_cache_lookups_total{result=\"hit\",tier=\"l1\"}";
const L1_MISSES: &str = "tts_cache_lookups_total{result=\"miss\",tier=\"l1\"}";

#[test]
fn a_repeated_request_is_a_hit_with_the_same_bytes_and_no_synthesis() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "Once is enough."});
    let first = server.post_json(SYNTHESIZE, &body);
    let computed = server.sentences();

    let second = server.post_json(SYNTHESIZE, &body);

    assert_eq!((first.header("x-cache"), second.header("x-cache")), ("MISS", "HIT-L1"));
    assert!(first.body == second.body, "the bytes differ");
    for header in ["content-type", "x-voice-id", "x-sample-rate", "x-audio-duration"] {
        assert_eq!(first.header(header), second.header(header));
    }
    assert_eq!((computed, server.sentences()), (1.0, 1.0));
    assert_eq!((server.metric(L1_MISSES), server.metric(L1_HITS)), (1.0, 1.0));
}

#[test]
fn a_caller_who_forbids_storing_is_neither_answered_from_the_cache_nor_kept_in_it() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "Leave no trace."});
    let private = |directives: &str| {
        let request = server.post(SYNTHESIZE).header("cache-control", directives).json(&body);
        Answer::of(request.send().unwrap()).header("x-cache").to_owned()
    };

    let first = private("no-store");
    let after_it = server.post_json(SYNTHESIZE, &body).header("x-cache").to_owned();
    let after_a_hit_is_there = private("max-age=0, No-Store");

    assert_eq!([first.as_str(), &after_it, &after_a_hit_is_there], ["BYPASS", "MISS", "BYPASS"]);
    assert_eq!(server.sentences(), 3.0);
    assert_eq!((server.metric(L1_MISSES), server.metric(L1_HITS)), (1.0, 0.0));
}

#[test]
fn whatever_changes_the_answer_is_another_request() {
    let server = TestServer::start(&[]);
    let base = json!({"text": "Another."});
    let cache = |fields: &Value| {
        let answer = server.post_json(SYNTHESIZE, &with(&base, fields));
        answer.header("x-cache").to_owned()
    };
    assert_eq!(cache(&json!({})), "MISS");

    for fields in [
        json!({"text": "another."}),
        json!({"text": "Another. "}),
        json!({"response_format": "pcm"}),
        json!({"sample_rate": 8_000}),
        json!({"speed": 1.01}),
        json!({"noise_scale": 0.5}),
        json!({"noise_w": 0.5}),
        json!({"volume": 0.5}),
        json!({"sentence_silence_ms": 1}),
    ] {
        assert_eq!(cache(&fields), "MISS", "{fields}");
        assert_eq!(cache(&fields), "HIT-L1", "{fields}");
    }
    for fields in [json!({}), json!({"voice_id": VOICE}), json!({"deadline_ms": 20_000}), json!({"speed": 1.0})] {
        assert_eq!(cache(&fields), "HIT-L1", "{fields}");
    }
}

#[test]
fn errors_are_not_kept() {
    let server = TestServer::start(&[]);
    let body = json!({"text": "Too late. ".repeat(100), "deadline_ms": 1});

    let statuses = [(); 2].map(|()| server.post_json(SYNTHESIZE, &body).status);

    assert_eq!(statuses, [504, 504]);
    assert_eq!((server.metric(L1_MISSES), server.metric(L1_HITS)), (2.0, 0.0));
}

#[test]
fn a_server_without_a_cache_says_so_and_computes_every_time() {
    let server = TestServer::start(&[("TTS_CACHE_ENABLED", "false")]);
    let body = json!({"text": "Twice.", "noise_scale": 0, "noise_w": 0});

    let answers = [(); 2].map(|()| server.post_json(SYNTHESIZE, &body));

    assert_eq!(answers.each_ref().map(|answer| answer.header("x-cache")), ["BYPASS", "BYPASS"]);
    assert!(answers[0].body == answers[1].body, "no noise, yet not the same samples");
    assert_eq!(server.sentences(), 2.0);
}
