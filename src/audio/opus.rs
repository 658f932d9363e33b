//! Owns Opus in Ogg (RFC 6716, RFC 7845), as the crate `opus-pure` writes them: exactly as long as the samples, at a
//! bit rate for speech.

use opus_pure::{Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead};

use super::AudioFormat;
use super::codec::{Codec, EncodeError};

pub struct OggOpus {
    encoder: OpusEncoder,
    /// `None`: finished.
    pages: Option<OggOpusWriter<Vec<u8>>>,
    /// Samples of a packet.
    frame: usize,
    /// Less than a packet.
    waiting: Vec<i16>,
    packet: Vec<u8>,
    heard: u64,
    encoded: u64,
    /// Samples at 48 kHz by which the encoder is behind.
    delay: u64,
    /// Ticks of Ogg's clock in a sample.
    ticks: u64,
}

/// Wide-band speech needs no more.
const BITS_PER_SECOND: i32 = 32_000;
/// Packets of 20 ms.
const PACKETS_PER_SECOND: u32 = 50;
/// Rate of Ogg's clock.
const CLOCK: u32 = 48_000;
/// A page is sent when it has as much: about a fifth of a second.
const PAGE_BYTES: usize = 800;

// === impl OggOpus ===

impl OggOpus {
    pub fn new(sample_rate: u32) -> Result<Self, EncodeError> {
        let rate = i32::try_from(sample_rate).map_err(failed)?;
        let mut encoder = OpusEncoder::new(rate, 1, Application::Audio).map_err(failed)?;
        encoder.bitrate_bps = BITS_PER_SECOND;
        let head = OpusHead::for_encoder(&encoder, sample_rate);
        let delay = u64::from(head.pre_skip);
        let mut pages = OggOpusWriter::new(Vec::new(), head).map_err(failed)?;
        pages.set_page_target(PAGE_BYTES);
        Ok(Self {
            encoder,
            pages: Some(pages),
            frame: (sample_rate / PACKETS_PER_SECOND) as usize,
            waiting: Vec::new(),
            packet: vec![0; MAX_PACKET_BYTES],
            heard: 0,
            encoded: 0,
            delay,
            ticks: u64::from(CLOCK / sample_rate),
        })
    }

    /// `duration` in ticks, where it is not that of the packet.
    fn packet(&mut self, samples: &[i16], duration: Option<u64>) -> Result<(), EncodeError> {
        let length = self.encoder.encode_s16(samples, self.frame, &mut self.packet).map_err(failed)?;
        self.encoded += self.frame as u64;
        let Some(pages) = &mut self.pages else { return Ok(()) };
        match duration {
            None => pages.write_packet(&self.packet[..length]).map_err(failed),
            Some(ticks) => {
                let ticks = u32::try_from(ticks).map_err(failed)?;
                pages.write_packet_with_duration(&self.packet[..length], ticks).map_err(failed)
            }
        }
    }

    fn settled(&mut self) -> Vec<u8> {
        self.pages.as_mut().and_then(OggOpusWriter::get_mut).map(std::mem::take).unwrap_or_default()
    }
}

impl Codec for OggOpus {
    fn stream_head(&self) -> Vec<u8> {
        // The two pages of the head come with the first samples: they are the same in a file and in a stream.
        Vec::new()
    }

    fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError> {
        self.heard += samples.len() as u64;
        self.waiting.extend_from_slice(samples);
        let waiting = std::mem::take(&mut self.waiting);
        let packets = waiting.chunks_exact(self.frame);
        self.waiting = packets.remainder().to_vec();
        for samples in packets {
            self.packet(samples, None)?;
        }
        Ok(self.settled())
    }

    fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        // What the encoder has not given out yet is pushed out by silence; the last packet says where the sound ends
        // (RFC 7845, 4.4).
        let end = self.delay + self.heard * self.ticks;
        let mut samples = std::mem::take(&mut self.waiting);
        samples.resize(self.frame, 0);
        loop {
            let before = self.encoded * self.ticks;
            let after = before + self.frame as u64 * self.ticks;
            if after >= end {
                self.packet(&samples, Some(end - before))?;
                break;
            }
            self.packet(&samples, None)?;
            samples.fill(0);
        }
        let pages = self.pages.take();
        pages.map_or_else(|| Ok(Vec::new()), |pages| pages.finish().map_err(failed))
    }

    fn whole_head(&self) -> Vec<u8> {
        Vec::new()
    }
}

fn failed(error: impl std::fmt::Display) -> EncodeError {
    EncodeError::new(AudioFormat::Opus, error)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use opus_pure::{MAX_PACKET_SAMPLES, OggOpusReader, Trim};

    use super::*;

    #[test]
    fn what_is_decoded_is_as_long_as_what_was_encoded() {
        for (rate, count) in [(8_000, 1), (16_000, 12_345), (24_000, 24_000), (48_000, 959)] {
            let mut opus = OggOpus::new(rate).unwrap();
            let mut file = opus.push(&vec![1_000; count]).unwrap();
            file.extend(opus.finish().unwrap());

            let mut reader = OggOpusReader::new(Cursor::new(file)).unwrap();
            let mut decoder = reader.head().decoder(rate as i32).unwrap();
            let mut trim = Trim::new(reader.head(), rate as i32, 1).unwrap();
            let (mut decoded, mut samples) = (0, vec![0.0; MAX_PACKET_SAMPLES]);
            while let Some(packet) = reader.read_packet().unwrap() {
                let length = decoder.decode(&packet.data, MAX_PACKET_SAMPLES, &mut samples).unwrap();
                decoded += trim.keep(&packet, &samples[..length]).len();
            }

            assert_eq!(decoded, count, "{rate}");
        }
    }
}
