//! Short forms of a language's table by the word that they begin with, so that each is found without trying all.

use std::collections::HashMap;

use crate::table::{Table, Words};
use crate::token::{Cursor, Doc};

/// Where a short form may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Title,
    BeforeNumber,
    AfterNumber,
    AfterName,
    BeforeName,
    Anywhere,
    Era,
}

impl Position {
    /// Whether one that is written small may begin a sentence.
    fn has_capital(self) -> bool {
        matches!(self, Self::Anywhere | Self::BeforeNumber)
    }
}

#[derive(Debug)]
pub struct Pattern {
    pub position: Position,
    /// Its tokens; a blank may be missing.
    pub written: Vec<String>,
    pub said: String,
    pub may_end: bool,
}

/// By the first token.
#[derive(Debug, Default)]
pub struct Patterns(HashMap<String, Vec<Pattern>>);

/// "Approx." of "approx."; not of single letters, which are initials.
fn capitalised(written: &str) -> Option<String> {
    let mut chars = written.chars();
    let first = chars.next().filter(|c| c.is_lowercase())?;
    let is_letter = chars.clone().next().is_none_or(|c| !c.is_alphabetic());
    (!is_letter).then(|| first.to_uppercase().chain(chars).collect())
}

// === impl Patterns ===

impl Patterns {
    pub fn of(table: &Table) -> Self {
        let mut patterns = Self::default();
        let short = &table.abbreviations;
        let kinds: [(&Words, Position); 7] = [
            (&short.before_number, Position::BeforeNumber),
            (&short.after_number, Position::AfterNumber),
            (&short.after_name, Position::AfterName),
            (&short.titles, Position::Title),
            (&short.before_name, Position::BeforeName),
            (&short.anywhere, Position::Anywhere),
            (&table.years.eras, Position::Era),
        ];
        for (words, position) in kinds {
            for (written, said) in words {
                let may_end = short.may_end.contains(written);
                patterns.add(written, said, position, may_end);
                // At the beginning of a sentence, unless that is another one.
                if let Some(capital) = capitalised(written).filter(|_| position.has_capital())
                    && kinds.iter().all(|(words, _)| !words.contains_key(&capital))
                {
                    patterns.add(&capital, said, position, may_end);
                }
            }
        }
        for known in patterns.0.values_mut() {
            known.sort_by_key(|pattern| std::cmp::Reverse(pattern.written.len()));
        }
        patterns
    }

    fn add(&mut self, written: &str, said: &str, position: Position, may_end: bool) {
        let parts: Vec<String> = Doc::new(written).tokens.iter().map(|token| token.text.to_string()).collect();
        let Some(first) = parts.first().cloned() else { return };
        let pattern = Pattern { position, written: parts, said: said.to_owned(), may_end };
        self.0.entry(first).or_default().push(pattern);
    }

    /// Whether one begins with a word.
    pub fn has(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }

    /// Those that are written here, longest first, with the place behind each.
    pub fn at<'p, 'd, 't>(
        &'p self,
        cursor: Cursor<'d, 't>,
    ) -> impl Iterator<Item = (&'p Pattern, Cursor<'d, 't>)> + use<'p, 'd, 't> {
        let known = self.0.get(cursor.text()).map_or(&[][..], Vec::as_slice);
        known.iter().filter_map(move |pattern| {
            let end = cursor.eat_pattern(&pattern.written)?;
            (cursor.begins_word() && end.ends_word()).then_some((pattern, end))
        })
    }
}
