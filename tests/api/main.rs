//! The service as callers see it: the real program and the real voice over real sockets, one file per group of routes or of claims.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod auth;
mod bodies;
mod broken_voices;
mod caching;
mod health;
mod legacy;
mod lifecycle;
mod refusals;
mod secrecy;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
mod synthesize;
mod voices;

use serde_json::{Value, json};

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";
const LEGACY: &str = "/synthesizeSpeech";

/// A request without noise, so that its samples are always the same, with further fields.
fn noiseless(text: &str, fields: &Value) -> Value {
    with(&json!({"text": text, "noise_scale": 0, "noise_w": 0}), fields)
}

/// A body with further fields.
fn with(body: &Value, fields: &Value) -> Value {
    let mut all = body.as_object().expect("an object").clone();
    all.extend(fields.as_object().expect("an object").clone());
    Value::Object(all)
}
