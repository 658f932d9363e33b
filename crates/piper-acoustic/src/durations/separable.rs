//! Owns dilated convolutions that are separable: each layer is one over time for every channel by itself, then one over
//! the channels, each with a normalisation and a GELU behind it, and is added to what it takes.

// What is not inlined into a function that enables instructions is compiled without them.
#![allow(clippy::inline_always)]

use std::f32::consts::FRAC_1_SQRT_2;
use std::ops::Range;

use super::weights::{DepthwiseWeights, SeparableWeights};
use crate::kernels::simd::{F32x16, Operation, Simd};
use crate::kernels::{
    Columns, ConvArgs, Convolution, Norm, Precision, Signal, Workspace, WriteMode, blocks, erf, lanes,
};

/// Layers that are ready to run.
#[derive(Debug)]
pub struct Separable(Vec<SeparableLayer>);

/// Activations of a layer, kept from run to run.
#[derive(Debug, Default)]
pub struct SeparableSignals {
    made: Signal,
    normalised: Signal,
    columns: Columns,
}

#[derive(Debug)]
struct SeparableLayer {
    depthwise: Depthwise,
    first_norm: Norm,
    pointwise: Convolution,
    second_norm: Norm,
}

#[derive(Debug)]
struct Depthwise {
    dilation: usize,
    /// `[tap][block]`
    taps: Vec<Vec<F32x16>>,
    bias: Vec<F32x16>,
}

struct Convolve<'a> {
    depthwise: &'a Depthwise,
    from: &'a Signal,
    to: &'a mut Signal,
}

/// The Gaussian error linear unit.
struct Gelu<'a>(&'a mut Signal);

/// The same, added to something.
struct AddGelu<'a>(&'a Signal, &'a mut Signal);

// === impl Separable ===

impl Separable {
    pub fn new(weights: &[SeparableWeights]) -> Self {
        Self(weights.iter().map(SeparableLayer::new).collect())
    }

    pub fn memory_bytes(&self) -> usize {
        self.0.iter().map(SeparableLayer::memory_bytes).sum()
    }

    /// Of an input `len` long, what the outputs of `range` are computed from.
    pub fn input_range(&self, range: Range<usize>, len: usize) -> Range<usize> {
        let reach: usize = self.0.iter().map(|layer| layer.depthwise.lead()).sum();
        range.start.saturating_sub(reach)..len.min(range.end + reach)
    }

    /// Adds what the layers say of `x` to it, one after the other.
    pub fn run(&self, x: &mut Signal, signals: &mut SeparableSignals, workspace: &mut Workspace) {
        let SeparableSignals { made, normalised, columns } = signals;
        let level = workspace.level();
        for layer in &self.0 {
            made.reset(x.blocks(), x.range());
            level.run(Convolve { depthwise: &layer.depthwise, from: x, to: made });
            layer.first_norm.run(made, normalised, columns, level);
            level.run(Gelu(normalised));
            let pass =
                ConvArgs { input: normalised, slope: 1.0, bias: None, residual: None, target: WriteMode::Replace };
            layer.pointwise.run(&pass, made, workspace);
            layer.second_norm.run(made, normalised, columns, level);
            level.run(AddGelu(normalised, x));
        }
    }
}

impl SeparableLayer {
    fn new(weights: &SeparableWeights) -> Self {
        Self {
            depthwise: Depthwise::new(&weights.depthwise),
            first_norm: Norm::new(&weights.first_norm),
            pointwise: Convolution::same(&weights.pointwise, Precision::Usual),
            second_norm: Norm::new(&weights.second_norm),
        }
    }

    fn memory_bytes(&self) -> usize {
        let norms = self.first_norm.memory_bytes() + self.second_norm.memory_bytes();
        self.depthwise.memory_bytes() + self.pointwise.memory_bytes() + norms
    }
}

impl Depthwise {
    fn new(weights: &DepthwiseWeights) -> Self {
        let DepthwiseWeights { kernel, dilation, weight, bias } = weights;
        let blocks = blocks(bias.len());
        let tap = |tap: usize| {
            let of_channels: Vec<f32> = weight.iter().skip(tap).step_by(*kernel).copied().collect();
            lanes(&of_channels, blocks)
        };
        Self { dilation: *dilation, taps: (0..*kernel).map(tap).collect(), bias: lanes(bias, blocks) }
    }

    /// Places on either side that an output is computed from.
    fn lead(&self) -> usize {
        self.dilation * (self.taps.len() / 2)
    }

    fn memory_bytes(&self) -> usize {
        (self.taps.len() + 1) * size_of_val(&self.bias[..])
    }
}

impl SeparableSignals {
    pub fn memory_bytes(&self) -> usize {
        self.made.memory_bytes() + self.normalised.memory_bytes() + self.columns.memory_bytes()
    }
}

// === operations ===

impl Operation for Convolve<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { depthwise, from, to } = self;
        let (Depthwise { dilation, taps, bias }, lead) = (depthwise, depthwise.lead());
        for (block, bias) in bias.iter().enumerate() {
            let (row, out) = (from.row(block), to.row_mut(block));
            let bias = simd.load(bias);
            for out in out.iter_mut() {
                simd.store(bias, out);
            }
            for (at, weights) in taps.iter().enumerate() {
                let weight = simd.load(&weights[block]);
                // Zeros stand outside of the row.
                let ahead = at * dilation;
                let row = row.get(ahead.saturating_sub(lead)..).unwrap_or_default();
                let out = out.get_mut(lead.saturating_sub(ahead)..).unwrap_or_default();
                for (out, x) in out.iter_mut().zip(row) {
                    simd.store(simd.mul_add(simd.load(x), weight, simd.load(out)), out);
                }
            }
        }
    }
}

impl Operation for Gelu<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for block in 0..self.0.blocks() {
            for x in self.0.row_mut(block) {
                simd.store(gelu(simd, simd.load(x)), x);
            }
        }
    }
}

impl Operation for AddGelu<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for block in 0..self.0.blocks() {
            for (to, x) in self.1.row_mut(block).iter_mut().zip(self.0.row(block)) {
                simd.store(simd.add(simd.load(to), gelu(simd, simd.load(x))), to);
            }
        }
    }
}

#[inline(always)]
fn gelu<S: Simd>(simd: S, x: S::V) -> S::V {
    let share = simd.add(erf(simd, simd.mul(x, simd.splat(FRAC_1_SQRT_2))), simd.splat(1.0));
    simd.mul(simd.mul(x, share), simd.splat(0.5))
}
