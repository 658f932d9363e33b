//! Owns Toom-Cook's way to convolve (also known as Winograd's minimal filtering): `m` outputs of a kernel with `r` taps
//! cost `m + r - 1` products in place of `m * r`. Inputs and weights are polynomials; their values at `m + r - 1`
//! points are multiplied, and the product is read off its values. Refuses to know where inputs come from and where
//! outputs go.
//!
//! The points are zero, infinity and pairs `+a`, `-a`. For a pair the even and the odd powers are added up once and
//! then joined with both signs, which halves the work. The pairs stay near 1: measured against a direct computation in
//! f64, the whole decoder of a voice is then about 3e-6 of full scale away with twelve points, where a direct
//! computation in f32 is 3e-7 away.

use super::simd::Simd;

/// Most pairs of points.
const MAX_PAIRS: usize = 5;
/// Most outputs of one tile.
const MAX_OUTPUTS: usize = 8;

/// The pairs by their number: exact in a few bits, so that the coefficients made of them are nearly exact too.
const PAIRS: [&[f64]; MAX_PAIRS + 1] =
    [&[], &[1.0], &[0.625, 1.5], &[0.5, 1.0, 1.5], &[0.5, 0.875, 1.25, 2.0], &[0.375, 0.625, 1.0, 1.375, 2.0]];

/// How a kernel is transformed, and the coefficients for it.
#[derive(Debug, Clone)]
pub struct Form {
    pub taps: usize,
    pub outputs: usize,
    /// The pairs.
    at: [f32; MAX_PAIRS],
    /// For each pair the polynomial, in squares, that is zero at zero and at all the other pairs; its highest
    /// coefficient, 1, left out.
    others: [[f32; MAX_PAIRS]; MAX_PAIRS],
    /// The polynomial, in squares, that is zero at all pairs; its highest coefficient, 1, left out.
    all: [f32; MAX_PAIRS],
    /// Powers of the pairs.
    powers: [[f32; MAX_PAIRS]; MAX_OUTPUTS],
}

// === impl Form ===

impl Form {
    /// The form for `taps` and `outputs`, of which one tap and one output is the plain product. Their sum is odd, that
    /// is the number of points even, but for that one, and at most twelve points.
    pub fn new(taps: usize, outputs: usize) -> Self {
        let pairs = pairs(taps + outputs - 1);
        let mut form = Self {
            taps,
            outputs,
            at: [0.0; MAX_PAIRS],
            others: [[0.0; MAX_PAIRS]; MAX_PAIRS],
            all: [0.0; MAX_PAIRS],
            powers: [[0.0; MAX_PAIRS]; MAX_OUTPUTS],
        };
        copy(&zero_at(pairs.iter().copied()), &mut form.all);
        for (i, &a) in pairs.iter().enumerate() {
            form.at[i] = a as f32;
            copy(&zero_at(pairs.iter().copied().filter(|&other| other != a)), &mut form.others[i]);
            for (j, powers) in form.powers.iter_mut().enumerate() {
                powers[i] = a.powi(j as i32) as f32;
            }
        }
        form
    }

    pub fn points(&self) -> usize {
        self.taps + self.outputs - 1
    }

    /// What a kernel is multiplied with, tap by tap, to be its value at each point: zero, the pairs with plus before
    /// minus, infinity.
    pub fn weight_transform(&self) -> Vec<Vec<f64>> {
        if self.points() == 1 {
            return vec![vec![1.0]];
        }
        let pairs = pairs(self.points());
        let points: Vec<f64> = [0.0].into_iter().chain(pairs.iter().flat_map(|&a| [a, -a])).collect();
        let finite = points.iter().map(|&point| {
            let scale: f64 = points.iter().filter(|&&other| other != point).map(|other| point - other).product();
            (0..self.taps).map(|tap| point.powi(tap as i32) / scale).collect()
        });
        let infinite = (0..self.taps).map(|tap| if tap + 1 == self.taps { 1.0 } else { 0.0 }).collect();
        finite.chain([infinite]).collect()
    }

    /// From `N` inputs one after the other to what is multiplied with the weights.
    #[inline(always)]
    pub fn transform_input<S: Simd, const N: usize>(&self, simd: S, x: [S::V; N]) -> [S::V; N] {
        let pairs = N / 2 - 1;
        let mut out = x;
        out[0] = x[2 * pairs];
        out[N - 1] = x[2 * pairs + 1];
        for c in 0..pairs {
            let factor = simd.splat(self.all[c]);
            out[0] = simd.mul_add(factor, x[2 * c], out[0]);
            out[N - 1] = simd.mul_add(factor, x[2 * c + 1], out[N - 1]);
        }
        for i in 0..pairs {
            let mut even = x[2 * pairs];
            let mut odd = x[2 * pairs - 1];
            for c in 0..pairs - 1 {
                let factor = simd.splat(self.others[i][c]);
                even = simd.mul_add(factor, x[2 * c + 2], even);
                odd = simd.mul_add(factor, x[2 * c + 1], odd);
            }
            out[1 + 2 * i] = simd.mul_add(simd.splat(self.at[i]), odd, even);
            out[2 + 2 * i] = simd.mul_add(simd.splat(-self.at[i]), odd, even);
        }
        out
    }

    /// From `N` products to `M` outputs one after the other.
    #[inline(always)]
    pub fn transform_output<S: Simd, const N: usize, const M: usize>(&self, simd: S, products: [S::V; N]) -> [S::V; M] {
        let pairs = N / 2 - 1;
        let mut sums = [simd.splat(0.0); MAX_PAIRS];
        let mut differences = [simd.splat(0.0); MAX_PAIRS];
        for i in 0..pairs {
            sums[i] = simd.add(products[1 + 2 * i], products[2 + 2 * i]);
            differences[i] = simd.sub(products[1 + 2 * i], products[2 + 2 * i]);
        }
        let mut out = [products[0]; M];
        for i in 0..pairs {
            out[0] = simd.add(out[0], sums[i]);
        }
        for j in 1..M {
            let joined = if j % 2 == 0 { sums } else { differences };
            out[j] = simd.mul(simd.splat(self.powers[j][0]), joined[0]);
            for i in 1..pairs {
                out[j] = simd.mul_add(simd.splat(self.powers[j][i]), joined[i], out[j]);
            }
        }
        out[M - 1] = simd.add(out[M - 1], products[N - 1]);
        out
    }
}

/// The pairs among so many points.
fn pairs(points: usize) -> &'static [f64] {
    PAIRS[(points / 2).saturating_sub(1)]
}

/// Coefficients in squares, lowest first, of the polynomial whose zeros are these and their negatives; the highest, 1,
/// included.
fn zero_at(zeros: impl Iterator<Item = f64>) -> Vec<f64> {
    zeros.fold(vec![1.0], |polynomial, zero| {
        let mut product = vec![0.0; polynomial.len() + 1];
        for (power, coefficient) in polynomial.iter().enumerate() {
            product[power + 1] += coefficient;
            product[power] -= coefficient * zero * zero;
        }
        product
    })
}

/// All but the highest coefficient.
fn copy(from: &[f64], to: &mut [f32; MAX_PAIRS]) {
    for (to, from) in to.iter_mut().zip(&from[..from.len() - 1]) {
        *to = *from as f32;
    }
}
