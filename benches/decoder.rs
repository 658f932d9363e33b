//! Questions: how long does the decoder take, which of its parts take how much of that, and how near to the processor's
//! limit is each?
//!
//! Units: milliseconds for a second of audio, on one thread, the quickest of many runs; `of peak` is the
//! multiplications that a plain convolution would need against those that the processor can do in that time, measured
//! in the same run. Above 100 % is where transforms need fewer. Weights are noise in the shape of a medium voice: no
//! voice is needed.
//!
//! Run: `cargo bench --bench decoder`, on a machine that does nothing else.

// A part that is missing ends the measurement; there is no caller to tell.
#![allow(clippy::unwrap_used)]
// What is not inlined into a function that enables instructions is compiled without them.
#![allow(clippy::inline_always)]

use std::hint::black_box;
use std::time::Instant;

use piper_acoustic::decoder::{
    ConvWeights, Decoder, DecoderInput, DecoderScratch, DecoderWeights, ResBlockWeights, StageWeights, UpsampleWeights,
};
use piper_acoustic::kernels::simd::{F32x16, LANES, Operation, Simd, SimdLevel};
use piper_acoustic::kernels::{ConvArgs, Convolution, Geometry, Signal, Workspace, WriteMode};

const RATE: f64 = 22050.0;
const FRAMES: usize = 400;
/// Where a sentence of that length is cut (`pool/stretches.rs`).
const STRETCHES: [usize; 6] = [0, 24, 72, 168, 296, FRAMES];
const LATENTS: usize = 192;
/// Channels in, channels out, stride.
const STAGES: [(usize, usize, usize); 3] = [(256, 128, 8), (128, 64, 8), (64, 32, 4)];
const KERNELS: [(usize, [usize; 2]); 3] = [(3, [1, 2]), (5, [2, 6]), (7, [3, 12])];
const ROUNDS: usize = 15;

fn main() {
    for level in SimdLevel::available().into_iter().filter(|level| level.is_accelerated()) {
        let peak = peak(level);
        println!("{level:?}: {:.1} G multiplications a second", peak / 1e9);
        let mut rate = RATE / 256.0;
        for (at, (inputs, outputs, stride)) in STAGES.into_iter().enumerate() {
            let up = Convolution::upsampling([inputs, outputs], [2 * stride, stride], &[], |o, i, t| noise(o + i + t));
            let products = 2 * inputs * outputs;
            rate *= stride as f64;
            line(&format!("stage {at} upsampling"), &up, stride, level, (rate, products as f64, peak));
            for (taps, dilations) in KERNELS {
                for dilation in dilations {
                    let geometry = Geometry::same(outputs, outputs, taps, dilation);
                    let convolution = Convolution::new(geometry, &[], |o, _, i, t| noise(o * 3 + i + t));
                    let products = outputs * outputs * taps;
                    let name = format!("stage {at} taps {taps} dilation {dilation}");
                    line(&name, &convolution, 1, level, (rate, products as f64, peak));
                }
            }
        }
        whole(level);
    }
}

/// Prints what a convolution takes over a range as long as the decoder's tiles.
fn line(
    name: &str,
    convolution: &Convolution,
    stride: usize,
    level: SimdLevel,
    (rate, products, peak): (f64, f64, f64),
) {
    let len = (512 * 1024 / size_of_val(convolution.bias())).next_multiple_of(stride);
    let range = 10 * len..11 * len;
    let needed = convolution.input_range(range.clone(), 100 * len);
    let blocks = convolution.in_blocks();
    let (mut input, mut output) = (Signal::default(), Signal::default());
    input.reset(blocks, needed);
    for block in 0..blocks {
        for (at, lanes) in input.row_mut(block).iter_mut().enumerate() {
            *lanes = F32x16([noise(at * 31 + block) as f32; LANES]);
        }
    }
    output.reset(convolution.bias().len(), range);
    let mut workspace = Workspace::new(level);
    let seconds = quickest(|| {
        let pass = ConvArgs { input: &input, slope: 0.1, bias: None, residual: None, target: WriteMode::Replace };
        convolution.run(&pass, &mut output, &mut workspace);
        black_box(&mut output);
    });
    let second = seconds / len as f64 * rate;
    println!("  {name:<28} {:6.2} ms {:5.0} % of peak", second * 1e3, products * rate / second / peak * 100.0);
}

