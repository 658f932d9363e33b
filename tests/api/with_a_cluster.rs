//! The service as callers see it, once more, with a Redis Cluster of three nodes.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

include!("suite.rs");
