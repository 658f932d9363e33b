//! Owns the interface of all encoders.

use super::AudioFormat;

/// The samples cannot be written in the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{format}: {reason}")]
pub struct EncodeError {
    format: &'static str,
    reason: String,
}

/// One format. Takes time, where it compresses: not for an async thread.
pub(super) trait Codec: Send {
    /// What a stream begins with, whose length nobody knows yet.
    fn stream_head(&self) -> Vec<u8>;

    /// Takes samples; gives the bytes that are settled.
    fn push(&mut self, samples: &[i16]) -> Result<Vec<u8>, EncodeError>;

    /// The last bytes.
    fn finish(&mut self) -> Result<Vec<u8>, EncodeError>;

    /// What a file begins with, once it is finished.
    fn whole_head(&self) -> Vec<u8>;
}

// === impl EncodeError ===

impl EncodeError {
    pub(super) fn new(format: AudioFormat, reason: impl std::fmt::Display) -> Self {
        Self { format: format.name(), reason: reason.to_string() }
    }
}
