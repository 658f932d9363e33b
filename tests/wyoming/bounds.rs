//! Who may connect, how many, and for how long.

use std::os::unix::net::UnixListener;
use std::path::Path;

use serde_json::json;

use crate::client::{Wyoming, shared, start, until_nobody_is_there};
use crate::support::{Program, TOKEN, TestServer};

#[test]
fn only_who_is_allowed_may_connect() {
    let server = start(&[("TTS_WYOMING_ALLOW", "192.0.2.0/24, 2001:db8::1")]);
    Wyoming::connect(&server).is_closed();

    let server = start(&[("TTS_WYOMING_ALLOW", "127.0.0.0/8")]);
    Wyoming::connect(&server).goes_on();
}

#[test]
fn connections_are_bounded_and_one_that_leaves_makes_room() {
    let server = start(&[("TTS_WYOMING_MAX_CONNECTIONS", "2")]);
    let (mut first, mut second) = (Wyoming::connect(&server), Wyoming::connect(&server));
    first.goes_on();
    second.goes_on();

    let mut third = Wyoming::connect(&server);
    third.is_refused("over_capacity");
    third.is_closed();
    drop((first, second));

    until_nobody_is_there(&server);
    Wyoming::connect(&server).goes_on();
}

#[test]
fn a_connection_that_is_silent_is_closed_and_one_that_speaks_is_not() {
    let server = start(&[("TTS_WYOMING_IDLE_MS", "300")]);
    let mut silent = Wyoming::connect(&server);
    let mut streaming = Wyoming::connect(&server);
    streaming.start(&json!({}));
    streaming.chunk("It is not over. Or is");

    silent.is_closed();
    let heard = streaming.until("synthesize-stopped");

    assert_eq!(heard.kinds(), ["audio-start", "error", "audio-stop", "synthesize-stopped"]);
    assert_eq!(heard.events[1].data["code"], "silent");
    assert!(!heard.samples.is_empty());
    streaming.is_closed();
}

#[test]
fn what_waits_of_a_text_is_bounded() {
    let server = start(&[("TTS_LIVE_MAX_TEXT_CHARS", "20")]);
    let mut wyoming = Wyoming::connect(&server);
    for format in ["text", "ssml"] {
        wyoming.start(&json!({"text_format": format}));
        wyoming.chunk("<speak>One, two, ");
        wyoming.chunk("three, four");
        wyoming.chunk("five");
        wyoming.stop();

        assert_eq!(wyoming.until("synthesize-stopped").events[0].data["code"], "too_much_text", "{format}");
    }
    wyoming.goes_on();
}

#[test]
fn it_is_spoken_over_ipv6() {
    let server = TestServer::start(&[("TTS_WYOMING_BIND", "[::1]:0"), ("TTS_WYOMING_ALLOW", "::1")]);

    assert!(server.wyoming().starts_with("[::1]:"));
    Wyoming::connect(&server).goes_on();
}

#[test]
fn it_is_spoken_over_a_unix_socket_whose_file_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wyoming.sock");
    let address = format!("unix:{}", path.to_str().unwrap());
    // What a process leaves behind that was killed.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());

    let server = TestServer::start(&[("TTS_WYOMING_BIND", &address)]);
    let mut wyoming = Wyoming::connect(&server);
    wyoming.synthesize("Well");
    wyoming.until("audio-stop");
    let second = refusal(&address);
    drop(wyoming);
    server.stop();

    assert!(second.contains("TTS_WYOMING_BIND"), "{second}");
    assert!(!path.exists());
}

#[test]
fn a_port_in_use_and_a_file_that_is_no_socket_end_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();

    for address in [shared().wyoming().to_owned(), format!("unix:{}", file.path().display())] {
        assert!(refusal(&address).starts_with("tts-batch-api: TTS_WYOMING_BIND: "), "{address}");
    }
    assert!(Path::new(file.path()).exists());
}

/// Why a service does not start that is to listen there.
fn refusal(address: &str) -> String {
    let program = Program::new(&["serve"]).variable("ALLOWED_USER_TOKEN", TOKEN).variable("TTS_BIND", "127.0.0.1:0");
    let run = program.variable("TTS_WYOMING_BIND", address).finish();
    assert_eq!(run.code, Some(64), "{run:?}");
    run.stderr
}
