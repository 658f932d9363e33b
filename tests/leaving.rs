//! Callers who leave before they have their answer, with the real voice: what is computed for them is stopped within
//! the sentence, and nothing of them is left.
//!
//! `TTS_TEST_LEAVING_CYCLES=1000 cargo test --release --test leaving -- --nocapture` runs longer and prints what it
//! saw.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::io::Read;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use support::{TOKEN, TestServer, VOICE, until, until_within};

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";
/// Each cycle has one caller who leaves in the queue, one during the computation and one in the middle of a stream.
const CYCLES: usize = 5;
/// None of the reasons to cut it is reached.
const LONG_SENTENCE: &str = "The wind had turned in the night and by morning the valley was white and still while all of the people \
                             slept on in their houses by the river and nobody saw the light that came slowly over the hills";
const SLOW: f64 = 0.6;
/// Less than `LONG_SENTENCE` lasts when it is said as slowly as that, which is not slow enough to cut it.
const LONG_SECONDS: f64 = 12.0;
/// More open files or threads than this after many cycles is a leak; the runtime's own threads come and go.
const SLACK: usize = 6;
const MEMORY_SLACK_BYTES: u64 = 24 << 20;

/// One worker, so that the second of two sentences waits, and time for what waits on the slowest machine.
fn server() -> TestServer {
    TestServer::start(&[("TTS_WORKERS", "1"), ("TTS_CACHE_ENABLED", "false"), ("TTS_REQUEST_DEADLINE_MS", "600000")])
}

/// One sentence of a quarter of a minute and more.
fn long() -> Value {
    json!({"text": LONG_SENTENCE, "speed": SLOW})
}

/// Whether more was computed than could be before the computation was to stop.
fn assert_no_whole_sentence(server: &TestServer) {
    let seconds = server.metric(&format!("tts_audio_seconds_total{{voice=\"{VOICE}\"}}"));
    assert!(seconds < LONG_SECONDS, "{seconds} seconds were computed");
}

fn shed(server: &TestServer, reason: &str) -> f64 {
    server.metric(&format!("tts_requests_shed_total{{reason=\"{reason}\"}}"))
}

/// Sentences that a worker has begun.
fn begun(server: &TestServer) -> f64 {
    server.metric("tts_queue_wait_seconds_count")
}

fn until_metric(server: &TestServer, series: &str, value: f64) {
    until(&format!("{series} {value}"), || (server.metric(series) == value).then_some(()));
}

fn until_begun(server: &TestServer, count: f64) {
    until_metric(server, "tts_queue_wait_seconds_count", count);
}

fn until_nobody_is_served(server: &TestServer) {
    until_metric(server, "tts_queue_depth", 0.0);
}

#[test]
fn a_computation_stops_within_the_sentence_when_its_caller_leaves() {
    let server = server();
    let leaving = server.begin(&long());
    until_begun(&server, 1.0);

    drop(leaving);
    until("the computation is stopped", || (shed(&server, "abandoned") >= 1.0).then_some(()));

    until_nobody_is_served(&server);
    assert_no_whole_sentence(&server);
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "Next."})).status, 200);
    assert_eq!(server.metric("tts_worker_restarts_total"), 0.0);
}

#[test]
fn a_computation_stops_within_the_sentence_when_its_deadline_passes() {
    let server = server();
    // So that no first use of the phonemizer takes of the time.
    assert_eq!(server.post_json("/v1/phonemize", &json!({"text": "Next."})).status, 200);

    // Enough time to begin, and not to end: how much that is depends on the machine.
    let stops = |deadline_ms: u64| {
        let (begun_before, expired_before) = (begun(&server), shed(&server, "expired"));
        let body = json!({"text": LONG_SENTENCE, "speed": SLOW, "deadline_ms": deadline_ms});
        server.post_json(SYNTHESIZE, &body).assert_error(504, "deadline_exceeded", None);
        until_nobody_is_served(&server);
        let is_counted = || (shed(&server, "expired") > expired_before).then_some(());
        begun(&server) > begun_before && until_within(Duration::from_secs(2), is_counted).is_some()
    };
    assert!([300, 600, 1_200, 2_400].into_iter().any(stops), "no computation was stopped");

    assert_eq!(shed(&server, "abandoned"), 0.0);
    assert_no_whole_sentence(&server);
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "Next."})).status, 200);
    assert_eq!(server.metric("tts_worker_restarts_total"), 0.0);
}

