//! Two numbers with a dash, colon or cross between: ranges, scores, ratios, sizes.

use super::{Match, is_one_of};
use crate::language::Language;
use crate::numerals::{may_begin, may_end, unsigned};
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let ranges = &language.table.ranges;
    if cursor.kind() != Some(TokenKind::Digits) || !may_begin(cursor) || ranges.to.is_empty() {
        return None;
    }
    if let Some(found) =
        always(cursor, language).or_else(|| years(cursor, language)).or_else(|| verses(cursor, language))
    {
        return Some(found);
    }
    let (at, first) = unsigned(cursor, language)?;
    // "01310-100"
    let mark = at.text();
    let is_code = first.integer.starts_with('0') && first.integer.len() > 1;
    if is_code && (first.integer.len() > 2 || at.next().text().len() > 2) {
        return None;
    }
    let (end, second) = unsigned(at.eat_any("-–—:x×")?, language)?;
    let end_is_clear =
        may_end(end) && end.eat_any("-–/").is_none_or(|next| next.kind() == Some(TokenKind::Blank) || next.is_end());
    let said = |word: &str| {
        let parts = [language.number(&first, ""), word.to_owned(), language.number(&second, "")];
        parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
    };
    match mark {
        "x" | "×" => {
            let end = end.eat("s").unwrap_or(end);
            (!ranges.times.is_empty() && end.ends_word())
                .then(|| Match::whole(cursor, end, plural_of(said(&ranges.times), end)))
        }
        ":" => (end_is_clear && !ranges.ratio.is_empty()).then(|| Match::whole(cursor, end, said(&ranges.ratio))),
        _ if !end_is_clear => None,
        _ => {
            let is_score = is_one_of(score_word(cursor), &ranges.scores);
            let range = || language.range(&first, &second).join(" ");
            Some(Match::whole(cursor, end, if is_score { said(&ranges.score) } else { range() }))
        }
    }
}

/// "2x4s"
fn plural_of(said: String, end: Cursor<'_, '_>) -> String {
    let has_s = end.back().is_some_and(|last| last.text() == "s");
    if has_s { format!("{said}s") } else { said }
}

/// Tokens of the scores between a word and the last of them.
const MAX_SCORES: usize = 24;

/// The word before a score, or before the scores before it.
fn score_word<'d>(cursor: Cursor<'d, '_>) -> Option<&'d str> {
    let mut at = cursor;
    while at.at + MAX_SCORES > cursor.at {
        if let Some(word) = at.word_before() {
            return Some(word);
        }
        let before = at.back()?;
        match before.kind()? {
            TokenKind::Digits | TokenKind::Blank | TokenKind::Mark => at = before,
            _ => return None,
        }
    }
    None
}

/// "24/7", "50/50": fixed expressions.
fn always(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (at, first) = cursor.digits_of(1..=2)?;
    let (end, second) = at.eat("/")?.digits_of(1..=2)?;
    let is_fixed = matches!((first, second), ("24", "7") | ("50", "50") | ("60", "40") | ("80", "20") | ("9", "11"));
    let said = format!("{} {}", language.cardinal(first, ""), language.cardinal(second, ""));
    (is_fixed && may_end(end) && end.eat("/").is_none()).then(|| Match::whole(cursor, end, said))
}

/// "Matthew 5:3-10"
fn verses(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if !cursor.word_before().is_some_and(super::begins_with_capital) {
        return None;
    }
    let (at, chapter) = cursor.digits_of(1..=3)?;
    let (at, first) = at.eat(":")?.digits_of(1..=3)?;
    let (end, last) = at.eat_any("-–")?.digits_of(1..=3)?;
    let number = |digits: &str| language.cardinal(digits, "");
    let said = [number(chapter), number(first), language.table.ranges.to.clone(), number(last)].join(" ");
    may_end(end).then(|| Match::whole(cursor, end, said))
}

/// "1961–1965", "1960-80", "1960s-1980s", "2019/20".
fn years(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (at, first) = cursor.digits_of(4..=4)?;
    let years = &language.table.years;
    let form = language.table.ranges.year_form.as_str();
    if !super::year::is_plausible(first) || (years.rule.is_empty() && !years.bare && form.is_empty()) {
        return None;
    }
    let (at, first_said) = super::year::decade(at, first, language).unwrap_or_else(|| (at, language.year(first, form)));
    let separator = at.text();
    let second = at.eat_any("-–—/")?;
    let (end, digits) = second.digits()?;
    // "2019/20"
    if separator == "/" {
        let is_next = first.parse::<u32>().is_ok_and(|first| format!("{}", first + 1).ends_with(digits));
        let second = if digits.len() == 4 { language.year(digits, "") } else { language.cardinal(digits, "") };
        let is_clear = is_next && digits.len() > 1 && end.eat("/").is_none() && may_end(end);
        return is_clear.then(|| Match::whole(cursor, end, format!("{first_said} {second}")));
    }
    let (end, second_said) = match digits.len() {
        4 if super::year::is_plausible(digits) => {
            super::year::decade(end, digits, language).unwrap_or_else(|| (end, language.year(digits, form)))
        }
        2 if digits > &first[2..] => (end, language.cardinal(digits, "")),
        _ => return None,
    };
    may_end(end).then(|| Match::whole(cursor, end, format!("{first_said} {} {second_said}", language.table.ranges.to)))
}
