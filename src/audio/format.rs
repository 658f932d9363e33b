//! Owns the formats that audio is sent in: their names, content types, and their bytes, whole or piece by piece.

use bytes::Bytes;

use super::{Pcm, wav};

/// A format of the `response_format` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    /// RIFF/WAVE, signed 16-bit little-endian, mono.
    Wav,
    /// The same samples without a header.
    Pcm,
}

/// Turns samples into the bytes of a format.
#[derive(Debug, Clone, Copy)]
pub struct Encoder {
    format: AudioFormat,
    sample_rate: u32,
}

// === impl AudioFormat ===

impl AudioFormat {
    pub const ALL: [Self; 2] = [Self::Wav, Self::Pcm];

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Pcm => "pcm",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Pcm => "audio/pcm",
        }
    }
}

// === impl Encoder ===

impl Encoder {
    pub fn new(format: AudioFormat, sample_rate: u32) -> Self {
        Self { format, sample_rate }
    }

    /// The bytes of a whole answer.
    pub fn whole(&self, parts: &[Pcm]) -> Vec<u8> {
        let samples: usize = parts.iter().map(|part| part.samples.len()).sum();
        let mut bytes = match self.format {
            AudioFormat::Wav => wav::header(self.sample_rate, u32::try_from(2 * samples).ok()),
            AudioFormat::Pcm => Vec::new(),
        };
        bytes.reserve_exact(2 * samples);
        for part in parts {
            bytes.extend(part.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        }
        bytes
    }

    /// A whole answer as a stream sends it, sharing its bytes.
    pub fn as_stream(&self, whole: &Bytes) -> impl Iterator<Item = Bytes> + use<> {
        let head = self.stream_head();
        let samples = whole.slice(head.len().min(whole.len())..);
        [Bytes::from(head), samples].into_iter().filter(|part| !part.is_empty())
    }

    /// What a stream begins with.
    pub fn stream_head(&self) -> Vec<u8> {
        match self.format {
            AudioFormat::Wav => wav::header(self.sample_rate, None),
            AudioFormat::Pcm => Vec::new(),
        }
    }

    /// The next bytes of a stream.
    pub fn stream_part(&self, part: &Pcm) -> Vec<u8> {
        part.to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_name_alone() {
        for format in AudioFormat::ALL {
            assert_eq!(AudioFormat::parse(format.name()), Some(format));
        }
        assert_eq!(AudioFormat::parse("WAV"), None);
    }

    #[test]
    fn streamed_and_whole_answers_hold_the_same_samples() {
        let parts = [
            Pcm { samples: vec![1, 2].into(), sample_rate: 8000 },
            Pcm { samples: vec![-3].into(), sample_rate: 8000 },
        ];
        for format in AudioFormat::ALL {
            let encoder = Encoder::new(format, 8000);
            let head = encoder.stream_head().len();

            let streamed: Vec<u8> = parts.iter().flat_map(|part| encoder.stream_part(part)).collect();

            assert_eq!(encoder.whole(&parts)[head..], streamed);
            let again: Vec<u8> = encoder.as_stream(&encoder.whole(&parts).into()).flatten().collect();
            assert_eq!(again, [encoder.stream_head(), streamed].concat());
        }
    }
}
