//! Owns one coupling: a small gated network reads one half of the channels and changes the other.

// What is not inlined into a function that enables instructions is compiled without them.
#![allow(clippy::inline_always)]

use std::ops::Range;

use super::weights::{CouplingWeights, GatedLayerWeights};
use crate::kernels::simd::{F32x16, LANES, Operation, Simd};
use crate::kernels::{
    ConvArgs, ConvWeights, Convolution, Geometry, Precision, Signal, Workspace, WriteMode, lanes, sigmoid, tanh,
};

/// A coupling that is ready to run.
#[derive(Debug)]
pub struct Coupling {
    pre: Convolution,
    layers: Vec<GatedLayer>,
    hidden: usize,
}

/// Activations of a coupling, kept from run to run.
#[derive(Debug, Default)]
pub struct CouplingSignals {
    hidden: Signal,
    /// Arguments of the tangents, then of the logistic functions; in their first half, what the gates let through.
    gates: Signal,
    bias: Vec<F32x16>,
}

#[derive(Debug)]
struct GatedLayer {
    gates: Convolution,
    /// To what is added to the layer's input; none after the last.
    residual: Option<Convolution>,
    /// To what is added to the other half of the channels.
    change: Convolution,
}

/// The first half of the blocks becomes its tangent times the second half's logistic function.
struct GatedActivation<'a>(&'a mut Signal);

// === impl Coupling ===

impl Coupling {
    /// `turned`: the half that is read, and the one that is changed, stand backwards.
    pub fn new(weights: &CouplingWeights, turned: bool) -> Self {
        let CouplingWeights { pre, layers, post } = weights;
        let (half, hidden) = (pre.in_channels, pre.out_channels);
        let turn = |channel: usize| if turned { half - 1 - channel } else { channel };
        let first = Convolution::new(Geometry::same(half, hidden, 1, 1), &pre.bias, |output, _, input, _| {
            f64::from(pre.weight[output * half + turn(input)])
        });
        let layers =
            layers.iter().enumerate().map(|(at, layer)| GatedLayer::new(layer, post, &turn, at == 0)).collect();
        Self { pre: first, layers, hidden }
    }

    /// Values of a speaker's vector.
    pub fn condition(&self) -> usize {
        self.layers.len() * 2 * self.hidden
    }

    /// Frames of the half that is read, for changing `range` of the other.
    pub fn input_range(&self, range: Range<usize>, len: usize) -> Range<usize> {
        self.hidden_range(0, range, len)
    }

    pub fn memory_bytes(&self) -> usize {
        self.pre.memory_bytes() + self.layers.iter().map(GatedLayer::memory_bytes).sum::<usize>()
    }

    /// Changes `range` of the second signal by what the first says; `len` is the whole utterance's.
    pub fn run(
        &self,
        (from, to): (&Signal, &mut Signal),
        range: Range<usize>,
        (condition, len): (&[f32], usize),
        signals: &mut CouplingSignals,
        workspace: &mut Workspace,
    ) {
        let CouplingSignals { hidden, gates, bias } = signals;
        hidden.reset(self.pre.bias().len(), self.hidden_range(0, range.clone(), len));
        self.pre.run(&pass(from, WriteMode::Replace), hidden, workspace);
        for (at, layer) in self.layers.iter().enumerate() {
            let next = self.hidden_range(at + 1, range.clone(), len);
            gates.reset(layer.gates.bias().len(), next.clone());
            bias.clear();
            bias.extend_from_slice(layer.gates.bias());
            if let Some(condition) = condition.get(at * 2 * self.hidden..(at + 1) * 2 * self.hidden) {
                add(&spread(condition, self.hidden), bias);
            }
            let own = pass(hidden, WriteMode::Replace);
            layer.gates.run(&ConvArgs { bias: Some(bias), ..own }, gates, workspace);
            workspace.level().run(GatedActivation(gates));
            if let Some(residual) = &layer.residual {
                residual.run_part(&pass(gates, WriteMode::Add), next, hidden, workspace);
            }
            layer.change.run_part(&pass(gates, WriteMode::Add), range.clone(), to, workspace);
        }
    }

