//! Convolutions against the sum that defines them.

use proptest::prelude::*;

use super::*;

/// A convolution, its input and where it is computed.
#[derive(Debug, Clone)]
struct Case {
    outs: usize,
    ins: usize,
    kernel: usize,
    dilation: usize,
    phases: usize,
    frames: usize,
    slope: f32,
    seed: u32,
}

impl Case {
    fn values(&self, count: usize, salt: u32) -> Vec<f32> {
        let mut state = self.seed.wrapping_mul(2_654_435_761).wrapping_add(salt) | 1;
        let next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / (1_u32 << 31) as f32 - 1.0
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    fn input(&self) -> Vec<f32> {
        self.values(self.ins * self.frames, 1)
    }

    fn weight(&self) -> Vec<f32> {
        let scale = 1.0 / ((self.ins * self.kernel) as f32).sqrt();
        self.values(self.outs * self.ins * self.kernel, 2).into_iter().map(|value| value * scale).collect()
    }

    fn bias(&self) -> Vec<f32> {
        self.values(self.outs, 3)
    }

    /// [rows of output][channels]
    fn computed(&self, isa: Isa) -> Vec<Vec<f32>> {
        let convolution = Convolution::new(&Taps {
            out_channels: self.outs,
            in_channels: self.ins,
            kernel: self.kernel,
            dilation: self.dilation,
            weight: &self.weight(),
            bias: &self.bias(),
            slope: self.slope,
            phases: self.phases,
        })
        .unwrap();
        let (mut input, mut output) = (Rows::default(), Rows::default());
        let time = 0..self.frames as isize;
        input.fill(&self.input(), self.frames, time.clone());
        let rows = 0..(self.frames * self.phases) as isize;
        output.reset(self.outs / self.phases, rows.clone(), rows.clone());
        convolution.run(&input, time, &mut output, Epilogue::default(), &mut Scratch::new(isa));
        let channels = self.outs / self.phases;
        let value = |row: isize, channel: usize| output.block(channel / LANES)[row as usize].0[channel % LANES];
        rows.map(|row| (0..channels).map(|channel| value(row, channel)).collect()).collect()
    }

    fn defined(&self) -> Vec<Vec<f32>> {
        let (input, weight, bias) = (self.input(), self.weight(), self.bias());
        let channels = self.outs / self.phases;
        let value = |row: usize, channel: usize| {
            let out = row % self.phases * channels + channel;
            let mut sum = f64::from(bias[out]);
            for i in 0..self.ins {
                for tap in 0..self.kernel {
                    let moment =
                        (row / self.phases + tap * self.dilation) as isize - (self.kernel / 2 * self.dilation) as isize;
                    let Some(x) = usize::try_from(moment).ok().filter(|&moment| moment < self.frames) else { continue };
                    let x = input[i * self.frames + x];
                    let x = if x > 0.0 { x } else { x * self.slope };
                    sum += f64::from(x) * f64::from(weight[(out * self.ins + i) * self.kernel + tap]);
                }
            }
            sum as f32
        };
        (0..self.frames * self.phases).map(|row| (0..channels).map(|channel| value(row, channel)).collect()).collect()
    }
}

fn case() -> impl Strategy<Value = Case> {
    let kernel = prop_oneof![Just(1_usize), Just(3), Just(5), Just(7), Just(9), Just(11)];
    let slope = prop_oneof![Just(1.0_f32), Just(0.1)];
    (1..40_usize, 1..40_usize, kernel, 1..6_usize, 1..90_usize, slope, any::<u32>(), 1..4_usize).prop_map(
        |(outs, ins, kernel, dilation, frames, slope, seed, phases)| {
            let outs = if phases == 1 { outs } else { phases * LANES * (1 + outs % 2) };
            Case { outs, ins, kernel, dilation, phases, frames, slope, seed }
        },
    )
}

fn furthest(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_convolution_is_the_sum_that_defines_it(case in case()) {
        let difference = furthest(&case.computed(Isa::best()), &case.defined());

        prop_assert!(difference < 1e-4, "{difference}");
    }

    #[test]
    fn the_width_of_vectors_changes_no_bit(case in case()) {
        let fused = Isa::available().into_iter().filter(|isa| *isa != Isa::Portable || cfg!(target_arch = "aarch64"));
        let computed: Vec<_> = fused.map(|isa| case.computed(isa)).collect();

        prop_assert!(computed.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn every_processor_can_compute_it(case in case()) {
        let difference = furthest(&case.computed(Isa::Portable), &case.defined());

        prop_assert!(difference < 1e-4, "{difference}");
    }
}

#[test]
fn weights_that_do_not_fit_their_shape_are_refused() {
    let taps = Taps {
        out_channels: 2,
        in_channels: 3,
        kernel: 3,
        dilation: 1,
        weight: &[0.0; 18],
        bias: &[],
        slope: 1.0,
        phases: 1,
    };

    assert!(Convolution::new(&taps).is_ok());
    for wrong in [
        Taps { weight: &[0.0; 17], ..taps },
        Taps { bias: &[0.0], ..taps },
        Taps { kernel: 2, weight: &[0.0; 12], ..taps },
        Taps { dilation: 0, ..taps },
        Taps { phases: 2, ..taps },
    ] {
        assert!(Convolution::new(&wrong).is_err(), "{wrong:?}");
    }
}
