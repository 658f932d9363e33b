//! Owns MP3, as the crate `rusty_mp3` writes it. A file begins with a frame that says how long it is and what players
//! cut off at both ends (the "Info" tag of LAME); a stream cannot.

use rusty_mp3::{Mp3Encoder, Mp3EncoderConfig};

use super::AudioFormat;
use super::codec::{Codec, EncodeError};

pub struct Mp3 {
    encoder: Mp3Encoder,
    sample_rate: u32,
    /// The tag's place at the beginning is taken out.
    is_begun: bool,
}

/// Of MPEG-2 and MPEG-2.5, whose frames come one by one.
const KILOBITS_PER_SECOND: u32 = 64;
/// Rates from here on are MPEG-1. Its frames of constant bit rate borrow from each other and come all at the end, those
/// of variable rate do not.
const MPEG_1: u32 = 32_000;
const VARIABLE_KILOBITS_PER_SECOND: f32 = 96.0;

// === impl Mp3 ===

impl Mp3 {
    pub fn new(sample_rate: u32) -> Self {
        let vbr_quality = (sample_rate >= MPEG_1).then_some(VARIABLE_KILOBITS_PER_SECOND);
        let encoder = Mp3Encoder::new(Mp3EncoderConfig { bitrate_kbps: KILOBITS_PER_SECOND, vbr_quality });
        Self { encoder, sample_rate, is_begun: false }
    }

    fn settled(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Its errors say that there is none now, or none any more.
        while let Ok(packet) = self.encoder.next_packet() {
            if self.is_begun {
                bytes.extend(packet);
            }
            self.is_begun = true;
        }
        bytes
    }
}

impl Codec for Mp3 {
    fn stream_head(&self) -> Vec<u8> {
        Vec::new()
    }

    fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
        let pushed = self.encoder.push_pcm_s16(samples, 1, self.sample_rate);
        pushed.map_err(|error| EncodeError::new(AudioFormat::Mp3, error))?;
        Ok(self.settled())
    }

    fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        // Of no samples at all it makes a file too, once it knows their rate.
        let mut last = self.push(&[])?;
        self.encoder.finish();
        last.extend(self.settled());
        Ok(last)
    }

    fn whole_head(&self) -> Vec<u8> {
        self.encoder.lame_tag_frame().unwrap_or_default().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use rusty_mp3::Mp3Decoder;

    use super::*;

    #[test]
    fn the_frames_of_a_stream_decode_to_the_sound_and_what_the_codec_adds() {
        for rate in [8_000, 22_050, 44_100] {
            let mut mp3 = Mp3::new(rate);
            let mut stream = Vec::new();
            for _ in 0..10 {
                stream.extend(mp3.push(&vec![1_000; rate as usize / 10]).unwrap());
            }
            assert!(!stream.is_empty(), "{rate}: nothing comes before the end");
            stream.extend(mp3.finish().unwrap());

            let mut decoder = Mp3Decoder::new();
            decoder.push(&stream);
            decoder.flush();
            let mut decoded = 0;
            while let Ok(frame) = decoder.next_frame() {
                assert_eq!((frame.sample_rate, frame.channels), (rate, 1));
                decoded += frame.samples.len();
            }

            assert!((rate as usize..rate as usize + 4 * 1_152).contains(&decoded), "{rate}: {decoded} samples");
            assert!(!mp3.whole_head().is_empty());
        }
    }
}
