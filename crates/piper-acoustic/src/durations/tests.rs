//! Claims about the duration predictors: they equal their definition, whatever the processor and the length, and wrong
//! shapes are refused.

use super::*;
use crate::kernels::naive::{self, Rows, noise};

const HIDDEN: usize = 12;
const CHANNELS: usize = 20;
const BINS: usize = 4;

fn numbers(seed: u64, count: usize, scale: f32, middle: f32) -> Vec<f32> {
    let mut next = noise(seed);
    (0..count).map(|_| middle + next() * scale).collect()
}

fn conv(seed: u64, [out_channels, in_channels]: [usize; 2], kernel: usize) -> ConvWeights {
    // About as much comes out as goes in.
    let scale = (3.0 / (in_channels * kernel) as f32).sqrt();
    let weight = numbers(seed, out_channels * in_channels * kernel, scale, 0.0);
    let bias = numbers(seed + 1, out_channels, 0.1, 0.0);
    ConvWeights { out_channels, in_channels, kernel, dilation: 1, weight, bias }
}

fn norm(seed: u64, channels: usize) -> NormWeights {
    let [scale, shift] = [(seed, 1.0), (seed + 1, 0.0)].map(|(seed, middle)| numbers(seed, channels, 0.3, middle));
    NormWeights { scale, shift, epsilon: 1e-5 }
}

fn separable(seed: u64) -> Vec<SeparableWeights> {
    let layer = |at: u32| {
        let seed = seed + 10 * u64::from(at);
        let weight = numbers(seed, CHANNELS * 3, 1.0, 0.0);
        let bias = numbers(seed + 1, CHANNELS, 0.1, 0.0);
        SeparableWeights {
            depthwise: DepthwiseWeights { kernel: 3, dilation: 3_usize.pow(at), weight, bias },
            first_norm: norm(seed + 2, CHANNELS),
            pointwise: conv(seed + 4, [CHANNELS; 2], 1),
            second_norm: norm(seed + 6, CHANNELS),
        }
    };
    (0..3).map(layer).collect()
}

fn stochastic() -> StochasticWeights {
    let spline = |seed: u64| SplineWeights {
        pre: conv(seed, [CHANNELS, 1], 1),
        separable: separable(seed + 100),
        projection: conv(seed + 2, [3 * BINS - 1, CHANNELS], 1),
    };
    StochasticWeights {
        pre: conv(1, [CHANNELS, HIDDEN], 1),
        separable: separable(10),
        projection: conv(3, [CHANNELS; 2], 1),
        splines: [1_000, 2_000, 3_000].map(spline).to_vec(),
        affine: AffineWeights { shift: 0.2, scale: 1.3 },
    }
}

fn plain() -> PlainWeights {
    let layers =
        vec![(conv(1, [CHANNELS, HIDDEN], 3), norm(3, CHANNELS)), (conv(5, [CHANNELS; 2], 3), norm(7, CHANNELS))];
    PlainWeights { layers, projection: conv(9, [1, CHANNELS], 1) }
}

fn apply(x: &Rows, conv: &ConvWeights) -> Rows {
    naive::conv(x, &conv.weight, &conv.bias, [conv.out_channels, conv.kernel, conv.dilation])
}

fn separated(x: &Rows, layers: &[SeparableWeights]) -> Rows {
    let gelu = |x: Rows| -> Rows {
        let each = |x: &f64| x * 0.5 * (1.0 + libm::erf(x / 2.0_f64.sqrt()));
        x.iter().map(|row| row.iter().map(each).collect()).collect()
    };
    layers.iter().fold(x.clone(), |x, layer| {
        let DepthwiseWeights { kernel, dilation, weight, bias } = &layer.depthwise;
        let each = x.iter().zip(weight.chunks(*kernel)).zip(bias).map(|((row, weight), bias)| {
            naive::conv(&vec![row.clone()], weight, &[*bias], [1, *kernel, *dilation]).remove(0)
        });
        let first = gelu(naive::normalised(&each.collect(), &layer.first_norm));
        let second = gelu(naive::normalised(&apply(&first, &layer.pointwise), &layer.second_norm));
        naive::add(&x, &second)
    })
}

