//! Claims about the flow: it equals its definition, any range of it equals the whole, and wrong shapes are refused.

use super::*;
use crate::kernels::naive::{self, Rows, noise};

const HALF: usize = 10;
const HIDDEN: usize = 20;
const LAYERS: usize = 3;

fn weights(couplings: usize) -> FlowWeights {
    let mut next = noise(5);
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
    let mut coupling = || CouplingWeights {
        pre: conv([HIDDEN, HALF], 1, 1),
        layers: (0..LAYERS)
            .map(|at| GatedLayerWeights {
                gates: conv([2 * HIDDEN, HIDDEN], 5, at + 1),
                res_skip: conv([if at + 1 == LAYERS { HIDDEN } else { 2 * HIDDEN }, HIDDEN], 1, 1),
            })
            .collect(),
        post: conv([HALF, HIDDEN], 1, 1),
    };
    FlowWeights { couplings: (0..couplings).map(|_| coupling()).collect() }
}

fn apply(x: &Rows, conv: &ConvWeights) -> Rows {
    naive::conv(x, &conv.weight, &conv.bias, [conv.out_channels, conv.kernel, conv.dilation])
}

/// The flow as its definition has it.
fn definition(weights: &FlowWeights, values: &Rows, condition: &[f32]) -> Vec<f64> {
    let mut x = values.clone();
    let mut condition = condition.iter();
    for coupling in &weights.couplings {
        x.reverse();
        let (read, changed) = x.split_at(HALF);
        let mut hidden = apply(&read.to_vec(), &coupling.pre);
        let mut skipped: Rows = vec![vec![0.0; x[0].len()]; HIDDEN];
        for layer in &coupling.layers {
            let mut gates = apply(&hidden, &layer.gates);
            for row in &mut gates {
                let speaker = f64::from(condition.next().copied().unwrap_or(0.0));
                for value in row {
                    *value += speaker;
                }
            }
            let (tangents, logistic) = gates.split_at(HIDDEN);
            let gate = |(a, b): (&f64, &f64)| a.tanh() / (1.0 + (-b).exp());
            let passed = tangents.iter().zip(logistic).map(|(a, b)| a.iter().zip(b).map(gate).collect()).collect();
            let out = apply(&passed, &layer.res_skip);
            let (residual, skip) = out.split_at(out.len() - HIDDEN);
            skipped = naive::add(&skipped, &skip.to_vec());
            if !residual.is_empty() {
                hidden = naive::add(&hidden, &residual.to_vec());
            }
        }
        let mean = apply(&skipped, &coupling.post);
        let changed = changed.iter().zip(&mean).map(|(row, mean)| row.iter().zip(mean).map(|(x, m)| x - m).collect());
        x = read.iter().cloned().chain(changed).collect();
    }
    x.concat()
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut next = noise(seed);
    (0..count).map(|_| next() * 2.0).collect()
}

fn rows(values: &[f32], frames: usize) -> Rows {
    values.chunks(frames).map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect()
}

fn run(flow: &Flow, values: &[f32], frames: Range<usize>) -> Vec<f32> {
    flow.run(&FlowInput { values, condition: &[], frames }, &mut FlowScratch::default(), || true).unwrap()
}

fn assert_close(latents: &[f32], expected: &[f64]) {
    assert_eq!(latents.len(), expected.len());
    let worst = latents.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst < 2e-5, "{worst}");
}

#[test]
fn latents_equal_the_definition_computed_in_double_precision() {
    let weights = weights(4);
    let flow = Flow::new(&weights).unwrap();
    let values = numbers(2 * HALF * 40, 1);

    let latents = run(&flow, &values, 0..40);

    assert_close(&latents, &definition(&weights, &rows(&values, 40), &[]));
}