#[test]
fn a_sentence_in_the_queue_is_dropped_when_its_caller_leaves() {
    let server = server();
    let busy = server.begin(&long());
    until_begun(&server, 1.0);
    let leaving = server.begin(&long());
    until_metric(&server, "tts_queue_depth", 2.0);

    drop(leaving);
    until_metric(&server, "tts_queue_depth", 1.0);
    drop(busy);
    until_nobody_is_served(&server);

    until("the computation is stopped", || (shed(&server, "abandoned") >= 1.0).then_some(()));
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "Next."})).status, 200);
    assert_eq!(begun(&server), 2.0, "only the first and the next one were begun");
}

#[test]
fn a_stream_ends_when_its_reader_leaves() {
    let server = server();
    let text = format!("One. {LONG_SENTENCE}. {LONG_SENTENCE}. {LONG_SENTENCE}.");
    let mut leaving = server.begin(&json!({"text": text, "stream": true}));
    let mut received = [0; 4096];
    leaving.read_exact(&mut received).unwrap();
    assert!(received.starts_with(b"HTTP/1.1 200"));

    drop(leaving);
    until_nobody_is_served(&server);

    until("what is left is dropped", || (shed(&server, "abandoned") > 0.0).then_some(()));
    assert!(server.sentences() < 4.0, "all of it was computed");
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "Next."})).status, 200);
}

#[test]
fn callers_who_leave_leave_nothing_behind() {
    let cycles = std::env::var("TTS_TEST_LEAVING_CYCLES").map_or(CYCLES, |cycles| cycles.parse().unwrap());
    let server = server();
    // What is made once and kept is made in the first cycles.
    leave_in_every_way(&server);
    leave_in_every_way(&server);
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "Next."})).status, 200);
    let (files, threads, memory) = (server.open_files(), server.threads(), server.resident_bytes());

    for _ in 0..cycles {
        leave_in_every_way(&server);
    }

    until_nobody_is_served(&server);
    until("connections are closed", || (server.open_files() <= files + SLACK).then_some(()));
    let now = (server.open_files(), server.threads(), server.resident_bytes());
    println!(
        "{cycles} cycles: {files} then {} files, {threads} then {} threads, {} then {} MB",
        now.0,
        now.1,
        memory >> 20,
        now.2 >> 20
    );
    assert!(now.1 <= threads + SLACK, "{threads} threads, then {}", now.1);
    assert!(now.2 <= memory + MEMORY_SLACK_BYTES, "{} MB, then {} MB", memory >> 20, now.2 >> 20);
    // A voice that somebody holds is in use.
    until("nobody holds the voice", || {
        let unload = server.request(Method::DELETE, &format!("/v1/voices/{VOICE}/load")).header("user-token", TOKEN);
        unload.send().unwrap().status().is_success().then_some(())
    });
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "Next."})).status, 200);
}

/// One leaves in the queue, one during the computation, one in the middle of a stream.
fn leave_in_every_way(server: &TestServer) {
    let began = begun(server);
    let mut streaming = server.begin(&json!({"text": format!("One. {LONG_SENTENCE}."), "stream": true, "speed": SLOW}));
    streaming.read_exact(&mut [0; 4096]).unwrap();
    until("the second sentence is computed", || (begun(server) >= began + 2.0).then_some(()));
    let computing = server.begin(&long());
    let queued = server.begin(&long());
    until_metric(server, "tts_queue_depth", 3.0);

    drop(queued);
    until_metric(server, "tts_queue_depth", 2.0);
    drop(streaming);
    until("the next one is computed", || (begun(server) >= began + 3.0).then_some(()));
    drop(computing);
    until_nobody_is_served(server);
}
