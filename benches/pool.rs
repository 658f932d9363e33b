//! Questions: how long does it take until a voice that is installed can speak, for the first time on a machine and
//! later? And how much longer does a short text take while a long one is spoken? And how long does it take where more
//! voices are asked for than memory has room for?
//!
//! Units: milliseconds; medians, but where it says otherwise. The long text has 5,000 characters, the short one ten
//! words.
//!
//! Run: `make setup`, then `cargo bench --bench pool`, on a machine that does nothing else.

// A part that is missing ends the measurement; there is no caller to tell.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use piper_acoustic::{CompiledModels, Engine, OnnxEngine, OnnxRuntime, RuntimeFiles, RuntimeSettings, VoiceFiles};
use serde_json::json;
use support::{ModelsFolder, TestServer, VOICE};

const ROUNDS: usize = 9;
const SHORT: &str = "Please hold the line, somebody will be with you soon.";
const SENTENCE: &str = "The wind had turned in the night, and by morning the valley was white. ";

fn main() {
    loads();
    short_beside_long();
    six_in_the_room_of_three();
}

fn loads() {
    let parts = RuntimeFiles::find(&RuntimeSettings::default()).unwrap();
    let runtime = OnnxRuntime::load(&parts.onnxruntime).unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(format!("{VOICE}.onnx"));
    let files = VoiceFiles { config: model.with_added_extension("json"), model };
    let folder = tempfile::tempdir().unwrap();
    let engine =
        |kept: &Path| OnnxEngine::new(runtime.clone(), CompiledModels::new(runtime.clone(), Some(kept.into())));

    let first = (0..ROUNDS).map(|round| {
        let engine = engine(&folder.path().join(round.to_string()));
        time(|| drop(engine.load(&files).unwrap()))
    });
    let first = median(first.collect());
    let kept = engine(&folder.path().join("0"));
    let later = median((0..ROUNDS).map(|_| time(|| drop(kept.load(&files).unwrap()))).collect());
    println!(
        "loading {VOICE}: {} ms for the first time on a machine, {} ms later",
        first.as_millis(),
        later.as_millis()
    );
}

fn short_beside_long() {
    let server = TestServer::start(&[("TTS_CACHE_ENABLED", "false")]);
    let long = SENTENCE.repeat(5_000 / SENTENCE.len());
    let speak = |text: &str| {
        let answer = server.post_json("/v1/synthesizeSpeech", &json!({"text": text, "response_format": "pcm"}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    speak(SHORT);
    let unit = median((0..ROUNDS).map(|_| time(|| speak(SENTENCE))).collect());
    let alone = median((0..ROUNDS).map(|_| time(|| speak(SHORT))).collect());

    let stop = AtomicBool::new(false);
    let beside = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                speak(&long);
            }
        });
        // Until the long text has its sentences in the pool.
        support::until("the long text is in work", || (server.metric("tts_queue_depth") >= 1.0).then_some(()));
        let beside = median((0..ROUNDS).map(|_| time(|| speak(SHORT))).collect());
        stop.store(true, Relaxed);
        beside
    });
    println!(
        "a short text: {} ms alone, {} ms beside a long one; one sentence of the long one: {} ms; \
         1.5 x alone and one sentence: {} ms",
        alone.as_millis(),
        beside.as_millis(),
        unit.as_millis(),
        (alone.mul_f64(1.5) + unit).as_millis()
    );
}

/// Twelve callers, each of whom speaks with every voice in turn.
fn six_in_the_room_of_three() {
    const TURNS: usize = 12;
    let names = ["a", "b", "c", "d", "e", "f"];
    let folder = ModelsFolder::with_copies(&names);
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_OFFLINE", "true"),
        ("TTS_CACHE_ENABLED", "false"),
        ("TTS_PRELOAD_VOICES", "a"),
        ("TTS_VOICES_RESCAN_SECONDS", "0"),
    ]);
    let bytes = server.metric("tts_voice_memory_bytes") as u64;
    // Each is compiled once before.
    for name in names {
        assert_eq!(server.post_json(&format!("/v1/voices/{name}/load"), &json!({})).status, 200);
    }
    drop(server);
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_OFFLINE", "true"),
        ("TTS_CACHE_ENABLED", "false"),
        ("TTS_PRELOAD_VOICES", "a"),
        ("TTS_POOL_MEMORY_BYTES", &(bytes * 7 / 2).to_string()),
    ]);
    let began = Instant::now();
    let answers: Vec<(u16, Duration)> = thread::scope(|scope| {
        let callers: Vec<_> = (0..12)
            .map(|caller| {
                let server = &server;
                scope.spawn(move || {
                    let speak = |turn: usize| {
                        let body = json!({"text": SHORT, "voice_id": names[(caller + turn) % names.len()]});
                        let began = Instant::now();
                        let status = server.post_json("/v1/synthesizeSpeech", &body).status;
                        (status, began.elapsed())
                    };
                    (0..TURNS).map(speak).collect::<Vec<_>>()
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let refused = answers.iter().filter(|(status, _)| *status != 200).count();
    let mut times: Vec<Duration> = answers.iter().map(|(_, time)| *time).collect();
    times.sort_unstable();
    println!(
        "six voices in the room of three, twelve callers: {refused} of {} refused in {} s; median {} ms, 99th percentile {} ms; \
         {} voices let go",
        answers.len(),
        began.elapsed().as_secs(),
        times[times.len() / 2].as_millis(),
        times[times.len() * 99 / 100].as_millis(),
        server.metric("tts_voice_evictions_total")
    );
}

fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
