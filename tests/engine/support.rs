//! What the engine's tests share: the native parts, the voice's settings, the phonemizer with its children.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use piper_acoustic::{
    Cancel, CompiledModels, LoadedVoice, ModelInput, OnnxEngine, OnnxRuntime, PhonemeType, RuntimeFiles,
    RuntimeSettings, SentenceCrew, SpeechLatent, SpeechPrior, Utterance, VoiceConfig, VoiceFiles,
};
use piper_phonemize::{EspeakPool, EspeakSettings, Phonemizer};

/// A path below the package's folder.
pub fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

pub fn native_parts() -> RuntimeFiles {
    RuntimeFiles::find(&RuntimeSettings::default()).unwrap()
}

pub fn onnxruntime() -> OnnxRuntime {
    OnnxRuntime::load(&native_parts().onnxruntime).unwrap()
}

/// Keeps what it compiles where the service does.
pub fn engine() -> OnnxEngine {
    OnnxEngine::new(onnxruntime(), CompiledModels::new(onnxruntime(), Some(path("models/.compiled"))))
}

pub fn voice_files() -> VoiceFiles {
    VoiceFiles { model: path("models/en_US-joe-medium.onnx"), config: path("models/en_US-joe-medium.onnx.json") }
}

/// The settings of the voice, as if it spoke `language`, or its phonemes were of that type.
pub fn voice_config(language: &str) -> VoiceConfig {
    let json = std::fs::read(voice_files().config).unwrap();
    let config = VoiceConfig { espeak_voice: language.to_owned(), ..VoiceConfig::parse(&json).unwrap() };
    let phoneme_type = match language {
        "hebrew" => PhonemeType::Hebrew,
        "pinyin" => PhonemeType::Pinyin,
        _ => return config,
    };
    let ids = std::fs::read(path(&format!("tests/fixtures/phonemes/{language}-ids.json"))).unwrap();
    let ids: HashMap<String, Vec<i64>> = serde_json::from_slice(&ids).unwrap();
    VoiceConfig { phoneme_type, phoneme_ids: config.phoneme_ids.into_iter().chain(ids).collect(), ..config }
}

pub fn espeak_settings(processes: usize) -> EspeakSettings {
    let parts = native_parts();
    EspeakSettings {
        program: env!("CARGO_BIN_EXE_tts-batch-api").into(),
        library: parts.espeak_library,
        data: parts.espeak_data,
        processes,
        languages: 4,
        queue_limit: 64,
        timeout: Duration::from_secs(20),
    }
}

/// What a sentence begins with, on so many threads.
pub fn begun(voice: &dyn LoadedVoice, input: &ModelInput, threads: usize) -> SpeechPrior {
    std::thread::scope(|scope| {
        // In here, so that a panic lets the others go.
        let crew = SentenceCrew::new(threads);
        for _ in 1..threads {
            let helper = crew.helper();
            scope.spawn(move || voice.help(&helper));
        }
        match voice.begin(input, &crew, &Cancel::default()).unwrap() {
            Utterance::Prior(prior) => prior,
            Utterance::Whole(_) => panic!("the voice is not computed in parts"),
        }
    })
}

/// What a voice says when its latents are computed so many frames at a time, and its samples.
pub fn in_stretches(voice: &dyn LoadedVoice, input: &ModelInput, section: usize, stretch: usize) -> Vec<f32> {
    let cancel = Cancel::default();
    let prior = begun(voice, input, 1);
    let (frames, prior) = (prior.frames, Arc::new(prior));
    let parts = |length: usize| {
        let length = length.min(frames);
        (0..frames).step_by(length).map(move |start| start..(start + length).min(frames))
    };
    let mut latent = SpeechLatent::new(prior.clone());
    let mut stretches = parts(stretch).peekable();
    let mut joined = Vec::new();
    for section in parts(section) {
        latent.push(voice.flow(&prior, section, &cancel).unwrap());
        while let Some(stretch) = stretches.next_if(|stretch| latent.is_known_for(stretch.end)) {
            joined.extend(voice.decode(&latent, stretch, &cancel).unwrap());
        }
    }
    joined
}

pub async fn phonemizer(settings: EspeakSettings) -> Phonemizer {
    let espeak = EspeakPool::start(settings).await.unwrap();
    Phonemizer::new(espeak, onnxruntime(), native_parts().languages)
}

/// Waits until `condition` holds.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < limit, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
