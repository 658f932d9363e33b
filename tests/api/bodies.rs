//! Bodies that are not what they say, are too large, too slow or broken: refused before any work is done for them.

use std::io::{Read, Write};

use serde_json::json;

use crate::support::{Answer, TOKEN, TestServer, assert_closed, shared};
use crate::{LEGACY, SYNTHESIZE};

const LIMIT_BYTES: usize = 256 << 10;

/// A request's head, with the token, up to the blank line.
fn head(headers: &[&str]) -> String {
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    format!(
        "POST {SYNTHESIZE} HTTP/1.1\r\nhost: test\r\nuser-token: {TOKEN}\r\ncontent-type: application/json\r\n{headers}\r\n"
    )
}

/// Valid JSON of exactly this length.
fn padded(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"text": "Padded.", "noise_scale": 0}"#.to_vec();
    body.resize(bytes, b' ');
    body
}

#[test]
fn what_does_not_say_to_be_json_is_415() {
    let types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", ""];

    for content_type in types {
        let request = shared().post(SYNTHESIZE).header("content-type", content_type).body(r#"{"text": "Hello."}"#);

        Answer::of(request.send().unwrap()).assert_error(415, "unsupported_media_type", None);
    }
    let untyped = shared().post(SYNTHESIZE).body(r#"{"text": "Hello."}"#).send().unwrap();
    Answer::of(untyped).assert_error(415, "unsupported_media_type", None);
}

#[test]
fn a_compressed_body_is_415() {
    for encoding in ["gzip", "br", "deflate", "zstd", "identity"] {
        let request = shared().post(SYNTHESIZE).header("content-encoding", encoding).json(&json!({"text": "Hello."}));

        Answer::of(request.send().unwrap()).assert_error(415, "unsupported_media_type", None);
    }
}

#[test]
fn malformed_json_is_422_and_the_place_is_named() {
    let bodies =
        ["", "{", "{\"text\": \"Hello.\"", "{\"text\": \"Hello.\"} x", "{text: 1}", "{'text': 'Hello.'}", "NaN"];

    for body in bodies {
        let answer = shared().post_bytes(SYNTHESIZE, body);

        answer.assert_error(422, "invalid_json", None);
        assert!(answer.text().contains("line 1, column"), "{body}: {}", answer.text());
    }
}

#[test]
fn text_that_is_no_unicode_is_422() {
    let bodies: [&[u8]; 2] = [b"{\"text\": \"\xff\xfe\"}", b"{\"text\": \"\xc3\"}"];

    for body in bodies {
        shared().post_bytes(SYNTHESIZE, body).assert_error(422, "invalid_json", None);
    }
}

#[test]
fn a_byte_order_mark_and_halves_of_surrogate_pairs_are_taken_on_every_route() {
    let text = "Cut emoji, and more.";
    let whole = shared().post_json(SYNTHESIZE, &json!({"text": text, "noise_scale": 0})).sound().samples;

    let marked = shared().post_bytes(SYNTHESIZE, format!("\u{feff}{{\"text\": \"{text}\", \"noise_scale\": 0}}"));
    let cut = shared().post_bytes(SYNTHESIZE, r#"{"text": "Cut emoji\ud83d, and more.", "noise_scale": 0}"#);

    assert_eq!(marked.sound().samples, whole);
    assert_eq!(cut.sound().samples, whole);
    assert_eq!(shared().post_bytes(LEGACY, "\u{feff}{\"text\": \"a\\udc00\"}").status, 200);
    assert_eq!(shared().post_bytes("/v1/phonemize", r#"{"text": "\ud83d a"}"#).status, 200);
}

#[test]
fn json_that_is_nested_without_end_is_422() {
    let answer = shared().post_bytes(SYNTHESIZE, "[".repeat(100_000));

    assert_eq!(answer.status, 422);
}

#[test]
fn a_body_at_the_limit_is_read_and_one_byte_more_is_413() {
    let largest = shared().post_bytes(SYNTHESIZE, padded(LIMIT_BYTES));
    let larger = shared().raw(head(&[&format!("content-length: {}", LIMIT_BYTES + 1)]).as_bytes());

    assert_eq!(largest.status, 200);
    larger.assert_error(413, "body_too_large", None);
    assert!(larger.text().contains(&LIMIT_BYTES.to_string()));
}

#[test]
fn a_body_over_the_limit_is_413_however_it_is_sent() {
    let server = TestServer::start(&[("TTS_HTTP_BODY_LIMIT_BYTES", "1024")]);
    let chunked = |bytes: usize| {
        let body = String::from_utf8(padded(bytes)).unwrap();
        let request = head(&["transfer-encoding: chunked"]) + &format!("{bytes:x}\r\n{body}\r\n0\r\n\r\n");
        server.raw(request.as_bytes())
    };

    let (largest, larger) = (chunked(1024), chunked(1025));

    assert_eq!(largest.headers["content-type"], "audio/wav");
    larger.assert_error(413, "body_too_large", None);
    server.post_bytes(SYNTHESIZE, padded(1025)).assert_error(413, "body_too_large", None);
    let legacy = server.post_bytes(LEGACY, padded(1025));
    assert_eq!((legacy.status, legacy.json()), (413, json!({"detail": "the body is larger than 1024 bytes"})));
}

#[test]
fn a_body_that_does_not_come_is_408_and_the_connection_is_closed() {
    let server = TestServer::start(&[("TTS_HTTP_BODY_TIMEOUT_MS", "100")]);
    let beginnings = [
        head(&["content-length: 100"]),
        head(&["content-length: 100"]) + r#"{"text": "#,
        head(&["transfer-encoding: chunked"]) + "5\r\n{\"tex",
    ];

    for beginning in beginnings {
        let mut connection = server.connect();
        connection.write_all(beginning.as_bytes()).unwrap();
        let answer = Answer::read(&mut connection);

        answer.assert_error(408, "body_timeout", None);
        assert_eq!(answer.header("connection"), "close");
        assert_closed(&mut connection);
    }
}

/// Whoever stands between a caller and this service may read such requests otherwise: no second one may come out of
/// them.
#[test]
fn a_request_that_can_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let fields = [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: xchunked",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: +5",
        "content-length: 0x5",
        "x: a\r\n b",
        "x : a",
        "x\0: a",
    ];

    for fields in fields {
        let mut connection = shared().connect();
        let smuggled = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
        connection.write_all(format!("{}0\r\n\r\n{smuggled}", head(&[fields])).as_bytes()).unwrap();
        let mut said = Vec::new();
        let ended = connection.read_to_end(&mut said);

        let said = String::from_utf8_lossy(&said);
        assert!(ended.is_ok_and(|_| !said.is_empty()), "{fields}: the connection stays open");
        assert!(said.starts_with("HTTP/1.1 4") && said.matches("HTTP/1.1").count() == 1, "{fields}: {said}");
    }
}

#[test]
fn a_head_that_is_broken_is_400_and_harms_nobody_else() {
    let heads = [
        "GARBAGE\r\n\r\n".to_owned(),
        "GET /health HTTP/9.9\r\n\r\n".to_owned(),
        head(&["content-length: 5", "content-length: 6"]),
        head(&["content-length: -1"]),
        head(&["no colon here"]),
        format!("GET /health HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(1 << 20)),
    ];

    for head in heads {
        let mut connection = shared().connect();
        let _ = connection.write_all(head.as_bytes());
        let mut answer = Vec::new();
        // The server may have closed the connection with our bytes unread, which ends reading with an error.
        let _ = connection.read_to_end(&mut answer);

        let status = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        assert!(status.starts_with("HTTP/1.1 4") || answer.is_empty(), "{status}");
        assert_eq!(shared().get("/health").status, 200);
    }
}

#[test]
fn whoever_asks_for_another_protocol_is_answered_in_this_one() {
    let upgrade = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";

    let answer = shared().raw(format!("GET /livez HTTP/1.1\r\nhost: x\r\n{upgrade}\r\n").as_bytes());

    assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    assert!(!answer.headers.contains_key("upgrade"));
}
