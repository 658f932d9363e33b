//! Years, ranges of years, decades, and the eras that stand beside them.

use super::{Match, Replacement, begins_with_capital, fill, is_one_of};
use crate::language::Language;
use crate::numerals::{may_begin, may_end};
use crate::pattern::Position;
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let years = &language.table.years;
    if let Some(era) = era_before(cursor, language) {
        return Some(era);
    }
    if let Some(short) = shortened(cursor, language) {
        return Some(short);
    }
    let (end, digits) = cursor.digits()?;
    if let Some((behind, decade)) = named_decade(end, digits, language).filter(|_| may_begin(cursor)) {
        return Some(Match::whole(cursor, behind, decade));
    }
    // "mid-1980s"
    if let Some((behind, decade)) = decade(end, digits, language).filter(|_| cursor.begins_word()) {
        return Some(Match::whole(cursor, behind, decade));
    }
    if !may_begin(cursor) {
        return None;
    }
    if let Some((behind, era)) = era(end, language) {
        let form = language.agreement("year", digits, cursor, end);
        let year = if digits.len() == 4 { language.year(digits, form) } else { language.number_of_year(digits, form) };
        return Some(Match::pieces(
            behind,
            vec![Replacement::new(cursor, end, year), Replacement::new(end.maybe_blank(), behind, era)],
        ));
    }
    let form = language.agreement("year", digits, cursor, end);
    let is_long = digits.len() == 4 && (is_plausible(digits) || form == "digits");
    let is_short = form == "era" || form == "digits" && digits.len() == 2 && digits.starts_with('0');
    if !(is_long || is_short) || !may_end(end) {
        return None;
    }
    let is_named = is_one_of(cursor.word_before(), &years.before);
    let follows = end.word_after();
    let is_plain = match follows {
        None => true,
        Some(word) if begins_with_capital(word) => years.before_capital,
        Some(word) => is_one_of(Some(word), &years.after),
    };
    let is_year = is_named || !form.is_empty() || (years.bare && is_plain);
    if !is_year || (years.rule.is_empty() && years.forms.is_empty()) {
        return None;
    }
    let (end, noun) = super::noun(end, &years.nouns, form).unwrap_or((end, String::new()));
    Some(Match::whole(cursor, end, language.year(digits, form) + &noun))
}

/// Four digits that people write of years and hardly of anything else.
pub fn is_plausible(digits: &str) -> bool {
    digits.parse::<u32>().is_ok_and(|year| (1100..2100).contains(&year))
}

/// "'05", "'60s".
fn shortened(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let behind = cursor.eat_any("'’‘").filter(|_| cursor.begins_word())?;
    let (end, digits) = behind.digits_of(2..=2)?;
    if let Some((behind, decade)) = decade(end, digits, language) {
        return Some(Match::whole(cursor, behind, decade));
    }
    if !may_end(end) || end.eat_any("'’").is_some() {
        return None;
    }
    let said = match digits.strip_prefix('0') {
        Some(last) => {
            fill(language.table.years.centuries.get("0x").map_or("0 {year}", String::as_str), &[("{year}", last)])
        }
        None => language.cardinal(digits, ""),
    };
    Some(Match::whole(cursor, end, said))
}

/// "1990s", "80's".
pub fn decade<'d, 't>(end: Cursor<'d, 't>, digits: &str, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let years = &language.table.years;
    if !digits.ends_with('0') || !matches!(digits.len(), 2 | 4) {
        return None;
    }
    let suffix = years.decade_suffixes.iter().find_map(|suffix| {
        let pattern: Vec<String> =
            crate::token::Doc::new(suffix).tokens.iter().map(|token| token.text.to_string()).collect();
        end.eat_pattern(&pattern).filter(|behind| behind.ends_word())
    })?;
    let tens: usize = digits[digits.len() - 2..digits.len() - 1].parse().ok()?;
    let name = years.decades.get(tens)?;
    let said = match digits.len() {
        2 => name.clone(),
        _ if tens == 0 => {
            years.centuries.get(digits).cloned().unwrap_or_else(|| format!("{}s", language.year(digits, "")))
        }
        _ => {
            let century = &digits[..2];
            let century = years.centuries.get(century).cloned().unwrap_or_else(|| language.cardinal(century, ""));
            format!("{century} {name}")
        }
    };
    Some((suffix, said))
}

/// "1920-talet": in one word.
fn named_decade<'d, 't>(end: Cursor<'d, 't>, digits: &str, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let (behind, word) = end.eat("-")?.word()?;
    let is_decade = digits.ends_with('0') && matches!(digits.len(), 2 | 4);
    if !is_decade || !language.table.years.decade_words.iter().any(|known| word.starts_with(known)) {
        return None;
    }
    let (century, years) = digits.split_at(digits.len() - 2);
    let words = |digits: &str| language.in_words(digits, "");
    let said = match years {
        "00" => words(century)? + &words("100")?,
        _ if century.is_empty() => words(years)?,
        _ => words(century)? + &words(years)?,
    };
    Some((behind, said + word))
}

/// "B.C." behind a year.
fn era<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let at = end.maybe_blank();
    let (pattern, behind) = language.patterns.at(at).find(|(pattern, _)| pattern.position == Position::Era)?;
    let ends = pattern.written.last().is_some_and(|last| last == ".") && behind.is_line_end();
    Some((behind, if ends { format!("{}.", pattern.said) } else { pattern.said.clone() }))
}

/// "AD 79".
fn era_before(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (pattern, behind) = language.patterns.at(cursor).find(|(pattern, _)| pattern.position == Position::Era)?;
    let year = behind.blank().filter(|year| year.kind() == Some(TokenKind::Digits))?;
    let (end, digits) = year.digits_of(1..=4)?;
    let said = if digits.len() == 4 { language.year(digits, "") } else { language.cardinal(digits, "") };
    may_end(end).then(|| {
        Match::pieces(
            end,
            vec![Replacement::new(cursor, behind, pattern.said.clone()), Replacement::new(year, end, said)],
        )
    })
}

impl Language {
    /// A year of other than four digits.
    fn number_of_year(&self, digits: &str, form: &str) -> String {
        if form.is_empty() { self.cardinal(digits, "") } else { self.year(digits, form) }
    }
}
