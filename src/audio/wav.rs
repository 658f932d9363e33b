//! Owns RIFF/WAVE files of 16-bit mono PCM ("Multimedia Programming Interface and Data Specifications 1.0", 1991).

use super::codec::{Codec, EncodeError};

pub struct Wav {
    sample_rate: u32,
    bytes: u64,
}

/// Bytes before the first sample.
pub const HEADER_BYTES: usize = 44;

const BYTES_PER_SAMPLE: u16 = 2;

// === impl Wav ===

impl Wav {
    pub fn new(sample_rate: u32) -> Self {
        Self { sample_rate, bytes: 0 }
    }
}

impl Codec for Wav {
    fn stream_head(&self) -> Vec<u8> {
        header(self.sample_rate, None)
    }

    fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
        self.bytes += u64::from(BYTES_PER_SAMPLE) * samples.len() as u64;
        Ok(samples.iter().flat_map(|sample| sample.to_le_bytes()).collect())
    }

    fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        Ok(Vec::new())
    }

    fn whole_head(&self) -> Vec<u8> {
        header(self.sample_rate, u32::try_from(self.bytes).ok())
    }
}

/// A header for `data_bytes` of samples. `None`: the length is not known, and both size fields say 0xFFFFFFFF, as
/// streaming players expect.
pub fn header(sample_rate: u32, data_bytes: Option<u32>) -> Vec<u8> {
    let riff_bytes = data_bytes.and_then(|bytes| bytes.checked_add(HEADER_BYTES as u32 - 8));
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&riff_bytes.unwrap_or(u32::MAX).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&16u32.to_le_bytes());
    header.extend_from_slice(&1u16.to_le_bytes()); // PCM
    header.extend_from_slice(&1u16.to_le_bytes()); // one channel
    header.extend_from_slice(&sample_rate.to_le_bytes());
    header.extend_from_slice(&sample_rate.saturating_mul(u32::from(BYTES_PER_SAMPLE)).to_le_bytes());
    header.extend_from_slice(&BYTES_PER_SAMPLE.to_le_bytes());
    header.extend_from_slice(&(8 * BYTES_PER_SAMPLE).to_le_bytes());
    header.extend_from_slice(b"data");
    header.extend_from_slice(&data_bytes.unwrap_or(u32::MAX).to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_decoder_reads_the_header() {
        let samples: [i16; 3] = [1, -2, 3];
        let mut file = header(22050, Some(6));
        file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));

        let mut reader = hound::WavReader::new(&file[..]).unwrap();

        let spec = reader.spec();
        assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (22050, 1, 16));
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), samples);
    }

    #[test]
    fn an_unknown_length_is_all_ones() {
        let header = header(8000, None);

        assert_eq!(header.len(), HEADER_BYTES);
        assert_eq!(header[4..8], [0xff; 4]);
        assert_eq!(header[40..44], [0xff; 4]);
    }
}