fn whole(level: SimdLevel) {
    let decoder = Decoder::new(&medium()).unwrap();
    let latents: Vec<f32> = (0..LATENTS * FRAMES).map(|at| noise(at) as f32).collect();
    let mut scratch = DecoderScratch::new(level);
    for frames in [10, 40, FRAMES] {
        let part = DecoderInput { latents: &latents, condition: &[], frames: 0..frames };
        let seconds = quickest(|| {
            black_box(decoder.decode(&part, &mut scratch, || true).unwrap());
        });
        let audio = (frames * decoder.hop()) as f64 / RATE;
        println!("  decoder, {frames:>3} frames          {:6.2} ms", seconds / audio * 1e3);
    }
    let mut parts = |cuts: &[usize]| {
        quickest(|| {
            for cut in cuts.windows(2) {
                let part = DecoderInput { latents: &latents, condition: &[], frames: cut[0]..cut[1] };
                black_box(decoder.decode(&part, &mut scratch, || true).unwrap());
            }
        })
    };
    let more = parts(&STRETCHES) / parts(&[0, FRAMES]) - 1.0;
    println!("  in stretches, what lies about the cuts twice: {:.1} % more than whole", more * 1e2);
    let kilobytes = [decoder.memory_bytes(), scratch.memory_bytes()].map(|bytes| bytes / 1024);
    println!("  weights {} KiB, a thread's memory {} KiB", kilobytes[0], kilobytes[1]);
}

fn medium() -> DecoderWeights {
    let conv = |[out_channels, in_channels]: [usize; 2], kernel: usize, dilation: usize| ConvWeights {
        out_channels,
        in_channels,
        kernel,
        dilation,
        weight: (0..out_channels * in_channels * kernel).map(|at| noise(at) as f32 * 0.05).collect(),
        bias: Vec::new(),
    };
    let stages = STAGES.map(|(in_channels, out_channels, stride)| {
        let kernel = 2 * stride;
        let weight = conv([out_channels, in_channels], kernel, 1).weight;
        let upsample = UpsampleWeights {
            in_channels,
            out_channels,
            kernel,
            stride,
            padding: stride / 2,
            weight,
            bias: Vec::new(),
        };
        let blocks = KERNELS.map(|(kernel, dilations)| ResBlockWeights::ResBlock2 {
            convs: dilations.map(|dilation| conv([out_channels; 2], kernel, dilation)).to_vec(),
        });
        StageWeights { upsample, blocks: blocks.to_vec() }
    });
    DecoderWeights {
        pre: conv([256, LATENTS], 7, 1),
        stages: stages.to_vec(),
        post: conv([1, 32], 7, 1),
        slope: 0.1,
        post_slope: 0.01,
    }
}

/// A number between -1 and 1 for each index.
fn noise(at: usize) -> f64 {
    (at.wrapping_mul(2_654_435_761) % 65_536) as f64 / 32_768.0 - 1.0
}

fn quickest(mut run: impl FnMut()) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

/// Fused multiplications and additions with nothing else to do, enough of them at a time to hide how long each takes.
struct Peak;

const PEAK_CHAINS: usize = 12;
const PEAK_STEPS: usize = 100_000;

impl Operation for Peak {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut values = [simd.splat(black_box(1.0)); PEAK_CHAINS];
        let factor = simd.splat(black_box(0.5));
        for _ in 0..PEAK_STEPS {
            for value in &mut values {
                *value = simd.mul_add(*value, factor, factor);
            }
        }
        let mut lanes = F32x16::ZERO;
        for value in values {
            simd.store(value, &mut lanes);
            black_box(&lanes);
        }
    }
}

fn peak(level: SimdLevel) -> f64 {
    (PEAK_CHAINS * PEAK_STEPS * LANES) as f64 / quickest(|| level.run(Peak))
}
