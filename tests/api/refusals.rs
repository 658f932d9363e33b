//! Requests that are well-formed JSON and yet refused: which status, which code, which field.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, TestServer, VOICE, shared};
use crate::{LEGACY, SYNTHESIZE, with};

#[test]
fn a_field_out_of_range_is_400_and_named() {
    let cases = [
        ("speed", json!(0)),
        ("speed", json!(0.24)),
        ("speed", json!(4.01)),
        ("speed", json!(-1)),
        ("speed", json!(1e39)),
        ("noise_scale", json!(-0.1)),
        ("noise_scale", json!(2.1)),
        ("noise_w", json!(-0.1)),
        ("noise_w", json!(2.1)),
        ("volume", json!(-0.1)),
        ("volume", json!(4.1)),
        ("sentence_silence_ms", json!(10_001)),
        ("sample_rate", json!(7_999)),
        ("sample_rate", json!(48_001)),
        ("sample_rate", json!(0)),
        ("deadline_ms", json!(0)),
        ("deadline_ms", json!(u64::MAX)),
        ("response_format", json!("midi")),
        ("response_format", json!("WAV")),
        ("response_format", json!("")),
    ];

    for (field, value) in cases {
        let answer = shared().post_json(SYNTHESIZE, &json!({"text": "Hello.", field: value}));

        answer.assert_error(400, "invalid_value", Some(field));
    }
}

#[test]
fn a_field_of_the_wrong_type_is_422_and_named() {
    let cases = [
        ("text", json!(null)),
        ("text", json!(7)),
        ("text", json!(["Hello."])),
        ("voice_id", json!(1)),
        ("response_format", json!({})),
        ("sample_rate", json!("8000")),
        ("sample_rate", json!(8000.5)),
        ("sample_rate", json!(-8000)),
        ("sample_rate", json!(4_294_967_296_u64)),
        ("stream", json!("true")),
        ("stream", json!(1)),
        ("speaker", json!(1.5)),
        ("speaker", json!(true)),
        ("speaker", json!([0])),
        ("speed", json!("fast")),
        ("noise_scale", json!(true)),
        ("noise_w", json!([])),
        ("volume", json!("1")),
        ("sentence_silence_ms", json!(-1)),
        ("sentence_silence_ms", json!(0.5)),
        ("deadline_ms", json!(-1)),
    ];

    for (field, value) in cases {
        let answer = shared().post_json(SYNTHESIZE, &with(&json!({"text": "Hello."}), &json!({field: value})));

        answer.assert_error(422, "invalid_body", Some(field));
    }
}

#[test]
fn a_missing_text_is_422() {
    shared().post_json(SYNTHESIZE, &json!({})).assert_error(422, "invalid_body", Some("text"));
}

#[test]
fn an_unknown_field_is_422_and_named() {
    for field in ["tempo", "Text", "voice", "text ", ""] {
        let answer = shared().post_json(SYNTHESIZE, &json!({"text": "Hello.", field: 1}));

        answer.assert_error(422, "invalid_body", Some(field));
        assert!(answer.text().contains("unknown field"), "{}", answer.text());
    }
}

