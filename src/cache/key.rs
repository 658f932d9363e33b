//! Owns the names of cache entries: a SHA-256 of everything that determines an answer. No text can be read out of a key.

use std::fmt;

use sha2::{Digest, Sha256};

/// Names one answer. Equal keys mean equal answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

/// Collects the parts of a key. Each part carries its name and length, so that no two lists of parts can run together.
pub struct KeyBuilder(Sha256);

/// Changed whenever the same parts would mean another answer.
const VERSION: &str = "answer-v1";

// === impl KeyBuilder ===

impl KeyBuilder {
    pub fn new() -> Self {
        Self(Sha256::new()).part("version", VERSION)
    }

    pub fn part(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        for bytes in [name.as_bytes(), value.as_ref()] {
            self.0.update((bytes.len() as u64).to_le_bytes());
            self.0.update(bytes);
        }
        self
    }

    /// A part that may be absent; absent differs from empty.
    pub fn optional(self, name: &str, value: Option<impl AsRef<[u8]>>) -> Self {
        match value {
            Some(value) => self.part(name, value),
            None => self,
        }
    }

    pub fn finish(self) -> CacheKey {
        CacheKey(self.0.finalize().into())
    }
}

impl Default for KeyBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(parts: &[(String, String)]) -> CacheKey {
        parts.iter().fold(KeyBuilder::new(), |key, (name, value)| key.part(name, value)).finish()
    }

    #[test]
    fn parts_do_not_run_together() {
        let joined = |a: &str, b: &str| KeyBuilder::new().part("voice", a).part("text", b).finish();

        assert_ne!(joined("a:b", "c"), joined("a", "b:c"));
        assert_ne!(joined("ab", ""), joined("a", "b"));
        assert_ne!(joined("a", "b"), joined("a", "b "));
        assert_eq!(joined("a", "b"), joined("a", "b"));
    }

    #[test]
    fn absent_differs_from_empty() {
        let with = |value: Option<&str>| KeyBuilder::new().optional("speaker", value).finish();

        assert_ne!(with(None), with(Some("")));
    }

    proptest! {
        #[test]
        fn different_parts_have_different_keys(a: Vec<(String, String)>, b: Vec<(String, String)>) {
            prop_assert_eq!(a == b, key(&a) == key(&b));
        }
    }
}
