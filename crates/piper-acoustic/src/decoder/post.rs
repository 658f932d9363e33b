//! Owns the decoder's last step: all channels to one, and the hyperbolic tangent that keeps samples within full scale.
//! With one output there is no matrix to multiply with, so it is a sum over the lanes in a fixed order.

// What is not inlined into a function that enables instructions is compiled without them.
#![allow(clippy::inline_always)]

use std::ops::Range;

use crate::kernels::simd::{F32x16, LANES, Operation, Simd, SimdLevel};
use crate::kernels::{ConvWeights, Signal, lanes, tanh};

/// The last convolution.
#[derive(Debug)]
pub struct Post {
    taps: usize,
    dilation: usize,
    /// `[tap][block]`
    weights: Vec<F32x16>,
    bias: f32,
    slope: f32,
}

/// Activations to samples.
struct Samples<'a> {
    step: &'a Post,
    input: &'a mut Signal,
    range: Range<usize>,
    out: &'a mut Vec<f32>,
}

// === impl Post ===

impl Post {
    /// `factor` is what the input still has to be multiplied with.
    pub fn new(weights: &ConvWeights, slope: f32, factor: f32) -> Self {
        let ConvWeights { in_channels, kernel, dilation, weight, bias, .. } = weights;
        let tap = |tap: usize| -> Vec<f32> {
            weight.iter().skip(tap).step_by(*kernel).map(|weight| weight * factor).collect()
        };
        Self {
            taps: *kernel,
            dilation: *dilation,
            weights: (0..*kernel).flat_map(|at| lanes(&tap(at), in_channels.div_ceil(LANES))).collect(),
            bias: bias.first().copied().unwrap_or(0.0),
            slope,
        }
    }

    /// Inputs, of `len` in all, that the samples of `range` are computed from.
    pub fn input_range(&self, range: Range<usize>, len: usize) -> Range<usize> {
        let halo = self.halo();
        range.start.saturating_sub(halo)..(range.end + halo).min(len)
    }

    pub fn memory_bytes(&self) -> usize {
        self.weights.len() * size_of::<F32x16>()
    }

    /// Appends the samples of `range`. What is not in `input` is zero; `input` is spent.
    pub fn run(&self, input: &mut Signal, range: Range<usize>, samples: &mut Vec<f32>, level: SimdLevel) {
        level.run(Samples { step: self, input, range, out: samples });
    }

    fn halo(&self) -> usize {
        self.dilation * (self.taps - 1) / 2
    }
}

impl Operation for Samples<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { step, input, range, out } = self;
        let slope = simd.splat(step.slope);
        for block in 0..input.blocks() {
            for lanes in input.row_mut(block) {
                let x = simd.load(lanes);
                simd.store(simd.max(x, simd.mul(x, slope)), lanes);
            }
        }
        let blocks = input.blocks();
        let start = input.range().start + step.halo();
        let mut group = F32x16::ZERO;
        for first in range.clone().step_by(LANES) {
            let count = LANES.min(range.end - first);
            for at in 0..count {
                let mut sum = simd.splat(0.0);
                for tap in 0..step.taps {
                    let index = (first + at + tap * step.dilation).wrapping_sub(start);
                    for block in 0..blocks {
                        if let Some(x) = input.row(block).get(index) {
                            sum = simd.mul_add(simd.load(x), simd.load(&step.weights[tap * blocks + block]), sum);
                        }
                    }
                }
                let mut lanes = F32x16::ZERO;
                simd.store(sum, &mut lanes);
                group.0[at] = fold(lanes) + step.bias;
            }
            let mut levels = F32x16::ZERO;
            simd.store(tanh(simd, simd.load(&group)), &mut levels);
            out.extend_from_slice(&levels.0[..count]);
        }
    }
}

/// The sum of the lanes, halves added to halves.
#[inline(always)]
fn fold(mut lanes: F32x16) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes.0[lane] += lanes.0[lane + width];
        }
        width /= 2;
    }
    lanes.0[0]
}
