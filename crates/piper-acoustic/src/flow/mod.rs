//! Owns the residual coupling flow of Piper voices, which turns what the text encoder expects into the latents of the
//! decoder, as kernels of our own. Refuses ONNX: it takes weights as they stand in training and in graphs alike.
//!
//! Any range of frames can be computed by itself, and gives exactly what the whole would give there; memory follows the
//! tile, not the text. Turning the channels round costs nothing: every second coupling has its weights turned round
//! instead. What a layer hands past the others and the coupling's last convolution are products of matrices with
//! nothing in between, and so are made one matrix when a voice is loaded.

mod coupling;
#[cfg(test)]
mod tests;
mod weights;

use std::ops::Range;

pub use super::kernels::{ConvWeights, ShapeError};
pub use weights::{CouplingWeights, FlowWeights, GatedLayerWeights};

use self::coupling::{Coupling, CouplingSignals};
use super::kernels::simd::{LANES, SimdLevel};
use super::kernels::{Signal, Workspace};

/// Frames at a time. Longer than most sentences: the frames around a tile are computed twice.
const TILE: usize = 768;

/// A flow that is ready to run, on as many threads as there are.
#[derive(Debug)]
pub struct Flow {
    couplings: Vec<Coupling>,
    /// Channels of each half.
    half: usize,
    /// Values of a speaker's vector for each coupling.
    condition: usize,
    tile: usize,
}

/// What is computed.
#[derive(Debug, Clone)]
pub struct FlowInput<'a> {
    /// The values of the whole utterance, or of its beginning with all of [`Flow::input_range`], `[channels][frames]`.
    pub values: &'a [f32],
    /// What each coupling's `cond_layer` makes of the speaker's vector, `[coupling][layer][gate]`; empty for none.
    pub condition: &'a [f32],
    /// The frames that are wanted.
    pub frames: Range<usize>,
}

/// Memory of one thread, kept from run to run.
#[derive(Debug)]
pub struct FlowScratch {
    workspace: Workspace,
    halves: [Signal; 2],
    signals: CouplingSignals,
}

/// Why there are no latents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    #[error("there are {found} values, which is not a number of frames of {channels} channels")]
    Values { found: usize, channels: usize },
    #[error("the speaker's vector has {found} values in place of {expected}")]
    Condition { found: usize, expected: usize },
    #[error("frames up to {end} are wanted of {frames}")]
    Range { end: usize, frames: usize },
    #[error("cancelled")]
    Cancelled,
}

// === impl Flow ===

impl Flow {
    pub fn new(weights: &FlowWeights) -> Result<Self, ShapeError> {
        weights.validate()?;
        let couplings = weights.couplings.iter().enumerate();
        // The first turn puts the second half in front, backwards; the next puts all back.
        let couplings: Vec<Coupling> =
            couplings.map(|(at, coupling)| Coupling::new(coupling, at.is_multiple_of(2))).collect();
        let half = weights.couplings[0].pre.in_channels;
        let layers = weights.couplings.iter().map(|coupling| coupling.layers.len());
        let condition = layers.sum::<usize>() * 2 * weights.couplings[0].pre.out_channels;
        Ok(Self { couplings, half, condition, tile: TILE })
    }

    /// Channels of what comes in and of the latents that come out.
    pub fn channels(&self) -> usize {
        2 * self.half
    }

    /// Bytes of the weights as they are kept.
    pub fn memory_bytes(&self) -> u64 {
        self.couplings.iter().map(Coupling::memory_bytes).sum::<usize>() as u64
    }

    /// Of `len` frames of values, those that the latents of some are computed from.
    pub fn input_range(&self, frames: Range<usize>, len: usize) -> Range<usize> {
        self.couplings.iter().rev().fold(frames, |range, coupling| coupling.input_range(range, len))
    }

    /// The latents of some frames, `[channels][frames]`. `keep_going` is asked between couplings.
    pub fn run(
        &self,
        part: &FlowInput<'_>,
        scratch: &mut FlowScratch,
        mut keep_going: impl FnMut() -> bool,
    ) -> Result<Vec<f32>, FlowError> {
        let frames = part.values.len() / self.channels();
        if frames * self.channels() != part.values.len() {
            return Err(FlowError::Values { found: part.values.len(), channels: self.channels() });
        }
        if !part.condition.is_empty() && part.condition.len() != self.condition {
            return Err(FlowError::Condition { found: part.condition.len(), expected: self.condition });
        }
        if part.frames.end > frames {
            return Err(FlowError::Range { end: part.frames.end, frames });
        }
        let wanted = part.frames.clone();
        let mut latents = vec![0.0; self.channels() * wanted.len()];
        for first in wanted.clone().step_by(self.tile) {
            let tile = first..wanted.end.min(first + self.tile);
            self.tile(part, frames, tile.clone(), scratch, &mut keep_going)?;
            for (channel, row) in latents.chunks_exact_mut(wanted.len()).enumerate() {
                let signal = &scratch.halves[channel / self.half];
                let (block, lane) = (channel % self.half / LANES, channel % self.half % LANES);
                let from = &signal.row(block)[tile.start - signal.range().start..][..tile.len()];
                for (to, from) in row[tile.start - wanted.start..].iter_mut().zip(from) {
                    *to = from.0[lane];
                }
            }
        }
        Ok(latents)
    }

    /// Computes a tile in both halves of `scratch`.
    fn tile(
        &self,
        part: &FlowInput<'_>,
        frames: usize,
        tile: Range<usize>,
        scratch: &mut FlowScratch,
        keep_going: &mut impl FnMut() -> bool,
    ) -> Result<(), FlowError> {
        // What each coupling has to change, so that the ones after it find what they read.
        let mut ranges = vec![tile];
        for coupling in self.couplings.iter().rev() {
            let next = ranges.last().map_or(0..0, |range| coupling.input_range(range.clone(), frames));
            ranges.push(next);
        }
        let FlowScratch { workspace, halves, signals } = scratch;
        let (front, back) = part.values.split_at(self.half * frames);
        let widest = ranges.pop().unwrap_or(0..0);
        halves[0].fill(front, frames, widest.clone());
        halves[1].fill(back, frames, widest);
        let mut condition = part.condition;
        for (at, (coupling, range)) in self.couplings.iter().zip(ranges.into_iter().rev()).enumerate() {
            if !keep_going() {
                return Err(FlowError::Cancelled);
            }
            let (own, rest) = condition.split_at(coupling.condition().min(condition.len()));
            condition = rest;
            let [front, back] = halves;
            let (from, to) = if at.is_multiple_of(2) { (&*back, front) } else { (&*front, back) };
            coupling.run((from, to), range, (own, frames), signals, workspace);
        }
        Ok(())
    }
}

// === impl FlowScratch ===

impl Default for FlowScratch {
    fn default() -> Self {
        Self::new(SimdLevel::detect())
    }
}

impl FlowScratch {
    pub fn new(level: SimdLevel) -> Self {
        Self { workspace: Workspace::new(level), halves: Default::default(), signals: CouplingSignals::default() }
    }

    /// Bytes that are kept from run to run.
    pub fn memory_bytes(&self) -> u64 {
        let halves: usize = self.halves.iter().map(Signal::memory_bytes).sum();
        (self.workspace.memory_bytes() + halves + self.signals.memory_bytes()) as u64
    }
}
