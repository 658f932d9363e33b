//! Start and stop: what a signal does to work that is not done.

use std::fs;
use std::io::Read;
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::support::{Answer, ModelsFolder, Program, TOKEN, TestServer, VOICE, samples, shared, until};
use crate::{SYNTHESIZE, noiseless};

const TIMESTAMPS: &str = "/v1/synthesizeSpeech/timestamps";

/// A streamed answer of which the first byte is there.
fn begin(server: &TestServer, text: &str) -> Response {
    let body = noiseless(text, &json!({"response_format": "pcm", "stream": true}));
    let mut response = server.post(SYNTHESIZE).json(&body).send().unwrap();
    assert_eq!(response.status().as_u16(), 200);
    response.read_exact(&mut [0; 2]).unwrap();
    response
}

/// Speech that takes far longer to make than a signal to arrive.
fn long_text(sentences: usize) -> String {
    "This sentence takes its time, and it is not the only one. ".repeat(sentences)
}

#[test]
fn a_signal_to_stop_lets_work_finish() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let patient = [("TTS_DRAIN_TIMEOUT_MS", "60000"), ("TTS_REQUEST_DEADLINE_MS", "60000")];
        let server = TestServer::start(&[&patient[..], &[("TTS_CACHE_ENABLED", "false")]].concat());
        let text = long_text(2);
        let body = noiseless(&text, &json!({"response_format": "pcm"}));
        // Another server says what this one shall not have made before.
        let whole = shared().post_json(SYNTHESIZE, &body);
        let mut waiting: Vec<_> = (0..4).map(|_| server.begin(&body)).collect();
        let mut streamed = begin(&server, &text);

        server.signal(signal);
        server.wait_for_log("stopping");
        let mut rest = Vec::new();
        streamed.read_to_end(&mut rest).expect("the answer is not cut");

        assert_eq!(samples(&rest)[..], samples(&whole.body)[1..]);
        for connection in &mut waiting {
            assert_eq!(Answer::read(connection).body, whole.body);
        }
        assert_eq!(server.wait().code(), Some(0));
        assert!(std::net::TcpStream::connect(server.address()).is_err(), "somebody still listens");
    }
}

#[test]
fn a_second_signal_ends_the_service_at_once() {
    let server = TestServer::start(&[]);
    let mut streamed = begin(&server, &long_text(70));
    server.signal(Signal::SIGTERM);
    server.wait_for_log("stopping");

    server.signal(Signal::SIGTERM);
    server.wait_for_log("stopped before all requests were done");
    let status = server.wait();
    let ended = streamed.read_to_end(&mut Vec::new());

    assert_eq!(status.code(), Some(1));
    assert!(ended.is_err(), "a cut answer looks whole");
}

#[test]
fn work_that_outlasts_the_time_to_drain_is_cut() {
    let server = TestServer::start(&[("TTS_DRAIN_TIMEOUT_MS", "1000")]);
    let mut streamed = begin(&server, &long_text(70));

    server.signal(Signal::SIGTERM);
    server.wait_for_log("stopped before all requests were done");
    let status = server.wait();
    let ended = streamed.read_to_end(&mut Vec::new());

    assert_eq!(status.code(), Some(1));
    assert!(ended.is_err(), "a cut answer looks whole");
}

#[test]
fn what_is_cut_says_so_where_its_form_lets_it() {
    let server = TestServer::start(&[("TTS_DRAIN_TIMEOUT_MS", "0"), ("TTS_REQUEST_DEADLINE_MS", "600000")]);
    let text = long_text(70);
    // What has a stream's first sound before it, and ever so much of its own.
    let mut whole = server.begin(&noiseless(&text, &json!({"speed": 0.25})));
    until("it is under way", || (server.metric("tts_queue_depth") >= 1.0).then_some(()));
    let timed = noiseless(&text, &json!({"stream": true}));
    let streams = [
        (TIMESTAMPS, "text/event-stream", timed.clone()),
        (TIMESTAMPS, "application/x-ndjson", timed),
        ("/v1/audio/speech", "*/*", json!({"input": text, "stream_format": "sse"})),
    ];
    let streams = streams.map(|(path, accept, body)| {
        let mut response = server.post(path).header("accept", accept).json(&body).send().unwrap();
        assert_eq!(response.status().as_u16(), 200);
        response.read_exact(&mut [0; 2]).unwrap();
        response
    });

    server.signal(Signal::SIGTERM);

    for mut stream in streams {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).expect("the answer ends as one that is whole");
        let last = rest.trim_end().lines().last().unwrap();
        let last: Value = serde_json::from_str(last.trim_start_matches("data: ")).unwrap();
        assert_eq!((&last["type"], &last["error"]["code"]), (&json!("error"), &json!("stopping")));
    }
    let whole = Answer::read(&mut whole);
    whole.assert_error(503, "stopping", None);
    assert!(whole.header("retry-after").parse::<u32>().is_ok());
    assert_eq!(server.wait().code(), Some(1));
}

