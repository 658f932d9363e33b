//! Numbers that espeak-ng reads otherwise than they are meant: negative ones, those in groups, those with a fraction,
//! those with a sign behind.

use super::Match;
use crate::language::Language;
use crate::number::Number;
use crate::numerals::{may_begin, may_end, signed, unsigned};
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    // "~50"
    let about = &language.table.measures.about;
    if let Some((end, number)) = cursor.eat_any("~≈").and_then(|at| unsigned(at, language))
        && cursor.begins_word()
        && may_end(end)
        && !about.is_empty()
    {
        return Some(Match::whole(cursor, end, format!("{about} {}", language.number(&number, ""))));
    }
    if !may_begin(cursor) {
        return None;
    }
    let (end, number) = signed(cursor, language)?;
    // "20+"
    if let Some(behind) = end.eat("+")
        && behind.ends_word()
        && behind.kind() != Some(TokenKind::Mark)
    {
        let said = format!("{} {}", language.number(&number, ""), language.table.numbers.plus);
        return Some(Match::whole(cursor, behind, said));
    }
    // "10k"
    if let Some((behind, scale)) = short_scale(end, &number, language) {
        let said = format!("{} {scale}", language.number(&number, ""));
        // "1k-5k"
        if let Some((second_end, second)) = behind.eat_any("-–").and_then(|at| unsigned(at, language))
            && let Some((behind, scale)) = short_scale(second_end, &second, language)
        {
            let second = format!("{} {scale}", language.number(&second, ""));
            return Some(Match::whole(cursor, behind, [said, language.table.ranges.to.clone(), second].join(" ")));
        }
        return Some(Match::whole(cursor, behind, said));
    }
    let form = language.agreement("cardinal", &number.integer, cursor, end);
    // "4.5 million", "5 млн"
    if let Some((behind, scale)) = end.blank().and_then(|_| super::scale::find(end, language, true))
        && (number.fraction.is_some() || !scale.starts_with('='))
        && !end.word_after().is_some_and(|word| language.is_unit(word))
    {
        let stop = if behind.back().is_some_and(|last| last.text() == ".") && behind.is_line_end() { "." } else { "" };
        let scale = super::scale::said(&scale, &number, language);
        return Some(Match::whole(cursor, behind, format!("{} {scale}{stop}", language.number(&number, form))));
    }
    if !may_end(end) {
        return None;
    }
    let numbers = &language.table.numbers;
    let is_long = number.integer.len() > 15;
    let has_zeros = number.integer.len() > 1
        && number.integer.starts_with('0')
        && number.fraction.is_none()
        && !(number.negative && number.integer.len() < 4)
        && !(numbers.compact && number.integer.len() == 2 && end.kind() == Some(TokenKind::Word));
    if has_zeros || is_long {
        return Some(Match::whole(cursor, end, language.each_digit(&number.integer)));
    }
    let is_special =
        number.negative || number.grouped || number.fraction.is_some() || cursor.kind() == Some(TokenKind::Mark);
    let is_spelled =
        numbers.spelled || !form.is_empty() || (numbers.max_digits > 0 && number.integer.len() > numbers.max_digits);
    if !is_special && !is_spelled {
        return None;
    }
    let said = language.number(&number, form);
    (said != cursor.text()).then(|| Match::whole(cursor, end, said))
}

/// "k" close behind a number.
fn short_scale<'d, 't, 'l>(
    end: Cursor<'d, 't>,
    number: &Number,
    language: &'l Language,
) -> Option<(Cursor<'d, 't>, &'l str)> {
    let (behind, letters) = end.word()?;
    let is_large = number.fraction.is_some() || number.integer.len() > 1;
    let scales = &language.table.numbers.short_scales;
    let scale = scales.get(letters).or_else(|| scales.get(&format!("+{letters}")).filter(|_| is_large))?;
    behind.ends_word().then_some((behind, scale))
}