/// Rows to each of which a value is added.
fn conditioned(mut x: Rows, condition: &[f32]) -> Rows {
    for (row, value) in x.iter_mut().zip(condition) {
        for x in row {
            *x += f64::from(*value);
        }
    }
    x
}

/// Durations as their definition has them.
fn definition(weights: &DurationWeights, part: &DurationsInput<'_>) -> Vec<f64> {
    let rows = |values: &[f32], count: usize| -> Rows {
        values.chunks(count).map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect()
    };
    let count = part.hidden.len() / HIDDEN;
    let hidden = rows(part.hidden, count);
    let logarithms = match weights {
        DurationWeights::Stochastic(weights) => {
            let said = conditioned(apply(&hidden, &weights.pre), part.condition);
            let said = apply(&separated(&said, &weights.separable), &weights.projection);
            let mut noise = rows(part.noise, count);
            for spline in &weights.splines {
                noise.reverse();
                let read = naive::add(&apply(&noise[..1].to_vec(), &spline.pre), &said);
                let described = apply(&separated(&read, &spline.separable), &spline.projection);
                let root = (CHANNELS as f64).sqrt();
                for at in 0..count {
                    let value = |channel: usize| described[channel][at];
                    let widths: Vec<f64> = (0..BINS).map(|bin| value(bin) / root).collect();
                    let heights: Vec<f64> = (BINS..2 * BINS).map(|bin| value(bin) / root).collect();
                    let slopes: Vec<f64> = (2 * BINS..3 * BINS - 1).map(value).collect();
                    let spline = Spline { widths: &widths, heights: &heights, slopes: &slopes };
                    noise[1][at] = spline.invert(noise[1][at]);
                }
            }
            let AffineWeights { shift, scale } = weights.affine;
            noise[1].iter().map(|value| (value - f64::from(shift)) * f64::from(scale)).collect()
        }
        DurationWeights::Plain(weights) => {
            let x = weights.layers.iter().fold(conditioned(hidden, part.condition), |x, (conv, norm)| {
                naive::normalised(&naive::leaky_relu(&apply(&x, conv), 0.0), norm)
            });
            apply(&x, &weights.projection).remove(0)
        }
    };
    logarithms.iter().map(|logarithm: &f64| logarithm.exp() * f64::from(part.length_scale)).collect()
}

fn kinds() -> [DurationWeights; 2] {
    [DurationWeights::Stochastic(stochastic()), DurationWeights::Plain(plain())]
}

/// What a predictor is asked, with values of its own for each number of ids.
struct Asked {
    hidden: Vec<f32>,
    condition: Vec<f32>,
    noise: Vec<f32>,
}

impl Asked {
    fn of(weights: &DurationWeights, count: usize) -> Self {
        let is_random = matches!(weights, DurationWeights::Stochastic(_));
        Self {
            hidden: numbers(50, HIDDEN * count, 1.0, 0.0),
            condition: numbers(51, if is_random { CHANNELS } else { HIDDEN }, 0.5, 0.0),
            // Some of it beyond the ends of the splines.
            noise: numbers(52, if is_random { 2 * count } else { 0 }, 6.0, 0.0),
        }
    }

    fn part(&self) -> DurationsInput<'_> {
        DurationsInput { hidden: &self.hidden, condition: &self.condition, noise: &self.noise, length_scale: 1.2 }
    }
}

#[test]
fn durations_of_a_sentence_of_any_length_equal_the_definition_computed_in_double_precision() {
    for weights in kinds() {
        let predictor = DurationPredictor::new(&weights).unwrap();
        // One memory for all.
        let mut scratch = DurationsScratch::default();
        for count in [60, 1, 2, 7, 33] {
            let asked = Asked::of(&weights, count);

            let durations = predictor.run(&asked.part(), &mut scratch, || true).unwrap();

            let expected = definition(&weights, &asked.part());
            assert_eq!(durations.len(), count);
            let errors = durations.iter().zip(&expected).map(|(a, b)| (f64::from(*a) / b - 1.0).abs());
            let worst = errors.fold(0.0, f64::max);
            assert!(worst < 2e-4, "{count} ids: {worst}");
        }
    }
}

