//! Owns samples: signed 16-bit, mono.
//!
//! A voice's output becomes samples by one rule for whole and streamed answers: times 32767, clipped, fraction cut off,
//! as piper does, but without piper's scaling of each sentence to full level. That scaling needs the whole sentence
//! before its first sample can be sent, and it makes sentences unequally loud: a voice's sentences differ by 2 in peak
//! and by 1.2 in level. So a voice sounds as it was trained, unless a request asks for another level.

use std::sync::Arc;

/// Samples at a rate in hertz. A clone shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pcm {
    pub samples: Arc<[i16]>,
    pub sample_rate: u32,
}

pub(super) const FULL_SCALE: f32 = 32767.0;

// === impl Pcm ===

impl Pcm {
    /// From a network's output, full scale at 1.0.
    pub fn from_float(samples: &[f32], sample_rate: u32) -> Self {
        let samples = samples.iter().map(|&sample| quantise(sample)).collect();
        Self { samples, sample_rate }
    }

    /// The samples times `volume`, clipped at full scale.
    pub fn with_volume(self, volume: f32) -> Self {
        if volume == 1.0 {
            return self;
        }
        let samples = self.samples.iter().map(|&sample| quantise(f32::from(sample) / FULL_SCALE * volume)).collect();
        Self { samples, ..self }
    }

    /// The samples times what makes the loudest of them full scale, as piper does with each sentence.
    pub fn at_full_level(self) -> Self {
        let peak = self.samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or_default();
        if peak == 0 {
            return self;
        }
        let scaled = self.samples.iter().map(|&sample| quantise(f32::from(sample) / f32::from(peak)));
        Self { samples: scaled.collect(), ..self }
    }

    /// Parts at one rate, one after the other.
    pub fn joined(parts: &[Self]) -> Self {
        let sample_rate = parts.first().map_or(0, |part| part.sample_rate);
        Self { samples: parts.iter().flat_map(|part| &part.samples[..]).copied().collect(), sample_rate }
    }

    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate)
    }

    /// The samples as bytes, little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }
}

/// Silence of a length in milliseconds.
pub fn silence(milliseconds: u32, sample_rate: u32) -> Pcm {
    let samples = u64::from(milliseconds) * u64::from(sample_rate) / 1000;
    Pcm { samples: vec![0; samples as usize].into(), sample_rate }
}

/// NaN becomes silence.
fn quantise(sample: f32) -> i16 {
    (sample * FULL_SCALE).clamp(-FULL_SCALE, FULL_SCALE) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_clipped_and_cut_off_as_piper_does() {
        let pcm = Pcm::from_float(&[0.0, 1.0, -1.0, 1.7, -9.0, 0.5, -0.5, f32::NAN], 16000);

        assert_eq!(&pcm.samples[..], [0, 32767, -32767, 32767, -32767, 16383, -16383, 0]);
    }

    #[test]
    fn volume_scales_and_clips() {
        let pcm = Pcm { samples: vec![100, -20000].into(), sample_rate: 8000 };

        assert_eq!(&pcm.clone().with_volume(1.0).samples[..], [100, -20000]);
        assert_eq!(&pcm.clone().with_volume(2.0).samples[..], [200, -32767]);
        assert_eq!(&pcm.with_volume(0.0).samples[..], [0, 0]);
    }

    #[test]
    fn the_loudest_sample_is_brought_to_full_scale() {
        let pcm = |samples: &[i16]| Pcm { samples: samples.into(), sample_rate: 8000 };

        assert_eq!(pcm(&[100, -16384, 8192]).at_full_level(), pcm(&[199, -32767, 16383]));
        assert_eq!(pcm(&[0, 0]).at_full_level(), pcm(&[0, 0]));
        assert_eq!(pcm(&[i16::MIN]).at_full_level(), pcm(&[-32767]));
    }

    #[test]
    fn silence_has_its_length() {
        assert_eq!(silence(250, 22050).samples.len(), 5512);
        assert_eq!(silence(0, 22050).samples.len(), 0);
    }
}