#[test]
fn a_speaker_is_added_before_the_gates() {
    let weights = weights(2);
    let flow = Flow::new(&weights).unwrap();
    let values = numbers(2 * HALF * 20, 1);
    let condition = numbers(2 * LAYERS * 2 * HIDDEN, 3);

    let part = FlowInput { values: &values, condition: &condition, frames: 0..20 };
    let latents = flow.run(&part, &mut FlowScratch::default(), || true).unwrap();

    assert_close(&latents, &definition(&weights, &rows(&values, 20), &condition));
}

#[test]
fn any_range_is_the_same_to_the_last_bit_as_in_the_whole() {
    let mut flow = Flow::new(&weights(4)).unwrap();
    let values = numbers(2 * HALF * 200, 1);
    let whole = run(&flow, &values, 0..200);
    for tile in [200, 64, 7] {
        flow.tile = tile;

        for frames in [0..200, 0..1, 199..200, 90..131, 5..5] {
            let part = run(&flow, &values, frames.clone());

            let expected: Vec<f32> = whole.chunks(200).flat_map(|row| row[frames.clone()].to_vec()).collect();
            assert!(part == expected, "{frames:?} in tiles of {tile}");
            let enough = flow.input_range(frames.clone(), 200).end;
            let beginning: Vec<f32> = values.chunks(200).flat_map(|row| row[..enough].to_vec()).collect();
            assert!(
                part == run(&flow, &beginning, frames.clone()),
                "{frames:?} in tiles of {tile}, of the first {enough}"
            );
        }
    }
}

#[test]
fn latents_are_the_same_with_any_instructions() {
    let flow = Flow::new(&weights(2)).unwrap();
    let values = numbers(2 * HALF * 30, 1);
    let part = FlowInput { values: &values, condition: &[], frames: 0..30 };

    let latents =
        SimdLevel::available().into_iter().map(|level| flow.run(&part, &mut FlowScratch::new(level), || true).unwrap());

    let latents: Vec<Vec<f32>> = latents.collect();
    assert!(latents.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_run_stops_when_told_to() {
    let flow = Flow::new(&weights(2)).unwrap();
    let values = numbers(2 * HALF * 30, 1);
    let part = FlowInput { values: &values, condition: &[], frames: 0..30 };
    let mut scratch = FlowScratch::default();
    let mut asked = 0;

    let stopped = flow.run(&part, &mut scratch, || {
        asked += 1;
        asked < 2
    });

    assert_eq!(stopped, Err(FlowError::Cancelled));
    assert_eq!(flow.run(&part, &mut scratch, || true).unwrap(), run(&flow, &values, 0..30));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |change: &dyn Fn(&mut FlowWeights)| {
        let mut weights = weights(2);
        change(&mut weights);
        Flow::new(&weights).unwrap_err()
    };
    let flow = Flow::new(&weights(2)).unwrap();
    let values = numbers(2 * HALF * 4, 1);
    let part = FlowInput { values: &values, condition: &[], frames: 0..4 };
    let run = |part: FlowInput<'_>| flow.run(&part, &mut FlowScratch::default(), || true).unwrap_err();

    assert_eq!(refused(&|w| w.couplings.clear()), ShapeError::Empty { part: "the list of couplings" });
    assert_eq!(refused(&|w| w.couplings.truncate(1)), ShapeError::Length { part: "an odd number of couplings" });
    let part_of_gate = ShapeError::Channels { part: "a layer's output", found: 20, expected: 40 };
    assert_eq!(
        refused(&|w| w.couplings[0].layers[0].res_skip = w.couplings[0].layers[2].res_skip.clone()),
        part_of_gate
    );
    assert_eq!(run(FlowInput { values: &values[1..], ..part.clone() }), FlowError::Values { found: 79, channels: 20 });
    assert_eq!(run(FlowInput { condition: &[0.0], ..part.clone() }), FlowError::Condition { found: 1, expected: 240 });
    assert_eq!(run(FlowInput { frames: 3..5, ..part }), FlowError::Range { end: 5, frames: 4 });
}
