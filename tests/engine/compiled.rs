//! Voices in the form that they are computed in: where it can be kept, where it cannot, and what is damaged.

use std::path::Path;

use piper_acoustic::{CompiledModels, Engine, OnnxEngine};

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
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("compiled");
    assert!(loads_with(&folder));
    let compiled = || {
        let folders = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        folders.collect::<Vec<_>>()
    };
    let [voice] = &compiled()[..] else { panic!("{:?}", compiled()) };
    let kept = voice.join("durations.ort");
    let kept = &kept;
    let whole = std::fs::read(kept).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0x40;
    std::fs::remove_file(kept).unwrap();
    std::fs::write(kept, &damaged).unwrap();

    assert!(loads_with(&folder));

    assert_eq!(compiled().as_slice(), std::slice::from_ref(voice));
    assert!(std::fs::read(kept).unwrap() != damaged, "the damage is still there");
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
