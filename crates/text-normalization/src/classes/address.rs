//! Addresses: numbers of houses and rooms, postal codes, states, roads.

use super::{Match, Replacement, begins_with_capital, is_capitals};
use crate::language::Language;
use crate::numerals::{may_begin, may_end};
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    match cursor.kind()? {
        TokenKind::Word => region(cursor, language).or_else(|| direction(cursor, language)),
        TokenKind::Digits => house(cursor, language),
        _ => None,
    }
}

/// "Austin, TX 78701", "Portland, OR."
fn region(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, word) = cursor.word()?;
    let name = language.table.abbreviations.regions.get(word)?;
    let comma = cursor.back()?.blank().and_then(|_| cursor.back())?.back()?;
    let town = comma.eat(",").and_then(|_| comma.back())?;
    if town.kind() != Some(TokenKind::Word) || !begins_with_capital(town.text()) || !end.ends_word() {
        return None;
    }
    let mut pieces = vec![Replacement::new(cursor, end, name.clone())];
    if let Some((behind, code)) = end.blank().and_then(|at| at.digits_of(5..=5)) {
        let start = end.next();
        pieces.push(Replacement::new(start, behind, language.each_digit(code)));
        return Some(Match::pieces(behind, pieces));
    }
    Some(Match::pieces(end, pieces))
}

/// "E. 14th St.", "1211 E Arques Ave".
fn direction(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, word) = cursor.word()?;
    let name = language.table.abbreviations.regions.get(&format!("{word}."))?;
    // "Pennsylvania Ave. NW"
    let streets = &language.table.abbreviations.after_name;
    let street = cursor.label_before().map(str::to_owned).unwrap_or_default();
    if streets.contains_key(&format!("{street}.")) || streets.values().any(|name| *name == street) {
        return end.ends_word().then(|| Match::whole(cursor, end, name.clone()));
    }
    let end = end.eat(".").unwrap_or(end);
    let next = end.blank()?;
    let before = cursor.back().and_then(Cursor::back);
    let has_number_before = before.is_some_and(|before| before.kind() == Some(TokenKind::Digits));
    let is_before_street = match next.kind()? {
        TokenKind::Digits => {
            next.next().word().is_some_and(|(_, suffix)| language.table.ordinals.suffixes.contains_key(suffix))
        }
        TokenKind::Word => has_number_before && begins_with_capital(next.text()) && is_street(next, language),
        _ => false,
    };
    is_before_street.then(|| Match::whole(cursor, end, name.clone()))
}

/// Whether a street's name begins here: its kind stands within three words.
fn is_street(cursor: Cursor<'_, '_>, language: &Language) -> bool {
    let streets = &language.table.abbreviations.after_name;
    let mut at = cursor;
    for _ in 0..4 {
        let Some((end, word)) = at.word() else { return false };
        if streets.contains_key(word)
            || streets.contains_key(&format!("{word}."))
            || streets.values().any(|name| name == word)
        {
            return true;
        }
        let Some(next) = end.blank() else { return false };
        at = next;
    }
    false
}

/// "1428 Elm St", "708 N 1st St".
fn house(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if !may_begin(cursor) {
        return None;
    }
    let (end, digits) = cursor.digits_of(3..=4)?;
    let at = end.blank()?;
    let directions = &language.table.abbreviations.regions;
    let after_direction =
        at.word().filter(|(_, word)| is_capitals(word) && directions.contains_key(&format!("{word}.")));
    let name = after_direction.and_then(|(behind, _)| behind.eat(".").unwrap_or(behind).blank()).unwrap_or(at);
    let name = match name.digits() {
        Some((behind, _)) => behind.next().blank()?,
        None => name,
    };
    if !is_street(name, language) || !may_end(end) {
        return None;
    }
    let said = match digits.len() {
        4 if !digits.ends_with("00") => language.pairs(digits),
        3 => language.each_digit(digits),
        _ => return None,
    };
    Some(Match::whole(cursor, end, said))
}

impl Language {
    /// Two digits at a time.
    pub fn pairs(&self, digits: &str) -> String {
        let (first, second) = digits.split_at(2);
        format!("{} {}", self.cardinal(first, ""), self.below_hundred(second))
    }

    /// Two digits; "05" is "oh five".
    pub fn below_hundred(&self, digits: &str) -> String {
        match digits.strip_prefix('0') {
            Some(last) if last != "0" && !self.table.numbers.oh.is_empty() => {
                format!("{} {}", self.table.numbers.oh, self.cardinal(last, ""))
            }
            Some(_) => self.each_digit(digits),
            None => self.cardinal(digits, ""),
        }
    }
}