    /// Frames of the hidden channels that the layers from `layer` on read.
    fn hidden_range(&self, layer: usize, range: Range<usize>, len: usize) -> Range<usize> {
        self.layers[layer..].iter().rev().fold(range, |range, layer| layer.gates.input_range(range, len))
    }
}

// === impl GatedLayer ===

impl GatedLayer {
    fn new(weights: &GatedLayerWeights, post: &ConvWeights, turn: &impl Fn(usize) -> usize, is_first: bool) -> Self {
        let GatedLayerWeights { gates, res_skip } = weights;
        let (hidden, half, taps) = (gates.in_channels, post.out_channels, gates.kernel);
        // Both kinds of arguments begin a block of their own.
        let padded = hidden.next_multiple_of(LANES);
        // Sums over four couplings reach forty, where rounding errors are as much larger.
        let geometry =
            Geometry { precision: Precision::High, ..Geometry::same(hidden, 2 * padded, taps, gates.dilation) };
        let spread_bias: Vec<f32> = spread(&gates.bias, hidden).iter().flat_map(|lanes| lanes.0).collect();
        let gated = Convolution::new(geometry, &spread_bias, |output, _, input, tap| {
            if output % padded >= hidden {
                return 0.0;
            }
            let output = output / padded * hidden + output % padded;
            f64::from(gates.weight[(output * hidden + input) * taps + tap])
        });
        let skipped = res_skip.out_channels - hidden;
        let residual = (skipped > 0).then(|| {
            let bias = &res_skip.bias[..hidden.min(res_skip.bias.len())];
            Convolution::new(Geometry::same(hidden, hidden, 1, 1), bias, |output, _, input, _| {
                f64::from(res_skip.weight[output * hidden + input])
            })
        });
        // Two matrices one after the other are one. What comes out is subtracted.
        let mut joined = vec![0.0; half * hidden];
        let mut bias = vec![0.0; half];
        for output in 0..half {
            let own = post.bias.get(turn(output)).filter(|_| is_first).map_or(0.0, |bias| f64::from(*bias));
            let mut sum = -own;
            for (at, weight) in post.weight[turn(output) * hidden..][..hidden].iter().enumerate() {
                let weight = -f64::from(*weight);
                sum += weight * res_skip.bias.get(skipped + at).map_or(0.0, |bias| f64::from(*bias));
                let through = &res_skip.weight[(skipped + at) * hidden..][..hidden];
                for (to, value) in joined[output * hidden..][..hidden].iter_mut().zip(through) {
                    *to += weight * f64::from(*value);
                }
            }
            bias[output] = sum as f32;
        }
        let change = Convolution::new(Geometry::same(hidden, half, 1, 1), &bias, |output, _, input, _| {
            joined[output * hidden + input]
        });
        Self { gates: gated, residual, change }
    }

    fn memory_bytes(&self) -> usize {
        [Some(&self.gates), self.residual.as_ref(), Some(&self.change)]
            .into_iter()
            .flatten()
            .map(Convolution::memory_bytes)
            .sum()
    }
}

impl Operation for GatedActivation<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (tangents, gates) = self.0.halves_mut();
        for (tangent, gate) in tangents.iter_mut().zip(gates) {
            let passed = simd.mul(tanh(simd, simd.load(tangent)), sigmoid(simd, simd.load(gate)));
            simd.store(passed, tangent);
        }
    }
}

impl CouplingSignals {
    pub fn memory_bytes(&self) -> usize {
        self.hidden.memory_bytes() + self.gates.memory_bytes() + self.bias.capacity() * size_of::<F32x16>()
    }
}

// === helpers ===

fn pass(input: &Signal, target: WriteMode) -> ConvArgs<'_> {
    ConvArgs { input, slope: 1.0, bias: None, residual: None, target }
}

/// Two kinds of `hidden` values each as blocks, each kind in blocks of its own.
fn spread(values: &[f32], hidden: usize) -> Vec<F32x16> {
    let (first, second) = values.split_at(hidden.min(values.len()));
    let blocks = hidden.div_ceil(LANES);
    [lanes(first, blocks), lanes(second, blocks)].concat()
}

fn add(values: &[F32x16], to: &mut [F32x16]) {
    for (to, value) in to.iter_mut().zip(values) {
        for (to, value) in to.0.iter_mut().zip(value.0) {
            *to += value;
        }
    }
}
