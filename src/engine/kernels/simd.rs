//! Owns vectors of sixteen floats, as the processor at hand has them: one register with AVX-512, two with AVX2, or what the compiler makes of
//! an array. All unsafe code of the kernels stands here.

#![allow(unsafe_code)]

use std::sync::OnceLock;

/// Floats in a vector.
pub const LANES: usize = 16;

/// Sixteen channels at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Lane(pub [f32; LANES]);

/// What a processor can do. A value of this type is the proof that the processor at hand can.
pub trait Simd: Copy {
    type Vector: Copy;

    fn load(self, from: &Lane) -> Self::Vector;
    fn store(self, vector: Self::Vector, to: &mut Lane);
    fn splat(self, value: f32) -> Self::Vector;
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Products of vectors and matrices, in blocks that fit the registers.
    fn product(self, task: super::product::Product<'_>);
}

/// Something to compute, written once for all processors.
pub trait Task {
    fn run<S: Simd>(self, simd: S);
}

/// The instruction sets that the kernels are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

// === impl Lane ===

impl Lane {
    pub const ZERO: Self = Self([0.0; LANES]);
}

// === impl Isa ===

impl Isa {
    /// The fastest of the processor at hand.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// All of the processor at hand, the fastest first.
    pub fn available() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        return [(Self::Avx512, is_x86_feature_detected!("avx512f")), (Self::Avx2, has_avx2()), (Self::Portable, true)]
            .into_iter()
            .filter_map(|(isa, available)| available.then_some(isa))
            .collect();
        #[cfg(not(target_arch = "x86_64"))]
        vec![Self::Portable]
    }

    /// Runs the task with these instructions; if the processor lacks them, with those that each has.
    pub fn run(self, task: impl Task) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions.
            Self::Avx512 if is_x86_feature_detected!("avx512f") => unsafe { x86::with_avx512(task) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the instructions.
            Self::Avx2 if has_avx2() => unsafe { x86::with_avx2(task) },
            _ => task.run(Portable(())),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// What the compiler makes of arrays.
#[derive(Clone, Copy)]
pub struct Portable(());

impl Simd for Portable {
    type Vector = Lane;

    #[inline(always)]
    fn load(self, from: &Lane) -> Lane {
        *from
    }

    #[inline(always)]
    fn store(self, vector: Lane, to: &mut Lane) {
        *to = vector;
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Lane {
        Lane([value; LANES])
    }

    #[inline(always)]
    fn add(self, a: Lane, b: Lane) -> Lane {
        Lane(std::array::from_fn(|lane| a.0[lane] + b.0[lane]))
    }

    #[inline(always)]
    fn sub(self, a: Lane, b: Lane) -> Lane {
        Lane(std::array::from_fn(|lane| a.0[lane] - b.0[lane]))
    }

    #[inline(always)]
    fn mul(self, a: Lane, b: Lane) -> Lane {
        Lane(std::array::from_fn(|lane| a.0[lane] * b.0[lane]))
    }

    #[inline(always)]
    fn max(self, a: Lane, b: Lane) -> Lane {
        Lane(std::array::from_fn(|lane| if a.0[lane] > b.0[lane] { a.0[lane] } else { b.0[lane] }))
    }

    #[inline(always)]
    fn fma(self, a: Lane, b: Lane, c: Lane) -> Lane {
        Lane(std::array::from_fn(|lane| fused(a.0[lane], b.0[lane], c.0[lane])))
    }

    #[inline(always)]
    fn product(self, task: super::product::Product<'_>) {
        task.in_single_blocks::<Self, 4>(self);
    }
}

/// An x86 processor without AVX2 has no fused instruction, and imitating one takes a hundred times as long: there the last bit may differ.
#[inline(always)]
fn fused(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(all(target_arch = "x86_64", not(target_feature = "fma"))) { a * b + c } else { a.mul_add(b, c) }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, _mm256_add_ps, _mm256_fmadd_ps, _mm256_load_ps, _mm256_max_ps, _mm256_mul_ps, _mm256_set1_ps,
        _mm256_store_ps, _mm256_sub_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_load_ps, _mm512_max_ps, _mm512_mul_ps,
        _mm512_set1_ps, _mm512_store_ps, _mm512_sub_ps,
    };

    use super::super::product::Product;
    use super::{Lane, Simd, Task};

    /// Only made where the processor has AVX-512F.
    #[derive(Clone, Copy)]
    pub struct Avx512(());

    /// Only made where the processor has AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub struct Avx2(());

    #[target_feature(enable = "avx512f")]
    pub fn with_avx512(task: impl Task) {
        task.run(Avx512(()));
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn with_avx2(task: impl Task) {
        task.run(Avx2(()));
    }

    // Each method: SAFETY: `self` is the proof that the processor has the instruction, and a `Lane` is as large as what is read or written
    // and aligned to 64 bytes.
    impl Simd for Avx512 {
        type Vector = __m512;

        #[inline(always)]
        fn load(self, from: &Lane) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_load_ps(from.0.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, vector: __m512, to: &mut Lane) {
            // SAFETY: see above.
            unsafe { _mm512_store_ps(to.0.as_mut_ptr(), vector) }
        }

        #[inline(always)]
        fn splat(self, value: f32) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        fn add(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_add_ps(a, b) }
        }

        #[inline(always)]
        fn sub(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_sub_ps(a, b) }
        }

        #[inline(always)]
        fn mul(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_mul_ps(a, b) }
        }

        #[inline(always)]
        fn max(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_max_ps(a, b) }
        }

        #[inline(always)]
        fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        fn product(self, task: Product<'_>) {
            task.in_double_blocks::<Self, 12>(self);
        }
    }

    impl Simd for Avx2 {
        type Vector = [__m256; 2];

        #[inline(always)]
        fn load(self, from: &Lane) -> Self::Vector {
            // SAFETY: see above; the second half begins within the lane.
            unsafe { [_mm256_load_ps(from.0.as_ptr()), _mm256_load_ps(from.0.as_ptr().add(8))] }
        }

        #[inline(always)]
        fn store(self, vector: Self::Vector, to: &mut Lane) {
            // SAFETY: see above; the second half begins within the lane.
            unsafe {
                _mm256_store_ps(to.0.as_mut_ptr(), vector[0]);
                _mm256_store_ps(to.0.as_mut_ptr().add(8), vector[1]);
            }
        }

        #[inline(always)]
        fn splat(self, value: f32) -> Self::Vector {
            // SAFETY: see above.
            unsafe { [_mm256_set1_ps(value); 2] }
        }

        #[inline(always)]
        fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: see above.
            unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
        }

        #[inline(always)]
        fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: see above.
            unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
        }

        #[inline(always)]
        fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: see above.
            unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
        }

        #[inline(always)]
        fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
            // SAFETY: see above.
            unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
        }

        #[inline(always)]
        fn fma(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
            // SAFETY: see above.
            unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
        }

        #[inline(always)]
        fn product(self, task: Product<'_>) {
            task.in_single_blocks::<Self, 6>(self);
        }
    }
}
