//! Owns the normalisation over channels: at each place the mean becomes zero and the variance one, then each channel is
//! scaled and shifted.

use super::conv::lanes;
use super::signal::{Columns, Signal, blocks};
use super::simd::{F32x16, LANES, Operation, Simd, SimdLevel};
use super::weights::NormWeights;

/// A normalisation that is ready to run.
#[derive(Debug)]
pub struct Norm {
    scale: Vec<F32x16>,
    shift: Vec<F32x16>,
    /// Ones, and zeros where the last block has no channel.
    present: Vec<F32x16>,
    channels: f32,
    epsilon: f32,
}

struct Normalise<'a> {
    norm: &'a Norm,
    from: &'a Signal,
    to: &'a mut Signal,
    columns: &'a mut Columns,
}

// === impl Norm ===

impl Norm {
    pub fn new(weights: &NormWeights) -> Self {
        let channels = weights.scale.len();
        let blocks = blocks(channels);
        Self {
            scale: lanes(&weights.scale, blocks),
            shift: lanes(&weights.shift, blocks),
            present: lanes(&vec![1.0; channels], blocks),
            channels: channels as f32,
            epsilon: weights.epsilon,
        }
    }

    pub fn memory_bytes(&self) -> usize {
        3 * size_of_val(&self.scale[..])
    }

    pub fn run(&self, from: &Signal, to: &mut Signal, columns: &mut Columns, level: SimdLevel) {
        to.reset(from.blocks(), from.range());
        level.run(Normalise { norm: self, from, to, columns });
    }
}

impl Operation for Normalise<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { norm, from, to, columns } = self;
        let [means, factors] = columns.get(from.range().len());
        means.fill(F32x16::ZERO);
        for block in 0..from.blocks() {
            for (sum, x) in means.iter_mut().zip(from.row(block)) {
                simd.store(simd.add(simd.load(sum), simd.load(x)), sum);
            }
        }
        for mean in means.iter_mut() {
            *mean = F32x16([mean.sum() / norm.channels; LANES]);
        }
        factors.fill(F32x16::ZERO);
        for block in 0..from.blocks() {
            let present = simd.load(&norm.present[block]);
            for (((x, to), mean), sum) in
                from.row(block).iter().zip(to.row_mut(block)).zip(&*means).zip(factors.iter_mut())
            {
                let difference = simd.sub(simd.load(x), simd.mul(simd.load(mean), present));
                simd.store(simd.mul_add(difference, difference, simd.load(sum)), sum);
                simd.store(difference, to);
            }
        }
        for factor in factors.iter_mut() {
            *factor = F32x16([1.0 / (factor.sum() / norm.channels + norm.epsilon).sqrt(); LANES]);
        }
        for block in 0..from.blocks() {
            let (scale, shift) = (simd.load(&norm.scale[block]), simd.load(&norm.shift[block]));
            for (to, factor) in to.row_mut(block).iter_mut().zip(&*factors) {
                let scaled = simd.mul(simd.load(to), simd.load(factor));
                simd.store(simd.mul_add(scaled, scale, shift), to);
            }
        }
    }
}
