//! Claims about the decoder: it equals its definition, any range of it equals the whole, and wrong shapes are refused.

use super::*;
use crate::kernels::naive::{self, Rows, noise};

/// Shape of a decoder with weights that look random.
struct Shape {
    latents: usize,
    /// Channels before the stages and after each.
    channels: Vec<usize>,
    strides: Vec<usize>,
    kernels: Vec<(usize, Vec<usize>)>,
    paired: bool,
}

/// One with a bit of everything.
fn small(paired: bool) -> Shape {
    Shape {
        latents: 12,
        channels: vec![24, 20, 7],
        strides: vec![4, 2],
        kernels: vec![(3, vec![1, 2]), (7, vec![3, 5])],
        paired,
    }
}

/// The medium voices' residual blocks with fewer channels.
fn slim() -> Shape {
    let kernels = vec![(3, vec![1, 2]), (5, vec![2, 6]), (7, vec![3, 12])];
    Shape { latents: 16, channels: vec![32, 32, 16, 16], strides: vec![8, 8, 4], kernels, paired: false }
}

fn weights(shape: &Shape) -> DecoderWeights {
    let mut next = noise(7);
    let mut conv = |[out_channels, in_channels]: [usize; 2], kernel: usize, dilation: usize| {
        // About as much comes out as goes in.
        let scale = (3.0 / (in_channels * kernel) as f32).sqrt();
        let weight = (0..out_channels * in_channels * kernel).map(|_| next() * scale).collect();
        ConvWeights {
            out_channels,
            in_channels,
            kernel,
            dilation,
            weight,
            bias: (0..out_channels).map(|_| next() * 0.1).collect(),
        }
    };
    let pre = conv([shape.channels[0], shape.latents], 7, 1);
    let mut stages = Vec::new();
    for (channels, &stride) in shape.channels.windows(2).zip(&shape.strides) {
        let ConvWeights { weight, bias, .. } = conv([channels[1], channels[0]], 2 * stride, 1);
        let (in_channels, out_channels) = (channels[0], channels[1]);
        let upsample = UpsampleWeights {
            in_channels,
            out_channels,
            kernel: 2 * stride,
            stride,
            padding: stride / 2,
            weight,
            bias,
        };
        let mut square = |kernel, dilation| conv([out_channels; 2], kernel, dilation);
        let blocks = shape.kernels.iter().map(|(kernel, dilations)| {
            if shape.paired {
                let pairs = dilations.iter().map(|&dilation| (square(*kernel, dilation), square(*kernel, 1)));
                ResBlockWeights::ResBlock1 { pairs: pairs.collect() }
            } else {
                ResBlockWeights::ResBlock2 {
                    convs: dilations.iter().map(|&dilation| square(*kernel, dilation)).collect(),
                }
            }
        });
        let blocks = blocks.collect();
        stages.push(StageWeights { upsample, blocks });
    }
    let post = conv([1, *shape.channels.last().unwrap()], 7, 1);
    DecoderWeights { pre, stages, post, slope: 0.1, post_slope: 0.01 }
}

fn naive_conv(x: &Rows, conv: &ConvWeights) -> Rows {
    naive::conv(x, &conv.weight, &conv.bias, [conv.out_channels, conv.kernel, conv.dilation])
}

/// The decoder as its definition has it.
fn definition(weights: &DecoderWeights, latents: &Rows) -> Vec<f64> {
    let mut x = naive_conv(latents, &weights.pre);
    for StageWeights { upsample, blocks } in &weights.stages {
        let UpsampleWeights { out_channels, kernel, stride, weight, bias, .. } = upsample;
        let upsampled =
            naive::transposed(&naive::leaky_relu(&x, weights.slope), weight, bias, [*out_channels, *kernel, *stride]);
        let mut sum: Option<Rows> = None;
        for block in blocks {
            let mut y = upsampled.clone();
            match block {
                ResBlockWeights::ResBlock1 { pairs } => {
                    for (first, second) in pairs {
                        let between = naive_conv(&naive::leaky_relu(&y, weights.slope), first);
                        y = naive::add(&y, &naive_conv(&naive::leaky_relu(&between, weights.slope), second));
                    }
                }
                ResBlockWeights::ResBlock2 { convs } => {
                    for conv in convs {
                        y = naive::add(&y, &naive_conv(&naive::leaky_relu(&y, weights.slope), conv));
                    }
                }
            }
            sum = Some(sum.map_or(y.clone(), |sum| naive::add(&sum, &y)));
        }
        let count = blocks.len() as f64;
        x = sum.unwrap().iter().map(|row| row.iter().map(|value| value / count).collect()).collect();
    }
    let samples = naive_conv(&naive::leaky_relu(&x, weights.post_slope), &weights.post);
    samples[0].iter().map(|value| value.tanh()).collect()
}

