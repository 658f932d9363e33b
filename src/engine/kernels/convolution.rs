//! Owns one convolution over time: its weights as the kernels take them, and computing a stretch of its output.

use std::ops::Range;

use super::direct::{Direct, direct_weights};
use super::rows::Rows;
use super::simd::{Isa, LANES, Lane, Simd};
use super::tiled::Tiled;
use super::toom_cook::ToomCook;

/// A convolution with "same" padding: as many rows come out as went in, or `phases` times as many.
pub struct Convolution {
    pub(super) in_blocks: usize,
    /// For all phases together.
    pub(super) out_blocks: usize,
    pub(super) half: isize,
    pub(super) dilation: isize,
    pub(super) slope: f32,
    phases: usize,
    /// [products][out blocks][in channels]
    pub(super) weights: Vec<Lane>,
    /// [out blocks]
    bias: Vec<Lane>,
    method: Method,
}

/// What a convolution is made of.
#[derive(Debug, Clone, Copy)]
pub struct Taps<'a> {
    pub out_channels: usize,
    pub in_channels: usize,
    /// Odd.
    pub kernel: usize,
    pub dilation: usize,
    /// [out][in][kernel]
    pub weight: &'a [f32],
    /// [out], or nothing.
    pub bias: &'a [f32],
    /// The input is rectified first: what is below zero is multiplied with this. 1 leaves it as it is.
    pub slope: f32,
    /// Output channels are those of so many rows, one after another: a row of input gives as many rows of output.
    pub phases: usize,
}

/// Weights that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the weights of a {0} do not fit its shape")]
pub struct ShapeError(pub &'static str);

/// What happens to a result before it is stored.
#[derive(Default, Clone, Copy)]
pub struct Epilogue<'a> {
    /// Added to each row, beside the bias: [out blocks].
    pub condition: Option<&'a [Lane]>,
    /// Added row by row.
    pub residual: Option<&'a Rows>,
    /// Added to what the output holds instead of stored over it.
    pub accumulate: bool,
}

/// The instructions to compute with, and memory for what is between input and output.
pub struct Scratch {
    isa: Isa,
    pub(super) inputs: Vec<Lane>,
    pub(super) results: Vec<Lane>,
}

enum Method {
    Direct,
    Eight6(ToomCook<8, 6>),
    Ten6(ToomCook<10, 6>),
    Ten4(ToomCook<10, 4>),
}

// === impl Convolution ===

impl Convolution {
    pub fn new(taps: &Taps<'_>) -> Result<Self, ShapeError> {
        let (outs, ins, kernel) = (taps.out_channels, taps.in_channels, taps.kernel);
        let fits = kernel % 2 == 1
            && outs * ins * kernel == taps.weight.len()
            && outs * ins * kernel * taps.dilation * taps.phases > 0
            && (taps.bias.is_empty() || taps.bias.len() == outs)
            && (taps.phases == 1 || outs % (LANES * taps.phases) == 0);
        if !fits {
            return Err(ShapeError("convolution"));
        }
        let method = Method::of(kernel);
        let (in_blocks, out_blocks) = (ins.div_ceil(LANES), outs.div_ceil(LANES));
        let mut bias = vec![Lane::ZERO; out_blocks];
        for (out, &value) in taps.bias.iter().enumerate() {
            bias[out / LANES].0[out % LANES] = value;
        }
        Ok(Self {
            in_blocks,
            out_blocks,
            half: (kernel / 2) as isize,
            dilation: taps.dilation as isize,
            slope: taps.slope,
            phases: taps.phases,
            weights: method.weights(taps, in_blocks, out_blocks),
            bias,
            method,
        })
    }

    /// Rows before and after a row of output that it depends on.
    pub fn reach(&self) -> isize {
        self.half * self.dilation
    }

    /// Channels of a row of output, in whole blocks.
    pub fn out_channels(&self) -> usize {
        self.out_blocks / self.phases * LANES
    }

