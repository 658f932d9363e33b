//! Claims about the kernels: each kind of convolution equals its definition, whatever the processor and wherever time
//! is cut.

use std::ops::Range;

use proptest::prelude::*;

use super::naive::{self, Rows, noise};
use super::simd::{F32x16, LANES, Operation, Simd, SimdLevel};
use super::{ConvArgs, Convolution, Geometry, Precision, Signal, Workspace, WriteMode, erf, exp, tanh};

/// A convolution and what it is computed from.
struct Case {
    convolution: Convolution,
    input: Vec<f32>,
    len: usize,
    out_channels: usize,
    stride: usize,
    expected: Rows,
}

const SLOPE: f32 = 0.1;

fn rows(values: &[f32], len: usize) -> Rows {
    values.chunks(len).map(|row| row.iter().map(|value| f64::from(*value)).collect()).collect()
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut next = noise(seed);
    (0..count).map(|_| next()).collect()
}

fn same(channels: [usize; 2], taps: usize, dilation: usize, len: usize, precision: Precision) -> Case {
    let [in_channels, out_channels] = channels;
    let input = numbers(in_channels * len, 1);
    let bias = numbers(out_channels, 2);
    let weights = numbers(out_channels * in_channels * taps, 3);
    let geometry = Geometry { precision, ..Geometry::same(in_channels, out_channels, taps, dilation) };
    let convolution = Convolution::new(geometry, &bias, |output, _, input, tap| {
        f64::from(weights[(output * in_channels + input) * taps + tap])
    });
    let activated = naive::leaky_relu(&rows(&input, len), SLOPE);
    let expected = naive::conv(&activated, &weights, &bias, [out_channels, taps, dilation]);
    Case { convolution, input, len, out_channels, stride: 1, expected }
}

fn transposed(channels: [usize; 2], stride: usize, padding: usize, len: usize) -> Case {
    let [in_channels, out_channels] = channels;
    let taps = stride + 2 * padding;
    let input = numbers(in_channels * len, 1);
    let bias = numbers(out_channels, 2);
    let weights = numbers(out_channels * in_channels * taps, 3);
    let convolution =
        Convolution::upsampling([in_channels, out_channels], [taps, stride], &bias, |output, input, tap| {
            f64::from(weights[(input * out_channels + output) * taps + tap])
        });
    let activated = naive::leaky_relu(&rows(&input, len), SLOPE);
    let expected = naive::transposed(&activated, &weights, &bias, [out_channels, taps, stride]);
    Case { convolution, input, len, out_channels, stride, expected }
}

impl Case {
    /// The outputs of a range, by channels.
    fn compute(&self, range: Range<usize>, level: SimdLevel) -> Vec<Vec<f32>> {
        let mut input = Signal::default();
        input.fill(&self.input, self.len, self.convolution.input_range(range.clone(), self.len));
        let mut output = Signal::default();
        output.reset(self.convolution.bias().len(), range);
        let pass = ConvArgs { input: &input, slope: SLOPE, bias: None, residual: None, target: WriteMode::Replace };
        self.convolution.run(&pass, &mut output, &mut Workspace::new(level));
        channels(&output, self.out_channels)
    }

    fn whole(&self) -> Range<usize> {
        0..self.len * self.stride
    }
}

fn channels(signal: &Signal, count: usize) -> Vec<Vec<f32>> {
    (0..count).map(|c| signal.row(c / LANES).iter().map(|lanes| lanes.0[c % LANES]).collect()).collect()
}

fn difference(a: &[Vec<f32>], b: &Rows) -> f64 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    assert_eq!(a.iter().flatten().count(), b.iter().flatten().count());
    pairs.map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
}

/// The definition, the other instructions and the parts all give what the whole gives.
fn check(case: &Case, cut: usize) {
    let whole = case.compute(case.whole(), SimdLevel::detect());

    let worst = difference(&whole, &case.expected);
    assert!(worst < 1e-4, "{worst} from the definition");
    for level in SimdLevel::available() {
        assert_eq!(case.compute(case.whole(), level), whole, "{level:?}");
    }
    let cut = cut % case.whole().end;
    let mut parts = case.compute(0..cut, SimdLevel::detect());
    for (part, rest) in parts.iter_mut().zip(case.compute(cut..case.whole().end, SimdLevel::detect())) {
        part.extend(rest);
    }
    assert_eq!(parts, whole, "cut at {cut}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_convolution_equals_its_definition(
        channels in [1..40_usize, 1..40_usize], taps in 1..13_usize, dilation in 1..5_usize, len in 1..60_usize, cut in 0..60_usize,
    ) {
        check(&same(channels, taps, dilation, len, Precision::Usual), cut);
    }

    #[test]
    fn a_transposed_convolution_equals_its_definition(
        channels in [1..40_usize, 1..20_usize], stride in 1..9_usize, padding in 0..5_usize, len in 1..20_usize, cut in 0..60_usize,
    ) {
        check(&transposed(channels, stride, padding, len), cut);
    }
}

#[test]
fn a_convolution_of_high_precision_equals_its_definition() {
    for taps in [3, 5, 7] {
        check(&same([20, 20], taps, 1, 50, Precision::High), 17);
    }
}

