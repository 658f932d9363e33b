//! The service as callers see it: the real program and the real voice over real sockets, one file per group of routes or of claims.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

include!("suite.rs");
