//! Owns the three steps of a convolution, for some tiles at a time: inputs are gathered and transformed, multiplied
//! with the weights, and transformed back and stored. Each is compiled for every number of points and every kind of
//! instructions.

use std::ops::Range;

use super::conv::{ConvArgs, Convolution, Geometry, WriteMode};
use super::gemm::Product;
use super::signal::Signal;
use super::simd::{F32x16, Operation, Simd};

/// Some tiles of a run.
pub struct Tiles<'a> {
    pub convolution: &'a Convolution,
    pub pass: &'a ConvArgs<'a>,
    pub indices: Range<usize>,
    /// Tiles from one block to the next in rows and products.
    pub pitch: usize,
}

/// Reads inputs and transforms them.
pub struct Gather<'a> {
    pub part: &'a Tiles<'a>,
    pub rows: &'a mut [F32x16],
}

/// Multiplies transformed inputs with transformed weights, point by point.
pub struct Multiply<'a> {
    pub part: &'a Tiles<'a>,
    pub rows: &'a [F32x16],
    pub products: &'a mut [F32x16],
}

/// Transforms products back and stores them.
pub struct Scatter<'a> {
    pub part: &'a Tiles<'a>,
    pub products: &'a [F32x16],
    /// What of the output may be written.
    pub range: Range<usize>,
    pub output: &'a mut Signal,
}

// === impl Gather ===

impl Operation for Gather<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.part.convolution.form.points() {
            1 => self.gather::<S, 1>(simd),
            4 => self.gather::<S, 4>(simd),
            6 => self.gather::<S, 6>(simd),
            8 => self.gather::<S, 8>(simd),
            10 => self.gather::<S, 10>(simd),
            _ => self.gather::<S, 12>(simd),
        }
    }
}

impl Gather<'_> {
    #[inline(always)]
    fn gather<S: Simd, const N: usize>(self, simd: S) {
        let Self { part: Tiles { convolution, pass, indices, pitch }, rows } = self;
        let Geometry { dilation, lead, .. } = convolution.geometry;
        let form = &convolution.form;
        let in_blocks = convolution.in_blocks();
        let slope = simd.splat(pass.slope);
        let row_blocks = convolution.row_blocks();
        let range = pass.input.range();
        for block in 0..row_blocks {
            let row = pass.input.row(block % in_blocks);
            let ahead = block / in_blocks * form.taps * dilation;
            for (at, tile) in indices.clone().enumerate() {
                let first = convolution.origin(tile) + ahead;
                let mut x = [simd.splat(0.0); N];
                let begin = first.wrapping_sub(lead + range.start);
                if first >= lead + range.start && begin + (N - 1) * dilation < row.len() {
                    for k in 0..N {
                        x[k] = simd.load(&row[begin + k * dilation]);
                    }
                } else {
                    for k in 0..N {
                        if let Some(lanes) = row.get((first + k * dilation).wrapping_sub(lead + range.start)) {
                            x[k] = simd.load(lanes);
                        }
                    }
                }
                for x in &mut x {
                    *x = simd.max(*x, simd.mul(*x, slope));
                }
                if N > 1 {
                    x = form.transform_input::<S, N>(simd, x);
                }
                for p in 0..N {
                    simd.store(x[p], &mut rows[(p * row_blocks + block) * pitch + at]);
                }
            }
        }
    }
}

// === impl Multiply ===

impl Operation for Multiply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Tiles { convolution, indices, pitch, .. } = self.part;
        let pitch = *pitch;
        let points = convolution.form.points();
        let rows_len = convolution.row_blocks() * pitch;
        let weights_len = convolution.weights.len() / points;
        let product_len = convolution.geometry.phases * convolution.bias().len() * pitch;
        for p in 0..points {
            let rows = &self.rows[p * rows_len..][..rows_len];
            let weights = &convolution.weights[p * weights_len..][..weights_len];
            let out = &mut self.products[p * product_len..][..product_len];
            Product { rows, weights, out, pitch, count: indices.len() }.run(simd);
        }
    }
}

// === impl Scatter ===

impl Operation for Scatter<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let form = &self.part.convolution.form;
        match (form.points(), form.outputs) {
            (1, _) => self.scatter::<S, 1, 1>(simd),
            (4, _) => self.scatter::<S, 4, 3>(simd),
            (6, _) => self.scatter::<S, 6, 4>(simd),
            (8, 4) => self.scatter::<S, 8, 4>(simd),
            (8, 6) => self.scatter::<S, 8, 6>(simd),
            (8, _) => self.scatter::<S, 8, 5>(simd),
            (10, 4) => self.scatter::<S, 10, 4>(simd),
            (10, 6) => self.scatter::<S, 10, 6>(simd),
            (10, _) => self.scatter::<S, 10, 5>(simd),
            _ => self.scatter::<S, 12, 6>(simd),
        }
    }
}

impl Scatter<'_> {
    #[inline(always)]
    fn scatter<S: Simd, const N: usize, const M: usize>(self, simd: S) {
        let Self { part: Tiles { convolution, pass, indices, pitch }, products, range, output } = self;
        let Geometry { dilation, phases, trim, .. } = convolution.geometry;
        let form = &convolution.form;
        let out_blocks = convolution.bias().len();
        let biases = pass.bias.unwrap_or(convolution.bias());
        let written = range.start - output.range().start..range.end - output.range().start;
        let step = dilation * phases;
        for (phase, block) in (0..phases).flat_map(|phase| (0..out_blocks).map(move |block| (phase, block))) {
            let bias = simd.load(&biases[block]);
            // Empty where nothing is to be added.
            let residual =
                pass.residual.map_or(&[][..], |residual| &residual.row(block)[range.start - residual.range().start..]);
            let row = &mut output.row_mut(block)[written.clone()];
            for (at, tile) in indices.clone().enumerate() {
                let mut x = [simd.splat(0.0); N];
                for p in 0..N {
                    let index = (p * phases * out_blocks + phase * out_blocks + block) * pitch + at;
                    x[p] = simd.load(&products[index]);
                }
                let mut y = [x[0]; M];
                if N > 1 {
                    y = form.transform_output::<S, N, M>(simd, x);
                }
                // Wraps where the tile begins before the range; what lies outside of the row is not wanted.
                let first = (convolution.origin(tile) * phases + phase).wrapping_sub(trim + range.start);
                for j in 0..M {
                    let index = first.wrapping_add(j * step);
                    let Some(to) = row.get_mut(index) else { continue };
                    let mut value = simd.add(y[j], bias);
                    if let Some(residual) = residual.get(index) {
                        value = simd.add(value, simd.load(residual));
                    }
                    if pass.target == WriteMode::Add {
                        value = simd.add(value, simd.load(to));
                    }
                    simd.store(value, to);
                }
            }
        }
    }
}
