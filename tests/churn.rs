//! Ten voices in memory for three, asked for in random order: the resident set of the real program stays under the
//! limit plus a fixed headroom at every moment, it does not grow, and nobody is told anything worse than to come back
//! later.
//!
//! Runs for 15 seconds; `TTS_TEST_CHURN_SECONDS=600 cargo test --release --test churn -- --nocapture` runs longer and
//! prints what it saw.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use support::{TOKEN, TestServer};

const VOICES: usize = 10;
const CALLERS: u32 = 3;
/// After each of them all voices are unloaded, so that what is left does not depend on which were loaded by chance.
const ROUNDS: u32 = 3;
/// Room for three voices of this size with two workers each, not for four.
const LIMIT_BYTES: u64 = 410 << 20;
/// The program itself, the phonemizer's side, two computations of a sentence, and one voice on its way in.
const HEADROOM_BYTES: u64 = 160 << 20;
/// How much more may be in use after the last round than after the first: one voice, where each round lets dozens go.
/// What an allocator keeps differs by half of that.
const GROWTH_BYTES: u64 = 128 << 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

#[test]
fn ten_voices_fit_into_the_memory_of_three() {
    let seconds = std::env::var("TTS_TEST_CHURN_SECONDS").map_or(15, |seconds| seconds.parse().unwrap());
    let models = tempfile::tempdir().unwrap();
    make_voices(models.path());
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", models.path().to_str().unwrap()),
        ("TTS_VOICES", "*"),
        ("TTS_WORKERS", "2"),
        ("TTS_POOL_MEMORY_BYTES", &LIMIT_BYTES.to_string()),
        ("TTS_CACHE_ENABLED", "false"),
    ]);
    // Compiling a voice for the first time takes more memory for a moment than having it; here the steady state is
    // looked at.
    for number in 0..VOICES {
        support::until("the voice is compiled", || (speak(&server, number, 0) == 200).then_some(()));
    }

    let (spoken, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    server.forget_peak();
    let mut emptied = Vec::new();
    for round in 0..ROUNDS {
        churn(&server, round, Duration::from_secs(seconds) / ROUNDS, &spoken, &refused);
        support::until("every voice is unloaded", || {
            for number in 0..VOICES {
                let unload = server.request(Method::DELETE, &format!("/v1/voices/voice-{number}/load"));
                unload.header("user-token", TOKEN).send().unwrap();
            }
            (server.metric("tts_voices_loaded") == 0.0).then_some(())
        });
        emptied.push(settled(&server));
    }

    let (spoken, refused) = (spoken.load(SeqCst), refused.load(SeqCst));
    let (evictions, highest) = (server.metric("tts_voice_evictions_total"), server.peak_resident_bytes());
    println!(
        "{spoken} spoken, {refused} refused, {evictions} evictions; resident set at most {} MB of {} MB; with every voice gone {:?} MB",
        highest >> 20,
        (LIMIT_BYTES + HEADROOM_BYTES) >> 20,
        emptied.iter().map(|bytes| bytes >> 20).collect::<Vec<_>>(),
    );
    assert!(highest <= LIMIT_BYTES + HEADROOM_BYTES, "{} MB", highest >> 20);
    assert!(emptied.iter().all(|bytes| *bytes <= highest / 2), "voices are gone, their memory is not: {emptied:?}");
    assert!(emptied.last().unwrap() <= &(emptied[0] + GROWTH_BYTES), "it grows: {emptied:?}");
    assert!(evictions > 10.0 && spoken >= ROUNDS as usize * VOICES, "{evictions} evictions, {spoken} spoken");
}

/// Speaks with voices in random order for `time`.
fn churn(server: &TestServer, round: u32, time: Duration, spoken: &AtomicUsize, refused: &AtomicUsize) {
    let until = Instant::now() + time;
    // On a slow machine longer: as often as shows something.
    let (enough, at_last) = ((round as usize + 1) * VOICES, until + Duration::from_mins(2));
    let goes_on = |now| now < until || (now < at_last && spoken.load(SeqCst) < enough);
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            scope.spawn(move || {
                let mut random = u64::from(round * CALLERS + caller + 7);
                while goes_on(Instant::now()) {
                    // Knuth's MMIX generator: the order is random and the same in every run.
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let voice = (random >> 33) as usize % VOICES;
                    match speak(server, voice, random) {
                        200 => spoken.fetch_add(1, SeqCst),
                        503 => refused.fetch_add(1, SeqCst),
                        other => panic!("answered {other}"),
                    };
                }
            });
        }
    });
}

/// The resident set once it is not getting smaller any more: what is let go is given back a moment later.
fn settled(server: &TestServer) -> u64 {
    let mut least = server.resident_bytes();
    let mut looks_without_less = 0;
    while looks_without_less < 20 {
        thread::sleep(BETWEEN_LOOKS);
        let now = server.resident_bytes();
        looks_without_less = if now < least { 0 } else { looks_without_less + 1 };
        least = least.min(now);
    }
    least
}

/// Variants of the real voice that differ in a few weights, and so in their digests.
fn make_voices(folder: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/en_US-joe-medium.onnx");
    let config = fs::read(source.with_added_extension("json")).unwrap();
    let mut model = fs::read(&source).unwrap();
    for number in 0..VOICES {
        // The lowest bytes of some weights in the middle of the file.
        model[30_000_000 + 4 * number] ^= 1;
        let path = folder.join(format!("voice-{number}.onnx"));
        fs::write(&path, &model).unwrap();
        fs::write(path.with_added_extension("json"), &config).unwrap();
    }
}

fn speak(server: &TestServer, voice: usize, number: u64) -> u16 {
    let text = format!("This is sentence number {}.", number % 1000);
    let body = json!({"text": text, "voice_id": format!("voice-{voice}"), "response_format": "pcm"});
    server.post_json("/v1/synthesizeSpeech", &body).status
}
