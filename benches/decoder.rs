//! Question: what does the decoder cost, with each of the instruction sets of this processor?
//!
//! Unit: milliseconds of one thread for a second of audio, the least of several rounds. The weights have the shape of a medium voice and are
//! made up; no voice is needed.
//!
//! Run: `taskset -c 1 cargo bench --bench decoder`, on a machine that does nothing else.

// A part that is missing ends the measurement; there is no caller to tell.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use tts_batch_api::engine::Cancel;
use tts_batch_api::engine::decoder::{
    ConvWeights, Decoder, DecoderWeights, Latent, ResBlockWeights, StageWeights, UpsampleWeights,
};
use tts_batch_api::engine::kernels::Isa;

const RATE: f64 = 22_050.0;
const CHANNELS: usize = 192;
const FRAMES: usize = 256;
const ROUNDS: usize = 7;

fn main() {
    let weights = medium();
    let values: Vec<f32> = (0..CHANNELS * FRAMES).map(made_up).collect();
    let latent = Latent { values: &values, frames: FRAMES, speaker: &[] };
    for isa in Isa::available() {
        let decoder = Decoder::with(&weights, isa).unwrap();
        let seconds = (FRAMES * decoder.hop()) as f64 / RATE;
        let rounds = (0..ROUNDS).map(|_| {
            let begin = Instant::now();
            let samples = decoder.decode(latent, 0..FRAMES, &Cancel::default());
            assert_eq!(samples.len(), FRAMES * decoder.hop());
            begin.elapsed().as_secs_f64() * 1000.0 / seconds
        });
        let least = rounds.fold(f64::INFINITY, f64::min);
        println!("{isa:?}: {least:.1} ms for a second of audio, {:.0} times real time", 1000.0 / least);
    }
}

fn medium() -> DecoderWeights {
    let conv = |out_channels: usize, in_channels: usize, kernel: usize, dilation: usize| ConvWeights {
        out_channels,
        in_channels,
        kernel,
        dilation,
        weight: spread(out_channels * in_channels * kernel, in_channels * kernel),
        bias: vec![0.01; out_channels],
    };
    let stage = |in_channels: usize, kernel: usize, stride: usize| {
        let out_channels = in_channels / 2;
        let upsample = UpsampleWeights {
            in_channels,
            out_channels,
            kernel,
            stride,
            padding: (kernel - stride) / 2,
            weight: spread(in_channels * out_channels * kernel, in_channels * 2),
            bias: vec![0.01; out_channels],
        };
        let block = |kernel, dilations: [usize; 2]| {
            let convolutions = dilations.map(|dilation| conv(out_channels, out_channels, kernel, dilation));
            ResBlockWeights::Single(convolutions.into())
        };
        StageWeights { upsample, blocks: vec![block(3, [1, 2]), block(5, [2, 6]), block(7, [3, 12])] }
    };
    DecoderWeights {
        pre: conv(256, CHANNELS, 7, 1),
        speaker: None,
        stages: vec![stage(256, 16, 8), stage(128, 16, 8), stage(64, 8, 4)],
        post: conv(1, 32, 7, 1),
    }
}

/// Weights that keep values of about one at about one.
fn spread(count: usize, inputs: usize) -> Vec<f32> {
    let scale = 1.7 / (inputs as f32).sqrt();
    (0..count).map(|place| made_up(place) * scale).collect()
}

/// Between -1 and 1, without a pattern that matters.
fn made_up(place: usize) -> f32 {
    let mixed = (place as u32).wrapping_mul(2_654_435_761) ^ 0x5bd1_e995;
    (mixed.wrapping_mul(0x9e37_79b9) >> 8) as f32 / (1 << 23) as f32 - 1.0
}
