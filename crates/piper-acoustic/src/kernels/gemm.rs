//! Owns the one matrix product under every convolution: rows of activations times a matrix of weights, for one point of
//! a transform.
//!
//! The sums of a few rows and one or two blocks of outputs stay in registers for the whole product. Sums grow in the
//! order of the input channels whatever the shape of that group, so that the shape does not show in the result.

use super::simd::{F32x16, LANES, Simd};

/// Rows are computed in groups of this many at most; a buffer of rows is a multiple of it long.
pub const ROWS: usize = 12;

/// `out = rows x weights`.
pub struct Product<'a> {
    /// `[input block][pitch]`
    pub rows: &'a [F32x16],
    /// `[output block][input channel]`
    pub weights: &'a [F32x16],
    /// `[output block][pitch]`
    pub out: &'a mut [F32x16],
    /// Rows from one block to the next; at least `count`, rounded up to whole groups.
    pub pitch: usize,
    /// Rows that are asked for.
    pub count: usize,
}

// === impl Product ===

impl Product<'_> {
    #[inline(always)]
    pub fn run<S: Simd>(self, simd: S) {
        let Self { rows, weights, out, pitch, count } = self;
        let inputs = rows.len() / pitch * LANES;
        if S::MANY_REGISTERS {
            for (weights, out) in weights.chunks_exact(2 * inputs).zip(out.chunks_exact_mut(2 * pitch)) {
                let weights = weights.split_at(inputs);
                let weights = [weights.0, weights.1];
                let mut row = 0;
                while row + 8 < count {
                    group::<S, 12, 2>(simd, rows, weights, out, [pitch, row]);
                    row += 12;
                }
                while row < count {
                    group::<S, 4, 2>(simd, rows, weights, out, [pitch, row]);
                    row += 4;
                }
            }
            if weights.len() / inputs % 2 == 1 {
                let last = weights.len() / inputs - 1;
                let weights = [&weights[last * inputs..]];
                let out = &mut out[last * pitch..];
                let mut row = 0;
                while row < count {
                    group::<S, 12, 1>(simd, rows, weights, out, [pitch, row]);
                    row += 12;
                }
            }
        } else {
            for (weights, out) in weights.chunks_exact(inputs).zip(out.chunks_exact_mut(pitch)) {
                let mut row = 0;
                while row < count {
                    group::<S, 6, 1>(simd, rows, [weights], out, [pitch, row]);
                    row += 6;
                }
            }
        }
    }
}

/// The product of `R` rows and `B` blocks of outputs.
#[inline(always)]
fn group<S: Simd, const R: usize, const B: usize>(
    simd: S,
    rows: &[F32x16],
    weights: [&[F32x16]; B],
    out: &mut [F32x16],
    [pitch, first]: [usize; 2],
) {
    let mut sums = [[simd.splat(0.0); B]; R];
    let weights = weights.map(|weights| weights.as_chunks::<LANES>().0);
    for (block, rows) in rows.chunks_exact(pitch).enumerate() {
        let Some(rows) = rows[first..].first_chunk::<R>() else { return };
        let weights = weights.map(|weights| &weights[block]);
        for channel in 0..LANES {
            let mut weight = [simd.splat(0.0); B];
            for b in 0..B {
                weight[b] = simd.load(&weights[b][channel]);
            }
            for r in 0..R {
                let value = simd.splat(rows[r].0[channel]);
                for b in 0..B {
                    sums[r][b] = simd.mul_add(value, weight[b], sums[r][b]);
                }
            }
        }
    }
    for b in 0..B {
        let Some(out) = out[b * pitch + first..].first_chunk_mut::<R>() else { return };
        for r in 0..R {
            simd.store(sums[r][b], &mut out[r]);
        }
    }
}
