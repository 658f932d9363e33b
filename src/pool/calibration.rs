//! Owns the first measure of a voice's pace: a sentence that nobody hears, computed as soon as the voice is in memory.
//! So the first requests are judged by what this machine does, and find the voice's memory warm.

use std::thread;
use std::time::{Duration, Instant};

use piper_acoustic::{BEGIN, Cancel, Computing, END, InferError, LoadedVoice, ModelInput, PAD, VoiceConfig};

use super::pace::Pace;

/// Phonemes of many languages. A voice leaves out those that it lacks.
const PHONEMES: &str = "ðə kwɪk bɹaʊn fɒks dʒʌmps, ænd";
/// Enough to touch the voice's memory.
const FIRST: &str = "ðə kw";

/// Computes a few phonemes to touch the voice's memory, and the sentence against the clock, on as many threads as there
/// will be workers: what these take from each other is part of a pace. ONNX Runtime cannot be interrupted, so what it
/// computes is measured by its first requests.
pub fn calibrate(voice: &dyn LoadedVoice, workers: usize, pace: &Pace) {
    if voice.computing() != Computing::Kernels || pace.is_certain() {
        return;
    }
    let input = |phonemes: &str| {
        let ids = ids(phonemes, voice.config());
        ModelInput { ids, speaker: 0, blend: Vec::new(), noise_scale: 0.0, length_scale: 1.0, noise_w: 0.0, seed: 0 }
    };
    let (few, all) = (input(FIRST), input(PHONEMES));
    let compute = || -> Result<Duration, InferError> {
        voice.infer(&few, &Cancel::default())?;
        let began = Instant::now();
        voice.infer(&all, &Cancel::default())?;
        Ok(began.elapsed())
    };
    let took: Vec<_> = thread::scope(|scope| {
        // Where the system gives no more threads, fewer compute.
        let start = |_| thread::Builder::new().name("calibration".to_owned()).spawn_scoped(scope, compute).ok();
        let threads: Vec<_> = (0..workers).filter_map(start).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()?.ok()).collect()
    });
    if let Some(took) = took.iter().sum::<Duration>().checked_div(took.len() as u32) {
        pace.calibrate(all.ids.len() as f64, took);
    }
}

/// Each followed by a pad. What the voice lacks is left out.
fn ids(phonemes: &str, config: &VoiceConfig) -> Vec<i64> {
    let of = |name: &str| config.phoneme_ids.get(name).into_iter().flatten().copied().collect::<Vec<_>>();
    let (begin, pad, end) = (of(BEGIN), of(PAD), of(END));
    let padded = phonemes.chars().map(|phoneme| of(phoneme.encode_utf8(&mut [0; 4]))).filter(|ids| !ids.is_empty());
    let padded = padded.flat_map(|ids| [ids, pad.clone()].concat());
    [begin, pad.clone()].concat().into_iter().chain(padded).chain(end).collect()
}
