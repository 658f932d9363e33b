//! Voices whose files are wrong: each fails to load with an error that says so, however often, and the memory of this
//! process stays what it was. A test binary of its own, because that memory is the whole process's.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/broken.rs"]
mod broken;

use std::fs;
use std::path::{Path, PathBuf};

use piper_acoustic::{CompiledModels, Engine, OnnxEngine, OnnxRuntime, RuntimeFiles, RuntimeSettings, VoiceFiles};

use broken::write_broken_voices;

const VOICES: usize = 38;
const ROUNDS: usize = 100;
/// What is made once and kept is made in the first rounds.
const FIRST_ROUNDS: usize = 10;
const MEMORY_SLACK_BYTES: u64 = 16 << 20;

fn files(folder: &Path, name: &str) -> VoiceFiles {
    let model = folder.join(format!("{name}.onnx"));
    VoiceFiles { config: model.with_added_extension("json"), model }
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

fn engine(compiled: Option<&Path>) -> OnnxEngine {
    let parts = RuntimeFiles::find(&RuntimeSettings::default()).unwrap();
    let runtime = OnnxRuntime::load(&parts.onnxruntime).unwrap();
    OnnxEngine::new(runtime.clone(), CompiledModels::new(runtime, compiled.map(Path::to_owned)))
}

fn installed(ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/en_US-joe-medium.onnx{ending}"))
}

#[test]
fn a_broken_voice_is_an_error_however_often_it_is_loaded_and_damage_to_a_voice_ends_no_process() {
    assert_broken_voices_are_errors();
    damage_the_real_voice();
}

fn assert_broken_voices_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, incomplete) = write_broken_voices(folder.path());
    let voices: Vec<String> = broken.into_iter().chain(incomplete).collect();
    let engine = engine(Some(&folder.path().join("compiled")));
    let load = |name: &str| engine.load(&files(folder.path(), name)).err().map(|error| error.to_string());

    let loaded: Vec<&String> = voices.iter().filter(|name| load(name).is_none()).collect();
    let mut after_first_rounds = 0;
    for round in 0..ROUNDS {
        if round == FIRST_ROUNDS {
            after_first_rounds = resident_bytes();
        }
        for name in &voices {
            assert!(load(name).is_some_and(|message| !message.is_empty()), "{name} in round {round}");
        }
    }

    let grown = resident_bytes().saturating_sub(after_first_rounds);
    println!("{} loads later: {} KB more", (ROUNDS - FIRST_ROUNDS) * voices.len(), grown >> 10);
    assert!(loaded.is_empty(), "{loaded:?}");
    assert!(voices.len() >= VOICES, "{} voices", voices.len());
    assert!(grown < MEMORY_SLACK_BYTES, "{} KB more", grown >> 10);
    let kept = fs::read_dir(folder.path().join("compiled")).unwrap().map(|entry| entry.unwrap().path());
    let partial: Vec<_> = kept.filter(|path| path.to_string_lossy().contains("partial")).collect();
    assert!(partial.is_empty(), "{partial:?}");
}

/// The real voice with damage all over the file: whatever the damage does, it is an error or a voice, and never the end
/// of the process.
fn damage_the_real_voice() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(installed("")).unwrap();
    let engine = engine(None);
    fs::copy(installed(".json"), folder.path().join("a.onnx.json")).unwrap();
    let load = |bytes: &[u8]| {
        fs::write(folder.path().join("a.onnx"), bytes).unwrap();
        engine.load(&files(folder.path(), "a")).is_ok()
    };

    assert!(!load(&good[..good.len() / 2]), "half of a voice was loaded");
    for part in 0..4 {
        let mut damaged = good.clone();
        // The nodes stand at the beginning, inputs and outputs at the end.
        damaged[100 + part * 9_973] ^= 0x15;
        damaged[good.len() - 40 - part * 31] ^= 0x2a;
        load(&damaged);
    }
    assert!(load(&good));
}
