//! The routes of piper's own server, where the operator wants them.

use serde_json::json;

use crate::support::{Answer, TestServer, VOICE, samples, shared};

fn server() -> TestServer {
    TestServer::start(&[("TTS_PIPER_ROUTES", "true")])
}

/// The samples behind the head, which does not tell how many there are where they are streamed.
fn heard(answer: &Answer) -> Vec<i16> {
    assert_eq!((answer.status, &answer.body[36..40]), (200, &b"data"[..]));
    samples(&answer.body[44..])
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
    assert!(heard(&root).len() > 11_025 && heard(&root) == heard(&route));
}

#[test]
fn sound_is_sent_as_it_is_made_and_whole_where_it_is_kept() {
    let server = server();
    let body = json!({"text": "It is heard before it is made. All of it is kept afterwards."});

    let (made, kept) = (ask(&server, "/", &body), ask(&server, "/", &body));

    // Of a stream nobody knows how long it will be.
    assert_eq!((made.header("transfer-encoding"), &made.body[4..8]), ("chunked", &[0xff; 4][..]));
    let length = kept.body.len();
    assert_eq!(kept.header("content-length"), length.to_string());
    assert_eq!(kept.body[4..8], (length as u32 - 8).to_le_bytes());
    assert!(heard(&made) == kept.sound().samples);
}

#[test]
fn the_scales_are_the_networks_own() {
    let server = server();
    let seconds = |fields: serde_json::Value| {
        let body = crate::with(&json!({"text": "As long as it takes.", "noise_scale": 0, "noise_w_scale": 0}), &fields);
        heard(&ask(&server, "/", &body)).len() as f64
    };

    let (plain, long) = (seconds(json!({"length_scale": 1.0})), seconds(json!({"length_scale": 2.0})));

    assert!((1.7..2.3).contains(&(long / plain)), "{plain} and {long} samples");
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