fn latents(channels: usize, frames: usize) -> Vec<f32> {
    let mut next = noise(11);
    (0..channels * frames).map(|_| next() * 2.0).collect()
}

fn decode(decoder: &Decoder, latents: &[f32], frames: Range<usize>) -> Vec<f32> {
    let part = DecoderInput { latents, condition: &[], frames };
    decoder.decode(&part, &mut DecoderScratch::default(), || true).unwrap()
}

fn difference(samples: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(samples.len(), expected.len());
    samples.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
}

fn rows(values: &[f32], frames: usize) -> Rows {
    values.chunks(frames).map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect()
}

#[test]
fn samples_equal_the_definition_computed_in_double_precision() {
    for shape in [small(false), small(true), slim()] {
        let weights = weights(&shape);
        let decoder = Decoder::new(&weights).unwrap();
        let latents = latents(shape.latents, 13);

        let samples = decode(&decoder, &latents, 0..13);

        let worst = difference(&samples, &definition(&weights, &rows(&latents, 13)));
        assert!(worst < 2e-5, "{worst}");
        assert!(samples.iter().any(|sample| sample.abs() > 0.1), "silence proves nothing");
    }
}

#[test]
fn any_range_is_the_same_to_the_last_bit_as_in_the_whole() {
    let shape = slim();
    let mut decoder = Decoder::new(&weights(&shape)).unwrap();
    let latents = latents(shape.latents, 60);
    let whole = decode(&decoder, &latents, 0..60);
    for tiles in [vec![60 * 256, 60 * 256, 60 * 256], vec![31 * 256, 7 * 256, 2 * 256], vec![256, 256, 256]] {
        decoder.tiles = tiles;

        for frames in [0..60, 0..1, 59..60, 30..31, 17..43, 5..5] {
            let part = decode(&decoder, &latents, frames.clone());

            assert!(part == whole[frames.start * 256..frames.end * 256], "{frames:?} with tiles {:?}", decoder.tiles);
        }
    }
}

