//! Owns one stage of the decoder: upsampling, then residual blocks whose outputs are added up. The division by their
//! number is left to the weights of whatever comes next.

use std::ops::Range;

use super::weights::{ResBlockWeights, StageWeights, UpsampleWeights};
use crate::kernels::simd::F32x16;
use crate::kernels::{ConvArgs, ConvWeights, Convolution, Precision, Signal, Workspace, WriteMode};

/// A stage that is ready to run.
#[derive(Debug)]
pub struct DecoderStage {
    upsample: Convolution,
    blocks: Vec<Block>,
    pub stride: usize,
    /// Blocks of channels.
    width: usize,
    slope: f32,
}

/// Activations of a stage, kept from tile to tile.
#[derive(Debug, Default)]
pub struct StageSignals {
    upsampled: Signal,
    /// Between the convolutions of a residual block, taken by turns.
    steps: [Signal; 3],
    /// What the stage gives.
    pub sum: Signal,
}

/// Steps one after the other, each of which adds to what it takes.
#[derive(Debug)]
struct Block {
    steps: Vec<StageStep>,
}

#[derive(Debug)]
struct StageStep {
    /// In pairs, the one before the last.
    first: Option<Convolution>,
    last: Convolution,
}

/// What a block adds to, and the length of the whole signal.
struct Sum<'a> {
    signal: &'a mut Signal,
    target: WriteMode,
    len: usize,
}

// === impl DecoderStage ===

impl DecoderStage {
    /// `factor` is what the input still has to be multiplied with.
    pub fn new(weights: &StageWeights, slope: f32, factor: f32) -> Self {
        let upsample = upsample(&weights.upsample, factor);
        let blocks = weights.blocks.iter().map(Block::new).collect();
        let width = upsample.bias().len();
        Self { upsample, blocks, stride: weights.upsample.stride, width, slope }
    }

    /// What the output still has to be multiplied with to be the mean of the blocks.
    pub fn factor(&self) -> f32 {
        1.0 / self.blocks.len() as f32
    }

    /// Inputs, of `len` in all, that the outputs of `range` are computed from.
    pub fn input_range(&self, range: Range<usize>, len: usize) -> Range<usize> {
        self.upsample.input_range(self.upsampled_range(range, len * self.stride), len)
    }

    /// Bytes of the activations of one output.
    pub fn output_bytes(&self) -> usize {
        self.width * size_of::<F32x16>()
    }

    pub fn memory_bytes(&self) -> usize {
        let blocks = self.blocks.iter().flat_map(|block| block.steps.iter().flat_map(StageStep::convolutions));
        self.upsample.memory_bytes() + blocks.map(Convolution::memory_bytes).sum::<usize>()
    }

    /// Computes the outputs of `range` into `signals.sum` from an input `len` long in all.
    pub fn run(
        &self,
        input: &Signal,
        len: usize,
        range: Range<usize>,
        signals: &mut StageSignals,
        workspace: &mut Workspace,
    ) {
        let StageSignals { upsampled, steps, sum } = signals;
        let len = len * self.stride;
        upsampled.reset(self.width, self.upsampled_range(range.clone(), len));
        let pass = ConvArgs { input, slope: self.slope, bias: None, residual: None, target: WriteMode::Replace };
        self.upsample.run(&pass, upsampled, workspace);
        sum.reset(self.width, range.clone());
        for (at, block) in self.blocks.iter().enumerate() {
            let target = if at == 0 { WriteMode::Replace } else { WriteMode::Add };
            block.run(self.slope, upsampled, steps, Sum { signal: sum, target, len }, workspace);
        }
    }

    fn upsampled_range(&self, range: Range<usize>, len: usize) -> Range<usize> {
        let ranges = self.blocks.iter().map(|block| block.input_range(0, range.clone(), len));
        ranges.fold(range.clone(), |all, range| all.start.min(range.start)..all.end.max(range.end))
    }
}

// === impl StageSignals ===

impl StageSignals {
    pub fn memory_bytes(&self) -> usize {
        let signals = self.steps.iter().chain([&self.upsampled, &self.sum]);
        signals.map(Signal::memory_bytes).sum()
    }
}

// === impl Block ===

impl Block {
    fn new(weights: &ResBlockWeights) -> Self {
        let usual = |weights: &ConvWeights| Convolution::same(weights, Precision::Usual);
        let steps = match weights {
            ResBlockWeights::ResBlock1 { pairs } => {
                pairs.iter().map(|(first, last)| StageStep { first: Some(usual(first)), last: usual(last) }).collect()
            }
            ResBlockWeights::ResBlock2 { convs } => {
                convs.iter().map(|only| StageStep { first: None, last: usual(only) }).collect()
            }
        };
        Self { steps }
    }

    /// Inputs of the steps from `step` on, for outputs of `range`.
    fn input_range(&self, step: usize, range: Range<usize>, len: usize) -> Range<usize> {
        let convolutions = self.steps[step..].iter().flat_map(StageStep::convolutions).rev();
        convolutions.fold(range, |range, convolution| convolution.input_range(range, len))
    }

    fn run(&self, slope: f32, input: &Signal, steps: &mut [Signal; 3], sum: Sum<'_>, workspace: &mut Workspace) {
        let Sum { signal: sum, target, len } = sum;
        let [from, to, between] = steps;
        let (mut from, mut to) = (from, to);
        for (at, step) in self.steps.iter().enumerate() {
            let input = if at == 0 { input } else { &*from };
            let is_last = at + 1 == self.steps.len();
            let range = self.input_range(at + 1, sum.range(), len);
            let target = if is_last { target } else { WriteMode::Replace };
            let output = if is_last { &mut *sum } else { &mut *to };
            if !is_last {
                output.reset(input.blocks(), range.clone());
            }
            let pass = ConvArgs { input, slope, bias: None, residual: Some(input), target };
            match &step.first {
                None => step.last.run(&pass, output, workspace),
                Some(first) => {
                    between.reset(input.blocks(), step.last.input_range(range, len));
                    first.run(&ConvArgs { residual: None, target: WriteMode::Replace, ..pass }, between, workspace);
                    step.last.run(&ConvArgs { input: between, ..pass }, output, workspace);
                }
            }
            std::mem::swap(&mut from, &mut to);
        }
    }
}

impl StageStep {
    fn convolutions(&self) -> impl DoubleEndedIterator<Item = &Convolution> {
        self.first.iter().chain([&self.last])
    }
}

// === helpers ===

/// An upsampling of the description, ready to run.
fn upsample(weights: &UpsampleWeights, factor: f32) -> Convolution {
    let UpsampleWeights { in_channels, out_channels, kernel, stride, weight, bias, .. } = weights;
    Convolution::upsampling([*in_channels, *out_channels], [*kernel, *stride], bias, |output, input, tap| {
        f64::from(weight[(input * out_channels + output) * kernel + tap]) * f64::from(factor)
    })
}
