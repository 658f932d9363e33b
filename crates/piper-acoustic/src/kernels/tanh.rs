//! Owns the hyperbolic tangent, and the logistic function that is made of it: a quotient of two polynomials in the
//! square of its argument, fitted to be within 7e-9 up to 8, from where on the tangent is 1 in single precision. With
//! the roundings of single precision the result is within 3e-7. A library's function would give other last bits on
//! other systems.

use super::simd::Simd;

const LIMIT: f32 = 8.0;
/// Coefficients, lowest first.
const OVER: [f32; 5] = [1.0, 0.134_445_43, 0.003_571_652, 2.189_555_2e-5, 1.523_166_5e-8];
const UNDER: [f32; 5] = [1.0, 0.467_778_7, 0.026_164_65, 0.000_341_138_05, 8.522_954e-7];

#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::V) -> S::V {
    // In this order what is no number stays none: see `Simd::min`.
    let x = simd.max(simd.splat(-LIMIT), simd.min(simd.splat(LIMIT), x));
    let square = simd.mul(x, x);
    let mut over = simd.splat(OVER[4]);
    let mut under = simd.splat(UNDER[4]);
    for power in (0..4).rev() {
        over = simd.mul_add(over, square, simd.splat(OVER[power]));
        under = simd.mul_add(under, square, simd.splat(UNDER[power]));
    }
    simd.div(simd.mul(x, over), under)
}

#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::V) -> S::V {
    let half = simd.splat(0.5);
    simd.mul_add(tanh(simd, simd.mul(x, half)), half, half)
}