#[test]
fn a_field_that_is_there_twice_is_422_and_named() {
    let answer = shared().post_bytes(SYNTHESIZE, r#"{"text": "One.", "text": "Two."}"#);

    answer.assert_error(422, "invalid_body", Some("text"));
    let word = shared().post_bytes(SYNTHESIZE, r#"{"text": "One.", "lexicon": {"one": "two", "one": "three"}}"#);
    word.assert_error(422, "invalid_body", Some("lexicon"));
}

#[test]
fn whole_numbers_may_be_written_with_a_point() {
    let post = |fields: &str| shared().post_bytes(SYNTHESIZE, format!(r#"{{"text": "Point.", {fields}}}"#));

    let whole = post(r#""sample_rate": 16000.0, "sentence_silence_ms": 1e2, "deadline_ms": 30000.0, "speaker": 0.0"#);

    assert_eq!(whole.sound().sample_rate, 16_000);
    for field in ["sample_rate", "sentence_silence_ms", "deadline_ms"] {
        for wrong in ["1.5", "-1", "\"1\""] {
            post(&format!("\"{field}\": {wrong}")).assert_error(422, "invalid_body", Some(field));
        }
    }
}

#[test]
fn letters_that_have_no_sound_are_422_and_their_place_is_named() {
    for path in [SYNTHESIZE, "/v1/synthesizeSpeech/timestamps", "/v1/phonemize"] {
        let answer = shared().post_json(path, &json!({"text": "Ä word, Ꭰ."}));

        answer.assert_error(422, "unspeakable_text", Some("text"));
        assert!(answer.text().contains("the first is character 8"), "{}", answer.text());
        assert!(!answer.text().contains('Ꭰ'));
    }
}

#[test]
fn json_that_is_no_object_is_422() {
    for body in ["[]", "\"Hello.\"", "7", "null", "true"] {
        shared().post_bytes(SYNTHESIZE, body).assert_error(422, "invalid_body", Some("."));
    }
}

#[test]
fn text_that_holds_nothing_to_say_is_400() {
    for text in ["", " ", "\n\t\r\n", "\u{a0}\u{3000}"] {
        shared().post_json(SYNTHESIZE, &json!({"text": text})).assert_error(400, "invalid_text", Some("text"));
    }
}

#[test]
fn text_with_u_0000_is_400() {
    let answer = shared().post_bytes(SYNTHESIZE, r#"{"text": "Hello\u0000there."}"#);

    answer.assert_error(400, "invalid_text", Some("text"));
}

#[test]
fn text_over_the_limit_is_413_counted_in_characters() {
    let server = TestServer::start(&[("TTS_MAX_TEXT_CHARS", "12")]);
    let ask = |text: &str| server.post_json(SYNTHESIZE, &json!({"text": text}));

    let (longest, longer) = (ask("Ünäïtéd één."), ask("Ünäïtéd één!!"));

    assert_eq!(longest.status, 200);
    longer.assert_error(413, "text_too_long", Some("text"));
    assert!(longer.text().contains("13") && longer.text().contains("12"), "{}", longer.text());
}

#[test]
fn an_unknown_voice_is_404() {
    let names =
        ["en_US-nobody-high", "", "..", "../models/en_US-joe-medium", "en_US-joe-medium.onnx", "a b", "x\u{0}y"];

    for name in names {
        let answer = shared().post_json(SYNTHESIZE, &json!({"text": "Hello.", "voice_id": name}));

        answer.assert_error(404, "voice_not_found", Some("voice_id"));
    }
}

#[test]
fn an_unknown_speaker_is_400_and_the_answer_says_how_many_there_are() {
    for fields in [
        json!({"speaker": 1}),
        json!({"speaker": -1}),
        json!({"speaker": i64::MAX}),
        json!({"speaker": "anna"}),
        json!({"speaker": ""}),
        json!({"voice_id": format!("{VOICE}#1")}),
        json!({"voice_id": format!("{VOICE}#anna#0")}),
    ] {
        let answer = shared().post_json(SYNTHESIZE, &with(&json!({"text": "Hello."}), &fields));

        answer.assert_error(400, "speaker_not_found", Some("speaker"));
        assert!(answer.text().contains("has 1 speakers"), "{}", answer.text());
    }
    let beyond = shared().post_json(SYNTHESIZE, &json!({"text": "Hello.", "speaker": u64::MAX}));
    assert_eq!(beyond.status, 422, "a number that the description does not allow");
}

#[test]
fn a_deadline_that_cannot_be_met_is_504() {
    let text = "This is one of a hundred sentences. ".repeat(100);

    let answer = shared().post_json(SYNTHESIZE, &json!({"text": text, "deadline_ms": 1}));

    answer.assert_error(504, "deadline_exceeded", None);
}

#[test]
fn the_servers_deadline_holds_where_the_callers_is_longer_or_missing() {
    let server = TestServer::start(&[("TTS_REQUEST_DEADLINE_MS", "1")]);
    let text = "This is one of a hundred sentences. ".repeat(100);

    let unbounded = server.post_json(SYNTHESIZE, &json!({"text": text}));
    let longer = server.post_json(SYNTHESIZE, &json!({"text": text, "deadline_ms": 86_400_000}));
    let legacy = server.post_json(LEGACY, &json!({"text": text}));

    unbounded.assert_error(504, "deadline_exceeded", None);
    longer.assert_error(504, "deadline_exceeded", None);
    assert_eq!((legacy.status, legacy.json()), (504, json!({"detail": "the deadline passed"})));
}

#[test]
fn a_method_that_a_route_lacks_is_405_and_told_which_it_has() {
    let wrong = [
        (Method::GET, SYNTHESIZE, "POST, OPTIONS"),
        (Method::PUT, SYNTHESIZE, "POST, OPTIONS"),
        (Method::DELETE, SYNTHESIZE, "POST, OPTIONS"),
        (Method::POST, "/v1/voices", "GET, HEAD, OPTIONS"),
        (Method::PATCH, "/v1/voices/x", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        (Method::GET, "/v1/voices/x/load", "POST, DELETE, OPTIONS"),
        (Method::POST, "/health", "GET, HEAD, OPTIONS"),
        (Method::POST, "/livez", "GET, HEAD, OPTIONS"),
        (Method::DELETE, "/readyz", "GET, HEAD, OPTIONS"),
        (Method::POST, "/metrics", "GET, HEAD, OPTIONS"),
    ];

    for (method, path, allowed) in wrong {
        let answer = Answer::of(shared().request(method, path).send().unwrap());

        answer.assert_error(405, "method_not_allowed", None);
        assert_eq!(answer.header("allow"), allowed, "{path}");
        let told = Answer::of(shared().request(Method::OPTIONS, path).send().unwrap());
        assert_eq!((told.status, told.header("allow")), (204, allowed), "{path}");
        assert!(!told.headers.contains_key("access-control-allow-origin"), "{path}");
    }
    assert_eq!(shared().request(Method::OPTIONS, "/nowhere").send().unwrap().status(), 404);
}

#[test]
fn an_answer_of_nothing_but_pauses_is_413() {
    let text = "Aha! ".repeat(130);

    let answer = shared().post_json(SYNTHESIZE, &json!({"text": text, "sentence_silence_ms": 10_000}));

    answer.assert_error(413, "too_much_silence", Some("sentence_silence_ms"));
}

#[test]
fn an_answer_that_is_too_large_to_be_held_is_413_and_can_be_streamed() {
    let server = TestServer::start(&[("TTS_MAX_ANSWER_BYTES", "2000")]);
    let ask = |stream: bool| server.post_json(SYNTHESIZE, &json!({"text": "Hello.", "stream": stream}));

    ask(false).assert_error(413, "answer_too_large", None);
    assert_eq!(ask(true).status, 200);
}

#[test]
fn a_head_is_that_of_a_get_without_its_body() {
    for path in ["/health", "/readyz", "/", "/openapi.json"] {
        let head = shared().request(Method::HEAD, path).send().unwrap();
        let get = shared().get(path);

        assert_eq!((head.status().as_u16(), get.status), (200, 200), "{path}");
        assert_eq!(head.headers()["content-length"], get.body.len().to_string(), "{path}");
        assert!(head.bytes().unwrap().is_empty(), "{path}");
    }
}

#[test]
fn a_route_that_is_not_there_is_404() {
    for path in
        ["/v1", "/v1/synthesizespeech", "/v1/synthesizeSpeech/", "//health", "/health%2f", "/..%2f..%2fetc/passwd"]
    {
        let answer = shared().post_json(path, &json!({"text": "Hello."}));

        answer.assert_error(404, "not_found", None);
    }
}

#[test]
fn every_answer_has_an_id_of_its_own_and_its_time() {
    let answers = [
        shared().get("/health"),
        shared().get("/nowhere"),
        shared().get(SYNTHESIZE),
        shared().post_json(SYNTHESIZE, &json!({})),
        shared().post_json(LEGACY, &json!({})),
        shared().post_json(SYNTHESIZE, &json!({"text": "Hello."})),
        shared().post_json(SYNTHESIZE, &json!({"text": "Hello."})),
    ];

    let ids: std::collections::BTreeSet<uuid::Uuid> =
        answers.iter().map(|answer| answer.header("x-request-id").parse().unwrap()).collect();
    assert_eq!(ids.len(), answers.len());
    for answer in &answers {
        let duration = answer.header("server-timing").strip_prefix("total;dur=").map(str::parse::<f64>);
        assert!(matches!(duration, Some(Ok(0.0..))), "{}", answer.header("server-timing"));
    }
}
