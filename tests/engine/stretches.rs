//! A voice in parts against its graph as it came, and stretches of a sentence against the whole of it.

use std::sync::Arc;

use piper_acoustic::{Cancel, CompiledModels, Engine, InferError, LoadedVoice, ModelInput, OnnxEngine, SpeechLatent};
use piper_phonemize::phoneme_ids;
use serde_json::Value;

use crate::support::{begun, engine, espeak_settings, in_stretches, onnxruntime, path, phonemizer, voice_files};

const TEXT: &str = "The train to the coast leaves at nine, and it is seldom late.";

/// Sentences that two ways of computing are compared with.
const TEXTS: usize = 50;

/// Of full scale. The network enlarges the last bits of its text encoder: for these sentences ONNX Runtime, with its
/// optimisations and without, is up to 0.7e-4 from itself.
const TOLERANCE: f32 = 3e-4;

fn input(voice: &dyn LoadedVoice, ids: Vec<i64>, noise: f32, seed: u64) -> ModelInput {
    let config = voice.config();
    let length_scale = config.inference.length_scale;
    ModelInput {
        ids,
        speaker: config.default_speaker,
        blend: Vec::new(),
        noise_scale: noise,
        length_scale,
        noise_w: noise,
        seed,
    }
}

async fn ids(voice: &dyn LoadedVoice, text: &str) -> Vec<i64> {
    let sentences = phonemizer(espeak_settings(1)).await.sentences(text, voice.config()).await.unwrap();
    sentences.iter().flat_map(|sentence| phoneme_ids(sentence, voice.config()).ids).collect()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn parts_speak_as_the_whole_graph_does() {
    let voice = engine().load(&voice_files()).unwrap();
    let whole = OnnxEngine::new(onnxruntime(), CompiledModels::new(onnxruntime(), None).whole());
    let whole = whole.load(&voice_files()).unwrap();
    let reference = std::fs::read_to_string(path("tests/fixtures/phonemes/en-us.jsonl")).unwrap();
    let texts = reference.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sentences = texts.map(|text| text["sentences"][0]["ids"].clone()).filter(|ids| !ids.is_null());
    let sentences = sentences.map(|ids| serde_json::from_value::<Vec<i64>>(ids).unwrap());
    // Short ones: the graph as it came takes its time.
    let sentences: Vec<_> = sentences.filter(|ids| (20..120).contains(&ids.len())).take(TEXTS).collect();
    assert_eq!(sentences.len(), TEXTS);

    let mut differences: Vec<f32> = Vec::new();
    for ids in sentences {
        let input = input(&*voice, ids, 0.0, 0);
        let expected = whole.infer(&input, &Cancel::default()).unwrap();
        let spoken = voice.infer(&input, &Cancel::default()).unwrap();
        differences.push(furthest(&expected, &spoken));
    }

    differences.sort_by(f32::total_cmp);
    let (median, most) = (differences[TEXTS / 2], differences[TEXTS - 1]);
    println!("{TEXTS} sentences differ by {most} of full scale at most, by {median} in the median");
    assert!(most < TOLERANCE, "{most}");
}

#[tokio::test]
async fn stretches_are_what_they_are_in_the_whole() {
    let voice = engine().load(&voice_files()).unwrap();
    let input = input(&*voice, ids(&*voice, TEXT).await, 0.667, 7);
    let whole = voice.infer(&input, &Cancel::default()).unwrap();

    for (section, length) in [(usize::MAX, 1), (usize::MAX, 24), (50, 24), (1, 100), (37, 100)] {
        let joined = in_stretches(&*voice, &input, section, length);

        assert!(whole == joined, "sections of {section}, stretches of {length}");
    }
}

#[tokio::test]
async fn a_sentence_is_the_same_by_whichever_threads_it_is_begun() {
    let voice = engine().load(&voice_files()).unwrap();
    // Enough for three parts.
    let input = input(&*voice, ids(&*voice, &TEXT.replace('.', &format!("; {TEXT}"))).await, 0.667, 7);
    assert!(input.ids.len() > 150);
    let whole = voice.infer(&input, &Cancel::default()).unwrap();

    for threads in [2, 3, 8] {
        let prior = Arc::new(begun(&*voice, &input, threads));
        let frames = prior.frames;
        let mut latent = SpeechLatent::new(prior.clone());
        latent.push(voice.flow(&prior, 0..frames, &Cancel::default()).unwrap());

        assert!(voice.decode(&latent, 0..frames, &Cancel::default()).unwrap() == whole, "{threads} threads");
    }
}

#[tokio::test]
async fn a_stretch_whose_latents_are_not_known_is_refused() {
    let voice = engine().load(&voice_files()).unwrap();
    let input = input(&*voice, ids(&*voice, TEXT).await, 0.667, 7);
    let prior = Arc::new(begun(&*voice, &input, 1));
    let mut latent = SpeechLatent::new(prior.clone());
    latent.push(voice.flow(&prior, 0..24, &Cancel::default()).unwrap());

    let refused = voice.decode(&latent, 0..24, &Cancel::default());

    assert!(matches!(refused, Err(InferError::TooEarly { known: 24, end: 24 })), "{refused:?}");
}

#[tokio::test]
async fn the_seed_decides_on_every_bit() {
    let voice = engine().load(&voice_files()).unwrap();
    let ids = ids(&*voice, TEXT).await;
    let speak = |seed| voice.infer(&input(&*voice, ids.clone(), 0.667, seed), &Cancel::default()).unwrap();

    let first = speak(1);

    assert_eq!(speak(1), first);
    assert_ne!(speak(2), first);
}
