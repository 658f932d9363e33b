//! Owns the processor's vector instructions: sixteen floats at a time as AVX-512, as AVX2 pairs, or as plain Rust,
//! chosen once at run time. Every width computes the same operations on the same sixteen lanes in the same order,
//! multiplications and additions fused where they are asked to be, so that audio does not depend on the processor.
//! Refuses to know what is computed.
//!
//! The only file of the kernels with unsafe code. A value of [`Avx512`] or [`Avx2`] is the proof that the processor has
//! the instructions: only [`SimdLevel::run`] makes one, inside a function that enables them, for a [`SimdLevel`] that
//! was detected.

use std::fmt;

#[cfg(target_arch = "x86_64")]
mod x86;

/// Channels that are computed at once: the width of every block of activations and weights.
pub const LANES: usize = 16;

/// One vector in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct F32x16(pub [f32; LANES]);

/// Arithmetic on sixteen lanes, each operation correctly rounded.
pub trait Simd: Copy {
    type V: Copy;

    /// Whether a matrix product keeps 24 sums in registers; else it keeps six.
    const MANY_REGISTERS: bool;

    fn load(self, from: &F32x16) -> Self::V;
    fn store(self, value: Self::V, to: &mut F32x16);
    fn splat(self, value: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// The lesser, and the second operand where one of the two is not a number.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// The greater, and the second operand where one of the two is not a number.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// 2 to the power of whole numbers between -126 and 127.
    fn power_of_two(self, exponent: Self::V) -> Self::V;
}

/// Added to a whole number, it puts the exponent that a float of that power of two has into the lowest bits.
const TO_EXPONENT: f32 = 12_582_912.0 + 127.0;
/// Bits of a float below its exponent.
const FRACTION_BITS: u32 = 23;

/// Something to compute with whichever instructions there are. `run` has to be `#[inline(always)]`, and so has
/// everything that it calls with the token: only then is it compiled for these instructions.
pub trait Operation {
    fn run<S: Simd>(self, simd: S);
}

/// Instructions that this processor has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SimdLevel(Instructions);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

/// Plain Rust, which compilers turn into the vector instructions that an architecture always has, NEON for one.
#[derive(Clone, Copy)]
struct Portable;

// === impl SimdLevel ===

impl SimdLevel {
    /// All that this processor has, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if x86::has_avx512() {
                levels.push(Self(Instructions::Avx512));
            }
            if x86::has_avx2() {
                levels.push(Self(Instructions::Avx2));
            }
        }
        levels.push(Self(Instructions::Portable));
        levels
    }

    /// The fastest.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// Whether the kernels are quick on this processor. Fused multiplications are emulated, and slow, where it has
    /// none.
    pub fn is_accelerated(self) -> bool {
        self.0 != Instructions::Portable || cfg!(any(target_feature = "fma", target_arch = "aarch64"))
    }

    #[inline]
    pub fn run(self, operation: impl Operation) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => x86::run_avx512(operation),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => x86::run_avx2(operation),
            Instructions::Portable => operation.run(Portable),
        }
    }
}

impl fmt::Debug for SimdLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl F32x16 ===

impl F32x16 {
    pub const ZERO: Self = Self([0.0; LANES]);

    /// The sum of all, always in the same order.
    #[inline(always)]
    pub fn sum(self) -> f32 {
        self.fold(|a, b| a + b)
    }

    /// The largest of all.
    #[inline(always)]
    pub fn max(self) -> f32 {
        self.fold(|a, b| if a > b { a } else { b })
    }

    /// Joins halves until one value is left.
    #[inline(always)]
    fn fold(mut self, join: impl Fn(f32, f32) -> f32) -> f32 {
        let mut half = LANES / 2;
        while half > 0 {
            for lane in 0..half {
                self.0[lane] = join(self.0[lane], self.0[lane + half]);
            }
            half /= 2;
        }
        self.0[0]
    }
}

// === impl Portable ===

impl Portable {
    #[inline(always)]
    fn zip(a: F32x16, b: F32x16, f: impl Fn(f32, f32) -> f32) -> F32x16 {
        let mut out = a;
        for (out, b) in out.0.iter_mut().zip(b.0) {
            *out = f(*out, b);
        }
        out
    }
}

impl Simd for Portable {
    type V = F32x16;

    const MANY_REGISTERS: bool = false;

    #[inline(always)]
    fn load(self, from: &F32x16) -> F32x16 {
        *from
    }

    #[inline(always)]
    fn store(self, value: F32x16, to: &mut F32x16) {
        *to = value;
    }

    #[inline(always)]
    fn splat(self, value: f32) -> F32x16 {
        F32x16([value; LANES])
    }

    #[inline(always)]
    fn add(self, a: F32x16, b: F32x16) -> F32x16 {
        Self::zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: F32x16, b: F32x16) -> F32x16 {
        Self::zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: F32x16, b: F32x16) -> F32x16 {
        Self::zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: F32x16, b: F32x16) -> F32x16 {
        Self::zip(a, b, |a, b| a / b)
    }

    // The comparisons are those of the instructions: the second operand where the two are equal or one is not a number.
    #[inline(always)]
    fn min(self, a: F32x16, b: F32x16) -> F32x16 {
        Self::zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn max(self, a: F32x16, b: F32x16) -> F32x16 {
        Self::zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn mul_add(self, a: F32x16, b: F32x16, c: F32x16) -> F32x16 {
        let mut out = a;
        for ((out, b), c) in out.0.iter_mut().zip(b.0).zip(c.0) {
            *out = out.mul_add(b, c);
        }
        out
    }

    #[inline(always)]
    fn power_of_two(self, exponent: F32x16) -> F32x16 {
        F32x16(exponent.0.map(|exponent| f32::from_bits((exponent + TO_EXPONENT).to_bits() << FRACTION_BITS)))
    }
}
