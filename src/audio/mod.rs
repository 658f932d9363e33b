//! Owns sound as bytes: samples, resampling, formats. Knows nothing of text or voices.
//!
//! - `pcm`, `resample`: samples; `packed`: samples as the cache keeps them.
//! - `loudness`: how loud they are; `limiter`: bringing them to a level.
//! - `format`: what callers may ask for; `codec`: what an encoder of it does; `wav`, `flac_stream`, `opus`, `mp3`,
//!   `aac`, `g711`: each of them.

mod aac;
mod codec;
mod encoder;
mod flac_stream;
mod format;
mod g711;
mod limiter;
mod loudness;
mod mp3;
mod opus;
mod packed;
mod pcm;
mod resample;
mod wav;

pub use codec::EncodeError;
pub use encoder::Encoder;
pub use format::AudioFormat;
pub use limiter::Limiter;
pub use loudness::loudness;
#[cfg(test)]
pub use loudness::true_peak;
pub use packed::{from_packed, to_packed};
pub use pcm::{Pcm, silence};
pub use resample::{MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, ResampleError, Resampler};
pub use wav::{HEADER_BYTES as WAV_HEADER_BYTES, header as wav_header};
