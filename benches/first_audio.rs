//! How long is it until the first sound, and does it grow with the text? From the request to the first byte of sound of a stream, for texts of 5 to
//! 5,000 characters that nobody has asked for before; `make peers` has the same beside other engines.
//!
//! `cargo bench --bench first_audio`; needs a machine with nothing else to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::json;
use support::TestServer;

const ROUNDS: usize = 15;
const LENGTHS: [usize; 4] = [5, 50, 500, 5_000];
/// The head of a WAV file comes before any sound.
const WITH_SOUND: usize = 44 + 2;

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let server = TestServer::start(&[("TTS_CACHE_ENABLED", "false")]);
    for length in LENGTHS {
        let mut times: Vec<_> = (0..=ROUNDS).map(|round| first_sound(&server, &text(length, round))).collect();
        // The first one of a kind warms up.
        times.remove(0);
        times.sort_unstable();
        println!(
            "{length:>5} characters  median {:>5.1} ms, longest {:>5.1} ms",
            milliseconds(times[ROUNDS / 2]),
            milliseconds(times[ROUNDS - 1])
        );
    }
}

fn first_sound(server: &TestServer, text: &str) -> Duration {
    let request = server.post("/v1/synthesizeSpeech").json(&json!({"text": text, "stream": true}));
    let began = Instant::now();
    let mut answer = request.send().expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.read_exact(&mut [0; WITH_SOUND]).unwrap();
    let elapsed = began.elapsed();
    // The rest is not to be worked on beside the next one.
    answer.read_to_end(&mut Vec::new()).unwrap();
    elapsed
}

/// As people write: sentences of some ten words.
fn text(length: usize, round: usize) -> String {
    let sentence = format!("Round {round} of the survey begins where the last one ended, by the river. ");
    if length < 10 {
        format!("No {round}.")
    } else {
        sentence.repeat(length / sentence.len() + 1).chars().take(length).collect()
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
