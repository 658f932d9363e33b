//! Voices in the form that they are computed in: where it can be kept, where it cannot, and what is damaged.

use std::path::Path;

use piper_acoustic::{Cancel, CompiledModels, Engine, ModelInput, OnnxEngine};

use crate::support::{engine, onnxruntime, voice_files};

fn loads_with(folder: &Path) -> bool {
    let models = CompiledModels::new(onnxruntime(), Some(folder.to_owned()));
    OnnxEngine::new(onnxruntime(), models).load(&voice_files()).is_ok()
}

#[test]
fn a_folder_that_cannot_be_written_costs_no_voice() {
    // Nobody can make files there, root neither: one is there, the other cannot be made.
    for folder in ["/proc/self", "/proc/self/compiled"] {
        assert!(loads_with(Path::new(folder)), "{folder}");
    }
}

#[test]
fn a_damaged_compiled_voice_is_made_again() {
    for whole in [false, true] {
        let parent = tempfile::tempdir().unwrap();
        let models = CompiledModels::new(onnxruntime(), Some(parent.path().to_owned()));
        let models = if whole { models.whole() } else { models };
        let engine = OnnxEngine::new(onnxruntime(), models);
        assert!(engine.load(&voice_files()).is_ok());
        let compiled = || {
            let folders = std::fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().path());
            folders.collect::<Vec<_>>()
        };
        let [voice] = &compiled()[..] else { panic!("{:?}", compiled()) };
        let kept = &voice.join(if whole { "whole.ort" } else { "CHECKED" });
        let intact = std::fs::read(kept).unwrap();
        let mut damaged = intact.clone();
        damaged[intact.len() / 2] ^= 0x40;
        std::fs::remove_file(kept).unwrap();
        std::fs::write(kept, &damaged).unwrap();

        assert!(engine.load(&voice_files()).is_ok());

        assert_eq!(compiled().as_slice(), std::slice::from_ref(voice));
        assert!(std::fs::read(kept).unwrap() != damaged, "the damage is still there");
    }
}

/// Another process may do so, by a copy that fails or by cleaning up.
#[test]
fn a_voice_in_memory_speaks_on_when_its_files_are_truncated() {
    let word = ModelInput {
        ids: vec![1, 0, 20, 0, 59, 0, 24, 0, 2],
        speaker: 0,
        blend: Vec::new(),
        noise_scale: 0.0,
        length_scale: 1.0,
        noise_w: 0.0,
        seed: 0,
    };
    for whole in [false, true] {
        let parent = tempfile::tempdir().unwrap();
        let models = CompiledModels::new(onnxruntime(), Some(parent.path().to_owned()));
        let models = if whole { models.whole() } else { models };
        let engine = OnnxEngine::new(onnxruntime(), models);
        engine.load(&voice_files()).unwrap();
        // From the files that the first load made.
        let voice = engine.load(&voice_files()).unwrap();
        let before = voice.infer(&word, &Cancel::default()).unwrap();

        for folder in std::fs::read_dir(parent.path()).unwrap() {
            for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                std::fs::File::options().write(true).open(file.unwrap().path()).unwrap().set_len(0).unwrap();
            }
        }

        assert_eq!(voice.infer(&word, &Cancel::default()).unwrap(), before);
    }
}

#[test]
fn the_room_that_is_made_for_a_voice_is_enough() {
    let engine = engine();
    let voice = engine.load(&voice_files()).unwrap();

    for workers in [1, 2, 8] {
        let (room, taken) = (engine.memory_needed(&voice_files(), workers), voice.memory_bytes(workers));
        assert!(taken <= room && room < taken + (8 << 20), "{taken} bytes in a room of {room}");
    }
}
