//! What a caller says stays between the caller and the audio: not in errors, not in the log, not in the metrics.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestServer, shared};
use crate::{LEGACY, SYNTHESIZE};

/// A word that nothing else in the service says.
const CANARY: &str = "quetzalcoatlus";

/// Bodies that are refused, each with the word in another place.
fn refused() -> Vec<Value> {
    let text = format!("The {CANARY} flies.");
    let mut bodies = vec![
        json!({"text": [CANARY]}),
        json!({"text": format!("{CANARY}\0")}),
        json!({"text": CANARY.repeat(1_000)}),
        json!(CANARY),
        json!([CANARY]),
    ];
    let fields = [
        ("voice_id", json!(CANARY)),
        ("voice_id", json!(format!("../{CANARY}"))),
        ("voice_id", json!(format!("en_US-joe-medium#{CANARY}"))),
        ("response_format", json!(CANARY)),
        ("sample_rate", json!(CANARY)),
        ("sample_rate", json!(1)),
        ("stream", json!(CANARY)),
        ("speaker", json!(CANARY)),
        ("speaker", json!([CANARY])),
        ("speed", json!(CANARY)),
        ("speed", json!(99)),
        ("tempo", json!(CANARY)),
        ("model", json!(CANARY)),
    ];
    bodies.extend(fields.map(|(field, value)| json!({"text": text, field: value})));
    bodies
}

fn assert_silent_on_the_word(answer: &Answer) {
    let headers = format!("{:?}", answer.headers);
    assert!(!headers.contains(CANARY), "{headers}");
    assert!(!String::from_utf8_lossy(&answer.body).contains(CANARY), "{}", answer.text());
}

#[test]
fn no_error_quotes_what_the_caller_said() {
    for body in refused() {
        let answer = shared().post_json(SYNTHESIZE, &body);

        assert!(answer.status >= 400, "{body}");
        assert_silent_on_the_word(&answer);
        assert_silent_on_the_word(&shared().post_json(LEGACY, &body));
    }
    for path in [format!("/{CANARY}"), format!("/health?{CANARY}")] {
        assert_silent_on_the_word(&shared().get(&path));
    }
    for broken in [CANARY.to_owned(), format!("{{\"text\": {CANARY}"), format!("{{\"text\": \"{CANARY}\\x\"}}")] {
        assert_silent_on_the_word(&shared().post_bytes(SYNTHESIZE, broken));
    }
    let wrong_token = shared().request(Method::POST, SYNTHESIZE).header("user-token", CANARY).send().unwrap();
    assert_silent_on_the_word(&Answer::of(wrong_token));
}

#[test]
fn neither_log_nor_metrics_hold_text_or_token_and_every_log_line_is_json() {
    let secret = format!("{CANARY}-token");
    let link_secret = format!("{CANARY}-0123456789abcdef0123456789");
    let server = TestServer::start(&[
        ("ALLOWED_USER_TOKEN", &secret),
        ("TTS_LINK_SECRETS", &link_secret),
        ("TTS_METRICS_TOKEN", &format!("{CANARY}-scraper")),
        ("TTS_LOG_LEVEL", "trace"),
    ]);
    let post = |path: &str, body: &Value| {
        let request = server.request(Method::POST, path).bearer_auth(&secret).json(body);
        Answer::of(request.send().unwrap()).status
    };
    let spoken = json!({"text": format!("{CANARY}! A {CANARY}?")});
    assert_eq!([SYNTHESIZE, SYNTHESIZE, LEGACY].map(|path| post(path, &spoken)), [200; 3]);
    assert_eq!(post(SYNTHESIZE, &json!({"text": CANARY, "stream": true})), 200);
    assert_eq!(post(SYNTHESIZE, &json!({"text": format!("{CANARY}. ").repeat(100), "deadline_ms": 1})), 504);
    for body in refused() {
        post(SYNTHESIZE, &body);
        post(LEGACY, &body);
    }
    server.get(&format!("/{CANARY}?{CANARY}"));
    let link = server.request(Method::POST, "/v1/speech/links").bearer_auth(&secret).json(&json!({"text": CANARY}));
    let link = Answer::of(link.send().unwrap()).json()["url"].as_str().unwrap().to_owned();
    assert_eq!([&link, &format!("{link}0")].map(|link| server.get(link).status), [200, 403]);
    assert_eq!(server.get(&format!("{link}&{}", CANARY.repeat(1_000))).status, 414);
    let scraped = server.request(Method::GET, "/metrics").bearer_auth(format!("{CANARY}-scraper")).send().unwrap();

    let metrics = Answer::of(scraped);
    let log = server.stop();

    assert_eq!(metrics.status, 200);
    assert_silent_on_the_word(&metrics);
    assert!(log.iter().any(|line| line.contains("request answered")), "the log is not as talkative as it can be");
    for line in log {
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert!(event["level"].is_string() && event["message"].is_string() && event["timestamp"].is_string(), "{line}");
        assert!(!line.contains(CANARY), "{line}");
    }
}
