//! Voices from a source to a folder, over real sockets and real files: what arrives, what is refused, and what is left
//! behind.

// Helpers of tests are not tests in the eyes of the lint.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod download;
mod fixture;
mod folders;
mod hostile;
mod licenses;
mod processes;
mod public;
mod serving;
mod source;
#[path = "../support/mod.rs"]
mod support;
mod tls;
