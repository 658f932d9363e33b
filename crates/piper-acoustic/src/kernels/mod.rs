//! Owns the convolutions over time that the text encoder, the flow and the decoder are made of, on one thread:
//! activations in blocks of channels ([`Signal`]), Toom-Cook convolutions ([`Convolution`]), their matrix product
//! ([`Product`]) and vector arithmetic ([`simd`]). Refuses ONNX, files and anything of a voice.

// What is not inlined into a function that enables instructions is compiled without them.
#![allow(clippy::inline_always)]
// Arrays whose length is known at compile time are walked by index, several of them at a time, so that they stay in
// registers.
#![allow(clippy::needless_range_loop)]

mod conv;
mod erf;
mod exp;
mod gemm;
#[cfg(test)]
pub mod naive;
mod norm;
mod run;
mod signal;
pub mod simd;
mod steps;
mod tanh;
#[cfg(test)]
mod tests;
mod toom_cook;
mod weights;

pub use conv::{ConvArgs, Convolution, Geometry, Precision, WriteMode, lanes};
pub use erf::erf;
pub use exp::exp;
pub use gemm::{Product, ROWS};
pub use norm::Norm;
pub use run::Workspace;
pub use signal::{Columns, Signal, blocks, evenly};
pub use tanh::{sigmoid, tanh};
pub use weights::{ConvWeights, MAX_SPAN, NormWeights, ShapeError, counts, not_empty, pointwise, produces, same_len};
