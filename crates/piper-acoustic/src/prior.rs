//! Owns what the flow begins with: what the text says of each latent, with its noise. It is drawn when it is wanted,
//! and what the first sound needs before the rest. Equal inputs give equal values, because the noise is the input's
//! seed's.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::model_input::ModelInput;
use super::noise::Noise;

/// Streams of noise of one seed.
pub const DURATION_STREAM: u64 = 0;
const LATENT_STREAM: u64 = 1;

/// Frames that are drawn for whoever wants no more: what the flow needs for about half a second.
const FIRST_FRAMES: usize = 128;

/// The latents before the flow. A clone shares them.
#[derive(Clone)]
pub struct Prior(Arc<Drawn>);

struct Drawn {
    /// `[channel][id]`
    mean: Vec<f32>,
    /// `[channel][id]`
    log_deviation: Vec<f32>,
    /// For how many frames each id is heard.
    durations: Vec<u32>,
    frames: usize,
    noise_scale: f32,
    seed: u64,
    first: OnceLock<Vec<f32>>,
    all: OnceLock<Vec<f32>>,
}

// === impl Prior ===

impl Prior {
    pub fn new(
        [mean, log_deviation]: [Vec<f32>; 2],
        durations: Vec<u32>,
        frames: usize,
        &ModelInput { noise_scale, seed, .. }: &ModelInput,
    ) -> Self {
        let (first, all) = Default::default();
        Self(Arc::new(Drawn { mean, log_deviation, durations, frames, noise_scale, seed, first, all }))
    }

    /// The values of all frames before `end` at least, `[channels][frames]`.
    pub fn values(&self, end: usize) -> &[f32] {
        let drawn = &*self.0;
        let (kept, frames) = if end <= FIRST_FRAMES { (&drawn.first, FIRST_FRAMES) } else { (&drawn.all, usize::MAX) };
        kept.get_or_init(|| drawn.draw(drawn.frames.min(frames)))
    }
}

impl fmt::Debug for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prior of {} frames", self.0.frames)
    }
}

impl Drawn {
    /// The first so many frames.
    fn draw(&self, frames: usize) -> Vec<f32> {
        let Self { mean, log_deviation, .. } = self;
        let ids = self.durations.len();
        let channels = mean.len() / ids.max(1);
        let mut values = vec![0.0; channels * frames];
        let mut noise = Noise::new(self.seed, LATENT_STREAM);
        let mut deviations = vec![0.0; channels];
        let mut left = 0..frames;
        for (id, &count) in self.durations.iter().enumerate() {
            if left.is_empty() {
                break;
            }
            for (channel, deviation) in deviations.iter_mut().enumerate() {
                // The system's own function has other last bits on other processors.
                *deviation = libm::expf(log_deviation[channel * ids + id]) * self.noise_scale;
            }
            for frame in left.by_ref().take(count as usize) {
                for (channel, deviation) in deviations.iter().enumerate() {
                    let noise = noise.next().unwrap_or(0.0);
                    values[channel * frames + frame] = mean[channel * ids + id] + noise * deviation;
                }
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frames_are_those_of_all() {
        let durations = vec![0, 100, 3, 60];
        let values = |at: usize| (0..2 * 4).map(|value| (value + at) as f32 * 0.1).collect::<Vec<f32>>();
        let input = ModelInput {
            ids: Vec::new(),
            speaker: 0,
            blend: Vec::new(),
            noise_scale: 0.667,
            length_scale: 1.0,
            noise_w: 0.8,
            seed: 5,
        };
        let prior = Prior::new([values(1), values(2)], durations, 163, &input);

        let [first, all] = [FIRST_FRAMES, FIRST_FRAMES + 1].map(|end| prior.values(end));

        assert_eq!([first.len(), all.len()], [2 * FIRST_FRAMES, 2 * 163]);
        for (first, all) in first.chunks(FIRST_FRAMES).zip(all.chunks(163)) {
            assert_eq!(first, &all[..FIRST_FRAMES]);
        }
        assert!(all.iter().all(|value| *value != 0.0));
    }
}
