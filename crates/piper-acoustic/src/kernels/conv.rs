//! Owns a convolution over time: its transformed weights, and which inputs a range of outputs needs. One mechanism
//! serves all kinds. A long kernel is cut into segments whose products are added up before they are transformed back; a
//! transposed convolution is an ordinary one with the channels of all its phases, stored interleaved; a dilated one is
//! several undilated ones on interleaved samples, which here is only a stride.
//!
//! Tiles stand where they would stand in the whole utterance, never where a range begins, and a range asks for all
//! inputs of its tiles. So a sample is the same to the last bit however time is cut.

use std::ops::Range;

use super::signal::{Signal, blocks};
use super::simd::{F32x16, LANES};
use super::toom_cook::Form;
use super::weights::ConvWeights;

/// Longest piece of a kernel that is transformed as one: with more taps precision goes.
const MAX_SEGMENT: usize = 7;

/// Shape of a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    pub in_channels: usize,
    pub out_channels: usize,
    pub taps: usize,
    pub dilation: usize,
    /// Output `t` of the grid begins at input `t - lead`.
    pub lead: usize,
    /// Outputs for each place of the grid, one after the other in time; 1 but for a transposed convolution.
    pub phases: usize,
    /// Outputs cut off at the beginning.
    pub trim: usize,
    pub precision: Precision,
}

/// How much of its precision a convolution may trade for speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    Usual,
    /// For inputs with outliers, whose rounding errors drown the rest.
    High,
}

/// A convolution that is ready to run.
#[derive(Debug)]
pub struct Convolution {
    pub(super) geometry: Geometry,
    pub(super) form: Form,
    segments: usize,
    /// `[point][phase and output block][segment and input channel]`
    pub(super) weights: Vec<F32x16>,
    /// `[output block]`
    bias: Vec<F32x16>,
}

/// What one run reads and writes.
pub struct ConvArgs<'a> {
    /// At least the part of [`Convolution::input_range`] that exists; zero is read elsewhere.
    pub input: &'a Signal,
    /// Slope below zero of the leaky ReLU that inputs pass through; 1 for none.
    pub slope: f32,
    /// In place of the convolution's own, if given.
    pub bias: Option<&'a [F32x16]>,
    /// Added to the outputs; spans at least their range.
    pub residual: Option<&'a Signal>,
    pub target: WriteMode,
}

/// What becomes of the values that the output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    Replace,
    Add,
}

// === impl Geometry ===

impl Geometry {
    /// A convolution whose output is as long as its input.
    pub fn same(in_channels: usize, out_channels: usize, taps: usize, dilation: usize) -> Self {
        Self {
            in_channels,
            out_channels,
            taps,
            dilation,
            lead: dilation * (taps - 1) / 2,
            phases: 1,
            trim: 0,
            precision: Precision::Usual,
        }
    }
}

// === impl Convolution ===

impl Convolution {
    /// `weight(output, phase, input, tap)` gives the weights, `bias` one value for each output, or nothing.
    pub fn new(geometry: Geometry, bias: &[f32], weight: impl Fn(usize, usize, usize, usize) -> f64) -> Self {
        let segments = geometry.taps.div_ceil(MAX_SEGMENT);
        let form = form(geometry.taps.div_ceil(segments), geometry.precision);
        let in_blocks = blocks(geometry.in_channels);
        let out_blocks = blocks(geometry.out_channels);
        let row = segments * in_blocks * LANES;
        let point = geometry.phases * out_blocks * row;
        let mut weights = vec![F32x16::ZERO; form.points() * point];
        let transform = form.weight_transform();
        // Sixteen outputs at a time, so that each vector is written once.
        let mut kernel = vec![[0.0; LANES]; form.taps];
        for (out_block, phase) in
            (0..out_blocks).flat_map(|block| (0..geometry.phases).map(move |phase| (block, phase)))
        {
            for (segment, input) in (0..segments).flat_map(|s| (0..geometry.in_channels).map(move |i| (s, i))) {
                for (at, lanes) in kernel.iter_mut().enumerate() {
                    let tap = segment * form.taps + at;
                    for (output, value) in (out_block * LANES..).zip(lanes) {
                        let is_there = tap < geometry.taps && output < geometry.out_channels;
                        *value = if is_there { weight(output, phase, input, tap) } else { 0.0 };
                    }
                }
                let block = (phase * out_blocks + out_block) * row + segment * in_blocks * LANES + input;
                for (at, factors) in transform.iter().enumerate() {
                    let mut sums = [0.0; LANES];
                    for (factor, lanes) in factors.iter().zip(&kernel) {
                        for (sum, weight) in sums.iter_mut().zip(lanes) {
                            *sum += factor * weight;
                        }
                    }
                    weights[at * point + block].0 = sums.map(|sum: f64| sum as f32);
                }
            }
        }
        Self { bias: lanes(bias, out_blocks), geometry, form, segments, weights }
    }

