//! Owns bringing a sound to a level: one factor for all of it, and a limiter that keeps its true peaks (those between
//! samples, as ITU-R BS.1770 finds them) below -1 dB of full scale. The limiter looks ahead by a fixed time, and what
//! that delays is taken out again: the sound is as long as it was, and where it is cut into parts changes nothing.

use std::collections::VecDeque;

use super::Pcm;
use super::pcm::FULL_SCALE;

/// One sound on its way to its level.
pub struct Limiter {
    factor: f32,
    sample_rate: u32,
    /// Samples by which it looks ahead, and over which it turns down.
    ahead: usize,
    /// Those from which values between samples are interpolated, the newest last.
    around: [f32; AROUND],
    /// Of samples that were heard: the smallest factors that may still be needed, in their order, each with its place.
    needed: VecDeque<(usize, f32)>,
    /// Places looked at.
    seen: usize,
    /// As `needed`, but turned up again slowly.
    held: f32,
    /// The last `ahead` of those, over which a mean is taken, and their sum. It is exact: each has 24 bits.
    ramp: VecDeque<f32>,
    sum: f64,
    /// Samples that were heard and not given yet.
    waiting: VecDeque<f32>,
    /// Of the delay, what is still to be taken out.
    delay: usize,
}

/// -1.5 dB: another meter may find a little more between samples than this one.
const CEILING: f32 = 0.841 * FULL_SCALE;

/// It looks ahead by 5 milliseconds, which is long enough for no click.
const AHEAD_PER_SECOND: u32 = 200;

/// Until a sound that was turned down is turned up again by two thirds.
const RELEASE_SECONDS: f32 = 0.06;

/// Samples before the place that is looked at, and behind it.
const BEFORE: usize = 11;
const AROUND: usize = 24;

/// Of the values at a quarter and at half of the way from one sample to the next: sinc with a window of Kaiser's (beta
/// 6).
const QUARTER: [f32; AROUND] = [
    -0.000_722, 0.001_758, -0.003_511, 0.006_258, -0.010_353, 0.016_277, -0.024_775, 0.037_196, -0.056_478, 0.090_81,
    -0.174_825, 0.899_469, 0.296_984, -0.121_339, 0.070_783, -0.045_673, 0.030_369, -0.020_141, 0.013_048, -0.008_111,
    0.004_741, -0.002_529, 0.001_165, -0.000_401,
];
const HALF: [f32; AROUND] = [
    -0.000_775, 0.002_039, -0.004_231, 0.007_723, -0.012_983, 0.020_635, -0.031_612, 0.047_531, -0.071_746, 0.112_966,
    -0.203_36, 0.633_812, 0.633_812, -0.203_36, 0.112_966, -0.071_746, 0.047_531, -0.031_612, 0.020_635, -0.012_983,
    0.007_723, -0.004_231, 0.002_039, -0.000_775,
];

// === impl Limiter ===

impl Limiter {
    /// For a sound at this rate, whose samples are multiplied by `factor`.
    pub fn new(factor: f32, sample_rate: u32) -> Self {
        let ahead = (sample_rate / AHEAD_PER_SECOND).max(1) as usize;
        Self {
            factor,
            sample_rate,
            ahead,
            around: [0.0; AROUND],
            needed: VecDeque::new(),
            seen: 0,
            held: 1.0,
            ramp: VecDeque::from(vec![1.0; ahead]),
            sum: ahead as f64,
            waiting: VecDeque::new(),
            delay: ahead + AROUND - BEFORE - 2,
        }
    }

    /// Takes the next part and gives as much as is settled by now.
    pub fn push(&mut self, part: &Pcm) -> Pcm {
        self.pass(part.samples.iter().map(|&sample| f32::from(sample)))
    }

    /// The rest. All that was given is then as long as what was taken.
    pub fn finish(&mut self) -> Pcm {
        let left = self.waiting.len();
        let mut rest = self.pass(std::iter::repeat_n(0.0, self.ahead + AROUND));
        rest.samples = rest.samples[..left].into();
        rest
    }

    fn pass(&mut self, samples: impl Iterator<Item = f32>) -> Pcm {
        let settled: Vec<i16> = samples.filter_map(|sample| self.next(sample)).collect();
        Pcm { samples: settled.into(), sample_rate: self.sample_rate }
    }

