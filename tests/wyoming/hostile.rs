//! What callers should not send.

use std::io::{Read, Write};
use std::net::Shutdown;

use serde_json::json;

use crate::client::{Wyoming, shared, start, until_nobody_is_there};
use crate::support::until;

#[test]
fn what_is_no_message_is_told_and_closes_the_connection() {
    let malformed: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\n",
        b"{\"type\": \"\xff\xfe\"}\n",
        b"{\"type\": \"ping\", \"data_length\": 4}\n\"\xff\xfe\"",
        b"{\"type\": \"synthesize\"}\n",
        b"{\"type\": \"synthesize\", \"data\": {\"text\": [\"a\"]}}\n",
    ];
    for bytes in malformed {
        let mut wyoming = Wyoming::connect(shared());
        wyoming.send_raw(bytes);
        wyoming.is_refused("malformed_message");
        wyoming.is_closed();
    }
    // Within a stream it ends that.
    let mut wyoming = Wyoming::connect(shared());
    wyoming.start(&json!({}));
    wyoming.send_raw(b"{\n");
    assert_eq!(wyoming.until("synthesize-stopped").kinds(), ["error", "synthesize-stopped"]);
    wyoming.is_closed();
}

#[test]
fn a_message_of_16_megabytes_is_refused_at_its_head_and_what_comes_of_it_is_not_kept() {
    let server = start(&[]);
    Wyoming::connect(&server).goes_on();
    let before = server.resident_bytes();
    let long_line = vec![b' '; 16 << 20];
    for length in ["data_length", "payload_length", ""] {
        let mut wyoming = Wyoming::connect(&server);
        if length.is_empty() {
            wyoming.send_raw(&long_line);
        } else {
            wyoming.send_raw(format!("{{\"type\": \"ping\", \"{length}\": 16777216}}\n").as_bytes());
            wyoming.send_raw(&long_line);
        }
        // He who is refused has sent all of it, and is told nevertheless.
        wyoming.is_refused("message_too_large");
        wyoming.is_closed();
    }

    assert!(server.resident_bytes() < before + (8 << 20));
}

#[test]
fn a_flood_of_tiny_messages_is_answered_as_fast_as_it_is_taken() {
    const PINGS: usize = 20_000;
    let server = shared();
    let stream = Wyoming::tcp(server);
    let mut writing = stream.try_clone().unwrap();
    let flood = std::thread::spawn(move || {
        for _ in 0..PINGS {
            writing.write_all(b"{\"type\":\"ping\"}\n{\"type\":\"sing\"}\n").unwrap();
        }
        writing.write_all(b"{\"type\":\"synthesize\",\"data\":{\"text\":\"Still here\"}}\n").unwrap();
    });
    // Nothing is taken yet; others are served.
    Wyoming::connect(server).goes_on();

    let heard = Wyoming::of(stream).until("audio-stop");

    flood.join().unwrap();
    assert_eq!(heard.events.iter().filter(|event| event.kind == "pong").count(), PINGS);
    assert!(!heard.samples.is_empty());
}

#[test]
fn a_flood_of_tiny_chunks_is_a_text_like_any_other() {
    let mut wyoming = Wyoming::connect(shared());
    wyoming.start(&json!({}));
    for _ in 0..3_000 {
        wyoming.chunk("");
    }
    for _ in 0..200 {
        wyoming.chunk("a");
    }
    wyoming.stop();

    assert!(!wyoming.until("synthesize-stopped").samples.is_empty());
}

#[test]
fn what_comes_in_the_wrong_order_is_refused_and_the_connection_goes_on() {
    let mut wyoming = Wyoming::connect(shared());

    wyoming.chunk("a");
    wyoming.is_refused("out_of_order");
    wyoming.stop();
    wyoming.is_refused("out_of_order");
    assert_eq!(wyoming.until("synthesize-stopped").kinds(), ["synthesize-stopped"]);
    wyoming.start(&json!({}));
    wyoming.start(&json!({}));
    wyoming.is_refused("out_of_order");
    assert_eq!(wyoming.until("synthesize-stopped").kinds(), ["synthesize-stopped"]);
    // What still comes of the stream is passed over, the whole text among it.
    wyoming.chunk("a");
    wyoming.synthesize("a");
    wyoming.stop();
    wyoming.goes_on();
}

#[test]
fn who_writes_no_more_or_half_a_message_is_given_up() {
    let server = start(&[("TTS_WYOMING_IDLE_MS", "300")]);
    let mut half_open = Wyoming::tcp(&server);
    half_open.write_all(b"{\"type\":\"synthesize\",\"data\":{\"text\":\"Is anybody there?\"}}\n").unwrap();
    half_open.shutdown(Shutdown::Write).unwrap();
    let mut half = Wyoming::tcp(&server);
    half.write_all(b"{\"type\":\"ping\",\"data_length\":100}\n{").unwrap();

    for mut stream in [half_open, half] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }

    until_nobody_is_there(&server);
}

#[test]
fn who_takes_nothing_has_little_made_and_is_let_go_and_others_are_served() {
    let server = start(&[("TTS_HTTP_SEND_BUFFER_BYTES", "16384"), ("TTS_HTTP_WRITE_TIMEOUT_MS", "1500")]);
    let mut lazy = Wyoming::connect(&server);
    lazy.synthesize(&"Nobody listens to this. ".repeat(200));
    lazy.until("audio-start");

    until("rest", || (server.metric("tts_queue_depth") == 0.0).then_some(()));
    let mut other = Wyoming::connect(&server);
    other.synthesize("I listen");
    other.until("audio-stop");
    drop(other);
    assert!(server.metric("tts_answers_bytes") < 4e6);

    until_nobody_is_there(&server);
    drop(lazy);
}
