//! Nobody has more of sessions than he may.

use serde_json::json;
use tungstenite::Message;

use crate::client::Live;
use crate::support::{TOKEN, TestServer, shared, until};

#[test]
fn sessions_of_a_token_are_bounded_and_one_that_leaves_makes_room() {
    let server = TestServer::start(&[("TTS_LIVE_MAX_SESSIONS_PER_TOKEN", "2")]);
    let (first, _second) = (Live::connect(&server), Live::connect(&server));

    assert_eq!(Live::refused(&server, "/v1/live", &[("user-token", TOKEN)]), 429);
    assert_eq!(server.metric("tts_live_sessions{protocol=\"live\"}"), 2.0);
    drop(first);

    until("a place", || Live::connect_to(&server, "/v1/live", &[("user-token", TOKEN)]).ok());
}

#[test]
fn texts_and_what_waits_of_them_are_bounded_and_the_session_goes_on() {
    let server = TestServer::start(&[("TTS_LIVE_MAX_CONTEXTS", "2"), ("TTS_LIVE_MAX_TEXT_CHARS", "10")]);
    let mut live = Live::connect(&server);
    live.send(&json!({"type": "start", "context": "a"}));
    live.send(&json!({"type": "start", "context": "b"}));

    live.send(&json!({"type": "start", "context": "c"}));
    let refused = live.event();
    assert_eq!((&refused["context"], &refused["error"]["code"]), (&json!("c"), &json!("too_many_contexts")));
    live.send(&json!({"type": "text", "context": "a", "text": "123456"}));
    live.send(&json!({"type": "text", "context": "b", "text": "12345"}));
    let refused = live.event();
    assert_eq!((&refused["context"], &refused["error"]["code"]), (&json!("b"), &json!("too_much_text")));

    live.send(&json!({"type": "end", "context": "a"}));
    live.until("ended");
    live.send(&json!({"type": "text", "context": "b", "text": "12345"}));
    live.act("ping");
    assert_eq!(live.event()["type"], "pong");
}

#[test]
fn a_session_that_is_silent_is_closed_and_one_that_speaks_is_not() {
    let server = TestServer::start(&[("TTS_LIVE_IDLE_MS", "300")]);
    let mut live = Live::connect(&server);
    live.say("Some words");
    live.act("flush");

    live.until("flushed");

    assert_eq!(live.closed(), ("silent".to_owned(), 4408));
}

#[test]
fn who_answers_no_pings_is_given_up() {
    let server = TestServer::start(&[("TTS_LIVE_PING_MS", "100")]);
    let live = Live::connect(&server);

    // Nothing is read, and so nothing answered.
    until("an end", || (server.metric("tts_live_sessions{protocol=\"live\"}") == 0.0).then_some(()));

    drop(live);
}

#[test]
fn who_takes_nothing_has_little_made_and_others_are_served() {
    let server = TestServer::start(&[("TTS_HTTP_SEND_BUFFER_BYTES", "16384")]);
    let mut lazy = Live::connect(&server);
    lazy.send(&json!({"type": "start", "response_format": "pcm", "sample_rate": 48_000}));
    lazy.say(&"Nobody listens to this. ".repeat(400));
    lazy.until("audio");

    until("rest", || (server.metric("tts_queue_depth") == 0.0).then_some(()));
    let mut other = Live::connect(&server);
    other.say("I listen");
    other.act("end");
    other.until("ended");

    assert!(server.metric("tts_answers_bytes") < 4e6);
}

#[test]
fn idle_sessions_cost_little() {
    const SESSIONS: usize = 200;
    let server = TestServer::start(&[]);
    let open = || {
        let mut live = Live::connect(&server);
        live.say("Once upon a");
        live.act("ping");
        assert_eq!(live.event()["type"], "pong");
        live
    };
    let _first: Vec<Live> = (0..20).map(|_| open()).collect();
    let before = server.resident_bytes();

    let _idle: Vec<Live> = (0..SESSIONS).map(|_| open()).collect();

    let each = server.resident_bytes().saturating_sub(before) / SESSIONS as u64;
    assert!(each < 64 << 10, "{each} bytes");
}

#[test]
fn a_text_that_cannot_be_said_fails_alone() {
    let server = shared();
    let mut live = Live::connect(server);
    live.send(&json!({"type": "text", "context": "bad", "text": "Ꭰ"}));
    live.send(&json!({"type": "text", "context": "good", "text": "Good"}));

    live.send(&json!({"type": "end", "context": "bad"}));
    let failed = loop {
        if let Message::Text(text) = live.next() {
            break serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    };
    assert_eq!((&failed["context"], &failed["error"]["code"]), (&json!("bad"), &json!("unspeakable_text")));

    live.send(&json!({"type": "end", "context": "good"}));
    assert!(!live.until("ended").audio.is_empty());
}
