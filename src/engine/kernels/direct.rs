//! Owns computing a convolution as the sum that it is, for kernels that have no other way: the taps count as more channels of input.

use super::convolution::{Stretch, Taps, grow};
use super::product::{Product, TILES};
use super::simd::{LANES, Lane, Simd, Task};

pub struct Direct<'a>(pub Stretch<'a>);

/// [out blocks][taps][in channels]
pub fn direct_weights(taps: &Taps<'_>, in_blocks: usize, out_blocks: usize) -> Vec<Lane> {
    let ins = in_blocks * LANES;
    let mut weights = vec![Lane::ZERO; out_blocks * taps.kernel * ins];
    for (number, filter) in taps.weight.chunks_exact(taps.kernel).enumerate() {
        let (out, input) = (number / taps.in_channels, number % taps.in_channels);
        for (tap, &value) in filter.iter().enumerate() {
            weights[(out / LANES * taps.kernel + tap) * ins + input].0[out % LANES] = value;
        }
    }
    weights
}

impl Task for Direct<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self(mut stretch) = self;
        let convolution = stretch.convolution;
        let taps = (2 * convolution.half + 1) as usize;
        let mut inputs = std::mem::take(&mut stretch.scratch.inputs);
        let mut results = std::mem::take(&mut stretch.scratch.results);
        grow(&mut inputs, taps * convolution.in_blocks * TILES);
        grow(&mut results, convolution.out_blocks * TILES);
        let slope = simd.splat(convolution.slope);
        let start = stretch.input.time().start;

        let mut begin = stretch.time.start;
        while begin < stretch.time.end {
            let used = (stretch.time.end - begin).min(TILES as isize) as usize;
            for tap in 0..taps {
                let shift = (tap as isize - convolution.half) * convolution.dilation;
                for block in 0..convolution.in_blocks {
                    let lanes = stretch.input.block(block);
                    let packed = &mut inputs[(tap * convolution.in_blocks + block) * TILES..][..used];
                    for (row, packed) in packed.iter_mut().enumerate() {
                        let row = usize::try_from(begin + row as isize + shift - start).ok();
                        let x = row.and_then(|row| lanes.get(row)).map_or(simd.splat(0.0), |lane| simd.load(lane));
                        simd.store(simd.max(x, simd.mul(slope, x)), packed);
                    }
                }
            }
            simd.product(Product {
                inputs: &inputs[..taps * convolution.in_blocks * TILES],
                weights: &convolution.weights,
                results: &mut results[..convolution.out_blocks * TILES],
                rows: TILES,
                used,
            });
            for block in 0..convolution.out_blocks {
                for row in 0..used {
                    let y = simd.load(&results[block * TILES + row]);
                    stretch.store(simd, block, begin + row as isize, y);
                }
            }
            begin += used as isize;
        }
        stretch.scratch.inputs = inputs;
        stretch.scratch.results = results;
    }
}
