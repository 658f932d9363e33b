//! Questions: how long does it take until a voice that is installed can speak, for the first time on a machine and later? And how much
//! longer does a short text take while a long one is spoken?
//!
//! Units: milliseconds; medians. The long text has 5,000 characters, the short one ten words.
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
use support::{TestServer, VOICE};

const ROUNDS: usize = 9;
const SHORT: &str = "Please hold the line, somebody will be with you soon.";
const SENTENCE: &str = "The wind had turned in the night, and by morning the valley was white. ";

fn main() {
    loads();
    short_beside_long();
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

fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
