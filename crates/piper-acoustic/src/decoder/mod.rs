//! Owns the decoder of Piper voices, the HiFi-GAN generator that makes samples of latents, as kernels of our own: three
//! to four fifths of the time of speaking are spent here. Refuses ONNX: it takes weights as they stand in training and
//! in graphs alike.
//!
//! Any range of frames can be decoded by itself, and gives exactly the samples that the whole would give there. Time is
//! cut into tiles whose activations stay in a core's caches: a tile goes through a stage, then smaller tiles of it
//! through the next. Memory follows the tile, not the text.

mod post;
mod stage;
#[cfg(test)]
mod tests;
mod weights;

use std::ops::Range;

pub use super::kernels::{ConvWeights, ShapeError};
pub use weights::{DecoderWeights, ResBlockWeights, StageWeights, UpsampleWeights};

use self::post::Post;
use self::stage::{DecoderStage, StageSignals};
use super::kernels::simd::{F32x16, SimdLevel};
use super::kernels::{ConvArgs, Convolution, Precision, Signal, Workspace, WriteMode, lanes};

/// Bytes of one activation of a tile: larger ones leave the caches, smaller ones compute more of their surroundings
/// twice.
const TILE_BYTES: usize = 512 * 1024;

/// A decoder that is ready to run, on as many threads as there are.
#[derive(Debug)]
pub struct Decoder {
    pre: Convolution,
    stages: Vec<DecoderStage>,
    post: Post,
    in_channels: usize,
    pre_channels: usize,
    /// Samples of a tile of each stage, the last shorter than the first.
    tiles: Vec<usize>,
}

/// What is decoded.
#[derive(Debug, Clone)]
pub struct DecoderInput<'a> {
    /// The latents of the whole utterance, `[channels][frames]`.
    pub latents: &'a [f32],
    /// The speaker's vector, added to the first convolution's outputs; empty for none.
    pub condition: &'a [f32],
    /// The frames whose samples are wanted.
    pub frames: Range<usize>,
}

/// Memory of one thread, kept from run to run.
#[derive(Debug)]
pub struct DecoderScratch {
    workspace: Workspace,
    latents: Signal,
    pre: Signal,
    stages: Vec<StageSignals>,
}

/// Why there are no samples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the latents have {found} values, which is not a number of frames of {channels} channels")]
    Latents { found: usize, channels: usize },
    #[error("the speaker's vector has {found} values in place of {expected}")]
    Condition { found: usize, expected: usize },
    #[error("frames up to {end} are wanted of {frames}")]
    Range { end: usize, frames: usize },
    #[error("cancelled")]
    Cancelled,
}

/// A run over the stages.
struct StageRun<'a, F> {
    decoder: &'a Decoder,
    frames: usize,
    bias: Option<Vec<F32x16>>,
    part: &'a DecoderInput<'a>,
    keep_going: F,
    samples: Vec<f32>,
}

// === impl Decoder ===

impl Decoder {
    pub fn new(weights: &DecoderWeights) -> Result<Self, ShapeError> {
        weights.validate()?;
        let mut stages: Vec<DecoderStage> = Vec::new();
        for stage in &weights.stages {
            let factor = stages.last().map_or(1.0, DecoderStage::factor);
            stages.push(DecoderStage::new(stage, weights.slope, factor));
        }
        let factor = stages.last().map_or(1.0, DecoderStage::factor);
        let mut decoder = Self {
            // Latents have outliers of thirty times their usual size.
            pre: Convolution::same(&weights.pre, Precision::High),
            post: Post::new(&weights.post, weights.post_slope, factor),
            in_channels: weights.pre.in_channels,
            pre_channels: weights.pre.out_channels,
            tiles: Vec::new(),
            stages,
        };
        let hop = decoder.hop();
        let mut stride = 1;
        for stage in &decoder.stages {
            stride *= stage.stride;
            let frame_bytes = stride * stage.output_bytes();
            decoder.tiles.push((TILE_BYTES / frame_bytes).max(1) * hop);
        }
        Ok(decoder)
    }

    /// Samples of a frame.
    pub fn hop(&self) -> usize {
        self.stages.iter().map(|stage| stage.stride).product()
    }

    /// Channels of the latents.
    pub fn channels(&self) -> usize {
        self.in_channels
    }

    /// Frames on each side that the samples of a frame may depend on.
    pub fn context(&self) -> usize {
        // Far from both ends; how far a tile reaches depends on where it stands, so all places of a period are asked.
        let middle = 1 << 12;
        let reach = (middle..middle + 256).map(|frame| {
            let range = self.latent_range(frame..frame + 1, 2 * middle);
            (frame - range.start).max(range.end - frame - 1)
        });
        reach.max().unwrap_or(0)
    }

    /// Bytes of the weights as they are kept.
    pub fn memory_bytes(&self) -> u64 {
        let stages: usize = self.stages.iter().map(DecoderStage::memory_bytes).sum();
        (self.pre.memory_bytes() + stages + self.post.memory_bytes()) as u64
    }

