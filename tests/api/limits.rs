//! What a token may do, and how much the service takes at a time.

use reqwest::Method;
use serde_json::{Value, json};

use crate::quotas::{entry, file};
use crate::support::{Answer, TOKEN, TestServer, shared};

fn limits(server: &TestServer, secret: &str) -> Answer {
    Answer::of(server.request(Method::GET, "/v1/limits").header("user-token", secret).send().unwrap())
}

#[test]
fn limits_are_those_of_the_settings() {
    let server = TestServer::start(&[
        ("TTS_MAX_TEXT_CHARS", "70"),
        ("TTS_BATCH_MAX_ITEMS", "7"),
        ("TTS_BATCH_BODY_LIMIT_BYTES", "7000"),
        ("TTS_VOICE_UPLOAD_BYTES", "700"),
    ]);

    let mut told = limits(&server, TOKEN).json();

    assert_eq!(told["token"].take()["may_manage"], true);
    assert_eq!(
        told,
        json!({"token": null, "text_chars": 70, "batch_items": 7, "batch_bytes": 7000, "voice_bytes": 700})
    );
    let text = "a".repeat(71);
    server.post_json(crate::SYNTHESIZE, &json!({"text": text})).assert_error(413, "text_too_long", Some("text"));
}

#[test]
fn a_token_learns_what_it_may_do() {
    let tokens = file(
        &(entry("shop", "shop", "requests_per_minute = 9\ncharacters_per_minute = 900")
            + &entry("boss", "boss", "scopes = [\"manage\"]")),
    );
    let server = TestServer::start(&[("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())]);
    let of = |secret: &str| -> Value { limits(&server, secret).json()["token"].take() };
    let expected = |name: Option<&str>, speak: bool, manage: bool, requests: Option<u32>, characters: Option<u32>| {
        json!({
            "name": name, "may_speak": speak, "may_manage": manage,
            "requests_per_minute": requests, "characters_per_minute": characters,
        })
    };

    assert_eq!(of("shop"), expected(Some("shop"), true, false, Some(9), Some(900)));
    assert_eq!(of("boss"), expected(Some("boss"), false, true, None, None));
    assert_eq!(of(TOKEN), expected(None, true, true, None, None));
}

#[test]
fn strangers_learn_no_limits() {
    limits(shared(), "wrong").assert_error(403, "forbidden", None);
}
