//! The errors of an SSML document, and the bounds within which it must stay.

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the document is not well-formed XML")]
    Malformed,
    #[error("the document must be one speak element")]
    NotSpeak,
    #[error("document types are not read")]
    DocumentType,
    #[error("only the entities amp, lt, gt, quot, apos and numbers are known")]
    Entity,
    #[error("this element is not one of speak, p, s, break, sub, phoneme, say-as, prosody, voice, mark")]
    Element,
    #[error("{0} cannot stand in here")]
    Misplaced(&'static str),
    #[error("{element} does not have this attribute; it has {has}")]
    Attribute { element: &'static str, has: &'static str },
    #[error("{element} needs {attribute}")]
    Missing { element: &'static str, attribute: &'static str },
    #[error("{attribute} must be {expected}")]
    Value { attribute: &'static str, expected: &'static str },
    #[error("elements are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("more than {MAX_VOICES} voices")]
    TooManyVoices,
    #[error("all breaks together are longer than {MAX_PAUSES_MS} milliseconds")]
    TooLong,
    #[error("there is nothing to say")]
    Nothing,
}

pub const MAX_DEPTH: usize = 32;

/// Voices that one document may name: all of them are held in memory while it is said.
pub const MAX_VOICES: usize = 4;

/// Of all breaks of a document.
pub const MAX_PAUSES_MS: u32 = 600_000;
