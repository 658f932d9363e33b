//! What callers should not send.

use std::io::{Read, Write};

use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use crate::client::{Live, whole};
use crate::support::{TOKEN, shared};

/// The connection is closed for that reason, and the service goes on.
fn is_closed(message: Message, code: &str, closing: u16) {
    let server = shared();
    let mut live = Live::connect(server);

    live.0.send(message).unwrap();

    assert_eq!(live.closed(), (code.to_owned(), closing));
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn messages_that_are_none_close_the_connection_with_a_reason() {
    is_closed(Message::binary(vec![1, 2, 3]), "binary", 1003);
    is_closed(Message::text("{"), "invalid_json", 1008);
    is_closed(Message::text("[]"), "invalid_body", 1008);
    is_closed(Message::text(r#"{"type": "sing"}"#), "invalid_body", 1008);
    is_closed(Message::text(r#"{"type": "text", "context": 5, "text": "a"}"#), "invalid_body", 1008);
    is_closed(Message::text(r#"{"type": "ping", "type": "ping"}"#), "invalid_body", 1008);
}

#[test]
fn bytes_that_are_no_utf_8_close_the_connection_with_a_reason() {
    let frame = Frame::from_payload(
        FrameHeader { opcode: OpCode::Data(Data::Text), mask: Some([1, 2, 3, 4]), ..FrameHeader::default() },
        vec![0xff, 0xfe].into(),
    );

    is_closed(Message::Frame(frame), "not_utf8", 1007);
}

#[test]
fn a_frame_of_16_megabytes_is_refused_at_its_head() {
    let server = shared();
    let mut stream = server.connect();
    let head = format!(
        "GET /v1/live HTTP/1.1\r\nhost: x\r\nuser-token: {TOKEN}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();

    // A text frame with a mask that says to have 16 MB.
    stream.write_all(&[0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4]).unwrap();

    let (mut answer, mut part) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&answer).contains("message_too_large") {
        let length = stream.read(&mut part).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..length]);
    }
}

#[test]
fn what_comes_in_the_wrong_order_is_refused_and_the_session_goes_on() {
    let mut live = Live::connect(shared());
    let mut refused = |message: Value, code: &str| {
        live.send(&message);
        let event = live.event();
        assert_eq!((&event["type"], &event["error"]["code"]), (&json!("error"), &json!(code)), "{message}");
    };

    for kind in ["flush", "clear", "end"] {
        refused(json!({"type": kind, "context": "nobody"}), "context_not_found");
    }
    refused(json!({"type": "start", "voice_id": "xx_XX-none-low"}), "voice_not_found");
    refused(json!({"type": "start", "response_format": "tape"}), "invalid_value");
    refused(json!({"type": "start", "sample_rate": 1}), "invalid_value");
    refused(json!({"type": "start", "text": "a"}), "invalid_value");
    refused(json!({"type": "start", "text_type": "ssml"}), "invalid_value");
    refused(json!({"type": "start", "stream": true}), "invalid_value");
    refused(json!({"type": "start", "colour": "red"}), "invalid_body");
    refused(json!({"type": "start", "clause_delay_ms": 60_001}), "invalid_value");
    refused(json!({"type": "start", "context": "x".repeat(129)}), "invalid_value");
    live.send(&json!({"type": "start", "context": "a"}));
    let mut refused = |message: Value, code: &str| {
        live.send(&message);
        assert_eq!(live.event()["error"]["code"], code, "{message}");
    };
    refused(json!({"type": "start", "context": "a"}), "context_exists");
    refused(json!({"type": "text", "context": "a", "text": "a\u{0}b"}), "invalid_text");
}

#[test]
fn a_field_that_is_wrong_is_named_and_the_session_goes_on() {
    let mut live = Live::connect(shared());

    for (message, param) in [
        (json!({"type": "text", "context": "a", "text": 5}), "text"),
        (json!({"type": "text", "context": "a"}), "text"),
        (json!({"type": "flush", "context": "a", "text": "b"}), "text"),
        (json!({"type": "start", "context": "a", "clause_delay_ms": "soon"}), "clause_delay_ms"),
        (json!({"type": "start", "context": "a", "word_times": 1}), "word_times"),
    ] {
        live.send(&message);
        let event = live.event();
        let said = [&event["type"], &event["context"], &event["error"]["code"], &event["error"]["param"]];
        assert_eq!(said, ["error", "a", "invalid_body", param], "{message}");
    }
    live.send(&json!({"type": "text", "context": "a", "text": "b"}));
    assert_eq!(live.event()["error"]["code"], "context_refused");
    live.send(&json!({"type": "ping"}));
    assert_eq!(live.event()["type"], "pong");
}

#[test]
fn an_error_says_whether_its_text_goes_on_and_one_that_does_is_spoken_to_its_end() {
    let server = shared();
    let mut live = Live::connect(server);
    let refused = |live: &mut Live, message: Value| {
        live.send(&message);
        let event = live.event();
        assert_eq!(event["type"], "error", "{event}");
        event["is_over"].as_bool().unwrap()
    };

    assert!(refused(&mut live, json!({"type": "start", "sample_rate": 1})));
    assert!(refused(&mut live, json!({"type": "text", "text": 5})));
    live.send(&json!({"type": "start", "response_format": "pcm", "noise_scale": 0, "noise_w": 0}));
    live.say("This text ");
    for message in [
        json!({"type": "text", "text": 5}),
        json!({"type": "flush", "text": "b"}),
        json!({"type": "start"}),
        json!({"type": "text", "text": "a\u{0}b"}),
    ] {
        assert!(!refused(&mut live, message.clone()), "{message}");
    }
    assert!(refused(&mut live, json!({"type": "end", "context": "another"})));
    live.say("goes on.");
    live.act("end");

    let body = json!({"text": "This text goes on.", "response_format": "pcm", "noise_scale": 0, "noise_w": 0});
    assert!(live.until("ended").audio == whole(server, &body), "it is not spoken as it was written");
}

#[test]
fn a_flood_of_tiny_messages_is_a_text_like_any_other() {
    let mut live = Live::connect(shared());
    live.send(&json!({"type": "start", "response_format": "pcm"}));

    for _ in 0..3_000 {
        live.say("a");
    }
    live.say(" b");
    live.act("clear");
    live.until("cleared");
    for _ in 0..2_000 {
        live.act("ping");
    }
    live.say("Still here");
    live.act("end");

    assert!(!live.until("ended").audio.is_empty());
}

#[test]
fn what_is_written_to_a_text_whose_start_was_refused_is_not_spoken() {
    let mut live = Live::connect(shared());
    let refused = |live: &mut Live, code: &str| {
        let event = live.event();
        assert_eq!((event["type"].as_str(), event["error"]["code"].as_str()), (Some("error"), Some(code)), "{event}");
        event
    };

    live.send(&json!({"type": "start", "response_format": "mulaw", "sample_rate": 16_000}));
    live.say("Nobody meant this. ");
    live.act("end");

    refused(&mut live, "invalid_value");
    refused(&mut live, "context_refused");
    refused(&mut live, "context_not_found");
    live.send(&json!({"type": "start", "response_format": "mulaw"}));
    live.say("This is meant.");
    live.act("end");
    assert!(!live.until("ended").audio.is_empty());
}

#[test]
fn a_name_that_is_too_long_is_not_sent_back_whole() {
    let mut live = Live::connect(shared());

    live.send(&json!({"type": "start", "context": "x".repeat(100_000)}));

    let event = live.event();
    assert_eq!(event["error"]["param"], "context");
    assert_eq!(event["context"].as_str().map(str::len), Some(128));
}

/// As over HTTP: many languages let them into their strings.
#[test]
fn halves_of_surrogate_pairs_are_taken() {
    let mut live = Live::connect(shared());

    live.send_raw(r#"{"type":"text","text":"Hello \ud83d"}"#);
    live.send_raw(r#"{"type":"text","text":"\ude00 there."}"#);
    live.act("end");

    assert!(!live.until("ended").audio.is_empty());
}
