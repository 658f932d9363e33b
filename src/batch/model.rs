//! Owns the types of a batch and of its progress.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

/// The name of a batch. Nobody can guess one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(Uuid);

/// What is known of a batch from its beginning, and does not change. Fields that it does not know it passes over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchDescription {
    /// Raised where replicas of an earlier version could not work the batch off; those leave it alone.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Who may see it: the name of a token.
    pub owner: String,
    /// In seconds since 1970, as `expires`.
    pub created: u64,
    /// When its results are removed.
    pub expires: u64,
    pub items: usize,
    /// Whether items have names of the caller's own.
    #[serde(default)]
    pub has_custom_ids: bool,
    /// Whether the results are wanted as one.
    pub concatenate: bool,
    /// Who is told when it has ended.
    pub webhook: Option<String>,
    /// Of the request that handed it in, if that is traced: the trace goes on wherever items are worked off.
    pub traceparent: Option<String>,
}

/// A batch at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStatus {
    pub id: BatchId,
    pub description: BatchDescription,
    pub done: usize,
    pub failed: usize,
    /// How often an item was begun.
    pub begun: usize,
    /// Items that were worked off again after another replica had done them.
    pub repeated: usize,
    /// Length of the audio so far.
    pub seconds: f64,
    /// Of the results so far.
    pub bytes: u64,
    /// Why it ended before all items were worked off. What has no outcome failed for this reason.
    pub error: Option<ItemError>,
}

/// An item as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    pub item: String,
    /// The caller's own name for it.
    pub custom_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    Queued,
    Running,
    Succeeded,
    /// It has ended, and some of its items failed.
    Failed,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum ItemOutcome {
    Done(Done),
    Failed(ItemError),
}

/// A result that is in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    pub voice: String,
    pub content_type: String,
    /// Ending of the audio's file.
    pub extension: String,
    /// In hertz.
    pub sample_rate: u32,
    pub seconds: f64,
    /// Of the audio.
    pub bytes: usize,
    /// Endings of the files beside the audio.
    pub beside: Vec<String>,
    /// Of the files beside the audio, all together.
    #[serde(default)]
    pub beside_bytes: usize,
    /// XXH3 of the files as they were stored, in hex, by their endings. Versions that did not compute it left none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<String, String>,
}

/// Why an item has no result. Holds nothing that the caller said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    pub code: String,
    pub message: String,
    /// Whether it is worth trying again.
    #[serde(skip)]
    pub is_passing: bool,
    /// Whether it lies with this replica, so that another may do better: a voice or a limit that this one lacks.
    #[serde(skip)]
    pub is_local: bool,
}

/// A spoken item.
#[derive(Debug, Clone)]
pub struct SpokenItem {
    pub audio: Bytes,
    pub done: Done,
    /// Files beside the audio, by their endings.
    pub beside: Vec<(&'static str, Bytes)>,
}

/// Of descriptions that are written now.
pub const VERSION: u32 = 1;

fn first_version() -> u32 {
    1
}

// === impl BatchId ===

impl BatchId {
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Done ===

impl Done {
    /// What the result takes in the store.
    pub fn stored_bytes(&self) -> usize {
        self.bytes + self.beside_bytes
    }

    /// Notes what is stored under an ending.
    pub fn stores(&mut self, ending: &str, file: &[u8]) {
        self.digests.insert(ending.to_owned(), digest(file));
    }

    /// Whether this is what was stored, as far as that is known.
    pub fn has_stored(&self, ending: &str, file: &[u8]) -> bool {
        self.digests.get(ending).is_none_or(|stored| *stored == digest(file))
    }
}

// === impl ItemError ===

impl ItemError {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), is_passing: false, is_local: false }
    }
}

// === impl BatchStatus ===

impl BatchStatus {
    /// Of a batch that was just handed in.
    pub fn new(id: BatchId, description: BatchDescription) -> Self {
        let (done, failed, begun, repeated) = (0, 0, 0, 0);
        Self { id, description, done, failed, begun, repeated, seconds: 0.0, bytes: 0, error: None }
    }

    pub fn state(&self) -> BatchState {
        if self.error.is_some() {
            return BatchState::Failed;
        }
        match (self.done.saturating_add(self.failed), self.failed) {
            (ended, 0) if ended >= self.description.items => BatchState::Succeeded,
            (ended, _) if ended >= self.description.items => BatchState::Failed,
            _ if self.begun == 0 => BatchState::Queued,
            _ => BatchState::Running,
        }
    }

    /// What became of items that nothing is recorded of: nothing yet, or they failed with the batch.
    pub fn unrecorded(&self) -> Option<ItemOutcome> {
        let lost = || ItemError::new("result_lost", "what became of the item was lost: hand it in again");
        self.has_ended().then(|| ItemOutcome::Failed(self.error.clone().unwrap_or_else(lost)))
    }

    pub fn has_ended(&self) -> bool {
        matches!(self.state(), BatchState::Succeeded | BatchState::Failed)
    }
}

fn digest(file: &[u8]) -> String {
    format!("{:032x}", xxh3_128(file))
}

/// Time since 1970.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn recorded(more: &Value) -> Done {
        let mut record = json!({"voice": "v", "content_type": "audio/wav", "extension": "wav", "sample_rate": 1,
            "seconds": 1.0, "bytes": 3, "beside": []});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn a_stored_file_is_known_again_and_any_is_taken_where_none_was_noted() {
        let mut done = recorded(&json!({}));
        assert!(done.has_stored("wav", b"any"));
        assert!(!json!(done).as_object().unwrap().contains_key("digests"), "an earlier version reads the record");

        done.stores("wav", b"one");
        let read = recorded(&json!({"digests": done.digests}));

        assert_eq!([&b"one"[..], b"two"].map(|file| read.has_stored("wav", file)), [true, false]);
        assert!(read.has_stored("srt", b"any"));
    }
}
