//! Owns reading a text of one language: markup is taken out, then at each place the class that finds most says it, and
//! what is said is put in order and kept apart from what stands around it.

use std::ops::Range;
use std::sync::Arc;

use crate::classes::{CLASSES, Class, Classes, Match, markup};
use crate::language::Language;
use crate::rewrite::Rewrite;
use crate::token::{self, Doc, Token, TokenKind};

/// Reads texts of one language. A clone shares its data.
#[derive(Debug, Clone)]
pub struct Normalizer {
    pub(super) language: Arc<Language>,
}

/// What of a text is read, and how it is written.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Others are left as they are written.
    pub classes: Classes,
    /// The text is known to be Markdown: single line breaks end no sentence.
    pub is_markdown: bool,
    /// Bytes of the text that somebody else says already: in order, and apart. Nothing is read across them.
    pub claimed: &'a [Range<usize>],
}

impl Default for Options<'_> {
    /// All of a plain text.
    fn default() -> Self {
        Self { classes: Classes::ALL, is_markdown: false, claimed: &[] }
    }
}

// === impl Normalizer ===

impl Normalizer {
    /// Of a language's tag (`en-GB`, `pt_BR`) or a voice of espeak-ng (`en-us`, `cmn`); `None` if there is no table for
    /// it.
    pub fn for_language(tag: &str) -> Option<Self> {
        Language::find(tag).map(|language| Self { language })
    }

    /// Tags of the languages that there are tables for.
    pub fn languages() -> impl Iterator<Item = &'static str> {
        Language::tags()
    }

    /// What is to be said instead of parts of `text`: in order, and apart from each other.
    pub fn rewrites(&self, text: &str) -> Vec<Rewrite> {
        self.rewrites_with(text, &Options::default())
    }

    /// The same as far as `options` have it.
    pub fn rewrites_with(&self, text: &str, options: &Options<'_>) -> Vec<Rewrite> {
        let mut doc = Doc::with_claimed(text, options.claimed);
        let reads_markup = options.classes.contains(Class::Markup);
        let mut rewrites = markup::take_out(&mut doc, reads_markup, options.is_markdown);
        let mut at = 0;
        while at < doc.tokens.len() {
            let Some((class, found)) = self.longest(&doc, at, options.classes) else {
                rewrites.extend(reference(&doc.tokens[at], text).filter(|_| reads_markup));
                at += 1;
                continue;
            };
            rewrites.extend(found.pieces.into_iter().map(|piece| {
                let is_compact = self.language.table.numbers.compact;
                let said = if is_compact { without_blanks(&piece.said) } else { piece.said };
                Rewrite { written: doc.place(piece.from, piece.to), said, class }
            }));
            at = found.end.max(at + 1);
        }
        set_apart(in_order(rewrites), text)
    }

    /// `text` as it is said.
    pub fn say(&self, text: &str) -> String {
        let mut said = String::with_capacity(text.len());
        let mut reached = 0;
        for rewrite in self.rewrites(text) {
            said.push_str(&text[reached..rewrite.written.start]);
            said.push_str(&rewrite.said);
            reached = rewrite.written.end;
        }
        said.push_str(&text[reached..]);
        said
    }

    fn longest(&self, doc: &Doc<'_>, at: usize, classes: Classes) -> Option<(Class, Match)> {
        let cursor = doc.cursor(at);
        if matches!(cursor.kind(), None | Some(TokenKind::Blank | TokenKind::Line | TokenKind::Claimed)) {
            return None;
        }
        if self.language.is_plain_word(cursor) {
            return None;
        }
        let mut longest: Option<(Class, Match)> = None;
        for (class, find) in CLASSES.into_iter().filter(|(class, _)| classes.contains(*class)) {
            let Some(found) = find(cursor, &self.language) else { continue };
            if longest.as_ref().is_none_or(|(_, longest)| found.end > longest.end) {
                longest = Some((class, found));
            }
        }
        longest
    }
}

/// What a character reference stands for.
fn reference(token: &Token<'_>, text: &str) -> Option<Rewrite> {
    let is_reference =
        matches!(token.kind, TokenKind::Mark | TokenKind::Blank) && *token.text != text[token.place.clone()];
    let said = token.text.to_string();
    is_reference.then(|| Rewrite { written: token.place.clone(), said, class: Class::Markup })
}

/// Without the blanks beside letters of a script that has none.
fn without_blanks(said: &str) -> String {
    let mut kept = String::with_capacity(said.len());
    let mut chars = said.chars().peekable();
    while let Some(c) = chars.next() {
        let is_beside = |c: Option<char>| c.is_some_and(token::is_of_a_script_without_blanks);
        if c != ' ' || !(is_beside(kept.chars().next_back()) || is_beside(chars.peek().copied())) {
            kept.push(c);
        }
    }
    kept
}

/// Puts a blank between what is said and a letter or digit that it would run into: "½cup" is "one half cup". Markup
/// goes or stands for characters of the word that it is in.
fn set_apart(mut rewrites: Vec<Rewrite>, text: &str) -> Vec<Rewrite> {
    let is_word = |c: char| c.is_alphanumeric() && !token::is_of_a_script_without_blanks(c);
    let run_together = |one: Option<char>, other: Option<char>| one.is_some_and(is_word) && other.is_some_and(is_word);
    let mut reached = 0;
    for index in 0..rewrites.len() {
        let Rewrite { written, said, class } = &rewrites[index];
        let place = written.clone();
        if *class != Class::Markup {
            let before = text[reached..place.start].chars().next_back();
            let follower = rewrites.get(index + 1).filter(|next| next.written.start == place.end && *next.said != *"");
            let after = follower.map_or(&text[place.end..], |next| &next.said).chars().next();
            let (first, last) = (said.chars().next(), said.chars().next_back());
            let (leads, trails) = (run_together(before, first), run_together(last, after));
            let said = &mut rewrites[index].said;
            if leads {
                said.insert(0, ' ');
            }
            if trails {
                said.push(' ');
            }
        }
        reached = place.end;
    }
    rewrites
}

/// Sorted; what stands within another is left to that.
fn in_order(mut rewrites: Vec<Rewrite>) -> Vec<Rewrite> {
    rewrites.sort_by_key(|rewrite| {
        (rewrite.written.start, !rewrite.written.is_empty(), std::cmp::Reverse(rewrite.written.end))
    });
    let mut kept: Vec<Rewrite> = Vec::with_capacity(rewrites.len());
    for rewrite in rewrites {
        if kept.last().is_none_or(|last| last.written.end <= rewrite.written.start) {
            kept.push(rewrite);
        }
    }
    kept
}