#[test]
fn work_that_is_done_in_time_is_not_cut() {
    for milliseconds in ["0", "1000"] {
        let server = TestServer::start(&[("TTS_DRAIN_TIMEOUT_MS", milliseconds)]);
        // Less than the connection takes at once, so that all of it is done when it is read.
        let body = noiseless("Short.", &json!({"response_format": "pcm", "sample_rate": 8_000}));
        let mut kept_alive = server.begin(&body);
        assert_eq!(Answer::read(&mut kept_alive).status, 200);

        server.signal(Signal::SIGTERM);

        assert_eq!(server.wait().code(), Some(0), "{milliseconds} ms");
    }
}

#[test]
fn a_signal_to_stop_ends_an_idle_service() {
    let server = TestServer::start(&[]);
    server.get("/health");

    let log = server.stop();

    assert!(log.last().is_some_and(|line| line.contains("\"stopped\"")), "{log:?}");
}

#[test]
fn a_port_in_use_is_a_wrong_setting_and_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let run = Program::new(&["serve"]).variable("ALLOWED_USER_TOKEN", TOKEN).variable("TTS_BIND", &address).finish();

    assert_eq!(run.code, Some(64));
    assert!(matches!(run.error_lines()[..], [line] if line.contains("TTS_BIND")), "{}", run.stderr);
    assert_eq!(run.text(), "");
}

#[test]
fn no_command_at_all_means_serve() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let run = Program::new(&[]).variable("ALLOWED_USER_TOKEN", TOKEN).variable("TTS_BIND", &address).finish();

    assert_eq!(run.code, Some(64));
    assert!(run.stderr.contains(&address), "{}", run.stderr);
}

#[test]
fn a_start_removes_what_a_killed_process_was_compiling() {
    let folder = ModelsFolder::with_copies(&[VOICE]);
    let compiled = folder.path().join(".compiled");
    let partial = compiled.join(format!("{}.{}.partial", "a".repeat(64), u32::MAX));
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("flow.ort"), "half").unwrap();
    for path in [partial.join("flow.ort"), partial.clone()] {
        let an_hour_ago = SystemTime::now() - Duration::from_hours(1);
        fs::File::open(path).unwrap().set_modified(an_hour_ago).unwrap();
    }

    let _server = TestServer::start(&[("TTS_MODELS_DIR", folder.name())]);

    until("the half made voice is gone", || (!partial.exists()).then_some(()));
    assert_eq!(fs::read_dir(&compiled).unwrap().count(), 1, "the voice that is served is kept");
}

#[test]
fn other_signals_end_nothing_and_quit_stops_in_order() {
    let server = TestServer::start(&[]);

    for signal in [Signal::SIGUSR1, Signal::SIGUSR2] {
        server.signal(signal);
        assert_eq!(server.get("/livez").status, 200, "{signal}");
    }
    server.signal(Signal::SIGQUIT);

    assert_eq!(server.wait().code(), Some(0));
}

/// As files on a disk that went away, pipes keep whoever opens them waiting.
#[test]
fn pipes_in_the_place_of_files_hold_up_neither_the_service_nor_its_end() {
    let (folder, tokens) = (ModelsFolder::with_copies(&[VOICE, "other"]), tempfile::tempdir().unwrap());
    let (lock, tokens) = (folder.path().join("voices.lock"), tokens.path().join("tokens.toml"));
    fs::write(&tokens, "# nobody\n").unwrap();
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", VOICE),
        ("TTS_TOKENS_FILE", tokens.to_str().unwrap()),
    ]);
    fs::remove_file(&tokens).unwrap();
    for path in [&tokens, &lock] {
        mkfifo(path, Mode::S_IRWXU).unwrap();
    }

    server.signal(Signal::SIGHUP);
    server.wait_for_log("tokens stay as they were");
    server.wait_for_log("voices stay as they were");
    fs::remove_file(&lock).unwrap();
    let model = folder.path().join("other.onnx");
    fs::remove_file(&model).unwrap();
    mkfifo(&model, Mode::S_IRWXU).unwrap();
    let spoken = [VOICE, "other"].map(|voice| {
        let body = json!({"text": "Hello.", "voice_id": voice});
        server.post_json(SYNTHESIZE, &body).status
    });

    assert_eq!(spoken, [200, 422]);
    let log = server.stop();
    assert!(log.last().is_some_and(|line| line.contains("\"stopped\"")), "{log:#?}");
}
