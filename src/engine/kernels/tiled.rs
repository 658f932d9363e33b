//! Owns computing a convolution by Toom and Cook's way: tiles of input are evaluated at the points, multiplied there with the weights, and
//! interpolated to rows of output.

use std::ops::Range;

use super::convolution::{Stretch, grow};
use super::product::{Product, TILES};
use super::simd::{Lane, Simd, Task};
use super::toom_cook::ToomCook;

pub struct Tiled<'a, const N: usize, const M: usize> {
    pub stretch: Stretch<'a>,
    pub tables: &'a ToomCook<N, M>,
}

impl<const N: usize, const M: usize> Task for Tiled<'_, N, M> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { mut stretch, tables } = self;
        let convolution = stretch.convolution;
        let (in_size, out_size) = (convolution.in_blocks * TILES, convolution.out_blocks * TILES);
        let matrix = convolution.weights.len() / N;
        let mut inputs = std::mem::take(&mut stretch.scratch.inputs);
        let mut results = std::mem::take(&mut stretch.scratch.results);
        grow(&mut inputs, N * in_size);
        grow(&mut results, N * out_size);

        let mut bases = bases(&stretch.time, convolution.dilation, M as isize);
        let mut tiles = [0_isize; TILES];
        loop {
            let mut used = 0;
            for (tile, base) in tiles.iter_mut().zip(&mut bases) {
                *tile = base;
                used += 1;
            }
            if used == 0 {
                break;
            }
            evaluate(simd, &stretch, tables, &tiles[..used], &mut inputs);
            for product in 0..N {
                simd.product(Product {
                    inputs: &inputs[product * in_size..][..in_size],
                    weights: &convolution.weights[product * matrix..][..matrix],
                    results: &mut results[product * out_size..][..out_size],
                    rows: TILES,
                    used,
                });
            }
            interpolate(simd, &mut stretch, tables, &tiles[..used], &results);
        }
        stretch.scratch.inputs = inputs;
        stretch.scratch.results = results;
    }
}

/// The first row of each tile: a tile's rows are `dilation` apart.
fn bases(time: &Range<isize>, dilation: isize, outputs: isize) -> impl Iterator<Item = isize> + use<> {
    let time = time.clone();
    (0..dilation).flat_map(move |residue| (time.start + residue..time.end).step_by((outputs * dilation) as usize))
}

/// The input at each point, for each tile: [points][in blocks][tiles].
#[inline(always)]
fn evaluate<S: Simd, const N: usize, const M: usize>(
    simd: S,
    stretch: &Stretch<'_>,
    tables: &ToomCook<N, M>,
    tiles: &[isize],
    inputs: &mut [Lane],
) {
    let convolution = stretch.convolution;
    let size = convolution.in_blocks * TILES;
    let slope = simd.splat(convolution.slope);
    let step = convolution.dilation as usize;
    let start = stretch.input.time().start;
    for block in 0..convolution.in_blocks {
        let lanes = stretch.input.block(block);
        for (tile, base) in tiles.iter().enumerate() {
            let first = base - convolution.half * convolution.dilation - start;
            let inside = usize::try_from(first).ok().filter(|first| first + (N - 1) * step < lanes.len());
            let x: [S::Vector; N] = match inside {
                Some(first) => {
                    let lanes = &lanes[first..][..=(N - 1) * step];
                    std::array::from_fn(|place| simd.load(&lanes[place * step]))
                }
                None => std::array::from_fn(|place| {
                    let row = usize::try_from(first + (place * step) as isize).ok();
                    row.and_then(|row| lanes.get(row)).map_or(simd.splat(0.0), |lane| simd.load(lane))
                }),
            };
            let x: [S::Vector; N] = std::array::from_fn(|place| simd.max(x[place], simd.mul(slope, x[place])));
            let sum = |factors: &[f32; N], odd: usize| {
                let mut sum = simd.mul(simd.splat(factors[odd]), x[odd]);
                for half in 1..N / 2 {
                    sum = simd.fma(simd.splat(factors[2 * half + odd]), x[2 * half + odd], sum);
                }
                sum
            };
            let place = block * TILES + tile;
            simd.store(sum(&tables.zero, 0), &mut inputs[place]);
            for pair in 0..N / 2 - 1 {
                let (even, odd) = (sum(&tables.pairs[pair], 0), sum(&tables.pairs[pair], 1));
                simd.store(simd.add(even, odd), &mut inputs[(1 + 2 * pair) * size + place]);
                simd.store(simd.sub(even, odd), &mut inputs[(2 + 2 * pair) * size + place]);
            }
            simd.store(sum(&tables.infinity, 1), &mut inputs[(N - 1) * size + place]);
        }
    }
}

/// The output from the products at each point: [points][out blocks][tiles].
#[inline(always)]
fn interpolate<S: Simd, const N: usize, const M: usize>(
    simd: S,
    stretch: &mut Stretch<'_>,
    tables: &ToomCook<N, M>,
    tiles: &[isize],
    results: &[Lane],
) {
    let convolution = stretch.convolution;
    let size = convolution.out_blocks * TILES;
    for block in 0..convolution.out_blocks {
        for (tile, &base) in tiles.iter().enumerate() {
            let at = |point: usize| simd.load(&results[point * size + block * TILES + tile]);
            let mut y = [simd.splat(0.0); M];
            y[0] = at(0);
            for pair in 0..N / 2 - 1 {
                let (plus, minus) = (at(1 + 2 * pair), at(2 + 2 * pair));
                let (even, odd) = (simd.add(plus, minus), simd.sub(plus, minus));
                for (power, y) in y.iter_mut().enumerate() {
                    let part = if power % 2 == 0 { even } else { odd };
                    *y = simd.fma(simd.splat(tables.powers[pair][power]), part, *y);
                }
            }
            y[M - 1] = simd.add(y[M - 1], at(N - 1));
            for (place, y) in y.into_iter().enumerate() {
                let moment = base + place as isize * convolution.dilation;
                if moment >= stretch.time.end {
                    break;
                }
                stretch.store(simd, block, moment, y);
            }
        }
    }
}
