//! Owns the intrinsics of x86-64. Refuses to run where the processor lacks them: its tokens are made by `run_avx512`
//! and `run_avx2` alone.

// Intrinsics are unsafe to call; this file and no other of the kernels calls them.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256, __m512, _mm256_add_ps, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_div_ps, _mm256_fmadd_ps,
    _mm256_load_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_slli_epi32, _mm256_store_ps,
    _mm256_sub_ps, _mm512_add_ps, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_div_ps, _mm512_fmadd_ps,
    _mm512_load_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_slli_epi32, _mm512_store_ps,
    _mm512_sub_ps,
};

use super::{F32x16, FRACTION_BITS, Operation, Simd, TO_EXPONENT};

/// Proof that the processor has AVX-512F.
#[derive(Clone, Copy)]
struct Avx512(());

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
struct Avx2(());

pub fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && has_avx2()
}

pub fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

pub fn run_avx512(operation: impl Operation) {
    #[target_feature(enable = "avx512f,avx2,fma")]
    fn enabled(operation: impl Operation) {
        operation.run(Avx512(()));
    }

    assert!(has_avx512(), "a level is made by detection only");
    // SAFETY: the processor has what is enabled, as the line above asked it.
    unsafe { enabled(operation) }
}

pub fn run_avx2(operation: impl Operation) {
    #[target_feature(enable = "avx2,fma")]
    fn enabled(operation: impl Operation) {
        operation.run(Avx2(()));
    }

    assert!(has_avx2(), "a level is made by detection only");
    // SAFETY: the processor has what is enabled, as the line above asked it.
    unsafe { enabled(operation) }
}

/// Operations on a whole AVX-512 register.
macro_rules! whole {
    ($($name:ident = $intrinsic:ident($($operand:ident),+);)+) => {$(
        #[inline(always)]
        fn $name(self, $($operand: __m512),+) -> __m512 {
            // SAFETY: `self` proves that the processor has the instruction.
            unsafe { $intrinsic($($operand),+) }
        }
    )+};
}

/// Operations on two AVX registers.
macro_rules! paired {
    ($($name:ident = $intrinsic:ident($($operand:ident),+);)+) => {$(
        #[inline(always)]
        fn $name(self, $($operand: [__m256; 2]),+) -> [__m256; 2] {
            // SAFETY: `self` proves that the processor has the instruction.
            unsafe { [$intrinsic($($operand[0]),+), $intrinsic($($operand[1]),+)] }
        }
    )+};
}

impl Simd for Avx512 {
    type V = __m512;

    const MANY_REGISTERS: bool = true;

    #[inline(always)]
    fn load(self, from: &F32x16) -> __m512 {
        // SAFETY: `F32x16` is 64 bytes, aligned to 64; `self` proves the instruction.
        unsafe { _mm512_load_ps(from.0.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, value: __m512, to: &mut F32x16) {
        // SAFETY: `F32x16` is 64 bytes, aligned to 64; `self` proves the instruction.
        unsafe { _mm512_store_ps(to.0.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` proves that the processor has the instruction.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn power_of_two(self, exponent: __m512) -> __m512 {
        let biased = self.add(exponent, self.splat(TO_EXPONENT));
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<FRACTION_BITS>(_mm512_castps_si512(biased))) }
    }

    whole! {
        add = _mm512_add_ps(a, b);
        sub = _mm512_sub_ps(a, b);
        mul = _mm512_mul_ps(a, b);
        div = _mm512_div_ps(a, b);
        min = _mm512_min_ps(a, b);
        max = _mm512_max_ps(a, b);
        mul_add = _mm512_fmadd_ps(a, b, c);
    }
}

impl Simd for Avx2 {
    type V = [__m256; 2];

    const MANY_REGISTERS: bool = false;

    #[inline(always)]
    fn load(self, from: &F32x16) -> [__m256; 2] {
        let (low, high) = from.0.split_at(8);
        // SAFETY: each half of `F32x16` is 32 bytes, aligned to 32; `self` proves the instruction.
        unsafe { [_mm256_load_ps(low.as_ptr()), _mm256_load_ps(high.as_ptr())] }
    }

    #[inline(always)]
    fn store(self, value: [__m256; 2], to: &mut F32x16) {
        let (low, high) = to.0.split_at_mut(8);
        // SAFETY: each half of `F32x16` is 32 bytes, aligned to 32; `self` proves the instruction.
        unsafe {
            _mm256_store_ps(low.as_mut_ptr(), value[0]);
            _mm256_store_ps(high.as_mut_ptr(), value[1]);
        }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> [__m256; 2] {
        // SAFETY: `self` proves that the processor has the instruction.
        [unsafe { _mm256_set1_ps(value) }; 2]
    }

    #[inline(always)]
    fn power_of_two(self, exponent: [__m256; 2]) -> [__m256; 2] {
        const BITS: i32 = FRACTION_BITS as i32;
        let biased = self.add(exponent, self.splat(TO_EXPONENT));
        // SAFETY: `self` proves that the processor has the instructions.
        biased.map(|half| unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<BITS>(_mm256_castps_si256(half))) })
    }

    paired! {
        add = _mm256_add_ps(a, b);
        sub = _mm256_sub_ps(a, b);
        mul = _mm256_mul_ps(a, b);
        div = _mm256_div_ps(a, b);
        min = _mm256_min_ps(a, b);
        max = _mm256_max_ps(a, b);
        mul_add = _mm256_fmadd_ps(a, b, c);
    }
}
