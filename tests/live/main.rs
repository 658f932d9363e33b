//! Texts that are spoken while they are written, over the protocols in which they are.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bounds;
mod client;
mod fronts;
mod guide;
mod hostile;
mod speaking;
#[path = "../support/mod.rs"]
mod support;
mod whole;
