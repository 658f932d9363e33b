//! Who of a voice speaks.

/// A speaker of a multi-speaker voice, as the caller named it. Only the voice knows whether it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    Name(String),
    Number(i64),
}