    fn next(&mut self, sample: f32) -> Option<i16> {
        let sample = sample * self.factor;
        self.waiting.push_back(sample);
        self.around.copy_within(1.., 0);
        self.around[AROUND - 1] = sample;
        let factor = self.turn_down();
        if self.delay > 0 {
            self.delay -= 1;
            return None;
        }
        Some((self.waiting.pop_front()? * factor).clamp(-FULL_SCALE, FULL_SCALE) as i16)
    }

    /// The factor of the first sample that is not given yet.
    fn turn_down(&mut self) -> f32 {
        let needed = (CEILING / self.peak()).min(1.0);
        while self.needed.back().is_some_and(|(_, later)| *later >= needed) {
            self.needed.pop_back();
        }
        self.needed.push_back((self.seen, needed));
        while self.needed.front().is_some_and(|(at, _)| at + self.ahead < self.seen) {
            self.needed.pop_front();
        }
        self.seen += 1;
        let least = self.needed.front().map_or(1.0, |(_, least)| *least);
        let release = 1.0 / (RELEASE_SECONDS * self.sample_rate as f32);
        self.held = least.min(self.held + (1.0 - self.held) * release);
        self.sum += f64::from(self.held) - f64::from(self.ramp.pop_front().unwrap_or(1.0));
        self.ramp.push_back(self.held);
        (self.sum / self.ahead as f64) as f32
    }

    /// The largest value from the sample that is looked at to the next one.
    fn peak(&self) -> f32 {
        let around = &self.around;
        let between = |taps: &[f32; AROUND]| around.iter().zip(taps).map(|(sample, tap)| sample * tap).sum::<f32>();
        let behind = around.iter().rev().zip(&QUARTER).map(|(sample, tap)| sample * tap).sum::<f32>();
        [around[BEFORE], between(&QUARTER), between(&HALF), behind]
            .iter()
            .fold(0.0, |peak, value| peak.max(value.abs()))
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::super::{loudness, true_peak};
    use super::*;

    fn pcm(samples: Vec<i16>) -> Pcm {
        Pcm { samples: samples.into(), sample_rate: 22_050 }
    }

    /// Noise that swells and falls, by a generator of its own.
    fn noise(samples: usize, level: f32) -> Pcm {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let swell = |n: usize| 0.3 + 0.7 * (n as f32 / 2_000.0).sin().abs();
        pcm((0..samples).map(|n| (next() * swell(n) * level * FULL_SCALE) as i16).collect())
    }

    fn limited(sound: &Pcm, factor: f32, length: usize) -> Pcm {
        let mut limiter = Limiter::new(factor, sound.sample_rate);
        let part = |samples: &[i16]| Pcm { samples: samples.into(), ..*sound };
        let mut parts: Vec<Pcm> = sound.samples.chunks(length).map(|samples| limiter.push(&part(samples))).collect();
        parts.push(limiter.finish());
        Pcm::joined(&parts)
    }

    #[test]
    fn what_stays_below_the_ceiling_is_multiplied_and_no_more() {
        let sound = noise(5_000, 0.2);
        assert_eq!(limited(&sound, 1.0, 5_000), sound);
        let louder = limited(&sound, 1.5, 700);
        assert!(
            louder
                .samples
                .iter()
                .zip(&*sound.samples)
                .all(|(louder, sample)| *louder == (f32::from(*sample) * 1.5) as i16)
        );
        for samples in [0, 1, 10, 200] {
            let short = pcm(vec![1_000; samples]);
            assert_eq!(limited(&short, 1.0, 3), short, "{samples}");
        }
    }

    #[test]
    fn true_peaks_are_below_the_ceiling_however_loud_it_is_made() {
        for (factor, rate) in [(2.0, 22_050), (8.0, 16_000), (30.0, 48_000), (4.0, 8_000)] {
            let sound = Pcm { sample_rate: rate, ..noise(40_000, 0.5) };
            let limited = limited(&sound, factor, 40_000);

            let peak = true_peak(&limited).unwrap();
            assert!(peak <= -1.0, "{factor} at {rate}: {peak} dBTP");
            assert!(peak > -3.0, "{factor} at {rate}: {peak} dBTP is quieter than it has to be");
            assert!(loudness(slice::from_ref(&limited)) > loudness(slice::from_ref(&sound)));
            assert_eq!(limited.samples.len(), sound.samples.len());
        }
    }

    #[test]
    fn where_a_sound_is_cut_changes_nothing() {
        let sound = noise(9_000, 0.8);
        let whole = limited(&sound, 3.0, sound.samples.len());

        for length in [1, 7, 1_000, 8_999] {
            assert!(limited(&sound, 3.0, length) == whole, "in parts of {length}");
        }
    }
}