    pub fn bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * size_of::<Lane>()
    }

    /// Computes the output for the input's rows `time`. Input that is not there counts as zero; output must have room for all that is
    /// computed.
    pub fn run(
        &self,
        input: &Rows,
        time: Range<isize>,
        output: &mut Rows,
        epilogue: Epilogue<'_>,
        scratch: &mut Scratch,
    ) {
        let isa = scratch.isa;
        let stretch = Stretch { convolution: self, input, time, output, epilogue, scratch };
        match &self.method {
            Method::Direct => isa.run(Direct(stretch)),
            Method::Eight6(tables) => isa.run(Tiled { stretch, tables }),
            Method::Ten6(tables) => isa.run(Tiled { stretch, tables }),
            Method::Ten4(tables) => isa.run(Tiled { stretch, tables }),
        }
    }
}

// === impl Scratch ===

impl Scratch {
    pub fn new(isa: Isa) -> Self {
        Self { isa, inputs: Vec::new(), results: Vec::new() }
    }
}

// === impl Method ===

impl Method {
    fn of(kernel: usize) -> Self {
        match kernel {
            3 => Self::Eight6(ToomCook::new()),
            5 => Self::Ten6(ToomCook::new()),
            7 => Self::Ten4(ToomCook::new()),
            _ => Self::Direct,
        }
    }

    /// [products][out blocks][in channels]
    fn weights(&self, taps: &Taps<'_>, in_blocks: usize, out_blocks: usize) -> Vec<Lane> {
        let arrange = |products: usize, evaluate: &dyn Fn(&[f32]) -> Vec<f32>| {
            let ins = in_blocks * LANES;
            let mut weights = vec![Lane::ZERO; products * out_blocks * ins];
            for (number, filter) in taps.weight.chunks_exact(taps.kernel).enumerate() {
                let (out, input) = (number / taps.in_channels, number % taps.in_channels);
                for (product, value) in evaluate(filter).into_iter().enumerate() {
                    let place = (product * out_blocks + out / LANES) * ins + input;
                    weights[place].0[out % LANES] = value;
                }
            }
            weights
        };
        match self {
            Self::Direct => direct_weights(taps, in_blocks, out_blocks),
            Self::Eight6(tables) => arrange(8, &|filter| tables.evaluate(filter).to_vec()),
            Self::Ten6(tables) => arrange(10, &|filter| tables.evaluate(filter).to_vec()),
            Self::Ten4(tables) => arrange(10, &|filter| tables.evaluate(filter).to_vec()),
        }
    }
}

/// A stretch of output to be computed.
pub struct Stretch<'a> {
    pub convolution: &'a Convolution,
    pub input: &'a Rows,
    pub time: Range<isize>,
    pub output: &'a mut Rows,
    pub epilogue: Epilogue<'a>,
    pub scratch: &'a mut Scratch,
}

impl Stretch<'_> {
    /// One result, with all that is added to it.
    #[inline(always)]
    pub fn store<S: Simd>(&mut self, simd: S, block: usize, moment: isize, y: S::Vector) {
        let convolution = self.convolution;
        let mut y = simd.add(y, simd.load(&convolution.bias[block]));
        if let Some(condition) = self.epilogue.condition {
            y = simd.add(y, simd.load(&condition[block]));
        }
        let blocks = convolution.out_blocks / convolution.phases;
        let (phase, block) = (block / blocks, block % blocks);
        let moment = moment * convolution.phases as isize + phase as isize;
        if let Some(residual) = self.epilogue.residual {
            let row = (moment - residual.time().start) as usize;
            y = simd.add(y, simd.load(&residual.block(block)[row]));
        }
        let row = (moment - self.output.time().start) as usize;
        let place = &mut self.output.block_mut(block)[row];
        if self.epilogue.accumulate {
            y = simd.add(simd.load(place), y);
        }
        simd.store(y, place);
    }
}

pub fn grow(lanes: &mut Vec<Lane>, size: usize) {
    if lanes.len() < size {
        lanes.resize(size, Lane::ZERO);
    }
}
