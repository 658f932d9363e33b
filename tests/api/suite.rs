// The tests of the routes, and what they share; included by each binary that runs them.

mod auth;
mod bodies;
mod broken_voices;
mod caching;
mod formats;
mod health;
mod legacy;
mod lexicons;
mod lifecycle;
mod openai;
mod pages;
mod phonemize;
mod piper;
mod quotas;
mod refusals;
mod replaced;
mod secrecy;
mod ssml;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
mod synthesize;
mod timestamps;
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
