//! What a class finds: the tokens, and what is said instead of them.

use crate::token::Cursor;

/// What was found: the token behind it, and what is said of its parts.
#[derive(Debug, Clone)]
pub struct Match {
    pub end: usize,
    pub pieces: Vec<Replacement>,
}

/// Tokens, and what is said instead of them.
#[derive(Debug, Clone)]
pub struct Replacement {
    pub from: usize,
    pub to: usize,
    pub said: String,
}

// === impl Match ===

impl Match {
    /// One piece for all of it.
    pub fn whole(from: Cursor<'_, '_>, to: Cursor<'_, '_>, said: impl Into<String>) -> Self {
        Self { end: to.at, pieces: vec![Replacement { from: from.at, to: to.at, said: said.into() }] }
    }

    pub fn pieces(end: Cursor<'_, '_>, pieces: Vec<Replacement>) -> Self {
        Self { end: end.at, pieces }
    }
}

// === impl Replacement ===

impl Replacement {
    pub fn new(from: Cursor<'_, '_>, to: Cursor<'_, '_>, said: impl Into<String>) -> Self {
        Self { from: from.at, to: to.at, said: said.into() }
    }
}
