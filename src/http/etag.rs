//! Entity tags (RFC 9110): what names the very bytes of an answer.

use std::fmt;

use crate::batch::BatchId;
use crate::cache::{CacheKey, KeyBuilder};

/// A strong validator: equal ones mean equal bytes. Made of the answer's key, so that it is known before the answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag(String);

/// Hex digits of the key that a tag has: 128 bits.
const TAG_DIGITS: usize = 32;

// === impl EntityTag ===

impl EntityTag {
    /// Of what is the same for everyone.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::new(&KeyBuilder::new("file").part("bytes", bytes).finish(), false)
    }

    /// Of a whole answer, or of the same sent in parts, whose head differs.
    pub fn new(key: &CacheKey, streamed: bool) -> Self {
        let digits = key.to_string();
        let ending = if streamed { "-s" } else { "" };
        Self(format!("\"{}{ending}\"", &digits[..TAG_DIGITS]))
    }

    /// Of the audio of an item, which is recorded once.
    pub fn of_item(batch: BatchId, index: usize, bytes: usize) -> Self {
        Self(format!("\"{batch}-{index}-{bytes}\""))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is written is this very tag.
    pub fn is(&self, written: &[u8]) -> bool {
        written == self.0.as_bytes()
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
