//! Owns what is said in the place of a part of a text: what the reading of a text comes to.

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
