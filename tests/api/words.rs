// The words in which the tests of the routes speak; included where they are.

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
