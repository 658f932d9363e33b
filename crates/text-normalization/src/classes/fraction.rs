//! Fractions: "3/4", "1 1/2", "½".

use super::{Match, fill};
use crate::language::Language;
use crate::number::Number;
use crate::numerals::{may_begin, may_end};
use crate::token::Cursor;

/// Fractions that are one character.
const VULGAR: [(&str, &str, &str); 15] = [
    ("½", "1", "2"),
    ("⅓", "1", "3"),
    ("⅔", "2", "3"),
    ("¼", "1", "4"),
    ("¾", "3", "4"),
    ("⅕", "1", "5"),
    ("⅖", "2", "5"),
    ("⅗", "3", "5"),
    ("⅘", "4", "5"),
    ("⅙", "1", "6"),
    ("⅚", "5", "6"),
    ("⅛", "1", "8"),
    ("⅜", "3", "8"),
    ("⅝", "5", "8"),
    ("⅞", "7", "8"),
];

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if let Some((end, said)) = one_character(cursor, language, "") {
        return Some(Match::whole(cursor, end, said));
    }
    if !may_begin(cursor) {
        // A sign stands before it.
        return None;
    }
    let minus = cursor.eat_any(crate::numerals::MINUS);
    let at = minus.unwrap_or(cursor);
    let sign = if minus.is_some() { format!("{} ", language.table.numbers.minus) } else { String::new() };
    if let Some((end, digits)) = at.digits_of(1..=6) {
        let whole = Number::whole(digits);
        let found = vulgar(end, &whole, language).or_else(|| end.blank().and_then(|at| mixed(at, &whole, language)));
        if let Some((end, said)) = found {
            return Some(Match::whole(cursor, end, format!("{sign}{said}")));
        }
    }
    let (end, said) = simple(at, language)?;
    Some(Match::whole(cursor, end, format!("{sign}{said}")))
}

/// "3/4" without a sign.
pub fn simple<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let (end, numerator, denominator) = written(cursor).filter(|(end, ..)| may_end(*end))?;
    Some((end, say(numerator, denominator, language)?))
}

/// The same, close before a unit.
pub fn before_unit<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let (end, numerator, denominator) = written(cursor)?;
    Some((end, say(numerator, denominator, language)?))
}

/// "3/4", no part of something longer.
fn written<'d, 't>(cursor: Cursor<'d, 't>) -> Option<(Cursor<'d, 't>, &'d str, &'d str)> {
    let (at, numerator) = cursor.digits_of(1..=15)?;
    let at = at.eat_any("/⁄")?;
    let (end, denominator) = at.digits_of(1..=15)?;
    (end.eat("/").is_none() && !denominator.starts_with('0') || denominator == "0").then_some((
        end,
        numerator,
        denominator,
    ))
}

/// The fraction behind a whole number and a blank.
pub fn mixed<'d, 't>(cursor: Cursor<'d, 't>, whole: &Number, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    if whole.fraction.is_some() {
        return None;
    }
    if let Some((end, said)) = one_character(cursor, language, &whole.integer) {
        return Some((end, said));
    }
    let (end, numerator, denominator) =
        written(cursor).filter(|(end, ..)| may_end(*end) || end.kind() == Some(crate::token::TokenKind::Word))?;
    let fractions = &language.table.fractions;
    let is_proper = numerator.len() <= denominator.len();
    if !is_proper || fractions.and.is_empty() {
        return None;
    }
    Some((end, with_whole(whole, numerator, denominator, language)?))
}

/// A fraction of one character close behind a number.
pub fn vulgar<'d, 't>(end: Cursor<'d, 't>, whole: &Number, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    one_character(end, language, &whole.integer)
}

fn one_character<'d, 't>(cursor: Cursor<'d, 't>, language: &Language, whole: &str) -> Option<(Cursor<'d, 't>, String)> {
    let (_, numerator, denominator) = VULGAR.iter().find(|(c, ..)| *c == cursor.text())?;
    let said = if whole.is_empty() {
        say(numerator, denominator, language)?
    } else {
        with_whole(&Number::whole(whole), numerator, denominator, language)?
    };
    Some((cursor.next(), said))
}

fn with_whole(whole: &Number, numerator: &str, denominator: &str, language: &Language) -> Option<String> {
    let fractions = &language.table.fractions;
    let whole = language.cardinal(&whole.integer, &fractions.whole_form);
    if let Some(said) = fractions.mixed.get(&format!("{numerator}/{denominator}")) {
        return Some(format!("{whole} {said}"));
    }
    Some(format!("{whole} {} {}", fractions.and, say(numerator, denominator, language)?))
}

fn say(numerator: &str, denominator: &str, language: &Language) -> Option<String> {
    let fractions = &language.table.fractions;
    if let Some(said) = fractions.words.get(&format!("{numerator}/{denominator}")) {
        return Some(said.clone());
    }
    // "120/80"
    let is_ratio = denominator.len() > 1 && (numerator.len(), numerator) > (denominator.len(), denominator);
    if is_ratio && !fractions.over.is_empty() && !fractions.over.contains('{') {
        let (first, second) = (language.cardinal(numerator, ""), language.cardinal(denominator, ""));
        return Some(format!("{first} {} {second}", fractions.over));
    }
    let is_one = numerator == "1";
    let count = || language.cardinal(numerator, &fractions.form);
    if let Some(name) = fractions.names.get(denominator) {
        let (singular, plural) = name.split_once('|').unwrap_or((name, name));
        return Some(format!("{} {}", count(), if is_one { singular } else { plural }));
    }
    let value: u64 = denominator.parse().ok()?;
    if value > 1 && value <= fractions.limit && !fractions.rule.is_empty() {
        let ordinal = match fractions.rule.strip_prefix("cardinal") {
            Some(ending) => {
                let words = language.in_words(denominator, "")? + ending.trim_start_matches(':');
                fractions.joined.iter().fold(words, |words, [from, to]| words.replace(from, to))
            }
            None => language.ordinal(denominator, &fractions.rule)?,
        };
        let template = if is_one { &fractions.singular } else { &fractions.plural };
        return Some(fill(template, &[("{count}", &count()), ("{ordinal}", &ordinal)]).replace("- ", ""));
    }
    if fractions.over.is_empty() {
        return None;
    }
    let (numerator, denominator) = (language.cardinal(numerator, ""), language.cardinal(denominator, "denominator"));
    if fractions.over.contains('{') {
        return Some(fill(&fractions.over, &[("{numerator}", &numerator), ("{denominator}", &denominator)]));
    }
    Some(format!("{numerator} {} {denominator}", fractions.over))
}
