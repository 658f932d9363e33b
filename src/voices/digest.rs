//! The digest of the bytes that a voice is made of: what was said with other bytes is not what this voice says.

use sha2::{Digest, Sha256};

/// Of a voice's model and config. Equal digests mean equal voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VoiceDigest([u8; 32]);

// === impl VoiceDigest ===

impl VoiceDigest {
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of files with these SHA-256 in hex, which are of one length.
    pub fn of(model: &str, config: &str) -> Self {
        Self(Sha256::new().chain_update(model).chain_update(config).finalize().into())
    }
}

impl From<[u8; 32]> for VoiceDigest {
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}
