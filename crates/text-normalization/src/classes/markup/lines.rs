//! What a line of Markdown is.

use std::ops::Range;

use crate::token::{Cursor, Doc, TokenKind};

/// Tokens of each line that has any.
pub fn lines_of(doc: &Doc<'_>) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for at in 0..=doc.tokens.len() {
        if doc.tokens.get(at).is_none_or(|token| token.kind == TokenKind::Line) {
            if start < at && doc.tokens[start..at].iter().any(|token| token.kind != TokenKind::Blank) {
                lines.push(start..at);
            }
            start = at + 1;
        }
    }
    lines
}

pub fn breaks_between(doc: &Doc<'_>, from: usize, to: usize) -> usize {
    let written = &doc.text[doc.place(from, to)];
    written.matches('\n').count().max(usize::from(written.contains('\r')))
}

pub fn ends_with_mark(doc: &Doc<'_>, line: &Range<usize>) -> bool {
    let mut tokens = doc.tokens[line.clone()].iter().rev().filter(|token| token.kind != TokenKind::Blank);
    let last = tokens.find(|token| !matches!(&*token.text, "\"" | "”" | "»" | "'" | ")" | "*" | "_" | "`" | "~"));
    last.is_none_or(|token| {
        matches!(
            &*token.text,
            "." | "!" | "?" | "…" | ":" | ";" | "," | "。" | "！" | "？" | "।" | "؟" | "、" | "，" | "："
        )
    })
}

pub fn fence<'d, 't>(cursor: Cursor<'d, 't>) -> Option<Cursor<'d, 't>> {
    let at = cursor.maybe_blank();
    let mark = at.eat_any("`~").map(|_| at.text())?;
    at.eat(mark)?.eat(mark)?.eat(mark)
}

/// "---", "***", "======": at least three of a mark and nothing else.
pub fn is_rule(doc: &Doc<'_>, line: &Range<usize>) -> bool {
    let mut marks = doc.tokens[line.clone()].iter().filter(|token| token.kind != TokenKind::Blank);
    let Some(first) = marks.next() else { return false };
    matches!(&*first.text, "-" | "*" | "_" | "=")
        && marks.clone().count() >= 2
        && marks.all(|token| token.text == first.text)
}

pub fn heading<'d, 't>(cursor: Cursor<'d, 't>) -> Option<Cursor<'d, 't>> {
    let mut at = cursor.eat("#")?;
    while let Some(next) = at.eat("#") {
        at = next;
    }
    (at.at - cursor.at <= 6).then(|| at.blank()).flatten()
}

pub fn bullet<'d, 't>(cursor: Cursor<'d, 't>) -> Option<Cursor<'d, 't>> {
    let behind = cursor
        .eat_any("-*+•◦‣")
        .filter(|_| {
            cursor.back().is_none_or(|before| matches!(before.kind(), Some(TokenKind::Line | TokenKind::Blank)))
        })?
        .blank()?;
    // "- 5" may be a number.
    let is_number = cursor.text() == "-"
        && behind.kind() == Some(TokenKind::Digits)
        && cursor.doc().tokens.iter().all(|token| token.kind != TokenKind::Line);
    if is_number || behind.is_end() {
        return None;
    }
    let boxed = behind
        .eat("[")
        .map(|inner| inner.eat_any("xX").or_else(|| inner.blank()).unwrap_or(inner))
        .and_then(|inner| inner.eat("]"))
        .and_then(Cursor::blank);
    Some(boxed.unwrap_or(behind))
}

pub fn is_table_row(doc: &Doc<'_>, line: &Range<usize>) -> bool {
    let mut visible = doc.tokens[line.clone()].iter().filter(|token| token.kind != TokenKind::Blank);
    let first = visible.next().is_some_and(|token| token.text == "|");
    first && visible.next_back().is_some_and(|token| token.text == "|")
}

/// "1. Mix the dough.": an item with a number.
pub fn is_numbered(start: Cursor<'_, '_>) -> bool {
    let number = start.maybe_blank().digits_of(1..=3);
    number.and_then(|(end, _)| end.eat_any(".)")).and_then(Cursor::blank).is_some()
}
