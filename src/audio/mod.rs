//! Owns sound as bytes: samples, resampling, containers. Knows nothing of text or voices.

mod flac;
mod format;
mod pcm;
mod resample;
mod wav;

pub use flac::{FlacError, from_flac, to_flac};
pub use format::{AudioFormat, Encoder};
pub use pcm::{Pcm, silence};
pub use resample::{MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, ResampleError, Resampler};