    /// A convolution as a description has it.
    pub fn same(weights: &ConvWeights, precision: Precision) -> Self {
        let ConvWeights { out_channels, in_channels, kernel, dilation, weight, bias } = weights;
        let geometry = Geometry { precision, ..Geometry::same(*in_channels, *out_channels, *kernel, *dilation) };
        Self::new(geometry, bias, |output, _, input, tap| {
            f64::from(weight[(output * in_channels + input) * kernel + tap])
        })
    }

    /// A transposed convolution of `taps` taps whose output is `stride` times as long as its input. `weight(output,
    /// input, tap)` gives the weights. Output `place * stride + phase - padding` is a sum over the inputs up to
    /// `place`, each `stride` taps further into the kernel.
    pub fn upsampling(
        [in_channels, out_channels]: [usize; 2],
        [taps, stride]: [usize; 2],
        bias: &[f32],
        weight: impl Fn(usize, usize, usize) -> f64,
    ) -> Self {
        let places = taps.div_ceil(stride);
        let (lead, trim) = (places - 1, (taps - stride) / 2);
        let precision = Precision::Usual;
        let geometry =
            Geometry { in_channels, out_channels, taps: places, dilation: 1, lead, phases: stride, trim, precision };
        Self::new(geometry, bias, |output, phase, input, place| {
            let tap = phase + (places - 1 - place) * stride;
            if tap < taps { weight(output, input, tap) } else { 0.0 }
        })
    }

    /// Blocks of channels that come in.
    pub fn in_blocks(&self) -> usize {
        blocks(self.geometry.in_channels)
    }

    /// One vector for each block of channels that come out.
    pub fn bias(&self) -> &[F32x16] {
        &self.bias
    }

    pub fn memory_bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * size_of::<F32x16>()
    }

    /// Inputs that the outputs of `range` are computed from, of an input `len` long.
    pub fn input_range(&self, range: Range<usize>, len: usize) -> Range<usize> {
        let Geometry { dilation, lead, .. } = self.geometry;
        let groups = self.groups(range);
        let step = self.form.outputs * dilation;
        let reach = self.segments * self.form.taps * dilation - 1;
        let start = (groups.start * step).saturating_sub(lead).min(len);
        start..(groups.end * step + reach).saturating_sub(lead).clamp(start, len)
    }

    /// Blocks of transformed inputs.
    pub(super) fn row_blocks(&self) -> usize {
        self.segments * self.in_blocks()
    }

    /// Groups of tiles that cover a range of outputs. A group is one tile for each residue of the dilation.
    pub(super) fn groups(&self, range: Range<usize>) -> Range<usize> {
        let Geometry { dilation, phases, trim, .. } = self.geometry;
        let step = self.form.outputs * dilation;
        let grid = (range.start + trim) / phases..(range.end + trim).div_ceil(phases);
        grid.start / step..grid.end.div_ceil(step)
    }

    /// Where in the grid a tile begins.
    pub(super) fn origin(&self, tile: usize) -> usize {
        let dilation = self.geometry.dilation;
        tile / dilation * self.form.outputs * dilation + tile % dilation
    }
}

// === helpers ===

/// Values of channels as blocks; zeros where there are none.
pub fn lanes(values: &[f32], blocks: usize) -> Vec<F32x16> {
    let mut lanes = vec![F32x16::ZERO; blocks];
    for (at, value) in values.iter().enumerate() {
        lanes[at / LANES].0[at % LANES] = *value;
    }
    lanes
}

/// The form that was measured to be the quickest for a kernel of so many taps.
fn form(taps: usize, precision: Precision) -> Form {
    let outputs = match (taps, precision) {
        (2, _) => 3,
        (3 | 5 | 7, Precision::High) => 4,
        (3 | 5 | 7, _) => 6,
        (4 | 6, _) => 5,
        _ => 1,
    };
    Form::new(taps, outputs)
}
