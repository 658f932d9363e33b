//! Owns the product of vectors with a matrix, where all the time goes: blocks of results stay in registers until they are done.

use super::simd::{LANES, Lane, Simd};

/// `results[out][row] = sum over in of inputs[in][row] x weights[in][out]`, where `in` and `out` count channels in blocks of sixteen.
pub struct Product<'a> {
    /// [in blocks][rows]
    pub inputs: &'a [Lane],
    /// [out blocks][in channels]: sixteen output channels for each input channel.
    pub weights: &'a [Lane],
    /// [out blocks][rows]
    pub results: &'a mut [Lane],
    /// Rows that there is room for; all are computed in whole blocks as far as `used` says.
    pub rows: usize,
    pub used: usize,
}

/// Rows are padded to a multiple of this, so that blocks of rows always find room.
const ROW_BLOCK: usize = 12;

/// Tiles that are computed together: enough to reuse each weight, few enough to stay near the processor.
pub const TILES: usize = 4 * ROW_BLOCK;

// === impl Product ===

impl Product<'_> {
    /// Computes blocks of `R` rows and sixteen channels. `R` divides [`ROW_BLOCK`].
    #[inline(always)]
    pub fn in_single_blocks<S: Simd, const R: usize>(self, simd: S) {
        let in_channels = self.inputs.len() / self.rows * LANES;
        for (weights, results) in self.weights.chunks_exact(in_channels).zip(self.results.chunks_exact_mut(self.rows)) {
            for row in (0..self.used).step_by(R) {
                single::<S, R>(simd, self.inputs, weights, results, row);
            }
        }
    }

    /// Computes blocks of `R` rows and twice sixteen channels, for which the registers have to be many. `R` divides [`ROW_BLOCK`].
    #[inline(always)]
    pub fn in_double_blocks<S: Simd, const R: usize>(self, simd: S) {
        let in_channels = self.inputs.len() / self.rows * LANES;
        let mut weights = self.weights.chunks_exact(2 * in_channels);
        let mut results = self.results.chunks_exact_mut(2 * self.rows);
        for (weights, results) in weights.by_ref().zip(results.by_ref()) {
            let weights = weights.split_at(in_channels);
            let (first, second) = results.split_at_mut(self.rows);
            for row in (0..self.used).step_by(R) {
                double::<S, R>(simd, self.inputs, weights, first, second, row);
            }
        }
        let (weights, results) = (weights.remainder(), results.into_remainder());
        if !results.is_empty() {
            Product { weights, results, ..self }.in_single_blocks::<S, R>(simd);
        }
    }
}

#[inline(always)]
fn single<S: Simd, const R: usize>(simd: S, inputs: &[Lane], weights: &[Lane], results: &mut [Lane], row: usize) {
    let mut sums = [simd.splat(0.0); R];
    for (input, weights) in inputs.chunks_exact(results.len()).zip(weights.as_chunks::<LANES>().0) {
        let Some(input) = input[row..].first_chunk::<R>() else { return };
        for (lane, weight) in weights.iter().enumerate() {
            let weight = simd.load(weight);
            for (sum, input) in sums.iter_mut().zip(input) {
                *sum = simd.fma(simd.splat(input.0[lane]), weight, *sum);
            }
        }
    }
    for (result, sum) in results[row..].iter_mut().zip(sums) {
        simd.store(sum, result);
    }
}

#[inline(always)]
fn double<S: Simd, const R: usize>(
    simd: S,
    inputs: &[Lane],
    weights: (&[Lane], &[Lane]),
    first: &mut [Lane],
    second: &mut [Lane],
    row: usize,
) {
    let mut sums = ([simd.splat(0.0); R], [simd.splat(0.0); R]);
    let weights = weights.0.as_chunks::<LANES>().0.iter().zip(weights.1.as_chunks::<LANES>().0);
    for (input, weights) in inputs.chunks_exact(first.len()).zip(weights) {
        let Some(input) = input[row..].first_chunk::<R>() else { return };
        for lane in 0..LANES {
            let weights = (simd.load(&weights.0[lane]), simd.load(&weights.1[lane]));
            for (row, input) in input.iter().enumerate() {
                let value = simd.splat(input.0[lane]);
                sums.0[row] = simd.fma(value, weights.0, sums.0[row]);
                sums.1[row] = simd.fma(value, weights.1, sums.1[row]);
            }
        }
    }
    for (result, sum) in first[row..].iter_mut().zip(sums.0) {
        simd.store(sum, result);
    }
    for (result, sum) in second[row..].iter_mut().zip(sums.1) {
        simd.store(sum, result);
    }
}
