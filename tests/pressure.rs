//! More than can be done, and callers who do harm by being slow: what is refused is refused clearly, and nobody else
//! notices.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{Answer, Ending, TestServer, ask_on, evenly, send, until};

/// One worker, and few who may wait: soon full.
const NARROW: [(&str, &str); 2] = [("TTS_WORKERS", "1"), ("TTS_QUEUE_LIMIT", "4")];
/// Longer than anything here takes on the slowest machine.
const PATIENT: (&str, &str) = ("TTS_REQUEST_DEADLINE_MS", "600000");
const FULL: &str = "tts_requests_shed_total{reason=\"capacity\"}";

/// Lets go of those who wait for a flag, also where a test fails.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn new_text(number: usize) -> Value {
    json!({"text": format!("This is request number {number}.")})
}

fn known_text() -> Value {
    json!({"text": "Please hold the line."})
}

fn ask(server: &TestServer, body: &Value) -> Answer {
    server.post_json("/v1/synthesizeSpeech", body)
}

fn with_status(endings: &[Ending], kind: &str, status: u16) -> usize {
    endings.iter().filter(|ending| ending.kind == kind && ending.status == Some(status)).count()
}

#[test]
fn under_too_much_each_request_is_answered_or_refused_and_counted_and_what_is_kept_is_always_answered() {
    let server = TestServer::start(&NARROW);
    ask(&server, &known_text());
    let mut requests = evenly("new", 200.0, Duration::from_secs(3), new_text);
    requests.extend(evenly("known", 30.0, Duration::from_secs(3), |_| known_text()));
    let (new, known) = (600, 90);

    let endings = send(server.address(), requests);

    let (answered, refused) = (with_status(&endings, "new", 200), with_status(&endings, "new", 503));
    assert_eq!((answered + refused, with_status(&endings, "known", 200)), (new, known));
    assert!(answered >= 5 && refused > new / 2, "{answered} answered, {refused} refused");
    assert!(endings.iter().all(|ending| ending.status != Some(503) || ending.has_retry_after));
    assert_eq!(server.metric(FULL), refused as f64);
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn a_thousand_at_once_are_all_answered_and_the_next_one_too() {
    let server = TestServer::start(&NARROW);

    let mut connections: Vec<TcpStream> = (0..1_000).map(|number| server.begin(&new_text(number))).collect();
    let statuses: Vec<u16> = connections.iter_mut().map(|connection| Answer::read(connection).status).collect();

    let with = |status| statuses.iter().filter(|other| **other == status).count();
    let (answered, refused) = (with(200), with(503));
    assert_eq!(answered + refused, 1_000);
    assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused");
    assert_eq!(ask(&server, &new_text(2_000)).status, 200);
}

/// For three seconds 200 requests a second under a token that has these limits, and one a second under another; all of
/// the latter are answered.
#[track_caller]
fn flooded(limits: &str) -> Vec<Ending> {
    let tokens = tempfile::NamedTempFile::new().unwrap();
    let digest = hex::encode(Sha256::digest("flood"));
    std::fs::write(tokens.path(), format!("[[token]]\nname = \"flood\"\nsha256 = \"{digest}\"\n{limits}")).unwrap();
    let server = TestServer::start(&[NARROW[0], PATIENT, ("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())]);
    let time = Duration::from_secs(3);
    let mut requests = evenly("flood", 200.0, time, new_text);
    for due in &mut requests {
        due.token = "flood";
    }
    requests.extend(evenly("other", 1.0, time, |number| new_text(1_000 + number)));

    let endings = send(server.address(), requests);

    assert_eq!(with_status(&endings, "other", 200), 3);
    endings
}

#[test]
fn a_flood_under_one_token_is_refused_and_others_are_served() {
    let began = Instant::now();
    let endings = flooded("requests_per_minute = 20\n");

    // Twenty at once, and one every three seconds.
    let most = 21 + began.elapsed().as_secs() as usize / 3;
    let (answered, refused) = (with_status(&endings, "flood", 200), with_status(&endings, "flood", 429));
    assert_eq!(answered + refused, 600);
    assert!((20..=most).contains(&answered), "{answered} answered");
}

#[test]
fn a_flood_without_a_limit_leaves_others_their_places() {
    let endings = flooded("");

    let (answered, refused) = (with_status(&endings, "flood", 200), with_status(&endings, "flood", 503));
    assert_eq!(answered + refused, 600);
    assert!(refused > 100, "only {refused} were refused");
}

#[test]
fn while_others_take_the_processors_the_service_is_alive_and_replaces_no_worker() {
    let server = TestServer::start(&[PATIENT]);
    let (done, began) = (AtomicBool::new(false), Instant::now());
    std::thread::scope(|scope| {
        let _done = SetAtEnd(&done);
        for _ in 0..4 * std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while !done.load(Relaxed) && began.elapsed() < Duration::from_mins(1) {
                    std::hint::spin_loop();
                }
            });
        }
        scope.spawn(|| {
            while !done.load(Relaxed) {
                assert_eq!(server.get("/livez").status, 200);
            }
        });
        let sentence = |number| format!("Who has {number} processors to himself is soon done with what he says. ");
        let answers: Vec<Answer> = [1..6, 6..11, 11..16]
            .map(|numbers| numbers.map(sentence).collect::<Vec<_>>().concat())
            .map(|text| ask(&server, &json!({"text": text})))
            .into();
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    });
    assert_eq!(server.metric("tts_worker_restarts_total"), 0.0);
}

#[test]
fn while_the_queue_is_full_the_service_is_alive() {
    let server = TestServer::start(&[NARROW[0], NARROW[1], PATIENT]);
    let long = |number: usize| json!({"text": format!("Text {number} goes on for a while, and for a while more. ").repeat(60)});
    std::thread::scope(|scope| {
        // More than may be in work.
        for number in 0..8 {
            let server = &server;
            scope.spawn(move || ask(server, &long(number)));
        }
        until("the queue is full", || (server.metric(FULL) > 0.0).then_some(()));

        // Between a request's sentences and its sound others may have its place.
        until("a refusal", || (ask(&server, &new_text(0)).status == 503).then_some(()));
        assert_eq!((server.get("/livez").status, server.get("/metrics").status), (200, 200));
    });
}

#[test]
fn heads_that_never_end_are_given_up_and_others_are_answered() {
    let server = TestServer::start(&[]);
    let begin = |_| {
        let mut connection = server.connect();
        connection.write_all(b"POST /v1/synthesizeSpeech HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
        connection
    };
    let slow: Vec<TcpStream> = (0..300).map(begin).collect();

    assert_eq!(ask(&server, &known_text()).status, 200);
    for mut connection in slow {
        // A byte now and then does not help. A connection that is closed already may say so here.
        let _ = connection.write_all(b"a");
        let mut said = Vec::new();
        match connection.read_to_end(&mut said) {
            Ok(_) => assert!(said.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&said)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    assert_eq!(ask(&server, &known_text()).status, 200);
}

#[test]
fn without_descriptors_for_new_connections_the_open_ones_go_on() {
    let server = TestServer::start_under(&["prlimit", "--nofile=128"], &[]);
    server.wait_until_ready();
    let mut early = server.connect();
    ask_on(&mut early, &known_text());
    assert_eq!(Answer::read(&mut early).status, 200);
    let many: Vec<TcpStream> = (0..200).map(|_| server.connect()).collect();

    ask_on(&mut early, &known_text());
    assert_eq!(Answer::read(&mut early).status, 200);

    drop(many);
    assert_eq!(ask(&server, &known_text()).status, 200);
}

#[test]
fn readers_who_take_nothing_are_let_go() {
    let server = TestServer::start(&[("TTS_HTTP_WRITE_TIMEOUT_MS", "3000"), PATIENT]);
    let text = "Nobody reads any of this, however long it goes on. ".repeat(90);
    let begin =
        |number| server.begin(&json!({"text": format!("{number}. {text}"), "stream": true, "sample_rate": 48_000}));
    server.get("/health");
    let before = server.open_files();

    let readers: Vec<TcpStream> = (0..4).map(begin).collect();

    until("their connections", || (server.open_files() >= before + readers.len()).then_some(()));
    until("their connections to be closed", || (server.open_files() <= before).then_some(()));
    assert_eq!(server.metric("tts_queue_depth"), 0.0);
    drop(readers);
}

#[test]
fn answers_that_nobody_reads_are_bounded_and_what_is_known_is_answered_meanwhile() {
    let server = TestServer::start(&[("TTS_ANSWERS_MAX_BYTES", "10000000"), ("TTS_CACHE_MAX_ENTRY_BYTES", "1000000")]);
    // Eight seconds of pauses and hardly a sound: much more than sockets hold.
    let body = |volume: f64| json!({"text": "A.\n\n".repeat(8), "sentence_silence_ms": 10_000, "sample_rate": 48_000, "volume": volume});
    let held = || server.metric("tts_answers_bytes");
    ask(&server, &known_text());
    let mut unread = server.begin(&body(0.5));
    until("an answer that nobody reads", || (held() > 6e6).then_some(()));

    for volume in [0.6, 0.7] {
        let refused = ask(&server, &body(volume));
        refused.assert_error(503, "over_capacity", None);
        assert_eq!(refused.header("retry-after"), "5");
    }
    assert_eq!(ask(&server, &known_text()).status, 200);
    assert_eq!(server.metric("tts_requests_shed_total{reason=\"memory\"}"), 2.0);
    assert!(held() < 10e6, "{} bytes", held());

    assert_eq!(Answer::read(&mut unread).status, 200);
    until("what was read is given back", || (held() == 0.0).then_some(()));
    assert_eq!(ask(&server, &body(0.6)).status, 200);
}

#[test]
fn readers_who_stop_reading_keep_no_worker() {
    let server = TestServer::start(&[("TTS_WORKERS", "1")]);
    // Much more than sockets hold.
    let begin = |number: usize| {
        let text = format!("Reader number {number} does not read any of this, however long it goes on. ").repeat(50);
        server.begin(&json!({"text": text, "stream": true, "sample_rate": 48_000}))
    };
    let readers: Vec<TcpStream> = (0..10).map(begin).collect();

    // The one worker gets round to somebody who reads, and in the end does nothing else.
    let mut number = 0;
    until("the work for nobody to stand still", || {
        let before = server.sentences();
        for _ in 0..5 {
            number += 1;
            assert_eq!(ask(&server, &new_text(number)).status, 200);
        }
        (server.sentences() == before + 5.0).then_some(())
    });
    let for_nobody = server.sentences() - number as f64;
    assert!(for_nobody < 250.0, "{for_nobody} of 500 sentences");
    drop(readers);
    until("what nobody reads is dropped", || (server.metric("tts_queue_depth") == 0.0).then_some(()));
}
