//! Voices whose graphs are not what they seem: of the structure that the kernels compute, but for one operator or one
//! number. Each is refused, or computed as it came, or computed right; none speaks otherwise than its graph says.
//!
//! `TTS_TEST_LIES=all cargo test --release --test engine lies -- --nocapture` tells three times as many and prints what
//! became of them.

use memchr::memmem;
use piper_acoustic::{Cancel, CompiledModels, Computing, Engine, LoadedVoice, ModelInput, OnnxEngine, VoiceFiles};

use crate::support::{onnxruntime, voice_files};

const TOLERANCE: f32 = 3e-4;
/// Phoneme ids that the voice has, as of a short word.
const IDS: [i64; 9] = [1, 0, 20, 0, 59, 0, 24, 0, 2];

/// What stands in the file, and what stands there instead; as long, so that nothing moves.
struct Lie {
    truth: Vec<u8>,
    lie: Vec<u8>,
}

/// An operator's type: field 4 of a node (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>).
fn operator(name: &str) -> Vec<u8> {
    [&[0x22, u8::try_from(name.len()).unwrap()], name.as_bytes()].concat()
}

/// An attribute with a number: its name in field 1, its value in field 2.
fn number(name: &str, value: f32) -> Vec<u8> {
    [&[0x0a, u8::try_from(name.len()).unwrap()], name.as_bytes(), &[0x15], &value.to_le_bytes()].concat()
}

fn lies() -> Vec<Lie> {
    let operators = [("Tanh", "Atan"), ("Add", "Sub"), ("Mul", "Add"), ("LeakyRelu", "HardSwish"), ("Exp", "Abs")];
    let operators = operators.map(|(truth, lie)| Lie { truth: operator(truth), lie: operator(lie) });
    let slope = Lie { truth: number("alpha", 0.1), lie: number("alpha", 0.2) };
    operators.into_iter().chain([slope]).collect()
}

/// Where it stands: in the middle; with `TTS_TEST_LIES=all` also the first time and the last.
fn places(model: &[u8], wanted: &[u8]) -> Vec<usize> {
    let all: Vec<usize> = memmem::find_iter(model, wanted).collect();
    let middle = all[all.len() / 2];
    if std::env::var_os("TTS_TEST_LIES").is_some() { vec![all[0], middle, all[all.len() - 1]] } else { vec![middle] }
}

fn load(files: &VoiceFiles, models: CompiledModels) -> Option<std::sync::Arc<dyn LoadedVoice>> {
    OnnxEngine::new(onnxruntime(), models).load(files).ok()
}

#[test]
fn no_voice_speaks_otherwise_than_its_graph_says() {
    let truth = std::fs::read(voice_files().model).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = VoiceFiles { model: folder.path().join("liar.onnx"), config: voice_files().config };
    let (mut told, mut refused, mut as_it_came) = (0, 0, 0);
    for Lie { truth: wanted, lie } in lies() {
        assert_eq!(wanted.len(), lie.len());
        for place in places(&truth, &wanted) {
            let mut model = truth.clone();
            model[place..place + lie.len()].copy_from_slice(&lie);
            std::fs::write(&files.model, &model).unwrap();
            told += 1;

            let models = CompiledModels::new(onnxruntime(), None);
            let whole = load(&files, CompiledModels::new(onnxruntime(), None).whole());
            let (Some(voice), Some(whole)) = (load(&files, models), whole) else {
                refused += 1;
                continue;
            };

            as_it_came += usize::from(voice.computing() == Computing::OnnxRuntime);
            let input = ModelInput {
                ids: IDS.to_vec(),
                speaker: 0,
                blend: Vec::new(),
                noise_scale: 0.0,
                length_scale: 1.0,
                noise_w: 0.0,
                seed: 0,
            };
            let says = |voice: &dyn LoadedVoice| voice.infer(&input, &Cancel::default()).ok();
            match (says(&*voice), says(&*whole)) {
                (Some(spoken), Some(expected)) => {
                    assert_eq!(spoken.len(), expected.len(), "at {place}");
                    let furthest = spoken.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(furthest < TOLERANCE, "{furthest} at {place}");
                }
                (spoken, expected) => assert_eq!(spoken.is_some(), expected.is_some(), "at {place}"),
            }
        }
    }
    println!("{told} lies: {refused} refused, {as_it_came} computed as they came");
    assert!(as_it_came > 0);
}

#[test]
fn a_graph_with_a_name_that_is_ours_is_computed_as_it_came() {
    let (truth, name) = (std::fs::read(voice_files().model).unwrap(), b"/dec/conv_pre/Conv_output_0");
    let mut model = truth.clone();
    for place in memmem::find_iter(&truth, name) {
        model[place..place + 4].copy_from_slice(b"tts.");
    }
    let folder = tempfile::tempdir().unwrap();
    let files = VoiceFiles { model: folder.path().join("mixed-up.onnx"), config: voice_files().config };
    std::fs::write(&files.model, &model).unwrap();

    let voice = load(&files, CompiledModels::new(onnxruntime(), None)).unwrap();

    assert!(model != truth && voice.computing() == Computing::OnnxRuntime);
}
