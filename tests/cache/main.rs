//! The cache with a private Redis: what it keeps and finds, and what every fault of Redis costs. In this process where
//! each call counts, and as users run the service where requests do.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cache;
mod damage;
mod faults;
mod kinds;
mod replicas;
mod service;
#[path = "../support/mod.rs"]
mod support;
