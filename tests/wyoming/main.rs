//! Speech in the protocol in which Home Assistant asks for it.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod announcement;
mod bounds;
mod client;
mod hostile;
mod speaking;
#[path = "../support/mod.rs"]
mod support;
