//! The tests of what is kept, once more, with a Redis Cluster of three nodes.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod caching;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";

/// A body with further fields.
fn with(body: &Value, fields: &Value) -> Value {
    let mut all = body.as_object().expect("an object").clone();
    all.extend(fields.as_object().expect("an object").clone());
    Value::Object(all)
}
