//! Batches: handed in once, worked off by every replica, fetched when done.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod clocks;
mod commands;
mod elsewhere;
mod fairness;
mod fetching;
mod first;
mod handing_in;
mod redis;
mod removal;
mod secrecy;
mod standstill;
mod versions;
mod webhooks;
