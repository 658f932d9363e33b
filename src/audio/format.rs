//! Owns the formats that audio is sent in: their names, content types and rates.

/// A format of the `response_format` field. All have one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    /// RIFF/WAVE, signed 16-bit little-endian.
    Wav,
    /// The same samples without a header.
    Pcm,
    /// FLAC (RFC 9639), 16 bits.
    Flac,
    /// Opus (RFC 6716) in Ogg (RFC 7845).
    Opus,
    /// MPEG audio layer III.
    Mp3,
    /// AAC-LC in ADTS (ISO/IEC 14496-3).
    Aac,
    /// G.711 with the µ-law of American telephony, without a header.
    MuLaw,
    /// G.711 with the A-law of European telephony, without a header.
    ALaw,
}

/// Rates that Opus encodes at. It decodes to any.
const OPUS_RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];
/// Rates of MPEG-2.5, MPEG-2 and MPEG-1; of those of AAC, all that callers may ask for.
const MPEG_RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/// The rate of telephony.
const G711_RATE: u32 = 8_000;

// === impl AudioFormat ===

impl AudioFormat {
    pub const ALL: [Self; 8] =
        [Self::Wav, Self::Pcm, Self::Flac, Self::Opus, Self::Mp3, Self::Aac, Self::MuLaw, Self::ALaw];

    /// The names of all formats, for people.
    pub const NAMES: &str = "wav, pcm, flac, opus, mp3, aac, mulaw or alaw";

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Pcm => "pcm",
            Self::Flac => "flac",
            Self::Opus => "opus",
            Self::Mp3 => "mp3",
            Self::Aac => "aac",
            Self::MuLaw => "mulaw",
            Self::ALaw => "alaw",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Pcm => "audio/pcm",
            Self::Flac => "audio/flac",
            Self::Opus => "audio/ogg; codecs=opus",
            Self::Mp3 => "audio/mpeg",
            Self::Aac => "audio/aac",
            Self::MuLaw => "audio/PCMU",
            Self::ALaw => "audio/PCMA",
        }
    }

    /// The rate in hertz at which the format holds sound that is wanted at `wanted`: the same or, where it lacks that,
    /// the next higher one.
    pub fn sample_rate(self, wanted: u32) -> u32 {
        let next = |rates: &[u32]| rates.iter().copied().find(|rate| *rate >= wanted).unwrap_or(48_000);
        match self {
            Self::Wav | Self::Pcm | Self::Flac => wanted,
            Self::Opus => next(&OPUS_RATES),
            Self::Mp3 | Self::Aac => next(&MPEG_RATES),
            Self::MuLaw | Self::ALaw => G711_RATE,
        }
    }

    /// About what a second of speech takes; no less of silence.
    pub fn bytes_per_second(self, sample_rate: u32) -> f64 {
        match self {
            Self::Wav | Self::Pcm => 2.0 * f64::from(sample_rate),
            Self::Flac => f64::from(sample_rate),
            Self::Opus => 6_000.0,
            Self::Mp3 | Self::Aac => 8_000.0,
            Self::MuLaw | Self::ALaw => f64::from(G711_RATE),
        }
    }

    /// Whether it holds samples as they are, or each for itself, so that encoding is little more than copying.
    pub fn is_uncompressed(self) -> bool {
        matches!(self, Self::Wav | Self::Pcm | Self::MuLaw | Self::ALaw)
    }

    /// Whether callers may ask for that rate. Others than telephony's are refused where there is only that one.
    pub fn takes_rate(self, sample_rate: u32) -> bool {
        !matches!(self, Self::MuLaw | Self::ALaw) || sample_rate == G711_RATE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_name_alone() {
        for format in AudioFormat::ALL {
            assert_eq!(AudioFormat::parse(format.name()), Some(format));
            assert!(AudioFormat::NAMES.contains(format.name()));
        }
        assert_eq!(AudioFormat::parse("WAV"), None);
    }

    #[test]
    fn the_rate_is_the_wanted_one_or_the_next_that_the_format_has() {
        let rates = |wanted| AudioFormat::ALL.map(|format| format.sample_rate(wanted));

        assert_eq!(rates(22_050), [22_050, 22_050, 22_050, 24_000, 22_050, 22_050, 8_000, 8_000]);
        assert_eq!(rates(8_001), [8_001, 8_001, 8_001, 12_000, 11_025, 11_025, 8_000, 8_000]);
        assert_eq!(rates(48_000), [48_000, 48_000, 48_000, 48_000, 48_000, 48_000, 8_000, 8_000]);
    }
}
