//! Owns the first measure of a voice's pace: a sentence that nobody hears, computed as soon as the voice is in memory. So the first requests are judged
//! by what this machine does, and find the voice's memory warm.

use std::thread;
use std::time::{Duration, Instant};

use piper_acoustic::{Cancel, Computing, InferError, LoadedVoice, ModelInput};
use piper_phonemize::{Phoneme, phoneme_ids};

use super::pace::Pace;

/// Phonemes of many languages. A voice leaves out those that it lacks.
const PHONEMES: &str = "ðə kwɪk bɹaʊn fɒks dʒʌmps, ænd";
/// Of them, to touch the voice's memory.
const TOUCHING: usize = 5;

/// Computes a few phonemes to touch the voice's memory, and the sentence against the clock, on as many threads as there will be workers: what these
/// take from each other is part of a pace. ONNX Runtime cannot be interrupted, so what it computes is measured by its first requests.
pub fn calibrate(voice: &dyn LoadedVoice, workers: usize, pace: &Pace) {
    if voice.computing() != Computing::Kernels || pace.is_certain() {
        return;
    }
    let phonemes: Vec<Phoneme> = PHONEMES.chars().map(|phoneme| phoneme.to_string().into()).collect();
    let input = |phonemes: &[Phoneme]| {
        let ids = phoneme_ids(phonemes, voice.config()).ids;
        ModelInput { ids, speaker: 0, noise_scale: 0.0, length_scale: 1.0, noise_w: 0.0, seed: 0 }
    };
    let (few, all) = (input(&phonemes[..TOUCHING]), input(&phonemes));
    let compute = || -> Result<Duration, InferError> {
        voice.infer(&few, &Cancel::default())?;
        let began = Instant::now();
        voice.infer(&all, &Cancel::default())?;
        Ok(began.elapsed())
    };
    let took: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(compute)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()?.ok()).collect()
    });
    if let Some(took) = took.iter().sum::<Duration>().checked_div(took.len() as u32) {
        pace.calibrate(all.ids.len() as f64, took);
    }
}
