//! Finds numbers as they are written: groups of digits, a fraction, a sign.

use crate::language::Language;
use crate::number::Number;
use crate::token::{Cursor, TokenKind, is_joined, is_of_a_script_without_blanks};

/// Digits of a number in groups.
const MAX_DIGITS: usize = 33;

/// Signs of negative numbers.
pub const MINUS: &str = "-−–";

/// A number without a sign.
pub fn unsigned<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, Number)> {
    let numbers = &language.table.numbers;
    let (mut at, first) = match cursor.digits() {
        Some(found) => found,
        // ".5"
        None if cursor.eat_any(&numbers.decimal).is_some() && cursor.begins_word() => {
            let (end, fraction) = cursor.next().digits()?;
            let number = Number { fraction: Some(fraction.to_owned()), ..Number::default() };
            return Some((end, number));
        }
        None => return None,
    };
    let mut number = Number::whole(first);
    if first.len() <= 3 && !first.starts_with('0') {
        let separator = at.text();
        let groups = |mark: char| numbers.group.contains(mark) || (mark.is_whitespace() && numbers.group.contains(' '));
        let mut chars = separator.chars();
        if let (Some(mark), None) = (chars.next(), chars.next())
            && groups(mark)
        {
            let shortest = if numbers.indian { 2 } else { 3 };
            while number.integer.len() < MAX_DIGITS
                && let Some((end, digits)) = at.eat(separator).and_then(|next| next.digits_of(shortest..=3))
            {
                number.integer.push_str(digits);
                number.grouped = true;
                at = end;
            }
        }
    }
    // "12 500 000", by which no other numbers are meant
    if !number.grouped && first.len() < 3 && !first.starts_with('0') {
        let mut reached = at;
        let mut groups = String::new();
        while groups.len() < MAX_DIGITS
            && let Some((end, digits)) =
                reached.blank().filter(|_| reached.text().chars().count() == 1).and_then(|next| next.digits_of(3..=3))
        {
            groups.push_str(digits);
            reached = end;
        }
        if groups.len() > 3 && reached.ends_word() {
            number.integer.push_str(&groups);
            number.grouped = true;
            at = reached;
        }
    }
    if let Some((end, fraction)) = at.eat_any(&numbers.decimal).and_then(Cursor::digits) {
        number.fraction = Some(fraction.to_owned());
        at = end;
    }
    Some((at, number))
}

/// A number with a sign, if one stands before it as a sign and not as a dash.
pub fn signed<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, Number)> {
    match cursor.eat_any(MINUS) {
        Some(behind)
            if cursor.char_before().is_none_or(|c| {
                c.is_whitespace() || is_of_a_script_without_blanks(c) || "([{\"'“=<>:/*".contains(c)
            }) =>
        {
            let (end, number) = unsigned(behind, language)?;
            Some((end, Number { negative: true, ..number }))
        }
        Some(_) => None,
        None => unsigned(cursor, language),
    }
}

/// Whether a number may begin here: nothing of a word, a number or a version stands before it.
pub fn may_begin(cursor: Cursor<'_, '_>) -> bool {
    match cursor.char_before() {
        None => true,
        Some(c) if is_joined(c) => false,
        Some('.' | ',' | ':' | '/' | '-' | '–') => !cursor
            .back()
            .and_then(Cursor::back)
            .is_some_and(|before| matches!(before.kind(), Some(TokenKind::Digits | TokenKind::Word))),
        Some(c) => !"#@_&\\$€£¥₹₩₽".contains(c),
    }
}

/// Whether a number may end here.
pub fn may_end(cursor: Cursor<'_, '_>) -> bool {
    match cursor.char_after() {
        None => true,
        Some(c) if is_joined(c) => false,
        Some('.' | ',' | ':' | '/' | '-' | '–') => !matches!(cursor.next().kind(), Some(TokenKind::Digits)),
        Some(c) => !"_@\\".contains(c),
    }
}
