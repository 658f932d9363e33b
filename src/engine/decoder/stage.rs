//! Owns one stage of a decoder: an upsampling, and residual blocks of which the sum is taken.

use std::ops::Range;

use super::super::kernels::{Convolution, Epilogue, Rows, Scratch, ShapeError};
use super::SLOPE;
use super::weights::{ResBlockWeights, StageWeights};

pub struct Stage {
    upsample: Convolution,
    stride: usize,
    channels: usize,
    blocks: Vec<Vec<Step>>,
}

/// What is added to the value of a block: one convolution, or one of another.
struct Step {
    first: Option<Convolution>,
    last: Convolution,
}

/// Rows that are wanted, of those that there are in the whole.
#[derive(Debug, Clone)]
pub struct Window {
    pub rows: Range<isize>,
    pub length: isize,
}

/// Memory for the values within a stage.
#[derive(Default)]
pub struct Inner {
    /// After the upsampling.
    value: Rows,
    /// Within a block: the value before and after a step.
    steps: [Rows; 2],
    /// Between the two convolutions of a step.
    between: Rows,
}

/// Floats of one layer that are computed together: a few layers of this size stay near the processor.
const TILE: usize = 1 << 16;

// === impl Stage ===

impl Stage {
    /// `gain` is what the input has to be multiplied with.
    pub fn new(weights: &StageWeights, gain: f32) -> Result<Self, ShapeError> {
        let blocks = weights.blocks.iter().map(|block| match block {
            ResBlockWeights::Single(convolutions) => convolutions
                .iter()
                .map(|last| Ok(Step { first: None, last: last.convolution(SLOPE, 1.0)? }))
                .collect::<Result<Vec<_>, ShapeError>>(),
            ResBlockWeights::Paired(pairs) => pairs
                .iter()
                .map(|(first, last)| {
                    Ok(Step { first: Some(first.convolution(SLOPE, 1.0)?), last: last.convolution(SLOPE, 1.0)? })
                })
                .collect(),
        });
        Ok(Self {
            upsample: weights.upsample.convolution(gain)?,
            stride: weights.upsample.stride,
            channels: weights.upsample.out_channels,
            blocks: blocks.collect::<Result<_, _>>()?,
        })
    }

    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Rows after the upsampling, before and after a row of the result, that it depends on.
    pub fn reach(&self) -> isize {
        self.blocks.iter().map(|block| block.iter().map(Step::reach).sum()).max().unwrap_or(0)
    }

    pub fn bytes(&self) -> usize {
        let steps = self.blocks.iter().flatten();
        let blocks: usize =
            steps.map(|step| step.last.bytes() + step.first.as_ref().map_or(0, Convolution::bytes)).sum();
        self.upsample.bytes() + blocks
    }

    /// Computes some rows of the result.
    pub fn run(&self, input: &Rows, wanted: &Window, output: &mut Rows, inner: &mut Inner, scratch: &mut Scratch) {
        output.reset(self.channels, wanted.rows(0), wanted.rows(0));
        let rows = (TILE / self.channels).max(1) as isize;
        let mut start = wanted.rows.start;
        while start < wanted.rows.end {
            let tile = Window { rows: start..(start + rows).min(wanted.rows.end), length: wanted.length };
            start = tile.rows.end;
            self.upsample(input, &tile, inner, scratch);
            for (number, block) in self.blocks.iter().enumerate() {
                self.block(block, number > 0, &tile, output, inner, scratch);
            }
        }
    }

    fn upsample(&self, input: &Rows, tile: &Window, inner: &mut Inner, scratch: &mut Scratch) {
        let stride = self.stride as isize;
        let wanted = tile.rows(self.reach());
        let from = wanted.start.div_euclid(stride)..-(-wanted.end).div_euclid(stride);
        let whole = from.start * stride..from.end * stride;
        inner.value.reset(self.channels, whole.clone(), whole);
        self.upsample.run(input, from, &mut inner.value, Epilogue::default(), scratch);
    }

    fn block(
        &self,
        steps: &[Step],
        accumulate: bool,
        tile: &Window,
        output: &mut Rows,
        inner: &mut Inner,
        scratch: &mut Scratch,
    ) {
        let mut left: isize = steps.iter().map(Step::reach).sum();
        let [before, after] = &mut inner.steps;
        for (number, step) in steps.iter().enumerate() {
            let value = if number == 0 { &inner.value } else { &*before };
            left -= step.reach();
            let time = tile.rows(left);
            let input = match &step.first {
                None => value,
                Some(first) => {
                    let span = tile.rows(left + step.last.reach());
                    inner.between.reset(self.channels, span.clone(), span.clone());
                    first.run(value, span, &mut inner.between, Epilogue::default(), scratch);
                    &inner.between
                }
            };
            let residual = Some(value);
            if number + 1 == steps.len() {
                let epilogue = Epilogue { residual, accumulate, condition: None };
                step.last.run(input, time, output, epilogue, scratch);
            } else {
                after.reset(self.channels, time.clone(), time.clone());
                let epilogue = Epilogue { residual, ..Epilogue::default() };
                step.last.run(input, time, after, epilogue, scratch);
                std::mem::swap(before, after);
            }
        }
    }
}

// === impl Window ===

impl Window {
    /// The rows with `reach` more on both sides, as far as there are rows.
    pub fn rows(&self, reach: isize) -> Range<isize> {
        (self.rows.start - reach).max(0)..(self.rows.end + reach).min(self.length)
    }
}

// === impl Step ===

impl Step {
    fn reach(&self) -> isize {
        self.last.reach() + self.first.as_ref().map_or(0, Convolution::reach)
    }
}
