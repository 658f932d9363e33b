//! A log that nobody reads.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::json;

use crate::support::{TestServer, until};

const DROPPED: &str = "tts_log_lines_dropped_total";
const REFUSED: usize = 20;
/// At two lines each, more than a pipe holds.
const REQUESTS: usize = 1_000;

/// A pipe that is held open, and that nobody reads.
fn unread_pipe(path: &Path) -> File {
    mkfifo(path, Mode::S_IRWXU).unwrap();
    let not_waiting_for_the_other_end = OFlag::O_NONBLOCK.bits();
    OpenOptions::new().read(true).write(true).custom_flags(not_waiting_for_the_other_end).open(path).unwrap()
}

#[test]
fn a_log_that_nobody_reads_keeps_no_caller_waiting_and_its_losses_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let _pipe = unread_pipe(&path);
    let into_the_pipe = format!("exec \"$@\" 2>{}", path.display());
    let server = TestServer::start_under(
        &["/bin/sh", "-c", &into_the_pipe, "sh"],
        &[("TTS_LOG_LEVEL", "debug"), ("TTS_LOG_QUEUE_LINES", "16")],
    );
    server.wait_until_ready();

    for _ in 0..REQUESTS {
        assert_eq!(server.get("/livez").status, 200);
    }
    assert_eq!(server.post_json("/v1/synthesizeSpeech", &json!({"text": "Nobody reads this."})).status, 200);

    until("lost lines", || (server.metric(DROPPED) > 0.0).then_some(()));
    server.stop();
}

#[test]
fn requests_that_are_none_are_counted_and_not_a_line_each() {
    let server = TestServer::start_unready(&[]);

    for request in ["GET /livez HTTP/1.1\r\nhost: x\r\nbroken header\r\n\r\n", "\0\0\0\r\n\r\n"].repeat(REFUSED / 2) {
        assert!(server.raw(request.as_bytes()).status == 400);
    }

    until("all of them", || (server.metric("tts_http_malformed_requests_total") == REFUSED as f64).then_some(()));
    let log = server.stop();
    assert!(log.iter().all(|line| !line.contains("ERROR") && !line.contains("stream error")), "{log:?}");
}
