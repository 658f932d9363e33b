//! Owns the names of keys in Redis. Nothing that callers name is in a key.

use redis::Cmd;
use sha2::{Digest, Sha256};

use super::super::super::model::{BatchDescription, BatchId};
use super::scripts::script;

pub const ACTIVE: &str = "{tts-batch}:active";
pub const EXPIRING: &str = "{tts-batch}:expiring";
pub const TO_BE_TOLD: &str = "{tts-batch}:to-tell";

pub fn counts(id: BatchId) -> String {
    format!("{{tts-batch}}:{id}")
}

pub fn stream(id: BatchId) -> String {
    format!("{{tts-batch}}:{id}:items")
}

pub fn results(id: BatchId) -> String {
    format!("{{tts-batch}}:{id}:outcomes")
}

/// Items that replicas have left to others.
pub fn left(id: BatchId) -> String {
    format!("{{tts-batch}}:{id}:left")
}

pub fn custom_ids(id: BatchId) -> String {
    format!("{{tts-batch}}:{id}:custom-ids")
}

pub fn of_owner(owner: &str) -> String {
    format!("{{tts-batch}}:owner:{}", hexadecimal(owner))
}

/// An owner's batches that go on.
pub fn open_of(owner: &str) -> String {
    format!("{{tts-batch}}:owner:{}:open", hexadecimal(owner))
}

/// What the results of an owner's batches take, of each and in all.
pub fn bytes_of(owner: &str) -> String {
    format!("{{tts-batch}}:owner:{}:bytes", hexadecimal(owner))
}

pub fn named(key: &str) -> String {
    format!("{{tts-batch}}:name:{}", hexadecimal(key))
}

fn hexadecimal(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..16])
}

/// A call of a script that works on one batch, with one more key or none.
pub fn on_batch(call: &str, id: BatchId, description: &BatchDescription, more: Option<&str>) -> Cmd {
    let (counts, stream, results, left) = (counts(id), stream(id), results(id), left(id));
    let open = open_of(&description.owner);
    let keys = [&counts, &stream, &results, &left, ACTIVE, TO_BE_TOLD, &open];
    let keys: Vec<&str> = keys.into_iter().chain(more).collect();
    let mut command = script(call, &keys);
    command.arg(id.to_string()).arg(description.items);
    command
}
