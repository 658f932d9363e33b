//! Shares of a hundred and of a thousand.

use super::Match;
use crate::language::Language;
use crate::number::Number;
use crate::numerals::{may_begin, signed, unsigned};
use crate::token::Cursor;

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if let Some(percent) = cursor.eat("%").filter(|_| cursor.begins_word()) {
        // "% 50", where the sign stands first.
        let is_before = language.table.measures.percent.get("%").is_some_and(|word| word.starts_with('^'));
        let (end, number) = unsigned(if is_before { percent.maybe_blank() } else { percent }, language)?;
        return say(&number, "%", language).map(|said| Match::whole(cursor, end, said));
    }
    if !may_begin(cursor) {
        return None;
    }
    let (end, first) = signed(cursor, language)?;
    if let Some((sign, behind)) = sign(end, language) {
        let said = say(&first, sign, language)?;
        // "2%-10%"
        if let Some((second_end, second)) = behind.eat_any("-–").and_then(|at| unsigned(at, language))
            && let Some((sign, last)) = self::sign(second_end, language)
        {
            let second = say(&second, sign, language)?;
            return Some(Match::whole(cursor, last, format!("{said} {} {second}", language.table.ranges.to)));
        }
        return Some(Match::whole(cursor, behind, said));
    }
    // "5-10 %"
    let (end, second) = unsigned(end.eat_any("-–")?, language)?;
    let (sign, behind) = sign(end, language)?;
    let [first, last] = language.range(&first, &second);
    let words = &language.table.measures.percent;
    let is_before = words.get(sign).is_some_and(|word| word.starts_with('^'));
    if language.table.ranges.form.is_empty() || is_before {
        let second = say(&second, sign, language)?;
        return Some(Match::whole(cursor, behind, format!("{first} {second}")));
    }
    let word = words.get(&format!("{sign}many")).or_else(|| words.get(sign))?;
    Some(Match::whole(cursor, behind, format!("{first} {last} {word}")))
}

fn sign<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> Option<(&'d str, Cursor<'d, 't>)> {
    let at = end.maybe_blank();
    let sign = at.text();
    (language.table.measures.percent.contains_key(sign) && !sign.is_empty()).then(|| (sign, at.next()))
}

fn say(number: &Number, sign: &str, language: &Language) -> Option<String> {
    let words = &language.table.measures.percent;
    let category = language.category(number);
    let word = words.get(&format!("{sign}{category}")).or_else(|| words.get(sign))?;
    let form = words.get("gender").map_or("", String::as_str);
    let said = language.number(number, form);
    Some(match word.strip_prefix('^') {
        Some(before) if number.negative => {
            let plain = Number { negative: false, ..number.clone() };
            format!("{} {before} {}", language.table.numbers.minus, language.number(&plain, form))
        }
        Some(before) => format!("{before} {said}"),
        None => format!("{said} {word}"),
    })
}
