//! Owns the change of sample rate, by the windowed-sinc filter of the `rubato` crate in the frequency domain.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use super::Pcm;

pub const MIN_SAMPLE_RATE: u32 = 8_000;
pub const MAX_SAMPLE_RATE: u32 = 48_000;

/// The rates or the samples do not suit the resampler.
#[derive(Debug, thiserror::Error)]
#[error("resampling failed: {0}")]
pub struct ResampleError(String);

/// Changes the rate of one sound, which may come in parts: where they are cut changes nothing.
pub struct Resampler {
    to: u32,
    /// `None`: the rate stays as it is.
    filter: Option<Filter>,
}

struct Filter {
    fft: Fft<f32>,
    from: u32,
    /// Less than one pass of the filter.
    waiting: Vec<f32>,
    heard: usize,
    /// Of what comes out first this many samples are the filter's own delay.
    delay: usize,
    said: usize,
}

/// Frames in one pass of the filter; longer passes cost memory, shorter ones sharpness.
const CHUNK_FRAMES: usize = 1024;

// === impl Resampler ===

impl Resampler {
    /// From one rate in hertz to another.
    pub fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        let filter = (from != to).then(|| Filter::new(from, to)).transpose()?;
        Ok(Self { to, filter })
    }

    /// Takes the next part and gives as much as is settled by now.
    pub fn push(&mut self, part: &Pcm) -> Result<Pcm, ResampleError> {
        match &mut self.filter {
            None => Ok(Pcm { sample_rate: self.to, ..part.clone() }),
            Some(filter) => Ok(Pcm::from_float(&filter.push(&part.samples)?, self.to)),
        }
    }

    /// The rest. All that was given is then as long as what was taken, times the ratio of the rates, rounded up.
    pub fn finish(&mut self) -> Result<Pcm, ResampleError> {
        let rest = self.filter.take().map(|filter| filter.finish(self.to)).transpose()?;
        Ok(Pcm::from_float(&rest.unwrap_or_default(), self.to))
    }
}

// === impl Filter ===

impl Filter {
    fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        let fft = Fft::new(from as usize, to as usize, CHUNK_FRAMES, 1, FixedSync::Both).map_err(failed)?;
        let delay = fft.output_delay();
        Ok(Self { fft, from, waiting: Vec::new(), heard: 0, delay, said: 0 })
    }

    fn push(&mut self, samples: &[i16]) -> Result<Vec<f32>, ResampleError> {
        self.heard += samples.len();
        self.waiting.extend(samples.iter().map(|&sample| f32::from(sample) / 32767.0));
        let waiting = std::mem::take(&mut self.waiting);
        let (mut settled, mut rest) = (Vec::new(), &waiting[..]);
        while let Some((pass, others)) = rest.split_at_checked(self.fft.input_frames_next()) {
            settled.extend(self.pass(pass)?);
            rest = others;
        }
        self.waiting = rest.to_vec();
        Ok(settled)
    }

    fn finish(mut self, to: u32) -> Result<Vec<f32>, ResampleError> {
        let length = (self.heard * to as usize).div_ceil(self.from as usize);
        let missing = length - self.said;
        let mut rest = Vec::new();
        while rest.len() < missing {
            let mut last = std::mem::take(&mut self.waiting);
            last.resize(self.fft.input_frames_next(), 0.0);
            rest.extend(self.pass(&last)?);
        }
        rest.truncate(missing);
        Ok(rest)
    }

    fn pass(&mut self, input: &[f32]) -> Result<Vec<f32>, ResampleError> {
        let adapter = InterleavedSlice::new(input, 1, input.len()).map_err(failed)?;
        let mut output = self.fft.process(&adapter, None).map_err(failed)?.take_data();
        let delay = self.delay.min(output.len());
        output.drain(..delay);
        self.delay -= delay;
        self.said += output.len();
        Ok(output)
    }
}

fn failed(error: impl std::fmt::Display) -> ResampleError {
    ResampleError(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn resample(pcm: &Pcm, sample_rate: u32) -> Pcm {
        resample_in_parts(pcm, sample_rate, pcm.samples.len().max(1))
    }

    fn resample_in_parts(pcm: &Pcm, sample_rate: u32, length: usize) -> Pcm {
        let mut resampler = Resampler::new(pcm.sample_rate, sample_rate).unwrap();
        let mut parts: Vec<Pcm> = pcm
            .samples
            .chunks(length)
            .map(|samples| resampler.push(&Pcm { samples: samples.into(), ..*pcm }).unwrap())
            .collect();
        parts.push(resampler.finish().unwrap());
        Pcm::joined(&parts)
    }

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
            let got = resample(&tone(1000.0, 22050, 1.0), rate);

            let (level, purity) = tone_in(&got, 1000.0);
            assert!(got.samples.len().abs_diff(rate as usize) <= 1, "{rate}");
            assert!((level - 0.5).abs() < 0.001, "{rate}: level {level}");
            assert!(purity > 60.0, "{rate}: {purity} dB");
        }
    }

    #[test]
    fn what_the_new_rate_cannot_hold_is_filtered_out() {
        let got = resample(&tone(6000.0, 22050, 1.0), 8000);

        let inner = &got.samples[1000..7000];
        assert!(inner.iter().all(|sample| sample.abs() < 33), "aliases above -60 dB");
    }

    #[test]
    fn parts_sound_as_the_whole_does() {
        let pcm = tone(700.0, 22050, 0.3);
        for rate in [8000, 16000, 48000] {
            let whole = resample(&pcm, rate);
            for length in [1, 100, 1023, 5000] {
                assert!(resample_in_parts(&pcm, rate, length) == whole, "{rate} in parts of {length}");
            }
        }
    }

    #[test]
    fn the_same_rate_and_no_samples_cost_nothing() {
        let pcm = tone(100.0, 8000, 0.1);
        assert_eq!(resample(&pcm, 8000), pcm);
        assert!(resample(&Pcm { samples: [].into(), sample_rate: 8000 }, 16000).samples.is_empty());
    }
}
