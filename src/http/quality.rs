//! Owns the shape of what was measured of a voice's quality.

use serde::Serialize;
use utoipa::ToSchema;

use crate::voices::{self, Assessment};

/// How well a voice is understood, and how it sounds, by `make quality`: sentences that it says several times, each
/// time with other noise.
#[derive(Serialize, ToSchema)]
#[schema(as = MeasuredQuality)]
pub struct QualityBody {
    /// Words that a recogniser (Whisper, tiny.en) gets wrong, of one.
    word_error_rate: f64,
    /// The standard deviation of that between draws of noise.
    word_error_rate_deviation: f64,
    /// From 1 to 5, as listeners would rate it (DNSMOS, overall).
    rating: f64,
    /// Words of each draw.
    words: u32,
    draws: u32,
    piper: PipersQuality,
}

/// The same of piper-tts with the same voice and sentences.
#[derive(Serialize, ToSchema)]
struct PipersQuality {
    word_error_rate: f64,
    word_error_rate_deviation: f64,
    rating: f64,
}

impl From<voices::MeasuredQuality> for QualityBody {
    fn from(measured: voices::MeasuredQuality) -> Self {
        let voices::MeasuredQuality { words, draws, here, piper } = measured;
        let Assessment { word_error_rate, word_error_rate_deviation, rating } = piper;
        Self {
            word_error_rate: here.word_error_rate,
            word_error_rate_deviation: here.word_error_rate_deviation,
            rating: here.rating,
            words,
            draws,
            piper: PipersQuality { word_error_rate, word_error_rate_deviation, rating },
        }
    }
}