#[test]
fn durations_are_the_same_with_any_instructions() {
    for weights in kinds() {
        let predictor = DurationPredictor::new(&weights).unwrap();
        let asked = Asked::of(&weights, 45);

        let all = SimdLevel::available()
            .into_iter()
            .map(|level| predictor.run(&asked.part(), &mut DurationsScratch::new(level), || true).unwrap());

        let all: Vec<_> = all.collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn durations_are_the_same_however_they_are_cut() {
    for weights in kinds() {
        let predictor = DurationPredictor::new(&weights).unwrap();
        let asked = Asked::of(&weights, 4 * LEAST_PLACES + 3);
        let whole = predictor.run(&asked.part(), &mut DurationsScratch::default(), || true).unwrap();
        // One memory for some tasks and another for others, as of two threads, of which the second begins with the last
        // task.
        let mut scratches = [DurationsScratch::default(), DurationsScratch::default()];
        for cuts in [1, 2, 3, 100] {
            let mut most = 0;

            let cut = predictor.run_shared(&asked.part(), cuts, |tasks| {
                most = tasks.len().max(most);
                let made = tasks.iter().enumerate().rev();
                let made = made.map(|(at, task)| predictor.compute(task, &mut scratches[at % 2]));
                let mut made: Vec<Signal> = made.collect();
                made.reverse();
                Some(made)
            });

            assert!(cut.unwrap() == whole, "{cuts} parts");
            assert_eq!(most, cuts.min(4));
        }
    }
}

#[test]
fn a_run_stops_when_told_to_and_takes_no_more_memory_the_second_time() {
    for weights in kinds() {
        let predictor = DurationPredictor::new(&weights).unwrap();
        let asked = Asked::of(&weights, 30);
        let mut scratch = DurationsScratch::default();
        predictor.run(&asked.part(), &mut scratch, || true).unwrap();
        let kept = scratch.memory_bytes();

        let stopped = predictor.run(&asked.part(), &mut scratch, || false);

        assert_eq!(stopped, Err(DurationError::Cancelled));
        assert!(scratch.memory_bytes() == kept && kept > 0);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |change: &dyn Fn(&mut StochasticWeights)| {
        let mut weights = stochastic();
        change(&mut weights);
        DurationPredictor::new(&DurationWeights::Stochastic(weights)).unwrap_err()
    };
    let length = |part| ShapeError::Length { part };

    assert_eq!(refused(&|w| w.splines.clear()), ShapeError::Empty { part: "the list of splines" });
    assert_eq!(refused(&|w| w.separable[0].depthwise.dilation = 0), length("a separable convolution"));
    let short = ShapeError::Weights { part: "a separable convolution", found: 59, expected: 60 };
    assert_eq!(refused(&|w| w.separable[2].depthwise.weight.truncate(59)), short);
    let none = ShapeError::Weights { part: "a separable convolution", found: 0, expected: 20 };
    assert_eq!(refused(&|w| w.splines[0].separable[1].depthwise.bias.clear()), none);
    let uneven = conv(1, [3 * BINS, CHANNELS], 1);
    assert_eq!(refused(&|w| w.splines[1].projection = uneven.clone()), length("the projection of a spline"));
    let many = PlainWeights { projection: conv(1, [2, CHANNELS], 1), ..plain() };
    let found = ShapeError::Channels { part: "the projection of the durations", found: 2, expected: 1 };
    assert_eq!(DurationPredictor::new(&DurationWeights::Plain(many)).unwrap_err(), found);
    let empty = PlainWeights { layers: Vec::new(), ..plain() };
    let found = ShapeError::Empty { part: "the layers of the durations" };
    assert_eq!(DurationPredictor::new(&DurationWeights::Plain(empty)).unwrap_err(), found);

    let weights = DurationWeights::Stochastic(stochastic());
    let predictor = DurationPredictor::new(&weights).unwrap();
    let asked = Asked::of(&weights, 5);
    let run = |part: DurationsInput<'_>| predictor.run(&part, &mut DurationsScratch::default(), || true).unwrap_err();
    assert_eq!(
        run(DurationsInput { hidden: &asked.hidden[1..], ..asked.part() }),
        DurationError::Values { found: 59, channels: HIDDEN }
    );
    assert_eq!(
        run(DurationsInput { condition: &[0.0], ..asked.part() }),
        DurationError::Condition { found: 1, expected: CHANNELS }
    );
    assert_eq!(run(DurationsInput { noise: &[], ..asked.part() }), DurationError::Noise { found: 0, expected: 10 });
}
