//! The structures that piper gives its qualities, with one speaker and with several (`tests/fixtures/make_vits.py`):
//! each is computed by the kernels, and says what its graph says, whole and in stretches.

use std::sync::Arc;

use piper_acoustic::{
    Cancel, CompiledModels, Computing, Engine, InferError, LoadedVoice, ModelInput, OnnxEngine, VoiceFiles,
};

use crate::support::{in_stretches, onnxruntime, path};

/// Of full scale.
const TOLERANCE: f32 = 1e-4;
/// With their numbers of speakers.
const VOICES: [(&str, i64); 7] = [
    ("vits-low", 1),
    ("vits-medium", 1),
    ("vits-high", 1),
    // Durations that are not random.
    ("vits-even", 1),
    ("vits-low-speakers", 3),
    ("vits-medium-speakers", 3),
    ("vits-high-speakers", 3),
];
/// Numbers of phonemes: fewer than a kernel takes at once, and more.
const LENGTHS: [usize; 4] = [1, 7, 30, 111];

fn input(phonemes: usize, speaker: i64, noise: f32) -> ModelInput {
    // Any ids that the voice has; a pad between two, as piper puts it.
    let ids = (0..phonemes as i64).flat_map(|place| [0, 14 + place * 7 % 100]);
    let ids = [1].into_iter().chain(ids).chain([0, 2]).collect();
    ModelInput { ids, speaker, blend: Vec::new(), noise_scale: noise, length_scale: 1.0, noise_w: noise, seed: 3 }
}

fn load(name: &str, models: CompiledModels) -> Arc<dyn LoadedVoice> {
    let file = |ending: &str| path(&format!("tests/fixtures/models/{name}{ending}"));
    let files = VoiceFiles { model: file(".onnx"), config: file(".onnx.json") };
    OnnxEngine::new(onnxruntime(), models).load(&files).unwrap()
}

#[test]
fn every_structure_is_computed_by_the_kernels_and_right() {
    for (name, speakers) in VOICES {
        let voice = load(name, CompiledModels::new(onnxruntime(), None));
        let whole = load(name, CompiledModels::new(onnxruntime(), None).whole());
        assert_eq!((voice.computing(), whole.computing()), (Computing::Kernels, Computing::OnnxRuntime), "{name}");

        let mut said: Vec<Vec<f32>> = Vec::new();
        for (length, speaker) in LENGTHS.iter().flat_map(|length| (0..speakers).map(move |speaker| (*length, speaker)))
        {
            let input = input(length, speaker, 0.0);
            let expected = whole.infer(&input, &Cancel::default()).unwrap();
            let spoken = voice.infer(&input, &Cancel::default()).unwrap();

            assert_eq!(expected.len(), spoken.len(), "{name}, {length} phonemes, speaker {speaker}");
            let differences = expected.iter().zip(&spoken).map(|(one, other)| (one - other).abs());
            let furthest = differences.fold(0.0, f32::max);
            assert!(furthest < TOLERANCE, "{name}, {length} phonemes, speaker {speaker}: {furthest}");
            // Neither silence nor clipping, where nothing would be seen; and no speaker like another.
            let level = (spoken.iter().map(|sample| sample * sample).sum::<f32>() / spoken.len() as f32).sqrt();
            assert!((0.02..0.9).contains(&level), "{name}: {level}");
            assert!(!said.contains(&spoken), "{name}: speaker {speaker} is like another");
            said.push(spoken);
        }
    }
}

#[test]
fn every_structure_says_in_stretches_what_it_says_whole() {
    for (name, _) in VOICES {
        let voice = load(name, CompiledModels::new(onnxruntime(), None));
        let input = input(60, 0, 0.667);

        let whole = voice.infer(&input, &Cancel::default()).unwrap();

        // Of lengths that fit nowhere.
        assert!(whole == in_stretches(&*voice, &input, 37, 11), "{name}");
    }
}

#[test]
fn speakers_are_mixed_by_their_shares() {
    let name = "vits-medium-speakers";
    let voice = load(name, CompiledModels::new(onnxruntime(), None));
    let whole = load(name, CompiledModels::new(onnxruntime(), None).whole());
    let blended = |blend: &[(i64, f32)]| ModelInput { blend: blend.to_vec(), ..input(40, 0, 0.0) };
    let speak = |input: &ModelInput| voice.infer(input, &Cancel::default()).unwrap();
    let alone = [0, 1].map(|speaker| speak(&input(40, speaker, 0.0)));

    assert!(speak(&blended(&[(0, 1.0), (1, 0.0)])) == alone[0]);
    assert!(speak(&blended(&[(0, 0.0), (1, 1.0)])) == alone[1]);
    let half = speak(&blended(&[(0, 0.5), (1, 0.5)]));
    assert!(!alone.contains(&half) && half == speak(&blended(&[(1, 0.5), (0, 0.5)])));
    assert!(matches!(
        voice.infer(&blended(&[(0, 0.5), (3, 0.5)]), &Cancel::default()),
        Err(InferError::Speaker { .. })
    ));
    assert!(matches!(whole.infer(&blended(&[(0, 0.5), (1, 0.5)]), &Cancel::default()), Err(InferError::NoBlend)));
}
