//! Numbers that espeak-ng reads otherwise than they are meant: negative ones, those in groups, those with a fraction, those with a sign behind.

use super::Match;
use crate::language::Language;
use crate::number::{may_begin, may_end, signed};
use crate::token::{Cursor, Kind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if !may_begin(cursor) {
        return None;
    }
    let (end, number) = signed(cursor, language)?;
    // "20+"
    if let Some(behind) = end.eat("+")
        && behind.ends_word()
        && behind.kind() != Some(Kind::Mark)
    {
        let said = format!("{} {}", language.number(&number, ""), language.table.numbers.plus);
        return Some(Match::whole(cursor, behind, said));
    }
    // "10k"
    if let Some((behind, letters)) = end.word()
        && let Some(scale) = language.table.numbers.short_scales.get(letters)
        && behind.ends_word()
    {
        return Some(Match::whole(cursor, behind, format!("{} {scale}", language.number(&number, ""))));
    }
    // "4.5 million"
    if let Some((behind, scale)) = end.blank().and_then(Cursor::word)
        && number.fraction.is_some()
        && language.table.numbers.scales.contains_key(scale)
    {
        return Some(Match::whole(cursor, behind, format!("{} {scale}", language.number(&number, ""))));
    }
    if !may_end(end) {
        return None;
    }
    let form = language.agreement("cardinal", &number.integer, cursor, end);
    let numbers = &language.table.numbers;
    let is_long = number.integer.len() > 15;
    let has_zeros = number.integer.len() > 1 && number.integer.starts_with('0') && number.fraction.is_none();
    if has_zeros || is_long {
        return Some(Match::whole(cursor, end, language.each_digit(&number.integer)));
    }
    let is_special =
        number.negative || number.grouped || number.fraction.is_some() || cursor.kind() == Some(Kind::Mark);
    let is_spelled =
        numbers.spelled || !form.is_empty() || (numbers.max_digits > 0 && number.integer.len() > numbers.max_digits);
    if !is_special && !is_spelled {
        return None;
    }
    let said = language.number(&number, form);
    (said != cursor.text()).then(|| Match::whole(cursor, end, said))
}
