//! Owns FLAC as it is sent: frame by frame, in a file or in a stream whose length is not known when it begins (RFC
//! 9639, 8.2).

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config::Encoder;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};

use super::AudioFormat;
use super::codec::{Codec, EncodeError};

pub struct FlacStream {
    config: Verified<Encoder>,
    info: StreamInfo,
    sample_rate: u32,
    /// Less than a block.
    waiting: Vec<i32>,
    samples: u64,
    frames: usize,
}

const CHANNELS: usize = 1;
const BITS: usize = 16;
/// Samples of a block.
const BLOCK: usize = 2_048;
/// The shortest last block that the encoder makes.
const SHORTEST: usize = 32;
/// Of the one metadata block that there is.
const STREAM_INFO_BYTES: u8 = 34;

// === impl FlacStream ===

impl FlacStream {
    pub fn new(sample_rate: u32) -> Result<Self, EncodeError> {
        let config = Encoder::default().into_verified().map_err(|(_, error)| failed(error))?;
        let info = StreamInfo::new(sample_rate as usize, CHANNELS, BITS).map_err(failed)?;
        Ok(Self { config, info, sample_rate, waiting: Vec::new(), samples: 0, frames: 0 })
    }

    fn block(&mut self, samples: &[i32], bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut block = FrameBuf::with_size(CHANNELS, samples.len()).map_err(failed)?;
        block.fill_interleaved(samples).map_err(failed)?;
        let frame = flacenc::encode_fixed_size_frame(&self.config, &block, self.frames, &self.info).map_err(failed)?;
        let mut sink = ByteSink::new();
        frame.write(&mut sink).map_err(failed)?;
        bytes.extend(sink.into_inner());
        self.frames += 1;
        Ok(())
    }

    /// `samples`: zero where the number is not known.
    fn head(&self, samples: u64) -> Vec<u8> {
        let mut head = b"fLaC".to_vec();
        // The last metadata block, of type 0.
        head.extend([0x80, 0, 0, STREAM_INFO_BYTES]);
        for _ in ["shortest", "longest"] {
            head.extend((BLOCK as u16).to_be_bytes());
        }
        // The lengths of frames are not known.
        head.extend([0; 6]);
        let facts = u64::from(self.sample_rate) << 44 | (CHANNELS as u64 - 1) << 41 | (BITS as u64 - 1) << 36 | samples;
        head.extend(facts.to_be_bytes());
        // Nor is the digest.
        head.extend([0; 16]);
        head
    }
}

impl Codec for FlacStream {
    fn stream_head(&self) -> Vec<u8> {
        self.head(0)
    }

    fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
        self.samples += samples.len() as u64;
        self.waiting.extend(samples.iter().map(|sample| i32::from(*sample)));
        let waiting = std::mem::take(&mut self.waiting);
        let blocks = waiting.chunks_exact(BLOCK);
        self.waiting = blocks.remainder().to_vec();
        let mut bytes = Vec::new();
        for samples in blocks {
            self.block(samples, &mut bytes)?;
        }
        Ok(bytes)
    }

    fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = Vec::new();
        if !self.waiting.is_empty() {
            // A millisecond of silence at most.
            let mut last = std::mem::take(&mut self.waiting);
            let length = last.len().max(SHORTEST);
            self.samples += (length - last.len()) as u64;
            last.resize(length, 0);
            self.block(&last, &mut bytes)?;
        }
        Ok(bytes)
    }

    fn whole_head(&self) -> Vec<u8> {
        self.head(self.samples)
    }
}

fn failed(error: impl std::fmt::Display) -> EncodeError {
    EncodeError::new(AudioFormat::Flac, error)
}

#[cfg(test)]
mod tests {
    use claxon::FlacReader;

    use super::*;

    #[test]
    fn another_decoder_finds_every_sample_in_a_file_and_in_a_stream() {
        let samples: Vec<i16> = (0..10_000).map(|n: i32| (n * 37 % 5_000 - 2_500) as i16).collect();
        let mut flac = FlacStream::new(22_050).unwrap();
        let mut body = flac.push(&samples).unwrap();
        body.extend(flac.finish().unwrap());

        for head in [flac.whole_head(), flac.stream_head()] {
            let file = [head, body.clone()].concat();
            let mut reader = FlacReader::new(&file[..]).unwrap();
            let decoded: Vec<i32> = reader.samples().map(Result::unwrap).collect();

            assert!(decoded.into_iter().eq(samples.iter().copied().map(i32::from)));
            assert_eq!(reader.streaminfo().sample_rate, 22_050);
        }
    }
}
