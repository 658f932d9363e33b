//! Terms and equations: operators between numbers and single letters.

use super::Match;
use crate::language::Language;
use crate::number::signed;
use crate::token::{Cursor, Kind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let math = &language.table.math;
    // "≥18", ">100", "√16"
    if let Some(said) = math.signs.get(cursor.text())
        && cursor.kind() == Some(Kind::Mark)
    {
        let before = cursor.back().map_or("", |before| {
            if before.kind() == Some(Kind::Blank) { before.back().map_or("", Cursor::text) } else { before.text() }
        });
        let is_number_before = before.chars().all(char::is_alphanumeric) && before.chars().count() == 1
            || before.bytes().all(|b| b.is_ascii_digit()) && !before.is_empty();
        let at = cursor.next().maybe_blank();
        if at.kind() == Some(Kind::Digits) && !is_number_before {
            let (end, number) = signed(at, language)?;
            return Some(Match::whole(cursor, end, format!("{said} {}", language.number(&number, ""))));
        }
    }
    if !cursor.begins_word() {
        return None;
    }
    let (mut end, first) = operand(cursor, language)?;
    let mut words = vec![first];
    let mut numbers = usize::from(cursor.kind() != Some(Kind::Word));
    let mut is_equation = false;
    while let Some((at, sign)) = operator(end, language) {
        let Some((behind, second)) = operand(at, language) else { break };
        let written = sign.0;
        numbers += usize::from(at.kind() != Some(Kind::Word));
        is_equation |= matches!(written, "=" | "≠" | "<" | ">" | "≤" | "≥" | "!=" | "==" | "+" | "×" | "÷" | "≈" | "*");
        is_equation |= sign.2 && written != "/";
        // "Is 3 < 5 true?"
        let is_asked = cursor.word_before().is_some_and(|word| sign.1.split(' ').next() == Some(&word.to_lowercase()));
        words.push(sign.1.split_once(' ').filter(|_| is_asked).map_or(sign.1, |(_, rest)| rest).to_owned());
        words.push(second);
        end = behind;
    }
    if words.len() < 3 || !is_equation || !end.ends_word() {
        return None;
    }
    let is_letters =
        numbers == 0 && !words.iter().any(|word| word.chars().count() == 1 && word.chars().all(char::is_alphabetic));
    (!is_letters).then(|| Match::whole(cursor, end, words.join(" ")))
}

/// A number, or a letter that stands for one.
fn operand<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    if let Some((end, word)) = cursor.word() {
        return (word.chars().count() == 1).then(|| (end, word.to_owned()));
    }
    let (end, number) = signed(cursor, language)?;
    Some((end, language.number(&number, "")))
}

/// An operator with what is said of it, and whether blanks stand around it.
fn operator<'d, 't, 'l>(
    end: Cursor<'d, 't>,
    language: &'l Language,
) -> Option<(Cursor<'d, 't>, (&'d str, &'l str, bool))> {
    let at = end.maybe_blank();
    let is_spaced = at.at != end.at;
    let operators = &language.table.math.operators;
    let (behind, written) = match (at.text(), at.next().text()) {
        ("!", "=") => (at.next().next(), "!="),
        ("=", "=") => (at.next().next(), "=="),
        ("<", "=") => (at.next().next(), "<="),
        (">", "=") => (at.next().next(), ">="),
        (mark, _) => (at.next(), mark),
    };
    let said = operators.get(written)?;
    // "call +36 1": a sign of the number behind it.
    if is_spaced && behind.blank().is_none() && matches!(written, "+" | "-" | "−") {
        return None;
    }
    let is_spaced = is_spaced && behind.blank().is_some();
    Some((behind.maybe_blank(), (written, said, is_spaced)))
}
