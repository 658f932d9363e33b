//! Marks that are said: "&", "©", "→", or that are a pause, as a dash between blanks is.

use super::Match;
use crate::language::Language;
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let symbols = &language.table.symbols;
    let (behind, written) = match (cursor.text(), cursor.next().text(), cursor.next().next().text()) {
        (".", ".", ".") => (dots(cursor), "..."),
        ("-", ">", _) => (cursor.next().next(), "->"),
        ("=", ">", _) => (cursor.next().next(), "=>"),
        (mark, ..) => (cursor.next(), mark),
    };
    // "10 cm x 15 cm"
    if matches!(written, "x" | "×") && !language.table.ranges.times.is_empty() {
        let is_between = cursor.back().is_some_and(|before| before.kind() == Some(TokenKind::Blank))
            && behind.blank().is_some_and(|next| next.kind() == Some(TokenKind::Digits));
        if is_between {
            return Some(Match::whole(cursor, behind, language.table.ranges.times.clone()));
        }
    }
    if !matches!(cursor.kind(), Some(TokenKind::Mark | TokenKind::Emoji)) {
        return None;
    }
    // A dash between blanks is a pause.
    if matches!(written, "-" | "–" | "—") {
        let is_spaced = cursor.back().is_some_and(|before| before.kind() == Some(TokenKind::Blank))
            && behind.kind() == Some(TokenKind::Blank);
        let before = cursor.back().filter(|_| is_spaced)?;
        let is_word_before =
            before.back().is_some_and(|word| word.text().chars().next_back().is_some_and(char::is_alphanumeric));
        return is_word_before.then(|| Match::whole(before, behind, ","));
    }
    // "+5 °C"
    let plus = &language.table.numbers.plus;
    if written == "+" && cursor.begins_word() && behind.kind() == Some(TokenKind::Digits) && !plus.is_empty() {
        return Some(Match::whole(cursor, behind, format!("{plus} ")));
    }
    let said = symbols.get(written)?;
    // A word beside a word: "a=b".
    let is_word = said.chars().any(char::is_alphanumeric);
    let before = if is_word && !cursor.begins_word() { " " } else { "" };
    let after = if is_word && !behind.ends_word() { " " } else { "" };
    Some(Match::whole(cursor, behind, format!("{before}{said}{after}")))
}

fn dots<'d, 't>(cursor: Cursor<'d, 't>) -> Cursor<'d, 't> {
    let mut at = cursor;
    while at.text() == "." {
        at = at.next();
    }
    at
}