#[test]
fn residuals_and_sums_are_added_once() {
    let case = same([16, 16], 3, 1, 30, Precision::Usual);
    let plain = case.compute(3..27, SimdLevel::detect());
    let mut input = Signal::default();
    input.fill(&case.input, case.len, 0..30);
    let mut output = Signal::default();
    output.reset(1, 3..27);
    output.row_mut(0).fill(F32x16([2.0; LANES]));
    let pass = ConvArgs { input: &input, slope: SLOPE, bias: None, residual: Some(&input), target: WriteMode::Add };

    case.convolution.run(&pass, &mut output, &mut Workspace::new(SimdLevel::detect()));

    for (c, sums) in channels(&output, 16).iter().enumerate() {
        for (at, sum) in sums.iter().enumerate() {
            assert_eq!(*sum, plain[c][at] + case.input[c * 30 + 3 + at] + 2.0);
        }
    }
}

#[test]
fn an_empty_range_needs_no_inputs_beyond_its_tile() {
    let case = same([16, 16], 3, 1, 30, Precision::Usual);

    let outputs = case.compute(7..7, SimdLevel::detect());

    assert!(outputs.iter().all(Vec::is_empty));
}

struct Tanh<'a>(&'a mut [F32x16]);

impl Operation for Tanh<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for lanes in self.0 {
            simd.store(tanh(simd, simd.load(lanes)), lanes);
        }
    }
}

#[test]
fn the_hyperbolic_tangent_is_exact_to_single_precision_and_within_full_scale() {
    let arguments: Vec<F32x16> =
        (-4000..4000).map(|i| F32x16(std::array::from_fn(|lane| i as f32 * 0.003 + lane as f32 * 1e-4))).collect();
    for level in SimdLevel::available() {
        let mut values = arguments.clone();

        level.run(Tanh(&mut values));

        for (x, y) in arguments.iter().flat_map(|x| x.0).zip(values.iter().flat_map(|y| y.0)) {
            assert!((f64::from(y) - f64::from(x).tanh()).abs() < 4e-7, "tanh({x}) = {y}");
            assert!(y.abs() <= 1.0);
        }
    }
}

struct Exp<'a>(&'a mut [F32x16]);

impl Operation for Exp<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for lanes in self.0 {
            simd.store(exp(simd, simd.load(lanes)), lanes);
        }
    }
}

#[test]
fn the_exponential_function_is_exact_to_single_precision_and_never_infinite() {
    let arguments: Vec<F32x16> =
        (-4000..4000).map(|i| F32x16(std::array::from_fn(|lane| i as f32 * 0.02 + lane as f32 * 1.1e-3))).collect();
    let beyond = F32x16(std::array::from_fn(|lane| [f32::NEG_INFINITY, f32::INFINITY, -1e9, 1e9][lane % 4]));
    for level in SimdLevel::available() {
        let mut values = arguments.clone();
        let mut limits = [beyond];

        level.run(Exp(&mut values));
        level.run(Exp(&mut limits));

        for (x, y) in arguments.iter().flat_map(|x| x.0).zip(values.iter().flat_map(|y| y.0)) {
            let expected = f64::from(x.clamp(-80.0, 80.0)).exp();
            assert!((f64::from(y) / expected - 1.0).abs() < 1.2e-7, "exp({x}) = {y}");
        }
        let [low, high] = [-80.0_f64, 80.0].map(f64::exp);
        let [of_low, of_high] = [0, 1].map(|lane| f64::from(limits[0].0[lane]));
        assert!((of_low / low - 1.0).abs() < 1.2e-7 && (of_high / high - 1.0).abs() < 1.2e-7);
        assert_eq!(limits[0].0[..2], limits[0].0[2..4]);
    }
}

struct Erf<'a>(&'a mut [F32x16]);

impl Operation for Erf<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for lanes in self.0 {
            simd.store(erf(simd, simd.load(lanes)), lanes);
        }
    }
}

#[test]
fn the_error_function_is_exact_to_single_precision() {
    let arguments: Vec<F32x16> =
        (-4000..4000).map(|i| F32x16(std::array::from_fn(|lane| i as f32 * 0.0015 + lane as f32 * 9e-5))).collect();
    for level in SimdLevel::available() {
        let mut values = arguments.clone();

        level.run(Erf(&mut values));

        for (x, y) in arguments.iter().flat_map(|x| x.0).zip(values.iter().flat_map(|y| y.0)) {
            assert!((f64::from(y) - libm::erf(f64::from(x))).abs() < 4e-7, "erf({x}) = {y}");
        }
    }
}

#[test]
fn what_is_no_number_stays_none() {
    for level in SimdLevel::available() {
        let [mut tangent, mut power, mut error] = [[F32x16([f32::NAN; 16])]; 3];

        level.run(Tanh(&mut tangent));
        level.run(Exp(&mut power));
        level.run(Erf(&mut error));

        let values = tangent[0].0.iter().chain(&power[0].0).chain(&error[0].0);
        assert!(values.copied().all(f32::is_nan));
    }
}
