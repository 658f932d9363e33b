//! Owns a sentence on its way from the text encoder to the decoder.

use std::ops::Range;
use std::sync::Arc;

use super::prior::Prior;

/// What the text says of a sentence, with its noise: the input of the flow.
#[derive(Debug, Clone)]
pub struct SpeechPrior {
    pub frames: usize,
    /// How many samples each phoneme id lasts.
    pub durations: Arc<[u32]>,
    /// Frames on each side whose latents a frame's samples depend on.
    pub context: usize,
    pub(super) values: Prior,
    /// What the speaker adds within the flow; empty where there is one speaker.
    pub(super) flow_condition: Vec<f32>,
    /// What the speaker adds within the decoder; empty where there is one speaker.
    pub(super) decoder_condition: Vec<f32>,
}

/// The latents of some frames.
#[derive(Debug, Clone)]
pub struct LatentSection {
    pub(super) frames: Range<usize>,
    /// [channels][frames]
    pub(super) values: Vec<f32>,
}

/// The latents of a sentence as far as they are known, from its first frame on. A clone shares them.
#[derive(Debug, Clone)]
pub struct SpeechLatent {
    pub(super) prior: Arc<SpeechPrior>,
    sections: Vec<Arc<LatentSection>>,
}

// === impl SpeechLatent ===

impl SpeechLatent {
    /// Of which nothing is known yet.
    pub fn new(prior: Arc<SpeechPrior>) -> Self {
        Self { prior, sections: Vec::new() }
    }

    /// Adds what follows the sections before it.
    pub fn push(&mut self, section: LatentSection) {
        debug_assert_eq!(section.frames.start, self.known());
        self.sections.push(Arc::new(section));
    }

    /// Whether the samples of the frames before `end` can be decoded.
    pub fn is_known_for(&self, end: usize) -> bool {
        self.known() >= self.prior.frames.min(end + self.prior.context)
    }

    /// Frames that are known.
    pub fn known(&self) -> usize {
        self.sections.last().map_or(0, |section| section.frames.end)
    }

    /// Copies what the samples of `frames` depend on to its place among all frames, `[channels][frames]`; the rest of
    /// `to` means nothing.
    pub(super) fn copy_around(&self, frames: &Range<usize>, channels: usize, to: &mut Vec<f32>) {
        let all = self.prior.frames;
        to.resize(channels * all, 0.0);
        let wanted = frames.start.saturating_sub(self.prior.context)..all.min(frames.end + self.prior.context);
        for section in &self.sections {
            let shared = wanted.start.max(section.frames.start)..wanted.end.min(section.frames.end);
            if shared.is_empty() {
                continue;
            }
            let from = shared.start - section.frames.start..shared.end - section.frames.start;
            for (row, values) in to.chunks_exact_mut(all).zip(section.values.chunks_exact(section.frames.len())) {
                row[shared.clone()].copy_from_slice(&values[from.clone()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_input::ModelInput;

    #[test]
    fn what_a_stretch_depends_on_is_put_together_from_its_sections() {
        let input = ModelInput {
            ids: Vec::new(),
            speaker: 0,
            blend: Vec::new(),
            noise_scale: 0.0,
            length_scale: 1.0,
            noise_w: 0.0,
            seed: 0,
        };
        let prior = SpeechPrior {
            frames: 6,
            durations: [].into(),
            context: 1,
            values: Prior::new([Vec::new(), Vec::new()], Vec::new(), 6, &input),
            flow_condition: Vec::new(),
            decoder_condition: Vec::new(),
        };
        let mut latent = SpeechLatent::new(Arc::new(prior));
        latent.push(LatentSection { frames: 0..2, values: vec![1.0, 2.0, 10.0, 20.0] });
        latent.push(LatentSection { frames: 2..5, values: vec![3.0, 4.0, 5.0, 30.0, 40.0, 50.0] });

        let mut values = Vec::new();
        latent.copy_around(&(2..4), 2, &mut values);

        assert_eq!(values, [0.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0, 20.0, 30.0, 40.0, 50.0, 0.0]);
        assert_eq!([4, 5, 6].map(|end| latent.is_known_for(end)), [true, false, false]);
        latent.push(LatentSection { frames: 5..6, values: vec![6.0, 60.0] });
        assert!(latent.is_known_for(6));
    }
}