    /// The samples of some frames, full scale at 1. `keep_going` is asked between tiles.
    pub fn decode(
        &self,
        part: &DecoderInput<'_>,
        scratch: &mut DecoderScratch,
        keep_going: impl FnMut() -> bool,
    ) -> Result<Vec<f32>, DecodeError> {
        let frames = part.latents.len() / self.in_channels;
        if frames * self.in_channels != part.latents.len() {
            return Err(DecodeError::Latents { found: part.latents.len(), channels: self.in_channels });
        }
        if !part.condition.is_empty() && part.condition.len() != self.pre_channels {
            return Err(DecodeError::Condition { found: part.condition.len(), expected: self.pre_channels });
        }
        if part.frames.end > frames {
            return Err(DecodeError::Range { end: part.frames.end, frames });
        }
        let bias = (!part.condition.is_empty()).then(|| {
            let mut bias = lanes(part.condition, self.pre.bias().len());
            for (sum, own) in bias.iter_mut().zip(self.pre.bias()) {
                for (sum, own) in sum.0.iter_mut().zip(own.0) {
                    *sum += own;
                }
            }
            bias
        });
        let samples = Vec::with_capacity(part.frames.len() * self.hop());
        let mut run = StageRun { decoder: self, frames, bias, part, keep_going, samples };
        scratch.stages.resize_with(scratch.stages.len().max(self.stages.len()), StageSignals::default);
        run.descend(0, part.frames.start * self.hop()..part.frames.end * self.hop(), scratch)?;
        Ok(run.samples)
    }

    /// Inputs of stage `stage` that the samples of `range` are computed from; behind the last stage, the inputs of the
    /// last convolution.
    fn stage_input(&self, stage: usize, samples: Range<usize>, frames: usize) -> Range<usize> {
        let last = self.post.input_range(samples, frames * self.hop());
        let mut len = frames * self.hop();
        self.stages[stage..].iter().rev().fold(last, |range, stage| {
            len /= stage.stride;
            stage.input_range(range, len)
        })
    }

    fn latent_range(&self, frames: Range<usize>, of: usize) -> Range<usize> {
        let samples = frames.start * self.hop()..frames.end * self.hop();
        self.pre.input_range(self.stage_input(0, samples, of), of)
    }
}

// === impl StageRun ===

impl<F: FnMut() -> bool> StageRun<'_, F> {
    /// Decodes `samples` from the outputs of the stage before `stage` on.
    fn descend(
        &mut self,
        stage: usize,
        samples: Range<usize>,
        scratch: &mut DecoderScratch,
    ) -> Result<(), DecodeError> {
        let decoder = self.decoder;
        if stage == decoder.stages.len() {
            let level = scratch.workspace.level();
            decoder.post.run(&mut scratch.stages[stage - 1].sum, samples, &mut self.samples, level);
            return Ok(());
        }
        let stride: usize = decoder.stages[..stage].iter().map(|stage| stage.stride).product();
        let tile = decoder.tiles[stage];
        for first in samples.clone().step_by(tile) {
            if !(self.keep_going)() {
                return Err(DecodeError::Cancelled);
            }
            let samples = first..samples.end.min(first + tile);
            if stage == 0 {
                self.pre(decoder.stage_input(0, samples.clone(), self.frames), scratch);
            }
            let range = decoder.stage_input(stage + 1, samples.clone(), self.frames);
            let (before, rest) = scratch.stages.split_at_mut(stage);
            let input = before.last().map_or(&scratch.pre, |before| &before.sum);
            decoder.stages[stage].run(input, self.frames * stride, range, &mut rest[0], &mut scratch.workspace);
            self.descend(stage + 1, samples, scratch)?;
        }
        Ok(())
    }

    fn pre(&self, range: Range<usize>, scratch: &mut DecoderScratch) {
        let DecoderScratch { workspace, latents, pre, .. } = scratch;
        let convolution = &self.decoder.pre;
        latents.fill(self.part.latents, self.frames, convolution.input_range(range.clone(), self.frames));
        pre.reset(convolution.bias().len(), range);
        let bias = self.bias.as_deref();
        let pass = ConvArgs { input: latents, slope: 1.0, bias, residual: None, target: WriteMode::Replace };
        convolution.run(&pass, pre, workspace);
    }
}

// === impl DecoderScratch ===

impl Default for DecoderScratch {
    fn default() -> Self {
        Self::new(SimdLevel::detect())
    }
}

impl DecoderScratch {
    pub fn new(level: SimdLevel) -> Self {
        Self {
            workspace: Workspace::new(level),
            latents: Signal::default(),
            pre: Signal::default(),
            stages: Vec::new(),
        }
    }

    /// Bytes that are kept from run to run.
    pub fn memory_bytes(&self) -> u64 {
        let stages: usize = self.stages.iter().map(StageSignals::memory_bytes).sum();
        (self.workspace.memory_bytes() + self.latents.memory_bytes() + self.pre.memory_bytes() + stages) as u64
    }
}
