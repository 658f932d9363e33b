//! Owns the text that a caller wants spoken. Its `Debug` shows the length alone, so that no log line can hold the text.

use std::fmt;
use std::sync::Arc;

/// Text to speak: not blank, without U+0000, within the limit of characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct InputText(Arc<str>);

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("text is empty or blank")]
    Blank,
    #[error("text has {chars} characters; the limit is {limit}")]
    TooLong { chars: usize, limit: usize },
    #[error("text contains U+0000")]
    Nul,
}

impl InputText {
    pub fn parse(raw: &str, max_chars: usize) -> Result<Self, TextError> {
        // A text of n bytes has at most n characters, so most texts are never counted.
        if raw.len() > max_chars {
            let chars = raw.chars().count();
            if chars > max_chars {
                return Err(TextError::TooLong { chars, limit: max_chars });
            }
        }
        if raw.contains('\0') {
            return Err(TextError::Nul);
        }
        if raw.trim().is_empty() {
            return Err(TextError::Blank);
        }
        Ok(Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many characters it has.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Debug for InputText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InputText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_text() {
        let text = InputText::parse("a secret", 100).unwrap();

        assert_eq!(format!("{text:?}"), "InputText(8 bytes)");
    }

    #[test]
    fn the_limit_counts_characters_not_bytes() {
        assert!(InputText::parse("ééé", 3).is_ok());
        assert_eq!(InputText::parse("éééé", 3), Err(TextError::TooLong { chars: 4, limit: 3 }));
    }

    #[test]
    fn blank_text_and_nul_are_refused() {
        assert_eq!(InputText::parse(" \n\t", 10), Err(TextError::Blank));
        assert_eq!(InputText::parse("a\0b", 10), Err(TextError::Nul));
    }
}
