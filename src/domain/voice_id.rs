//! Owns the name of a voice. A `VoiceId` is only ever looked up in the catalogue; it is never joined into a path.

use std::fmt;
use std::sync::Arc;

const MAX_BYTES: usize = 80;

/// A well-formed voice name such as `en_US-joe-medium`: letters, digits, `_`, `-`, `+` and `.`, beginning with a letter
/// or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VoiceId(Arc<str>);

/// The name cannot be that of any voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a voice name has 1 to {MAX_BYTES} bytes of letters, digits, `_`, `-`, `+` and `.`")]
pub struct InvalidVoiceId;

impl VoiceId {
    pub fn parse(raw: &str) -> Result<Self, InvalidVoiceId> {
        let well_formed = raw.len() <= MAX_BYTES
            && raw.starts_with(char::is_alphanumeric)
            && raw.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'));

        well_formed.then(|| Self(raw.into())).ok_or(InvalidVoiceId)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VoiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_published_voices_are_accepted() {
        for name in ["en_US-joe-medium", "pt_PT-tugão-medium", "zh_CN-huayan-x_low", "v1.2+b"] {
            assert_eq!(VoiceId::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_could_reach_a_path_are_refused() {
        for name in ["", ".", "../x", "/etc/passwd", "a/b", "a\\b", "a\0b", "-v", "a b", "a%2fb", &"a".repeat(81)] {
            assert_eq!(VoiceId::parse(name), Err(InvalidVoiceId));
        }
    }
}
