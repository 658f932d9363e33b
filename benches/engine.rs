//! Question: what does one sentence cost from text to samples, which part of that is the phonemizer's, which the
//! network's, and how much of the network's goes to the text encoder and the durations?
//!
//! Unit: time a sentence, on one thread. Where samples come out, an element is a millisecond of audio: `12 Kelem/s` is
//! 12 times real time.
//!
//! Run: `make setup`, then `cargo bench --bench engine`, on a machine that does nothing else.

// A part that is missing ends the measurement; there is no caller to tell.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use piper_acoustic::{
    Cancel, CompiledModels, Engine, LoadedVoice, ModelInput, OnnxEngine, OnnxRuntime, RuntimeFiles, RuntimeSettings,
    SentenceCrew, VoiceFiles,
};
use piper_phonemize::{EspeakPool, EspeakSettings, Phonemizer, phoneme_ids};
use tokio::runtime::Builder;

const TEXT: &str = "Turn left at the bakery, it's the one with the red door.";

async fn model_input(phonemizer: &Phonemizer, voice: &dyn LoadedVoice) -> ModelInput {
    let config = voice.config();
    let sentences = phonemizer.sentences(TEXT, config).await.unwrap();
    ModelInput {
        ids: phoneme_ids(&sentences[0], config).ids,
        speaker: config.default_speaker,
        blend: Vec::new(),
        // Without noise the length of the audio is the same each time.
        noise_scale: 0.0,
        length_scale: config.inference.length_scale,
        noise_w: 0.0,
        seed: 0,
    }
}

fn one_sentence(criterion: &mut Criterion) {
    let parts = RuntimeFiles::find(&RuntimeSettings::default()).unwrap();
    let onnxruntime = OnnxRuntime::load(&parts.onnxruntime).unwrap();
    let tokio = Builder::new_current_thread().enable_all().build().unwrap();
    let settings = EspeakSettings {
        program: env!("CARGO_BIN_EXE_tts-batch-api").into(),
        library: parts.espeak_library,
        data: parts.espeak_data,
        processes: 1,
        languages: 1,
        queue_limit: 1,
        timeout: Duration::from_secs(5),
    };
    let espeak = tokio.block_on(EspeakPool::start(settings)).unwrap();
    let phonemizer = Phonemizer::new(espeak, onnxruntime.clone(), parts.languages);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let files =
        VoiceFiles { model: models.join("en_US-joe-medium.onnx"), config: models.join("en_US-joe-medium.onnx.json") };
    let voice = OnnxEngine::new(onnxruntime.clone(), CompiledModels::new(onnxruntime, None)).load(&files).unwrap();
    let input = tokio.block_on(model_input(&phonemizer, &*voice));
    let samples = voice.infer(&input, &Cancel::default()).unwrap().len();
    let audio_ms = samples as u64 * 1_000 / u64::from(voice.config().sample_rate);

    let mut group = criterion.benchmark_group("sentence");
    group.sample_size(20).measurement_time(Duration::from_secs(12));
    group.bench_function("phonemize", |bench| {
        bench.iter(|| tokio.block_on(model_input(&phonemizer, &*voice)));
    });
    group.throughput(Throughput::Elements(audio_ms));
    group.bench_function("encode", |bench| {
        bench.iter(|| voice.begin(&input, &SentenceCrew::new(1), &Cancel::default()).unwrap());
    });
    group.bench_function("infer", |bench| bench.iter(|| voice.infer(&input, &Cancel::default()).unwrap()));
    group.bench_function("text to audio", |bench| {
        bench.iter(|| voice.infer(&tokio.block_on(model_input(&phonemizer, &*voice)), &Cancel::default()).unwrap());
    });
    group.finish();
}

criterion_group!(benches, one_sentence);
criterion_main!(benches);