#[test]
fn samples_are_the_same_with_any_instructions() {
    let shape = small(true);
    let decoder = Decoder::new(&weights(&shape)).unwrap();
    let latents = latents(shape.latents, 9);
    let part = DecoderInput { latents: &latents, condition: &[], frames: 0..9 };

    let samples = SimdLevel::available()
        .into_iter()
        .map(|level| decoder.decode(&part, &mut DecoderScratch::new(level), || true).unwrap());

    let samples: Vec<Vec<f32>> = samples.collect();
    assert!(samples.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn frames_beyond_the_context_do_not_matter() {
    let shape = slim();
    let decoder = Decoder::new(&weights(&shape)).unwrap();
    let context = decoder.context();
    let frames = 2 * context + 3;
    let mut latents = latents(shape.latents, frames);
    let before = decode(&decoder, &latents, context + 1..context + 2);
    for row in latents.chunks_mut(frames) {
        row[0] = 99.0;
        row[frames - 1] = -99.0;
    }

    let after = decode(&decoder, &latents, context + 1..context + 2);

    assert_eq!(before, after);
}

#[test]
fn a_speaker_is_added_to_the_first_convolution() {
    let shape = small(false);
    let mut weights = weights(&shape);
    let latents = latents(shape.latents, 8);
    let condition: Vec<f32> = (0..24).map(|channel| channel as f32 * 0.02 - 0.2).collect();
    let part = DecoderInput { latents: &latents, condition: &condition, frames: 0..8 };
    let plain = Decoder::new(&weights).unwrap();
    for (bias, value) in weights.pre.bias.iter_mut().zip(&condition) {
        *bias += value;
    }
    let biased = Decoder::new(&weights).unwrap();

    let samples = plain.decode(&part, &mut DecoderScratch::default(), || true).unwrap();

    assert_eq!(samples, decode(&biased, &latents, 0..8));
}

#[test]
fn a_decode_stops_when_told_to() {
    let shape = small(false);
    let decoder = Decoder::new(&weights(&shape)).unwrap();
    let latents = latents(shape.latents, 8);
    let part = DecoderInput { latents: &latents, condition: &[], frames: 0..8 };
    let mut scratch = DecoderScratch::default();
    let mut asked = 0;

    let stopped = decoder.decode(&part, &mut scratch, || {
        asked += 1;
        asked < 2
    });

    assert_eq!(stopped, Err(DecodeError::Cancelled));
    assert_eq!(decoder.decode(&part, &mut scratch, || true).unwrap(), decode(&decoder, &latents, 0..8));
}

#[test]
fn memory_follows_the_tile_and_not_the_text() {
    let shape = slim();
    let mut decoder = Decoder::new(&weights(&shape)).unwrap();
    decoder.tiles = vec![8 * 256, 4 * 256, 256];
    let mut scratch = DecoderScratch::default();
    let mut bytes = |frames: usize| {
        let latents = latents(shape.latents, frames);
        let part = DecoderInput { latents: &latents, condition: &[], frames: 0..frames };
        decoder.decode(&part, &mut scratch, || true).unwrap();
        scratch.memory_bytes()
    };

    let (some, more) = (bytes(100), bytes(200));

    assert_eq!(some, more);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let good = weights(&small(false));
    let refused = |change: &dyn Fn(&mut DecoderWeights)| {
        let mut weights = good.clone();
        change(&mut weights);
        Decoder::new(&weights).unwrap_err().to_string()
    };

    assert_eq!(refused(&|w| w.pre.weight.truncate(2015)), "conv_pre has 2015 weights where its shape asks for 2016");
    assert_eq!(refused(&|w| w.pre.bias.truncate(23)), "conv_pre has 23 biases for 24 channels");
    assert_eq!(refused(&|w| drop(w.stages.remove(0))), "an upsampling takes 20 channels where 24 come in");
    assert_eq!(refused(&|w| w.stages.truncate(1)), "conv_post takes 7 channels where 20 come in");
    assert_eq!(refused(&|w| w.stages.clear()), "the list of stages is empty");
    let deep = |w: &mut DecoderWeights| w.stages = vec![w.stages[0].clone(); 17];
    assert_eq!(refused(&deep), "the list of stages is longer than any voice's");
    assert_eq!(refused(&|w| w.stages[0].blocks.clear()), "a stage's list of residual blocks is empty");
    assert_eq!(refused(&|w| w.slope = 1.5), "a leaky ReLU has slope 1.5, which is not between 0 and 1");
    assert_eq!(
        refused(&|w| w.stages[0].upsample.padding = 0),
        "an upsampling has a kernel, a dilation, a stride or padding that cannot be computed"
    );
    let endless = "a residual block has a kernel, a dilation, a stride or padding that cannot be computed";
    let dilate = |w: &mut DecoderWeights| {
        if let ResBlockWeights::ResBlock2 { convs } = &mut w.stages[0].blocks[0] {
            convs[0].dilation = usize::MAX;
        }
    };
    assert_eq!(refused(&dilate), endless);
    assert_eq!(refused(&|w| w.stages[0].upsample.padding = usize::MAX), refused(&|w| w.stages[0].upsample.padding = 0));
    assert_eq!(
        refused(&|w| w.post.kernel = 4),
        "conv_post has a kernel, a dilation, a stride or padding that cannot be computed"
    );
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let shape = small(false);
    let decoder = Decoder::new(&weights(&shape)).unwrap();
    let latents = latents(shape.latents, 4);
    let refused = |part: DecoderInput<'_>| decoder.decode(&part, &mut DecoderScratch::default(), || true).unwrap_err();
    let good = DecoderInput { latents: &latents, condition: &[], frames: 0..4 };

    assert_eq!(
        refused(DecoderInput { latents: &latents[1..], ..good.clone() }),
        DecodeError::Latents { found: 47, channels: 12 }
    );
    assert_eq!(
        refused(DecoderInput { condition: &[0.0], ..good.clone() }),
        DecodeError::Condition { found: 1, expected: 24 }
    );
    assert_eq!(refused(DecoderInput { frames: 3..5, ..good }), DecodeError::Range { end: 5, frames: 4 });
}
