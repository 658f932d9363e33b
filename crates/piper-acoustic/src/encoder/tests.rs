//! Claims about the text encoder: it equals its definition, whatever the processor and the length, and wrong shapes are
//! refused.

use super::*;
use crate::kernels::naive::{self, Rows, noise};

const HIDDEN: usize = 20;
const LATENTS: usize = 9;
const KNOWN: usize = 12;
const LAYERS: usize = 3;

/// With so many heads, and distances on each side.
fn weights(heads: usize, window: usize) -> EncoderWeights {
    let mut next = noise(5);
    let mut conv = |[out_channels, in_channels]: [usize; 2], kernel: usize| {
        // About as much comes out as goes in.
        let scale = (3.0 / (in_channels * kernel) as f32).sqrt();
        let weight = (0..out_channels * in_channels * kernel).map(|_| next() * scale).collect();
        let bias = (0..out_channels).map(|_| next() * 0.1).collect();
        ConvWeights { out_channels, in_channels, kernel, dilation: 1, weight, bias }
    };
    let mut other = noise(6);
    let mut values = |count: usize, middle: f32| (0..count).map(|_| middle + other() * 0.5).collect::<Vec<f32>>();
    let mut norm =
        |seed: f32| NormWeights { scale: values(HIDDEN, 1.0 + seed), shift: values(HIDDEN, 0.0), epsilon: 1e-5 };
    let mut near = noise(7);
    let mut near = || (0..(2 * window + 1) * HIDDEN / heads).map(|_| near()).collect::<Vec<f32>>();
    let layers = (0..LAYERS).map(|_| EncoderLayerWeights {
        attention: AttentionWeights {
            heads,
            query: conv([HIDDEN; 2], 1),
            key: conv([HIDDEN; 2], 1),
            value: conv([HIDDEN; 2], 1),
            output: conv([HIDDEN; 2], 1),
            near_keys: near(),
            near_values: near(),
        },
        attention_norm: norm(0.1),
        feed_forward: [conv([3 * HIDDEN, HIDDEN], 3), conv([HIDDEN, 3 * HIDDEN], 3)],
        feed_forward_norm: norm(0.2),
    });
    let layers = layers.collect();
    let projection = conv([2 * LATENTS, HIDDEN], 1);
    let mut next = noise(8);
    EncoderWeights { embedding: (0..KNOWN * HIDDEN).map(|_| next()).collect(), layers, projection }
}

fn ids(count: usize) -> Vec<i64> {
    (0..count).map(|at| (at * 7 % KNOWN) as i64).collect()
}

fn apply(x: &Rows, conv: &ConvWeights) -> Rows {
    naive::conv(x, &conv.weight, &conv.bias, [conv.out_channels, conv.kernel, conv.dilation])
}

fn attended(x: &Rows, weights: &AttentionWeights) -> Rows {
    let AttentionWeights { heads, near_keys, near_values, .. } = weights;
    let [query, key, value] = [&weights.query, &weights.key, &weights.value].map(|conv| apply(x, conv));
    let (len, depth) = (x[0].len(), x.len() / heads);
    let window = near_keys.len() / depth / 2;
    // What a table says of a channel of a head, at the distance of two places.
    let near = |table: &[f32], from: usize, to: usize, channel: usize| {
        let distance = (to + window).checked_sub(from).filter(|distance| *distance <= 2 * window);
        distance.map_or(0.0, |distance| f64::from(table[distance * depth + channel % depth]))
    };
    let mut out: Rows = vec![vec![0.0; len]; x.len()];
    for head in 0..*heads {
        let channels = head * depth..(head + 1) * depth;
        for from in 0..len {
            let score = |to: usize| {
                let products = channels.clone().map(|c| query[c][from] * (key[c][to] + near(near_keys, from, to, c)));
                (products.sum::<f64>() / (depth as f64).sqrt()).exp()
            };
            let scores: Vec<f64> = (0..len).map(score).collect();
            for c in channels.clone() {
                let said = |to: usize| scores[to] * (value[c][to] + near(near_values, from, to, c));
                out[c][from] = (0..len).map(said).sum::<f64>() / scores.iter().sum::<f64>();
            }
        }
    }
    apply(&out, &weights.output)
}

/// The text encoder as its definition has it: hidden channels, means, logarithms of deviations.
fn definition(weights: &EncoderWeights, ids: &[i64]) -> [Vec<f64>; 3] {
    let (hidden, latents) = (weights.projection.in_channels, weights.projection.out_channels / 2);
    let embedded = |channel: usize, id: &i64| f64::from(weights.embedding[*id as usize * hidden + channel]);
    let scale = (hidden as f64).sqrt();
    let mut x: Rows = (0..hidden).map(|c| ids.iter().map(|id| embedded(c, id) * scale).collect()).collect();
    for layer in &weights.layers {
        x = naive::normalised(&naive::add(&x, &attended(&x, &layer.attention)), &layer.attention_norm);
        let inner = naive::leaky_relu(&apply(&x, &layer.feed_forward[0]), 0.0);
        x = naive::normalised(&naive::add(&x, &apply(&inner, &layer.feed_forward[1])), &layer.feed_forward_norm);
    }
    let projected = apply(&x, &weights.projection);
    [x.concat(), projected[..latents].concat(), projected[latents..].concat()]
}

fn run(encoder: &TextEncoder, ids: &[i64]) -> Encoding {
    encoder.run(ids, &mut EncoderScratch::default(), || true).unwrap()
}

fn assert_close(values: &[f32], expected: &[f64]) {
    assert_eq!(values.len(), expected.len());
    let worst = values.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst < 2e-5, "{worst}");
}

