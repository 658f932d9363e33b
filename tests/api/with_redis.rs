//! What the cache has to do with, once more, with a private Redis for each server.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caching;
mod formats;
mod legacy;
mod lifecycle;
mod openai;
mod quotas;
mod replaced;
mod secrecy;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
mod synthesize;
mod timestamps;
mod usage;

include!("words.rs");
