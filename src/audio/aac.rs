//! Owns AAC-LC in ADTS (ISO/IEC 14496-3), as the crate `syom` writes it: frames that follow one another without a head,
//! so that a file and a stream are the same bytes. ADTS has no place to say what the encoder adds: a frame before the
//! sound, and what fills up the last one.

use syom::{EncodeOptions, EncodedFrame, Encoder};

use super::AudioFormat;
use super::codec::{Codec, EncodeError};

pub struct Aac {
    encoder: Encoder,
    is_begun: bool,
}

/// Speech with one channel needs no more.
const BITS_PER_SECOND: u32 = 64_000;
/// What low rates are given less for: a frame has a largest size.
const BITS_PER_SAMPLE: u32 = 4;
/// Full scale of 16 bits.
const SCALE: f32 = 32_768.0;

// === impl Aac ===

impl Aac {
    pub fn new(sample_rate: u32) -> Result<Self, EncodeError> {
        let bits_per_second = BITS_PER_SECOND.min(sample_rate.saturating_mul(BITS_PER_SAMPLE));
        let options = EncodeOptions::adts().with_bitrate_bps(bits_per_second);
        let encoder = Encoder::new(sample_rate, 1, &options).map_err(failed)?;
        Ok(Self { encoder, is_begun: false })
    }
}

impl Codec for Aac {
    fn stream_head(&self) -> Vec<u8> {
        Vec::new()
    }

    fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
        self.is_begun |= !samples.is_empty();
        let samples: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / SCALE).collect();
        let mut bytes = Vec::new();
        self.encoder.feed(&[&samples], append_to(&mut bytes)).map_err(failed)?;
        Ok(bytes)
    }

    fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::new();
        // The encoder refuses to end what has not begun.
        if self.is_begun {
            self.encoder.finish(append_to(&mut bytes)).map_err(failed)?;
        }
        Ok(bytes)
    }

    fn whole_head(&self) -> Vec<u8> {
        Vec::new()
    }
}

fn append_to(bytes: &mut Vec<u8>) -> impl FnMut(EncodedFrame<'_>) -> syom::Result<()> {
    |frame| {
        bytes.extend_from_slice(frame.au);
        Ok(())
    }
}

fn failed(error: impl std::fmt::Display) -> EncodeError {
    EncodeError::new(AudioFormat::Aac, error)
}

#[cfg(test)]
mod tests {
    use syom::{DecodeOptions, decode_with};

    use super::*;

    /// Samples of a frame.
    const FRAME: usize = 1_024;

    #[test]
    fn what_comes_before_the_end_decodes_to_the_sound_and_what_the_codec_adds() {
        for rate in [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000] {
            let mut aac = Aac::new(rate).unwrap();
            let mut stream = Vec::new();
            for _ in 0..10 {
                stream.extend(aac.push(&vec![1_000; rate as usize / 10]).unwrap());
            }
            assert!(!stream.is_empty(), "{rate}: nothing comes before the end");
            stream.extend(aac.finish().unwrap());

            let decoded = decode_with(&stream, &DecodeOptions::audio()).unwrap();

            assert_eq!((decoded.sample_rate, decoded.channels.len()), (rate, 1));
            let (length, heard) = (rate as usize / 10 * 10, decoded.channels[0].len());
            assert!((length..length + 3 * FRAME).contains(&heard), "{rate}: {heard} samples of {length}");
        }
    }

    #[test]
    fn the_loudest_samples_can_be_encoded() {
        let mut aac = Aac::new(16_000).unwrap();
        let square: Vec<i16> = (0..FRAME * 4).map(|n| if n % 64 < 32 { i16::MIN } else { i16::MAX }).collect();

        let frames = aac.push(&square).unwrap();

        assert!(!frames.is_empty() && !aac.finish().unwrap().is_empty());
    }
}