#[test]
fn a_sentence_of_any_length_equals_the_definition_computed_in_double_precision() {
    let weights = weights(2, 4);
    let encoder = TextEncoder::new(&weights).unwrap();
    // Shorter than the window, a block, and longer than both; one memory for all.
    let mut scratch = EncoderScratch::default();
    for count in [50, 1, 3, 16, 17, 32, 64] {
        let ids = ids(count);

        let encoding = encoder.run(&ids, &mut scratch, || true).unwrap();

        let [hidden, mean, log_deviation] = definition(&weights, &ids);
        assert_close(&encoding.hidden, &hidden);
        assert_close(&encoding.mean, &mean);
        assert_close(&encoding.log_deviation, &log_deviation);
    }
}

#[test]
fn heads_and_windows_of_any_number_equal_the_definition() {
    for (heads, window) in [(1, 4), (4, 0), (5, 10)] {
        let weights = weights(heads, window);
        let encoder = TextEncoder::new(&weights).unwrap();

        let encoding = run(&encoder, &ids(30));

        assert_close(&encoding.hidden, &definition(&weights, &ids(30))[0]);
    }
}

#[test]
fn encodings_are_the_same_with_any_instructions() {
    let encoder = TextEncoder::new(&weights(2, 4)).unwrap();

    let encodings = SimdLevel::available()
        .into_iter()
        .map(|level| encoder.run(&ids(45), &mut EncoderScratch::new(level), || true).unwrap());

    let encodings: Vec<Encoding> = encodings.collect();
    assert!(encodings.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn encodings_are_the_same_however_they_are_cut() {
    let encoder = TextEncoder::new(&weights(2, 4)).unwrap();
    let ids = ids(5 * LEAST_PLACES + 1);
    let whole = run(&encoder, &ids);
    // One memory for some tasks and another for others, as of two threads, of which the second begins with the last
    // task.
    let mut scratches = [EncoderScratch::default(), EncoderScratch::default()];
    for cuts in [1, 2, 3, 5, 100] {
        let (mut steps, mut most) = (0, 0);

        let cut = encoder.run_shared(&ids, cuts, |tasks| {
            (steps, most) = (steps + 1, tasks.len().max(most));
            let made = tasks.iter().enumerate().rev();
            let made = made.map(|(at, task)| encoder.compute(task, &mut scratches[at % 2]));
            let mut made: Vec<Signal> = made.collect();
            made.reverse();
            Some(made)
        });

        assert!(cut.unwrap() == whole, "{cuts} parts");
        assert_eq!((steps, most), (2 * LAYERS + 1, cuts.clamp(2, 5)));
    }
}

#[test]
fn a_run_stops_when_told_to() {
    let encoder = TextEncoder::new(&weights(2, 4)).unwrap();
    let mut scratch = EncoderScratch::default();
    let mut asked = 0;

    let stopped = encoder.run(&ids(30), &mut scratch, || {
        asked += 1;
        asked < 2
    });

    assert_eq!(stopped, Err(TextEncoderError::Cancelled));
    assert_eq!(asked, 2);
    assert_eq!(encoder.run(&ids(30), &mut scratch, || true).unwrap(), run(&encoder, &ids(30)));
}

#[test]
fn a_second_sentence_takes_no_more_memory() {
    let encoder = TextEncoder::new(&weights(2, 4)).unwrap();
    let mut scratch = EncoderScratch::default();
    let mut memory_after = |count: usize| {
        encoder.run(&ids(count), &mut scratch, || true).unwrap();
        scratch.memory_bytes()
    };

    let first = memory_after(100);

    assert_eq!([100, 7, 100].map(memory_after), [first; 3]);
    assert!(first > 0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |change: &dyn Fn(&mut EncoderWeights)| {
        let mut weights = weights(2, 4);
        change(&mut weights);
        TextEncoder::new(&weights).unwrap_err()
    };
    let encoder = TextEncoder::new(&weights(2, 4)).unwrap();
    let run = |ids: &[i64]| encoder.run(ids, &mut EncoderScratch::default(), || true).unwrap_err();

    assert_eq!(refused(&|w| w.layers.clear()), ShapeError::Empty { part: "the list of layers" });
    assert_eq!(refused(&|w| w.embedding.clear()), ShapeError::Empty { part: "the embedding" });
    let part_of_row = ShapeError::Weights { part: "the embedding", found: 239, expected: 240 };
    assert_eq!(refused(&|w| w.embedding.truncate(239)), part_of_row);
    let uneven = ShapeError::Length { part: "the heads of an attention" };
    assert_eq!(refused(&|w| w.layers[0].attention.heads = 3), uneven);
    let distances = "an attention's table of distances";
    let lopsided = ShapeError::Length { part: distances };
    assert_eq!(refused(&|w| w.layers[1].attention.near_keys.truncate(80)), lopsided);
    let unequal = ShapeError::Weights { part: distances, found: 70, expected: 90 };
    assert_eq!(refused(&|w| w.layers[1].attention.near_values.truncate(70)), unequal);
    let norm = ShapeError::Weights { part: "a normalisation", found: 19, expected: 20 };
    assert_eq!(refused(&|w| w.layers[2].feed_forward_norm.shift.truncate(19)), norm);
    let narrow = ShapeError::Channels { part: "a layer's first convolution", found: 60, expected: 20 };
    assert_eq!(refused(&|w| w.layers[0].feed_forward[0] = w.layers[0].feed_forward[1].clone()), narrow);
    assert_eq!(run(&[]), TextEncoderError::Empty);
    assert_eq!(run(&[3, 12]), TextEncoderError::Id { found: 12, known: 12 });
    assert_eq!(run(&[-1]), TextEncoderError::Id { found: -1, known: 12 });
}
