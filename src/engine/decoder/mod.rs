//! Owns the decoder of a voice: from the latent, a vector for each frame, to samples (HiFi-GAN: Kong, Kim, Bae, 2020). It is a stack of
//! convolutions, so that any stretch of samples can be computed from the frames around it, and is the same as in the whole. Refuses to know
//! where its weights come from.

mod stage;
#[cfg(test)]
mod tests;
mod weights;

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::Cancel;
use super::kernels::{Convolution, Epilogue, Isa, LANES, Lane, Rows, Scratch, ShapeError};
use stage::{Inner, Stage, Window};
pub use weights::{ConvWeights, DecoderWeights, ResBlockWeights, StageWeights, UpsampleWeights};

pub struct Decoder {
    isa: Isa,
    channels: usize,
    pre: Convolution,
    /// [out][in]: adds the speaker's embedding to what `pre` gives.
    speaker: Option<ConvWeights>,
    stages: Vec<Stage>,
    post: Convolution,
    /// Memory of the threads that are computing or have computed.
    idle: Mutex<Vec<Workspace>>,
}

/// What the decoder turns into samples.
#[derive(Debug, Clone, Copy)]
pub struct Latent<'a> {
    /// [channels][frames]
    pub values: &'a [f32],
    pub frames: usize,
    /// The speaker's embedding; empty where there is one speaker.
    pub speaker: &'a [f32],
}

/// Slopes of the leaky rectifiers: within the stages, and before the last convolution.
pub const SLOPE: f32 = 0.1;
pub const LAST_SLOPE: f32 = 0.01;

/// Frames that are taken through all stages together: more share more of what lies around them, fewer stay nearer to the processor.
const PIECE: usize = 64;

/// Memory for what is between the layers.
struct Workspace {
    latent: Rows,
    /// What a stage gives.
    sums: Vec<Rows>,
    inner: Inner,
    samples: Rows,
    scratch: Scratch,
}

// === impl Decoder ===

impl Decoder {
    pub fn new(weights: &DecoderWeights) -> Result<Self, ShapeError> {
        Self::with(weights, Isa::best())
    }

    /// For other instructions than the fastest.
    pub fn with(weights: &DecoderWeights, isa: Isa) -> Result<Self, ShapeError> {
        let mut gain = 1.0;
        let mut stages = Vec::new();
        for stage in &weights.stages {
            stages.push(Stage::new(stage, gain)?);
            // The mean of a stage's blocks is their sum here; the next layer's weights divide it.
            gain = 1.0 / stage.blocks.len() as f32;
        }
        if weights.stages.is_empty() || weights.post.out_channels != 1 {
            return Err(ShapeError("decoder"));
        }
        Ok(Self {
            isa,
            channels: weights.pre.in_channels,
            pre: weights.pre.convolution(1.0, 1.0)?,
            speaker: weights.speaker.clone(),
            stages,
            post: weights.post.convolution(LAST_SLOPE, gain)?,
            idle: Mutex::default(),
        })
    }

    /// Samples for each frame.
    pub fn hop(&self) -> usize {
        self.stages.iter().map(Stage::stride).product()
    }

    /// Bytes that the weights take.
    pub fn bytes(&self) -> usize {
        self.pre.bytes() + self.post.bytes() + self.stages.iter().map(Stage::bytes).sum::<usize>()
    }

    /// The samples of some frames, full scale at 1.0, the same as in the whole to the last bits. What remains is left out if it is cancelled.
    pub fn decode(&self, latent: Latent<'_>, frames: Range<usize>, cancel: &Cancel) -> Vec<f32> {
        let frames = frames.start..frames.end.min(latent.frames);
        let mut samples = Vec::with_capacity(frames.len() * self.hop());
        if latent.values.len() != self.channels * latent.frames {
            return samples;
        }
        let condition = self.condition(latent.speaker);
        let workspace = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut workspace = workspace.unwrap_or_else(|| Workspace::new(self.isa));
        let mut start = frames.start;
        while start < frames.end && !cancel.is_cancelled() {
            let end = (start + PIECE).min(frames.end);
            self.piece(latent, start..end, condition.as_deref(), &mut workspace, &mut samples);
            start = end;
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
        samples
    }

    fn piece(
        &self,
        latent: Latent<'_>,
        frames: Range<usize>,
        condition: Option<&[Lane]>,
        workspace: &mut Workspace,
        samples: &mut Vec<f32>,
    ) {
        let hop = self.hop() as isize;
        let wanted = frames.start as isize * hop..frames.end as isize * hop;
        let windows = self.windows(&Window { rows: wanted.clone(), length: latent.frames as isize * hop });
        let Workspace { latent: values, sums, inner, samples: out, scratch } = workspace;
        let before = windows[0].rows(0);
        let reach = self.pre.reach();
        values.fill(latent.values, latent.frames, before.start - reach..before.end + reach);
        sums.resize_with(windows.len(), Rows::default);
        sums[0].reset(self.pre.out_channels(), before.clone(), before.clone());
        self.pre.run(values, before, &mut sums[0], Epilogue { condition, ..Epilogue::default() }, scratch);
        for (number, (stage, window)) in self.stages.iter().zip(&windows[1..]).enumerate() {
            let [from, to] = &mut sums[number..number + 2] else { return };
            stage.run(from, window, to, inner, scratch);
        }
        let Some(last) = sums.last() else { return };
        out.reset(1, wanted.clone(), wanted.clone());
        self.post.run(last, wanted, out, Epilogue::default(), scratch);
        samples.extend(out.block(0).iter().map(|lane| libm::tanhf(lane.0[0])));
    }

    /// The rows of each layer that the samples depend on, from the convolution before the stages to the last stage.
    fn windows(&self, samples: &Window) -> Vec<Window> {
        let mut window = Window { rows: samples.rows(self.post.reach()), length: samples.length };
        let mut windows = vec![window.clone()];
        for stage in self.stages.iter().rev() {
            let stride = stage.stride() as isize;
            let inner = window.rows(stage.reach());
            let rows = inner.start.div_euclid(stride)..-(-inner.end).div_euclid(stride);
            let before = Window { rows, length: window.length / stride };
            // Each row after the upsampling depends on its own before and on that one's neighbours.
            window = Window { rows: before.rows(1), ..before };
            windows.push(window.clone());
        }
        windows.reverse();
        windows
    }

    /// What the speaker's embedding adds to each row.
    fn condition(&self, embedding: &[f32]) -> Option<Vec<Lane>> {
        let weights = self.speaker.as_ref()?;
        let mut condition = vec![Lane::ZERO; weights.out_channels.div_ceil(LANES)];
        for (out, row) in weights.weight.chunks_exact(weights.in_channels).enumerate() {
            let sum: f32 = row.iter().zip(embedding).map(|(weight, value)| weight * value).sum();
            condition[out / LANES].0[out % LANES] = sum + weights.bias.get(out).copied().unwrap_or(0.0);
        }
        Some(condition)
    }
}

// === impl Workspace ===

impl Workspace {
    fn new(isa: Isa) -> Self {
        Self {
            latent: Rows::default(),
            sums: Vec::new(),
            inner: Inner::default(),
            samples: Rows::default(),
            scratch: Scratch::new(isa),
        }
    }
}
