//! Owns the envelope of an entry in a store that is not to be trusted: wrapped so that what is damaged, cut off, of
//! another version or another key's is told from what was written.
//!
//! ```text
//! 0   magic "TTSC"     8   time it was made, seconds since 1970     48  length of the payload
//! 4   version          16  its key                                  52  payload, then the XXH3 of all before, in 128 bits
//! ```
//!
//! Numbers are little-endian; three bytes after the version are zero. The checksum is against damage: whoever writes to
//! the store can write entries.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::CacheKey;
use crate::resilience::SharedHold;

/// Something that is kept: bytes that the cache does not look into, and when they were made. A clone shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheEntry {
    pub payload: Bytes,
    pub made_at: SystemTime,
    pub loan: SharedHold,
}

/// What stands under a key is not what was written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entry is damaged or another key's")]
pub struct Corrupt;

const MAGIC: [u8; 4] = *b"TTSC";
const VERSION: u8 = 2;
const MADE_AT: usize = 8;
const KEY: usize = 16;
const LENGTH: usize = 48;
const PAYLOAD: usize = 52;
const CHECKSUM_BYTES: usize = 16;
/// What the envelope adds to a payload.
pub const OVERHEAD_BYTES: usize = PAYLOAD + CHECKSUM_BYTES;

// === impl CacheEntry ===

impl CacheEntry {
    /// An entry that is made now.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self { payload: payload.into(), made_at: SystemTime::now(), loan: SharedHold::default() }
    }

    /// Zero if the clock was set back since.
    pub fn age(&self) -> Duration {
        self.made_at.elapsed().unwrap_or_default()
    }

    pub fn seal(&self, key: &CacheKey) -> Vec<u8> {
        let seconds = self.made_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut sealed = Vec::with_capacity(self.payload.len() + OVERHEAD_BYTES);
        sealed.extend_from_slice(&MAGIC);
        sealed.extend_from_slice(&[VERSION, 0, 0, 0]);
        sealed.extend_from_slice(&seconds.to_le_bytes());
        sealed.extend_from_slice(key.as_bytes());
        // Writers refuse what is over the limit of an entry, which is far below.
        sealed.extend_from_slice(&(self.payload.len() as u32).to_le_bytes());
        sealed.extend_from_slice(&self.payload);
        let checksum = checksum(&sealed);
        sealed.extend_from_slice(&checksum);
        sealed
    }

    /// What was sealed under `key`.
    pub fn open(key: &CacheKey, sealed: &Bytes) -> Result<Self, Corrupt> {
        let end = sealed.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end >= PAYLOAD).ok_or(Corrupt)?;
        let (content, stored) = sealed.split_at(end);
        let length = u32::from_le_bytes(field(content, LENGTH)) as usize;
        let is_ours = content[..4] == MAGIC
            && content[4..MADE_AT] == [VERSION, 0, 0, 0]
            && content[KEY..LENGTH] == key.as_bytes()[..]
            && length == end - PAYLOAD
            && checksum(content) == stored;
        if !is_ours {
            return Err(Corrupt);
        }
        let seconds = u64::from_le_bytes(field(content, MADE_AT));
        let made_at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(Corrupt)?;
        Ok(Self { payload: sealed.slice(PAYLOAD..end), made_at, loan: SharedHold::default() })
    }
}

/// The bytes from `at` on; the caller has seen that they are there.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    xxh3_128(bytes).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cache::KeyBuilder;

    fn key(name: &str) -> CacheKey {
        KeyBuilder::new("test").part("name", name).finish()
    }

    fn entry() -> CacheEntry {
        CacheEntry {
            payload: Bytes::from_static(b"some audio"),
            made_at: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            loan: SharedHold::default(),
        }
    }

    #[test]
    fn what_is_sealed_is_opened_under_its_key_alone() {
        let sealed = Bytes::from(entry().seal(&key("a")));

        assert_eq!(CacheEntry::open(&key("a"), &sealed), Ok(entry()));
        assert_eq!(CacheEntry::open(&key("b"), &sealed), Err(Corrupt));
        assert_eq!(sealed.len(), entry().payload.len() + OVERHEAD_BYTES);
    }

    #[test]
    fn nothing_and_other_versions_are_corrupt() {
        let mut other = entry().seal(&key("a"));
        other[4] = 1;
        let end = other.len() - CHECKSUM_BYTES;
        let sum = checksum(&other[..end]);
        other[end..].copy_from_slice(&sum);

        for bytes in [Vec::new(), vec![0; OVERHEAD_BYTES], other] {
            assert_eq!(CacheEntry::open(&key("a"), &bytes.into()), Err(Corrupt));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_mutation_is_opened(at: prop::sample::Index, bits in 1_u8.., cut: prop::sample::Index, cuts: bool) {
            let mut sealed = entry().seal(&key("a"));
            if cuts {
                sealed.truncate(cut.index(sealed.len()));
            } else {
                let at = at.index(sealed.len());
                sealed[at] ^= bits;
            }

            prop_assert_eq!(CacheEntry::open(&key("a"), &sealed.into()), Err(Corrupt));
        }
    }
}
