//! Owns the names of cache entries: a SHA-256 of everything that determines what is kept. No text can be read out of a
//! key.

use std::fmt;

use sha2::{Digest, Sha256};

/// Names one entry. Equal keys mean equal entries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

/// Collects the parts of a key. Each part carries its name and length, so that no two lists of parts can run together.
pub struct KeyBuilder(Sha256);

// === impl CacheKey ===

impl CacheKey {
    pub const BYTES: usize = 32;

    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// A number as good as random that is always the same for the same key.
    pub fn seed(&self) -> u64 {
        let (first, _) = self.0.as_chunks::<8>();
        u64::from_le_bytes(first[0])
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..8]))
    }
}

// === impl KeyBuilder ===

impl KeyBuilder {
    /// `kind` names what is kept under the key, and its version: it changes whenever the same parts would mean another
    /// entry.
    pub fn new(kind: &str) -> Self {
        Self(Sha256::new()).part("kind", kind)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(parts: &[(String, String)]) -> CacheKey {
        parts.iter().fold(KeyBuilder::new("test"), |key, (name, value)| key.part(name, value)).finish()
    }

    /// Cuts `text` into parts at these places.
    fn cut(text: &str, places: &[usize]) -> Vec<(String, String)> {
        let mut places: Vec<usize> = places.iter().map(|place| place % (text.len() + 1)).collect();
        places.sort_unstable();
        let ends = places.iter().copied().chain([text.len()]);
        let begins = [0].into_iter().chain(places.iter().copied());
        begins.zip(ends).map(|(begin, end)| ("part".to_owned(), text[begin..end].to_owned())).collect()
    }

    #[test]
    fn keys_are_those_of_a_plain_sha_256_over_names_lengths_and_values() {
        // python3: sha256(b"".join(len(x).to_bytes(8, "little") + x for x in [b"kind", b"k-v1", b"voice", b"v",
        // b"text", b"Hi."]))
        let key = KeyBuilder::new("k-v1").part("voice", "v").part("text", "Hi.").finish();

        assert_eq!(key.to_string(), "fcef81f31ef5fbb50dde4832fb822bf95fa97f3d1075806480701955dc0386b1");
        assert_eq!(key.seed(), u64::from_le_bytes(key.as_bytes()[..8].try_into().unwrap()));
    }

    #[test]
    fn parts_do_not_run_together() {
        let joined = |a: &str, b: &str| KeyBuilder::new("test").part("voice", a).part("text", b).finish();

        assert_ne!(joined("a:b", "c"), joined("a", "b:c"));
        assert_ne!(joined("ab", ""), joined("a", "b"));
        assert_ne!(joined("a", "b"), joined("a", "b "));
        assert_ne!(joined("a", "\u{e9}"), joined("a", "e\u{301}"));
        assert_eq!(joined("a", "b"), joined("a", "b"));
    }

    #[test]
    fn absent_differs_from_empty() {
        let with = |value: Option<&str>| KeyBuilder::new("test").optional("speaker", value).finish();

        assert_ne!(with(None), with(Some("")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        // The same characters cut differently are what runs together if anything does.
        #[test]
        fn different_parts_have_different_keys(
            text in "[a-c:\\x00]{0,8}",
            a in prop::collection::vec(0_usize..9, 0..3),
            b in prop::collection::vec(0_usize..9, 0..3),
        ) {
            let (a, b) = (cut(&text, &a), cut(&text, &b));
            prop_assert_eq!(a == b, key(&a) == key(&b));
        }
    }
}
