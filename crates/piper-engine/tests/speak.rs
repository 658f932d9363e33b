//! The example speaks, and what the crate's page says of texts and voices holds. A program without a harness, because
//! it is the phonemizer's child as well.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use piper_engine::{Chunk, SpeakError, Voice, VoiceError, serve_if_child};

#[path = "../examples/speak.rs"]
#[allow(dead_code)]
mod example;

const MODEL: &str = "models/en_US-joe-medium.onnx";
const TEXT: &str = "Good morning. The train to the coast leaves at nine, and it is seldom late.";

fn main() {
    serve_if_child();
    // Where the native parts and the voice are.
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    let voice = Voice::load(MODEL).unwrap();

    the_example_writes_what_is_spoken(&voice);
    durations_add_up_to_the_samples_of_each_sentence(&voice);
    what_cannot_be_spoken_is_refused(&voice);
}

fn spoken(voice: &Voice, text: &str) -> Vec<Chunk> {
    voice.speak(text).unwrap().collect::<Result<_, _>>().unwrap()
}

fn the_example_writes_what_is_spoken(voice: &Voice) {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("spoken.wav");

    example::speak(MODEL, TEXT, wav.to_str().unwrap()).unwrap();

    let mut file = hound::WavReader::open(wav).unwrap();
    let samples: Vec<i16> = file.samples().map(Result::unwrap).collect();
    let expected = spoken(voice, TEXT).into_iter().flat_map(|chunk| chunk.samples);
    assert_eq!(file.spec().sample_rate, voice.sample_rate());
    assert!(expected.map(|sample| (sample * 32767.0) as i16).eq(samples.iter().copied()));
    // Four to five seconds of speech, which is no silence.
    assert!(samples.len() > 3 * 22_050 && samples.iter().any(|sample| sample.unsigned_abs() > 8_000));
}

fn durations_add_up_to_the_samples_of_each_sentence(voice: &Voice) {
    let chunks = spoken(voice, TEXT);

    let sentences: Vec<&[Chunk]> = chunks.chunk_by(|_, next| next.durations.is_empty()).collect();
    assert_eq!(sentences.len(), 2);
    assert!(chunks.len() > sentences.len(), "a long sentence comes in several chunks");
    for sentence in sentences {
        let samples: usize = sentence.iter().map(|chunk| chunk.samples.len()).sum();
        let durations: u32 = sentence[0].durations.iter().map(|(_, samples)| samples).sum();
        assert_eq!(durations as usize, samples);
        assert!(sentence[0].durations.iter().any(|(phoneme, samples)| phoneme.is_some() && *samples > 0));
    }
}

fn what_cannot_be_spoken_is_refused(voice: &Voice) {
    let refused = |text| voice.speak(text).map(|_| ()).unwrap_err();

    assert!(spoken(voice, "").is_empty());
    assert!(matches!(refused("a\0b"), SpeakError::Nul));
    let Err(missing) = Voice::load("models/nobody.onnx") else { panic!("there is no such voice") };
    assert!(matches!(&missing, VoiceError::Load { .. }), "{missing}");
    assert!(missing.to_string().starts_with("models/nobody.onnx: "), "{missing}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let inside = runtime.block_on(async { (voice.speak("Hello.").map(|_| ()), Voice::load(MODEL).map(|_| ())) });
    assert!(matches!(inside, (Err(SpeakError::InsideRuntime), Err(VoiceError::InsideRuntime))));
}
