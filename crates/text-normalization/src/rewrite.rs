//! What a reading comes to: the parts of a text that are said otherwise than they are written.

use std::ops::Range;

use crate::classes::Class;

/// Words instead of what is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Bytes of the text. Empty: the words are added there.
    pub written: Range<usize>,
    /// Empty: it is not said.
    pub said: String,
    pub class: Class,
}
