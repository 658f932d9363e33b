//! The engine as a whole, with the real parts: equal to Piper's own package on fixed texts, unharmed by hostile texts
//! and dying children.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audio;
mod children;
mod compiled;
mod hostile;
mod hostile_texts;
mod lies;
mod phonemes;
mod stretches;
mod structures;
mod support;
mod whole;
mod whole_texts;
