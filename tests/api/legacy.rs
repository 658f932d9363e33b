//! `POST /synthesizeSpeech`, as clients of the earlier Python service know it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::LEGACY;
use crate::support::{Answer, TestServer, VOICE, samples, shared};

fn assert_invalid(answer: &Answer, kind: &str, location: &Value) {
    let body = answer.json();
    let details = body["detail"].as_array().unwrap_or_else(|| panic!("no list in {body}"));
    let fields: Vec<&String> = details[0].as_object().unwrap().keys().collect();

    assert_eq!((answer.status, details.len()), (422, 1), "{body}");
    assert_eq!(fields, ["loc", "msg", "type"]);
    assert_eq!((&details[0]["type"], &details[0]["loc"]), (&json!(kind), location), "{body}");
    assert!(details[0]["msg"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    assert_eq!(answer.header("content-type"), "application/json");
}

#[test]
fn an_answer_is_raw_samples_at_16_khz_with_the_headers_of_old() {
    let answer = shared().post_json(LEGACY, &json!({"text": "As it always was."}));

    assert_eq!(answer.status, 200);
    assert!(samples(&answer.body).len() > 8_000, "under half a second");
    assert_eq!(answer.header("content-type"), "audio/x-raw");
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    assert_eq!(answer.header("x-model"), VOICE);
    assert_eq!(answer.header("x-sample-rate"), "16000");
    assert_eq!(answer.header("x-cache"), "MISS");
    assert_eq!(answer.header("x-resampling"), "APPLIED");
}

#[test]
fn only_the_voices_own_rate_is_not_resampled() {
    let cases = [(16_000, "APPLIED"), (22_050, "NONE"), (44_100, "APPLIED"), (48_000, "APPLIED")];

    for (rate, resampling) in cases {
        let answer = shared().post_json(LEGACY, &json!({"text": "Rates.", "sample_rate": rate}));

        let seconds = samples(&answer.body).len() as f64 / f64::from(rate);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-sample-rate"), rate.to_string());
        assert_eq!(answer.header("x-resampling"), resampling);
        // Durations vary with the noise, by far less than between two rates.
        assert!((0.3..1.2).contains(&seconds), "{seconds} s at {rate}");
    }
}

#[test]
fn a_repeated_request_is_a_hit_with_the_same_bytes_and_headers() {
    let body = json!({"text": "Say it again."});
    let first = shared().post_json(LEGACY, &body);

    let second = shared().post_json(LEGACY, &body);

    assert_eq!((first.header("x-cache"), second.header("x-cache")), ("MISS", "HIT"));
    assert!(first.body == second.body, "the bytes differ");
    for header in ["content-type", "x-model", "x-sample-rate", "x-resampling"] {
        assert_eq!(first.header(header), second.header(header));
    }
}

#[test]
fn a_server_without_a_cache_says_disabled() {
    let server = TestServer::start(&[("ENABLE_CACHE", "false")]);

    let answers = [(); 2].map(|()| server.post_json(LEGACY, &json!({"text": "No cache."})));

    assert_eq!(answers.each_ref().map(|answer| answer.header("x-cache")), ["DISABLED", "DISABLED"]);
    assert_eq!(server.sentences(), 2.0);
}

#[test]
fn a_model_is_named_with_or_without_its_ending() {
    for model in [json!(VOICE), json!(format!("{VOICE}.onnx")), json!(null)] {
        let answer = shared().post_json(LEGACY, &json!({"text": "Models.", "model": model}));

        assert_eq!((answer.status, answer.header("x-model")), (200, VOICE), "{model}");
    }
}

#[test]
fn an_unknown_model_is_400() {
    for model in ["nobody", "nobody.onnx", "", "../models/en_US-joe-medium", "en_US-joe-medium.onnx.onnx"] {
        let answer = shared().post_json(LEGACY, &json!({"text": "Hello.", "model": model}));

        assert_eq!((answer.status, answer.json()), (400, json!({"detail": "Unknown model"})), "{model}");
    }
}

#[test]
fn a_field_that_does_not_validate_is_422_in_the_words_of_fastapi() {
    let cases = [
        (json!({}), "missing", json!(["body", "text"])),
        (json!({"text": null}), "string_type", json!(["body", "text"])),
        (json!({"text": 7}), "string_type", json!(["body", "text"])),
        (json!({"text": ""}), "value_error", json!(["body", "text"])),
        (json!({"text": " \n"}), "value_error", json!(["body", "text"])),
        (json!({"text": "a\u{0}b"}), "value_error", json!(["body", "text"])),
        (json!({"text": "a", "model": 7}), "string_type", json!(["body", "model"])),
        (json!({"text": "a", "sample_rate": 8_000}), "literal_error", json!(["body", "sample_rate"])),
        (json!({"text": "a", "sample_rate": 24_000}), "literal_error", json!(["body", "sample_rate"])),
        (json!({"text": "a", "sample_rate": 0}), "literal_error", json!(["body", "sample_rate"])),
        (json!({"text": "a", "sample_rate": -16_000}), "literal_error", json!(["body", "sample_rate"])),
        (json!({"text": "a", "sample_rate": "16000"}), "literal_error", json!(["body", "sample_rate"])),
        (json!([]), "model_attributes_type", json!(["body"])),
        (json!("text"), "model_attributes_type", json!(["body"])),
    ];

    for (body, kind, location) in cases {
        assert_invalid(&shared().post_json(LEGACY, &body), kind, &location);
    }
}

#[test]
fn malformed_json_is_422_in_the_words_of_fastapi() {
    for body in
        ["", "{", "{\"text\": \"a\"} x", "{\"text\": \"a\", \"text\": \"b\"}", "{\"text\": \"a\", \"x\": 1, \"x\": 1}"]
    {
        assert_invalid(&shared().post_bytes(LEGACY, body), "json_invalid", &json!(["body"]));
    }
    assert_invalid(&shared().post_bytes(LEGACY, b"{\"text\": \"\xff\"}"), "json_invalid", &json!(["body"]));
}

#[test]
fn a_rate_may_be_written_with_a_point() {
    let answer = shared().post_bytes(LEGACY, r#"{"text": "Point.", "sample_rate": 22050.0}"#);

    assert_eq!((answer.status, answer.header("x-sample-rate")), (200, "22050"));
}

#[test]
fn unknown_fields_are_passed_over_as_they_always_were() {
    let answer = shared().post_json(LEGACY, &json!({"text": "Extra.", "speed": "fast", "something": [1]}));

    assert_eq!(answer.status, 200);
}

#[test]
fn other_errors_have_a_detail_and_nothing_else() {
    let untyped = Answer::of(shared().post(LEGACY).body("{}").send().unwrap());
    let long = shared().post_json(LEGACY, &json!({"text": "a".repeat(5_001)}));
    let forbidden = Answer::of(shared().request(Method::POST, LEGACY).json(&json!({"text": "a"})).send().unwrap());
    let wrong_method = shared().get(LEGACY);

    for (answer, status) in [(&untyped, 415), (&long, 413), (&forbidden, 403), (&wrong_method, 405)] {
        let body = answer.json();
        assert_eq!(answer.status, status, "{body}");
        assert!(body["detail"].is_string() && body.as_object().is_some_and(|body| body.len() == 1), "{body}");
    }
    assert_eq!(forbidden.json(), json!({"detail": "Forbidden"}));
    assert_eq!(wrong_method.header("allow"), "POST, OPTIONS");
}
