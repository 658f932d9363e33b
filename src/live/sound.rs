//! Owns samples as the bytes that a caller wants, in messages that are not long. What is said up to a flush is a whole
//! stream of its format.

use bytes::Bytes;

use crate::audio::{AudioFormat, EncodeError, Encoder, Pcm};
use crate::speech::SpeechError;

/// One stream.
pub struct SoundStream {
    format: AudioFormat,
    sample_rate: u32,
    /// While it encodes it is elsewhere.
    encoder: Option<Encoder>,
    samples: u64,
}

/// Bytes of a message, so that one that is cleared is not half sent for long.
const MESSAGE_BYTES: usize = 4 << 10;

// === impl SoundStream ===

impl SoundStream {
    /// With what its stream begins with.
    pub fn begin(format: AudioFormat, sample_rate: u32) -> Result<(Self, Bytes), EncodeError> {
        let encoder = Encoder::new(format, sample_rate)?;
        let head = encoder.stream_head().into();
        Ok((Self { format, sample_rate, encoder: Some(encoder), samples: 0 }, head))
    }

    /// Of what was pushed.
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate)
    }

    /// Takes samples as bytes, at its rate.
    pub async fn push(&mut self, samples: Bytes) -> Result<Bytes, SpeechError> {
        self.samples += samples.len() as u64 / 2;
        if self.format == AudioFormat::Pcm {
            return Ok(samples);
        }
        let sample_rate = self.sample_rate;
        self.encode(move |encoder| {
            let samples = samples.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
            encoder.push(&Pcm { samples, sample_rate })
        })
        .await
    }

    /// The last bytes.
    pub async fn finish(mut self) -> Result<Bytes, SpeechError> {
        self.encode(Encoder::finish).await
    }

    async fn encode(
        &mut self,
        encode: impl FnOnce(&mut Encoder) -> Result<Vec<u8>, EncodeError> + Send + 'static,
    ) -> Result<Bytes, SpeechError> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(Bytes::new()) };
        let encoded = tokio::task::spawn_blocking(move || {
            let bytes = encode(&mut encoder);
            (encoder, bytes)
        });
        let (encoder, bytes) = encoded.await.map_err(|error| SpeechError::Failed(error.to_string()))?;
        self.encoder = Some(encoder);
        Ok(bytes?.into())
    }
}

/// Bytes in messages that are not long.
pub fn messages(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let length = bytes.len().min(MESSAGE_BYTES);
        (length > 0).then(|| bytes.split_to(length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn samples_in_any_parts_are_one_stream() {
        let samples: Vec<u8> = (0..4_000u32).flat_map(|n| ((n * 37 % 9_000) as i16).to_le_bytes()).collect();
        for format in AudioFormat::ALL {
            let mut streams = Vec::new();
            for part in [samples.len(), 1_234] {
                let (mut sound, head) = SoundStream::begin(format, format.sample_rate(8_000)).unwrap();
                let mut stream = head.to_vec();
                for part in samples.chunks(part) {
                    stream.extend(sound.push(Bytes::copy_from_slice(part)).await.unwrap());
                }
                assert_eq!(sound.seconds(), 0.5);
                stream.extend(sound.finish().await.unwrap());
                streams.push(stream);
            }
            assert!(streams[0] == streams[1], "{}", format.name());
        }
    }

    #[test]
    fn messages_are_short_and_together_what_they_were() {
        let bytes = Bytes::from(vec![7; 20_000]);

        let lengths: Vec<_> = messages(bytes).map(|message| message.len()).collect();

        assert_eq!(lengths, [4_096, 4_096, 4_096, 4_096, 3_616]);
    }
}
