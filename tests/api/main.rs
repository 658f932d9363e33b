//! The service as callers see it: the real program and the real voice over real sockets, one file per group of routes
//! or of claims.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod auth;
mod bodies;
mod broken_voices;
mod caching;
mod connections;
mod cors;
mod examples;
mod formats;
mod fronts;
mod health;
mod legacy;
mod levels;
mod lexicons;
mod lifecycle;
mod limits;
mod links;
mod openai;
mod pages;
mod phoneme_types;
mod phonemize;
mod piper;
mod quotas;
mod reading;
mod refusals;
mod replaced;
mod secrecy;
mod ssml;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
mod synthesize;
mod timestamps;
mod usage;
mod voices;

include!("words.rs");
