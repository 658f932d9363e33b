//! What the service says of itself, as those read it who run it: a real Prometheus, a collector of traces, whoever
//! reads the log.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod collector;
mod logs;
mod prometheus;
mod scraping;
mod series;
mod traces;
