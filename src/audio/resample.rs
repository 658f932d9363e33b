//! Owns the change of sample rate, by the windowed-sinc filter of the `rubato` crate in the frequency domain.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

use super::Pcm;

pub const MIN_SAMPLE_RATE: u32 = 8_000;
pub const MAX_SAMPLE_RATE: u32 = 48_000;

/// The rates or the samples do not suit the resampler.
#[derive(Debug, thiserror::Error)]
#[error("resampling failed: {0}")]
pub struct ResampleError(String);

/// Frames in one pass of the filter; longer passes cost memory, shorter ones sharpness.
const CHUNK_FRAMES: usize = 1024;

/// The same sound at another rate; its length is that of the input times the ratio of the rates, rounded up.
pub fn resample(pcm: &Pcm, sample_rate: u32) -> Result<Pcm, ResampleError> {
    if pcm.sample_rate == sample_rate || pcm.samples.is_empty() {
        return Ok(Pcm { samples: pcm.samples.clone(), sample_rate });
    }

    let failed = |error: &dyn std::fmt::Display| ResampleError(error.to_string());
    let mut resampler =
        Fft::<f32>::new(pcm.sample_rate as usize, sample_rate as usize, CHUNK_FRAMES, 1, FixedSync::Both)
            .map_err(|error| failed(&error))?;
    let input: Vec<f32> = pcm.samples.iter().map(|&sample| f32::from(sample) / 32767.0).collect();
    let adapter = InterleavedSlice::new(&input, 1, input.len()).map_err(|error| failed(&error))?;
    let output = resampler.process_all(&adapter, input.len(), None).map_err(|error| failed(&error))?;
    Ok(Pcm::from_float(&output.take_data(), sample_rate))
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn tone(hertz: f64, sample_rate: u32, seconds: f64) -> Pcm {
        let samples = (seconds * f64::from(sample_rate)) as usize;
        let samples: Vec<f32> =
            (0..samples).map(|n| (0.5 * (TAU * hertz * n as f64 / f64::from(sample_rate)).sin()) as f32).collect();
        Pcm::from_float(&samples, sample_rate)
    }

    /// Amplitude of the tone of that pitch, and how far all else lies below it in decibels, away from the edges.
    fn tone_in(pcm: &Pcm, hertz: f64) -> (f64, f64) {
        let samples: Vec<f64> = pcm.samples.iter().map(|&sample| f64::from(sample) / 32767.0).collect();
        let cycle = |n: usize| TAU * hertz * n as f64 / f64::from(pcm.sample_rate);
        // Long enough for sine and cosine to be orthogonal to within what is measured.
        let inner = 1000..samples.len() - 1000;
        let half = inner.len() as f64 / 2.0;
        let sine = inner.clone().map(|n| samples[n] * cycle(n).sin()).sum::<f64>() / half;
        let cosine = inner.clone().map(|n| samples[n] * cycle(n).cos()).sum::<f64>() / half;
        let rest = |n: usize| samples[n] - sine * cycle(n).sin() - cosine * cycle(n).cos();
        let noise = inner.clone().map(|n| rest(n).powi(2)).sum::<f64>() / half;
        let power = sine * sine + cosine * cosine;
        (power.sqrt(), 10.0 * (power / noise).log10())
    }

    #[test]
    fn a_tone_keeps_its_pitch_level_and_length_at_every_rate() {
        for rate in [8000, 11025, 16000, 24000, 44100, 48000, 22051] {
            let got = resample(&tone(1000.0, 22050, 1.0), rate).unwrap();

            let (level, purity) = tone_in(&got, 1000.0);
            assert!(got.samples.len().abs_diff(rate as usize) <= 1, "{rate}");
            assert!((level - 0.5).abs() < 0.001, "{rate}: level {level}");
            assert!(purity > 60.0, "{rate}: {purity} dB");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_hold_is_filtered_out() {
        let got = resample(&tone(6000.0, 22050, 1.0), 8000).unwrap();

        let inner = &got.samples[1000..7000];
        assert!(inner.iter().all(|sample| sample.abs() < 33), "aliases above -60 dB");
    }

    #[test]
    fn the_same_rate_and_no_samples_cost_nothing() {
        let pcm = tone(100.0, 8000, 0.1);
        assert_eq!(resample(&pcm, 8000).unwrap(), pcm);
        assert!(resample(&Pcm { samples: [].into(), sample_rate: 8000 }, 16000).unwrap().samples.is_empty());
    }
}
