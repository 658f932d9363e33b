//! Makes the encoder of a format.

use super::aac::Aac;
use super::codec::{Codec, EncodeError};
use super::flac_stream::FlacStream;
use super::g711::G711;
use super::mp3::Mp3;
use super::opus::OggOpus;
use super::wav::Wav;
use super::{AudioFormat, Pcm};

/// Turns samples of one rate into the bytes of a format. Everything after the head is the same, however the samples are
/// cut into parts and whether the bytes are sent at once or as they come.
pub struct Encoder(Box<dyn Codec>);

// === impl Encoder ===

impl Encoder {
    /// `sample_rate` is one that the format has: see [`AudioFormat::sample_rate`].
    pub fn new(format: AudioFormat, sample_rate: u32) -> Result<Self, EncodeError> {
        Ok(Self(match format {
            AudioFormat::Wav => Box::new(Wav::new(sample_rate)),
            AudioFormat::Pcm => Box::new(RawPcm),
            AudioFormat::Flac => Box::new(FlacStream::new(sample_rate)?),
            AudioFormat::Opus => Box::new(OggOpus::new(sample_rate)?),
            AudioFormat::Mp3 => Box::new(Mp3::new(sample_rate)),
            AudioFormat::Aac => Box::new(Aac::new(sample_rate)?),
            AudioFormat::MuLaw => Box::new(G711::MuLaw),
            AudioFormat::ALaw => Box::new(G711::ALaw),
        }))
    }

    pub fn stream_head(&self) -> Vec<u8> {
        self.0.stream_head()
    }

    pub fn push(&mut self, pcm: &Pcm) -> Result<Vec<u8>, EncodeError> {
        self.0.push(&pcm.samples)
    }

    pub fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        self.0.finish()
    }

    pub fn whole_head(&self) -> Vec<u8> {
        self.0.whole_head()
    }
}

/// Samples as they are, signed 16-bit little-endian.
struct RawPcm;

// === impl RawPcm ===

impl Codec for RawPcm {
    fn stream_head(&self) -> Vec<u8> {
        Vec::new()
    }

    fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
        Ok(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect())
    }

    fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        Ok(Vec::new())
    }

    fn whole_head(&self) -> Vec<u8> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech_like(samples: usize) -> Vec<i16> {
        let wave = |n: usize| 9_000.0 * (n as f64 * 0.05).sin() * (n as f64 * 0.000_7).sin();
        (0..samples).map(|n| wave(n) as i16).collect()
    }

    fn encode(format: AudioFormat, samples: &[i16], part: usize) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let mut encoder = Encoder::new(format, format.sample_rate(16_000)).unwrap();
        let mut body = Vec::new();
        for samples in samples.chunks(part) {
            body.extend(encoder.push(&Pcm { samples: samples.into(), sample_rate: 16_000 }).unwrap());
        }
        body.extend(encoder.finish().unwrap());
        (encoder.stream_head(), encoder.whole_head(), body)
    }

    #[test]
    fn where_samples_are_cut_changes_no_byte() {
        let samples = speech_like(20_000);
        for format in AudioFormat::ALL {
            let whole = encode(format, &samples, samples.len());

            for part in [1, 333, 4_096] {
                assert!(encode(format, &samples, part) == whole, "{} in parts of {part}", format.name());
            }
        }
    }

    #[test]
    fn any_number_of_samples_can_be_encoded() {
        for format in AudioFormat::ALL {
            for count in [0, 1, 15, 16, 17, 63, 320, 576, 2_048, 2_049, 2_063] {
                let (_, head, body) = encode(format, &speech_like(count), 1_000);

                assert!(count == 0 || head.len() + body.len() >= count.min(16), "{} of {count} samples", format.name());
            }
        }
    }
}
