//! Owns what a batch is, and what is known of it while it is worked off.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The name of a batch. Nobody can guess one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(Uuid);

/// What is known of a batch from its beginning, and does not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Who may see it: the name of a token.
    pub owner: String,
    /// In seconds since 1970, as `expires`.
    pub created: u64,
    /// When its results are removed.
    pub expires: u64,
    pub items: usize,
    /// Whether the results are wanted as one.
    pub concatenate: bool,
    /// Who is told when it has ended.
    pub webhook: Option<String>,
    /// Of the request that handed it in, if that is traced: the trace goes on wherever items are worked off.
    pub traceparent: Option<String>,
}

/// A batch at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    pub id: BatchId,
    pub description: Description,
    pub done: usize,
    pub failed: usize,
    /// How often an item was begun.
    pub begun: usize,
    /// Items that were worked off again after another replica had done them.
    pub repeated: usize,
    /// Length of the audio so far.
    pub seconds: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Queued,
    Running,
    Succeeded,
    /// It has ended, and some of its items failed.
    Failed,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Outcome {
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
    pub bytes: usize,
    /// Endings of the files beside the audio.
    pub beside: Vec<String>,
}

/// Why an item has no result. Holds nothing that the caller said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    pub code: String,
    pub message: String,
    /// Whether it is worth trying again.
    #[serde(skip)]
    pub is_passing: bool,
}

/// A spoken item.
#[derive(Debug, Clone)]
pub struct Sound {
    pub audio: Bytes,
    pub done: Done,
    /// Files beside the audio, by their endings.
    pub beside: Vec<(&'static str, Bytes)>,
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

// === impl Status ===

impl Status {
    pub fn state(&self) -> State {
        match (self.done.saturating_add(self.failed), self.failed) {
            (ended, 0) if ended >= self.description.items => State::Succeeded,
            (ended, _) if ended >= self.description.items => State::Failed,
            _ if self.begun == 0 => State::Queued,
            _ => State::Running,
        }
    }

    pub fn has_ended(&self) -> bool {
        matches!(self.state(), State::Succeeded | State::Failed)
    }
}

/// Time since 1970.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
