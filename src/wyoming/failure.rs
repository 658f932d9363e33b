//! Owns the errors that callers are sent.

use crate::live::Refused;
use crate::speech::{PublicError, SpeechError};
use crate::text::TextReadError;

/// What is told of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub PublicError);

// === impl Failure ===

impl Failure {
    pub fn new(code: &'static str, message: &'static str) -> Self {
        Self(PublicError::new(code, message))
    }

    /// Logs what is wrong inside, where nobody is told.
    pub fn log(&self) {
        if let Some(reason) = &self.0.reason {
            tracing::error!(reason, code = self.0.code, "speech over Wyoming failed");
        }
    }
}

impl From<SpeechError> for Failure {
    fn from(error: SpeechError) -> Self {
        Self((&error).into())
    }
}

impl From<TextReadError> for Failure {
    fn from(error: TextReadError) -> Self {
        Self((&error).into())
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        let code = match error {
            Refused::TooMuchText(_) => "too_much_text",
            Refused::Nul => "invalid_text",
            // Of texts that were not begun, or are over; a connection has one at a time.
            Refused::Unknown
            | Refused::Exists
            | Refused::HasEnded
            | Refused::TooManyContexts(_)
            | Refused::TooManyMarks => "out_of_order",
        };
        Self(PublicError::new(code, error.to_string()))
    }
}
