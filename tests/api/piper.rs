//! The routes of piper's own server, where the operator wants them.

use serde_json::json;

use crate::support::{Answer, TestServer, VOICE, shared};

fn server() -> TestServer {
    TestServer::start(&[("TTS_PIPER_ROUTES", "true")])
}

fn ask(server: &TestServer, path: &str, body: &serde_json::Value) -> Answer {
    Answer::of(server.request(reqwest::Method::POST, path).json(body).send().unwrap())
}

#[test]
fn a_client_of_piper_needs_no_more_than_another_address() {
    let server = server();

    let voices = server.get("/voices").json();
    let root = ask(&server, "/", &json!({"text": "A client of piper."}));
    let route = ask(&server, "/synthesize", &json!({"text": "A client of piper.", "voice": VOICE, "extra": 1}));

    assert_eq!(voices[VOICE]["audio"]["sample_rate"], 22_050);
    assert_eq!((root.status, root.header("content-type")), (200, "audio/wav"));
    assert!(root.sound().seconds() > 0.5 && root.body == route.body);
}

#[test]
fn the_scales_are_the_networks_own() {
    let server = server();
    let seconds = |fields: serde_json::Value| {
        let body = crate::with(&json!({"text": "As long as it takes.", "noise_scale": 0, "noise_w_scale": 0}), &fields);
        ask(&server, "/", &body).sound().seconds()
    };

    let (plain, long) = (seconds(json!({"length_scale": 1.0})), seconds(json!({"length_scale": 2.0})));

    assert!((1.7..2.3).contains(&(long / plain)), "{plain} s and {long} s");
    let wrong = ask(&server, "/", &json!({"text": "Wrong.", "length_scale": 0}));
    wrong.assert_error(400, "invalid_value", Some("length_scale"));
}

#[test]
fn a_voice_that_is_not_there_is_the_default_one() {
    let answer = ask(&server(), "/", &json!({"text": "Whoever it is.", "voice": "en_US-nobody-low"}));

    assert_eq!((answer.status, answer.header("x-voice-id")), (200, VOICE));
}

#[test]
fn without_the_setting_the_routes_are_not_there() {
    // The playground stands at the first, to be looked at.
    for (path, status) in [("/", 405), ("/synthesize", 404)] {
        assert_eq!(ask(shared(), path, &json!({"text": "Nobody hears."})).status, status, "{path}");
    }
}
