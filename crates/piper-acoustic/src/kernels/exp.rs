//! Owns the exponential function, by its series around whole powers of two. With the roundings of single precision the
//! result is within 1.2e-7 of its own size. A library's function would give other last bits on other systems.

use super::simd::Simd;

/// Where it ends on both sides: what lies beyond is taken for this, so that no result is infinite or loses its
/// precision.
const LIMIT: f32 = 80.0;
/// The logarithm of 2 in two parts, the first so short that its products with the exponents are exact.
const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
/// Added and taken away again, it leaves a whole number.
const ROUNDING: f32 = 12_582_912.0;
/// One over the factorials, lowest first. What is left out is below 1e-8 where the argument is at most half the
/// logarithm of 2.
const SERIES: [f32; 8] = [1.0, 1.0, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0];

#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::V) -> S::V {
    // In this order what is no number stays none: see `Simd::min`.
    let x = simd.max(simd.splat(-LIMIT), simd.min(simd.splat(LIMIT), x));
    let rounding = simd.splat(ROUNDING);
    let exponent = simd.sub(simd.mul_add(x, simd.splat(std::f32::consts::LOG2_E), rounding), rounding);
    let rest = simd.mul_add(exponent, simd.splat(-LN_2[1]), simd.mul_add(exponent, simd.splat(-LN_2[0]), x));
    let mut value = simd.splat(SERIES[7]);
    for power in (0..7).rev() {
        value = simd.mul_add(value, rest, simd.splat(SERIES[power]));
    }
    simd.mul(value, simd.power_of_two(exponent))
}
