//! Which files the running program touches, as the system sees it (`strace`): none that a caller named, and none that a
//! voice names.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::SystemTime;

use serde_json::json;
use tempfile::TempDir;

use support::{ModelsFolder, TOKEN, TestServer, VOICE, path_payloads, until, write_broken_voices};

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";
const LEGACY: &str = "/synthesizeSpeech";

/// A server whose file accesses are recorded, with those of its children.
struct Traced {
    server: TestServer,
    record: PathBuf,
    _folder: TempDir,
}

/// One call that took a path.
#[derive(Debug)]
struct Call {
    /// Seconds since 1970.
    time: f64,
    text: String,
}

// === impl Traced ===

impl Traced {
    fn start(variables: &[(&str, &str)]) -> Self {
        let found = Command::new("strace").arg("--version").output().is_ok_and(|run| run.status.success());
        assert!(found, "strace is missing: apt-get install strace");
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("calls");
        // The tracer is not the server's parent, so that the server is this process's own child and takes its signals.
        let strace = ["strace", "--daemonize", "--follow-forks", "--seccomp-bpf", "--quiet=all", "--decode-fds=none"];
        let what =
            ["--trace=%file", "--string-limit=4096", "--timestamps=unix,us", "--output", record.to_str().unwrap()];
        let server = TestServer::start_under(&[&strace[..], &what[..]].concat(), variables);
        server.wait_until_ready();
        Self { server, record, _folder: folder }
    }

    /// All calls, once the server has ended.
    fn finish(self) -> Vec<Call> {
        self.server.stop();
        let parse = |line: &str| {
            // Process, time, call.
            let mut parts = line.split_whitespace();
            let time = parts.nth(1)?.parse().ok()?;
            Some(Call { time, text: parts.collect::<Vec<_>>().join(" ") })
        };
        let mut calls = Vec::new();
        // The tracer ends after what it traces.
        until("the end of the record", || {
            let text = fs::read_to_string(&self.record).unwrap_or_default();
            let before = std::mem::replace(&mut calls, text.lines().filter_map(parse).collect()).len();
            (text.ends_with('\n') && before == calls.len()).then_some(())
        });
        let model = format!("{VOICE}.onnx\"");
        assert!(
            calls.iter().any(|call| call.opens(&model)),
            "the program was not traced: is strace permitted to trace here (ptrace)? It recorded {} calls",
            calls.len()
        );
        calls
    }
}

// === impl Call ===

impl Call {
    fn opens(&self, path: &str) -> bool {
        self.text.starts_with("open") && self.text.contains(path)
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// A request whose path is written as it stands here.
fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nuser-token: {TOKEN}\r\ncontent-type: application/json\r\n");
    format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

fn percent_encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    bytes.concat()
}

#[test]
fn names_of_callers_reach_no_file() {
    let started = now();
    let traced = Traced::start(&[("TTS_VOICES", "*"), ("TTS_VOICES_RESCAN_SECONDS", "0")]);
    let server = &traced.server;
    let payloads = path_payloads();
    assert!(payloads.len() >= 60);
    let speak = |voice: &str| server.post_json(SYNTHESIZE, &json!({"text": "Hello.", "voice_id": voice})).status;
    assert_eq!(speak(VOICE), 200);

    let begin = now();
    for payload in payloads.iter().filter(|payload| !payload.is_empty()) {
        let mut statuses = vec![
            speak(payload),
            speak(&format!("{payload}#1")),
            server.post_json(LEGACY, &json!({"text": "Hello.", "model": payload})).status,
        ];
        let plain = payload.bytes().all(|byte| byte.is_ascii_graphic()).then(|| payload.clone());
        for name in plain.into_iter().chain([percent_encoded(payload)]) {
            for (method, path) in [
                ("GET", format!("/v1/voices/{name}")),
                ("POST", format!("/v1/voices/{name}/load")),
                ("DELETE", format!("/v1/voices/{name}/load")),
                ("GET", format!("/{name}")),
            ] {
                statuses.push(server.raw(&request(method, &path, "")).status);
            }
        }
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{payload:?}: {statuses:?}");
    }
    let end = now();
    assert_eq!(speak(VOICE), 200);

    let calls = traced.finish();
    let between = |begin: f64, end: f64| calls.iter().filter(move |call| (begin..end).contains(&call.time));
    assert!(between(started, begin).any(|call| call.opens(VOICE)), "the clocks differ");
    let meanwhile: Vec<&Call> = between(begin, end).collect();
    assert!(meanwhile.is_empty(), "{} calls, such as {:#?}", meanwhile.len(), &meanwhile[..meanwhile.len().min(20)]);
}

#[test]
fn files_that_a_voice_leads_to_are_not_opened() {
    let outside = tempfile::tempdir().unwrap();
    let models = ModelsFolder::with_copies(&[VOICE]);
    for name in ["linked.onnx", "linked.onnx.json"] {
        fs::write(outside.path().join(name), "secret").unwrap();
        symlink(outside.path().join(name), models.path().join(name)).unwrap();
    }
    let (broken, _) = write_broken_voices(models.path());
    let external = broken.iter().find(|name| name.contains("external")).unwrap();
    let traced = Traced::start(&[("TTS_MODELS_DIR", models.name()), ("TTS_VOICES", "*"), ("TTS_DEFAULT_VOICE", VOICE)]);
    let speak = |voice: &str| traced.server.post_json(SYNTHESIZE, &json!({"text": "Hello.", "voice_id": voice}));

    let (linked, external) = (speak("linked"), speak(external));

    linked.assert_error(404, "voice_not_found", Some("voice_id"));
    external.assert_error(422, "voice_unusable", Some("voice_id"));
    traced.server.wait_for_log("keeps weights in other files");
    let calls = traced.finish();
    assert!(calls.iter().any(|call| call.opens("-external.onnx\"")), "the voice was never looked into");
    for path in ["weights.bin", outside.path().to_str().unwrap()] {
        let opened: Vec<&Call> = calls.iter().filter(|call| call.opens(path)).collect();
        assert!(opened.is_empty(), "{opened:#?}");
    }
}
