//! How long is it until the first sound, and does it grow with the text, or with its first sentence? From the request
//! to the first byte of sound of a stream, for texts of 5 to 5,000 characters, and for single sentences of 40 to 380,
//! that nobody has asked for before; `make peers` has the former beside other engines.
//!
//! `cargo bench --bench first_audio`; needs a machine with nothing else to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;
mod texts;

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::json;
use support::TestServer;

const ROUNDS: usize = 15;
const TEXTS: [usize; 4] = [5, 50, 500, 5_000];
const SENTENCES: [usize; 3] = [40, 190, 380];
/// The head of a WAV file comes before any sound.
const WITH_SOUND: usize = 44 + 2;

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let server = TestServer::start(&[("TTS_CACHE_ENABLED", "false")]);
    for length in TEXTS {
        measure(&server, &format!("{length:>5} characters of text"), |round| texts::text(length, round));
    }
    for length in SENTENCES {
        let name = format!("a sentence of {length:>3} characters");
        measure(&server, &name, |round| texts::sentence(length, round));
    }
}

fn measure(server: &TestServer, name: &str, text: impl Fn(usize) -> String) {
    let mut times: Vec<_> = (0..=ROUNDS).map(|round| first_sound(server, &text(round))).collect();
    // The first one of a kind warms up.
    times.remove(0);
    times.sort_unstable();
    let [median, longest] = [ROUNDS / 2, ROUNDS - 1].map(|at| times[at].as_secs_f64() * 1e3);
    println!("{name:<29} median {median:>5.1} ms, longest {longest:>5.1} ms");
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
