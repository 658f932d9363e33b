//! Samples against those of Piper's own package (`tests/fixtures/make_audio.py`), with the model made deterministic.

use std::path::Path;

use piper_acoustic::kernels::simd::SimdLevel;
use piper_acoustic::{Cancel, CompiledModels, Engine, LoadedVoice, ModelInput, OnnxEngine};
use piper_phonemize::{Sentence, phoneme_ids};
use serde::Deserialize;
use tts_batch_api::audio::{Pcm, wav_header};

use crate::support::{engine, espeak_settings, onnxruntime, path, phonemizer, voice_files};

#[derive(Deserialize)]
struct Case {
    file: String,
    text: String,
    /// Samples of each sentence.
    sentences: Vec<usize>,
}

/// Another machine's floating point differs in the last bits of a sample; a wrong id, scale or order costs far more
/// than this.
const MIN_SNR_DB: f64 = 60.0;

fn cases(folder: &Path) -> Vec<Case> {
    serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap()
}

fn flac(file: &Path) -> Vec<i16> {
    let mut reader = claxon::FlacReader::open(file).unwrap();
    reader.samples().map(|sample| i16::try_from(sample.unwrap()).unwrap()).collect()
}

fn speak_without_noise(voice: &dyn LoadedVoice, sentence: &Sentence) -> Pcm {
    let config = voice.config();
    let input = ModelInput {
        ids: phoneme_ids(sentence, config).ids,
        speaker: config.default_speaker,
        blend: Vec::new(),
        noise_scale: 0.0,
        length_scale: config.inference.length_scale,
        noise_w: 0.0,
        seed: 0,
    };
    Pcm::from_float(&voice.infer(&input, &Cancel::default()).unwrap(), config.sample_rate)
}

/// Signal to noise ratio in decibels, where what differs is the noise.
fn snr_db(expected: &[i16], got: &[i16]) -> f64 {
    let energy = |samples: &mut dyn Iterator<Item = f64>| samples.map(|sample| sample * sample).sum::<f64>();
    let signal = energy(&mut expected.iter().map(|&sample| f64::from(sample)));
    let noise = energy(&mut expected.iter().zip(got).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    10.0 * (signal / noise).log10()
}

#[tokio::test]
async fn speech_without_noise_is_pipers_to_within_the_last_bits() {
    let phonemizer = phonemizer(espeak_settings(1)).await;
    let voice = engine().load(&voice_files()).unwrap();
    let folder = path("tests/fixtures/audio");
    let cases = cases(&folder);

    let mut worst = f64::INFINITY;
    for case in &cases {
        let sentences = phonemizer.sentences(&case.text, voice.config()).await.unwrap();
        let spoken: Vec<Pcm> = sentences.iter().map(|sentence| speak_without_noise(&*voice, sentence)).collect();
        let expected = flac(&folder.join(&case.file));

        let lengths: Vec<usize> = spoken.iter().map(|pcm| pcm.samples.len()).collect();
        assert_eq!(lengths, case.sentences, "{}", case.text);
        let got: Vec<i16> = spoken.iter().flat_map(|pcm| pcm.samples.to_vec()).collect();
        assert_eq!(got.len(), expected.len(), "{}", case.text);
        let snr = snr_db(&expected, &got);
        assert!(snr > MIN_SNR_DB, "{snr:.1} dB: {}", case.text);
        worst = worst.min(snr);
    }

    assert_eq!(cases.len(), 20);
    println!("worst signal to noise ratio: {worst:.1} dB");
}

#[tokio::test]
async fn a_text_is_the_same_wav_file_with_any_instructions() {
    let phonemizer = phonemizer(espeak_settings(1)).await;
    let models = || CompiledModels::new(onnxruntime(), Some(path("models/.compiled")));
    let mut files = Vec::new();
    for level in SimdLevel::available() {
        let voice = OnnxEngine::new(onnxruntime(), models().with_level(level)).load(&voice_files()).unwrap();
        let config = voice.config();
        let mut wav = wav_header(config.sample_rate, None);
        for sentence in phonemizer.sentences("Go. Why?", config).await.unwrap() {
            let input = ModelInput {
                ids: phoneme_ids(&sentence, config).ids,
                speaker: config.default_speaker,
                blend: Vec::new(),
                noise_scale: config.inference.noise_scale,
                length_scale: config.inference.length_scale,
                noise_w: config.inference.noise_w,
                seed: 7,
            };
            let samples = voice.infer(&input, &Cancel::default()).unwrap();
            wav.extend(Pcm::from_float(&samples, config.sample_rate).to_bytes());
        }
        files.push((level, wav));
    }

    let (fastest, expected) = &files[0];
    assert!(expected.len() > 20_000, "{} bytes", expected.len());
    for (level, wav) in &files[1..] {
        assert!(wav == expected, "{level:?} says something else than {fastest:?}");
    }
}

#[test]
fn a_signal_that_is_off_by_a_thousandth_stands_at_60_db() {
    let expected = [10_000, -20_000, 30_000];
    let got = [10_010, -20_020, 30_030];

    let snr = snr_db(&expected, &got);

    assert!((snr - 60.0).abs() < 1e-9);
}
