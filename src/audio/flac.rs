//! Owns samples as FLAC (RFC 9639), in which speech takes half the room and loses nothing. Takes 1.1 ms for a second of audio to write and
//! 0.2 ms to read: not for an async thread.

use std::io::Cursor;

use claxon::FlacReader;
use flacenc::bitsink::ByteSink;
use flacenc::component::BitRepr;
use flacenc::config;
use flacenc::error::Verify;
use flacenc::source::MemSource;

use super::Pcm;

/// The bytes are no FLAC stream of one channel of 16-bit samples, or the samples cannot be written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("FLAC: {0}")]
pub struct FlacError(String);

const CHANNELS: usize = 1;
const BITS: usize = 16;
/// The shortest block that every decoder takes, also as a stream's last one.
const MIN_SAMPLES: usize = 16;
const LONGEST_BLOCK: usize = 4096;
/// A few bytes may stand for any length of silence, so that the length of the bytes bounds nothing.
const MAX_SAMPLES: usize = 64 << 20;

// === impl FlacError ===

impl FlacError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// # Errors
/// If there are fewer samples than FLAC has a block for.
pub fn to_flac(pcm: &Pcm) -> Result<Vec<u8>, FlacError> {
    if pcm.samples.len() < MIN_SAMPLES {
        return Err(FlacError::new("too few samples"));
    }
    let mut encoder = config::Encoder::default();
    // Fixed predictors alone: 7 % more bytes than with linear prediction, in 0.7 of the time to read and 0.45 of the time to write.
    encoder.subframe_coding.use_lpc = false;
    let encoder = encoder.into_verified().map_err(|(_, error)| FlacError::new(error))?;
    let samples: Vec<i32> = pcm.samples.iter().map(|&sample| sample.into()).collect();
    let source = MemSource::from_samples(&samples, CHANNELS, BITS, pcm.sample_rate as usize);
    let stream =
        flacenc::encode_with_fixed_block_size(&encoder, source, block_size(samples.len())).map_err(FlacError::new)?;
    let mut sink = ByteSink::new();
    stream.write(&mut sink).map_err(FlacError::new)?;
    Ok(sink.into_inner())
}

/// A length of blocks that leaves no last one below the least.
fn block_size(samples: usize) -> usize {
    let leaves_enough = |block: &usize| !(1..MIN_SAMPLES).contains(&(samples % block));
    (MIN_SAMPLES..=LONGEST_BLOCK).rev().find(leaves_enough).unwrap_or(LONGEST_BLOCK)
}

pub fn from_flac(bytes: &[u8]) -> Result<Pcm, FlacError> {
    let mut reader = FlacReader::new(Cursor::new(bytes)).map_err(FlacError::new)?;
    let info = reader.streaminfo();
    if (info.channels as usize, info.bits_per_sample as usize) != (CHANNELS, BITS) {
        return Err(FlacError::new("not one channel of 16 bits"));
    }
    let announced = info.samples.unwrap_or_default().min(MAX_SAMPLES as u64);
    let mut samples = Vec::with_capacity(announced as usize);
    let mut blocks = reader.blocks();
    let mut buffer = Vec::new();
    while let Some(block) = blocks.read_next_or_eof(buffer).map_err(FlacError::new)? {
        if samples.len() + block.len() as usize > MAX_SAMPLES {
            return Err(FlacError::new("too many samples"));
        }
        // Sixteen bits, as the head says and the decoder holds to.
        samples.extend(block.channel(0).iter().map(|&sample| sample as i16));
        buffer = block.into_buffer();
    }
    if info.samples.is_some_and(|announced| announced != samples.len() as u64) {
        return Err(FlacError::new("the stream is cut off"));
    }
    Ok(Pcm { samples: samples.into(), sample_rate: info.sample_rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech_like(samples: usize, sample_rate: u32) -> Pcm {
        let wave = |n: usize| 12_000.0 * (n as f64 * 0.05).sin() * (n as f64 * 0.000_7).sin();
        let noise = |n: usize| (n.wrapping_mul(2_654_435_761) >> 7) % 200;
        Pcm { samples: (0..samples).map(|n| (wave(n) + noise(n) as f64) as i16).collect(), sample_rate }
    }

    #[test]
    fn samples_come_back_as_they_were_in_less_room() {
        for (samples, rate) in [(16, 8_000), (17, 16_000), (4_096, 22_050), (4_097, 44_100), (100_000, 22_050)] {
            let pcm = speech_like(samples, rate);

            let bytes = to_flac(&pcm).unwrap();

            assert_eq!(from_flac(&bytes).unwrap(), pcm, "{samples} samples");
            assert!(samples < 4_096 || bytes.len() < 2 * samples * 3 / 4, "{} bytes", bytes.len());
        }
    }

    #[test]
    fn full_scale_survives() {
        let pcm = Pcm { samples: [i16::MAX, i16::MIN].repeat(3_000).into(), sample_rate: 22_050 };

        assert_eq!(from_flac(&to_flac(&pcm).unwrap()).unwrap(), pcm);
    }

    #[test]
    fn what_is_not_whole_is_an_error() {
        let bytes = to_flac(&speech_like(10_000, 22_050)).unwrap();

        for broken in [&[][..], b"RIFF", &bytes[..bytes.len() / 2], &bytes[..bytes.len() - 1]] {
            assert!(from_flac(broken).is_err());
        }
        assert!(to_flac(&Pcm { samples: [1; 15].into(), sample_rate: 8_000 }).is_err());
    }
}
