//! Computes a range of a convolution's outputs, tile by tile, so that what is computed of a tile stays in a core's
//! cache. Runs share their memory.

use std::ops::Range;

use super::conv::{ConvArgs, Convolution};
use super::gemm;
use super::signal::Signal;
use super::simd::{F32x16, SimdLevel};
use super::steps::{Gather, Multiply, Scatter, Tiles};

/// Bytes of transformed inputs and products at a time: they and the weights that meet them stay in a core's second
/// cache.
const TILE_BYTES: usize = 256 * 1024;

/// Memory that runs share one after the other, and the instructions that they use.
#[derive(Debug)]
pub struct Workspace {
    level: SimdLevel,
    rows: Vec<F32x16>,
    products: Vec<F32x16>,
}

// === impl Convolution ===

impl Convolution {
    /// Computes the range of `output`, as it was [`Signal::reset`].
    pub fn run(&self, pass: &ConvArgs<'_>, output: &mut Signal, workspace: &mut Workspace) {
        self.run_part(pass, output.range(), output, workspace);
    }

    /// Computes a part of the range of `output`, and leaves the rest of it as it is.
    pub fn run_part(&self, pass: &ConvArgs<'_>, range: Range<usize>, output: &mut Signal, workspace: &mut Workspace) {
        if range.is_empty() {
            return;
        }
        let Workspace { level, rows, products } = workspace;
        let groups = self.groups(range.clone());
        let all = groups.start * self.geometry.dilation..groups.end * self.geometry.dilation;
        let points = self.form.points();
        let row_blocks = self.row_blocks();
        let product_blocks = self.geometry.phases * self.bias().len();
        let bytes = points * (row_blocks + product_blocks) * size_of::<F32x16>();
        let most = (TILE_BYTES / bytes / gemm::ROWS).max(1) * gemm::ROWS;
        let pitch = most.min(all.len().next_multiple_of(gemm::ROWS));
        grow(rows, points * row_blocks * pitch);
        grow(products, points * product_blocks * pitch);
        for first in all.clone().step_by(pitch) {
            let indices = first..all.end.min(first + pitch);
            let part = Tiles { convolution: self, pass, indices, pitch };
            level.run(Gather { part: &part, rows });
            level.run(Multiply { part: &part, rows, products });
            level.run(Scatter { part: &part, products, range: range.clone(), output });
        }
    }
}

// === impl Workspace ===

impl Workspace {
    pub fn new(level: SimdLevel) -> Self {
        Self { level, rows: Vec::new(), products: Vec::new() }
    }

    pub fn level(&self) -> SimdLevel {
        self.level
    }

    /// Bytes that are kept for use after use.
    pub fn memory_bytes(&self) -> usize {
        (self.rows.capacity() + self.products.capacity()) * size_of::<F32x16>()
    }
}

// === helpers ===

fn grow(buffer: &mut Vec<F32x16>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, F32x16::ZERO);
    }
}
