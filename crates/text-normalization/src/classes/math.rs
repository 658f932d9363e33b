//! Terms and equations: operators between numbers and single letters, powers.

use super::Match;
use crate::language::Language;
use crate::numerals::signed;
use crate::token::{Cursor, TokenKind};

/// Operands and operators of one equation.
const MAX_TERMS: usize = 48;

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let math = &language.table.math;
    // "≥18", ">100", "√16"
    if let Some(said) = math.signs.get(cursor.text())
        && cursor.kind() == Some(TokenKind::Mark)
    {
        let before = cursor.back().map_or("", |before| {
            if before.kind() == Some(TokenKind::Blank) { before.back().map_or("", Cursor::text) } else { before.text() }
        });
        let is_number_before = before.chars().all(char::is_alphanumeric) && before.chars().count() == 1
            || before.bytes().all(|b| b.is_ascii_digit()) && !before.is_empty();
        let at = cursor.next().maybe_blank();
        if at.kind() == Some(TokenKind::Digits) && !is_number_before {
            let (end, number) = signed(at, language)?;
            return Some(Match::whole(cursor, end, format!("{said} {}", language.number(&number, ""))));
        }
    }
    if !cursor.begins_word() {
        return None;
    }
    let (mut end, first) = operand(cursor, language)?;
    let mut words = vec![first];
    let mut numbers = usize::from(cursor.kind() != Some(TokenKind::Word));
    let mut is_equation = false;
    while let Some((at, sign)) = operator(end, language).filter(|_| words.len() < MAX_TERMS) {
        let Some((behind, second)) = operand(at, language) else { break };
        let written = sign.0;
        numbers += usize::from(at.kind() != Some(TokenKind::Word));
        is_equation |= matches!(written, "=" | "≠" | "<" | ">" | "≤" | "≥" | "!=" | "==" | "+" | "×" | "÷" | "≈" | "*");
        is_equation |= sign.2 && written != "/";
        // "Is 3 < 5 true?"
        let is_asked = cursor.word_before().is_some_and(|word| sign.1.split(' ').next() == Some(&word.to_lowercase()));
        words.push(sign.1.split_once(' ').filter(|_| is_asked).map_or(sign.1, |(_, rest)| rest).to_owned());
        words.push(second);
        end = behind;
    }
    // "10^6", "x²"
    if words.len() == 1 && end.at > cursor.at + 1 && end.ends_word() && power(cursor.next(), language).is_some() {
        return words.pop().map(|said| Match::whole(cursor, end, said));
    }
    if words.len() < 3 || !is_equation || !end.ends_word() {
        return None;
    }
    let is_term =
        |word: &String| word.contains(' ') || word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let is_letters = numbers == 0 && !words.iter().any(is_term);
    (!is_letters).then(|| Match::whole(cursor, end, words.join(" ")))
}

/// A number, or a letter that stands for one.
fn operand<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    if let Some((end, word)) = cursor.word() {
        let raised = power(end, language);
        if let Some((behind, power)) = raised.filter(|_| word.chars().count() < 3) {
            let word = if word.chars().count() == 1 { word.to_owned() } else { super::letters(word, language) };
            return Some((behind, format!("{word} {power}")));
        }
        return (word.chars().count() == 1).then(|| (end, word.to_owned()));
    }
    let (end, number) = signed(cursor, language)?;
    let said = language.number(&number, "");
    Some(match power(end, language) {
        Some((behind, power)) => (behind, format!("{said} {power}")),
        None => (end, said),
    })
}

/// "²", "^6", "⁻³" behind an operand.
fn power<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let powers = &language.table.math.powers;
    let (mut at, caret) = end.eat("^").map_or((end, false), |at| (at, true));
    let minus = at.eat_any(if caret { "-−" } else { "⁻" });
    at = minus.unwrap_or(at);
    let mut exponent = String::new();
    if let Some((behind, digits)) = at.digits_of(1..=4).filter(|_| caret) {
        (at, exponent) = (behind, digits.to_owned());
    } else if let Some((behind, letter)) = at.word().filter(|(_, word)| caret && word.chars().count() == 1) {
        (at, exponent) = (behind, letter.to_owned());
    }
    while let Some(digit) = RAISED.iter().position(|raised| at.text().starts_with(*raised)).filter(|_| !caret) {
        exponent.push_str(&digit.to_string());
        at = at.next();
    }
    if exponent.is_empty() || exponent.len() > 4 {
        return None;
    }
    if let Some(said) = powers.get(&exponent).filter(|_| minus.is_none()) {
        return Some((at, said.clone()));
    }
    let sign = if minus.is_some() { format!("{} ", language.table.numbers.minus) } else { String::new() };
    let exponent =
        if exponent.starts_with(|c: char| c.is_ascii_digit()) { language.cardinal(&exponent, "") } else { exponent };
    Some((at, format!("{} {sign}{exponent}", powers.get("n")?)))
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
