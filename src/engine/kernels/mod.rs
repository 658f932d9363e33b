//! Owns convolutions over time, in one dimension, as the decoder of a voice has them: many channels, few taps, dilated or not. Faster than
//! ONNX Runtime's, because a short kernel needs two to three times fewer products by Toom and Cook's way, and because the channels stand
//! together in memory, sixteen at a time, so that everything along time is plain arithmetic on vectors. Refuses to know what is computed.
//!
//! The values do not depend on how wide the processor's vectors are: each is made by the same additions and fused multiplications in the
//! same order.

// What is generic over processors has to be inlined into the function that has a processor's instructions.
#![allow(clippy::inline_always)]

mod convolution;
mod direct;
mod product;
mod rows;
mod simd;
#[cfg(test)]
mod tests;
mod tiled;
mod toom_cook;

pub use convolution::{Convolution, Epilogue, Scratch, ShapeError, Taps};
pub use rows::Rows;
pub use simd::{Isa, LANES, Lane, Simd, Task};
