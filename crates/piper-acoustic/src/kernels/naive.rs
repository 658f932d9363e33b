//! Owns convolutions as their definition has them, in f64 and one product at a time: what tests compare the kernels
//! with.

use super::weights::NormWeights;

/// Channels over time.
pub type Rows = Vec<Vec<f64>>;

/// `weights[output][input][tap]`, zeros around the input, output as long as the input.
pub fn conv(x: &Rows, weights: &[f32], bias: &[f32], [outputs, taps, dilation]: [usize; 3]) -> Rows {
    let len = x[0].len();
    let lead = dilation * (taps - 1) / 2;
    let sum = |output: usize, t: usize| {
        let mut sum = bias.get(output).map_or(0.0, |bias| f64::from(*bias));
        for (input, row) in x.iter().enumerate() {
            for tap in 0..taps {
                if let Some(value) = (t + tap * dilation).checked_sub(lead).and_then(|at| row.get(at)) {
                    sum += value * f64::from(weights[(output * x.len() + input) * taps + tap]);
                }
            }
        }
        sum
    };
    (0..outputs).map(|output| (0..len).map(|t| sum(output, t)).collect()).collect()
}

/// `weights[input][output][tap]`, output `stride` times as long as the input.
pub fn transposed(x: &Rows, weights: &[f32], bias: &[f32], [outputs, taps, stride]: [usize; 3]) -> Rows {
    let padding = (taps - stride) / 2;
    let len = x[0].len() * stride;
    let mut out: Rows = (0..outputs).map(|o| vec![bias.get(o).map_or(0.0, |bias| f64::from(*bias)); len]).collect();
    for (input, row) in x.iter().enumerate() {
        for (at, value) in row.iter().enumerate() {
            for (output, out) in out.iter_mut().enumerate() {
                for tap in 0..taps {
                    if let Some(sum) = (at * stride + tap).checked_sub(padding).and_then(|t| out.get_mut(t)) {
                        *sum += value * f64::from(weights[(input * outputs + output) * taps + tap]);
                    }
                }
            }
        }
    }
    out
}

pub fn leaky_relu(x: &Rows, slope: f32) -> Rows {
    let activate = |x: &f64| if *x > 0.0 { *x } else { x * f64::from(slope) };
    x.iter().map(|row| row.iter().map(activate).collect()).collect()
}

pub fn normalised(x: &Rows, norm: &NormWeights) -> Rows {
    let mut out = x.clone();
    for t in 0..x[0].len() {
        let mean = x.iter().map(|row| row[t]).sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|row| (row[t] - mean).powi(2)).sum::<f64>() / x.len() as f64;
        for (c, row) in out.iter_mut().enumerate() {
            let scaled = (row[t] - mean) / (variance + f64::from(norm.epsilon)).sqrt();
            row[t] = scaled * f64::from(norm.scale[c]) + f64::from(norm.shift[c]);
        }
    }
    out
}

pub fn add(a: &Rows, b: &Rows) -> Rows {
    a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect()).collect()
}

/// Numbers between -1 and 1 that look random and are always the same.
pub fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
