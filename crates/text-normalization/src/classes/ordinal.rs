//! Ordinals: digits with an ending, or with a full stop where the language writes them so.

use super::{Match, begins_with_capital};
use crate::language::Language;
use crate::numerals::{may_begin, unsigned};
use crate::token::{Cursor, Doc, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if cursor.kind() != Some(TokenKind::Digits) || !may_begin(cursor) {
        return None;
    }
    let ordinals = &language.table.ordinals;
    let (end, number) = unsigned(cursor, language)?;
    if number.fraction.is_some() {
        return None;
    }
    for (suffix, form) in ordinals.suffixes.iter().rev() {
        let pattern: Vec<String> = Doc::new(suffix).tokens.iter().map(|token| token.text.to_string()).collect();
        if let Some(behind) = end.eat_pattern(&pattern).filter(|behind| behind.ends_word()) {
            let agreed = language.agreement("ordinal", &number.integer, cursor, behind);
            let form = if form == "agreement" || form.is_empty() { agreed } else { form };
            if ordinals.attached.contains(suffix) {
                let is_year = super::year::is_plausible(&number.integer);
                let year = is_year.then(|| language.year(&number.integer, "date"));
                let said = year.or_else(|| language.in_words(&number.integer, ""))? + suffix;
                return Some(Match::whole(cursor, behind, said));
            }
            let said = language.ordinal(&number.integer, form)?;
            return Some(Match::whole(cursor, behind, said));
        }
    }
    // "das 20. Jahrhundert"
    let behind = end.eat(".").filter(|_| ordinals.dot && !number.integer.starts_with('0'))?;
    let is_long = number.integer.len() > 4;
    if is_long && !(cursor.is_line_start() && behind.is_end()) {
        return None;
    }
    let form = language.agreement("ordinal", &number.integer, cursor, behind);
    // "bis 2015." ends a sentence.
    let is_day = number.integer.len() < 3 && number.integer.as_str() < "32" || number.integer.len() == 1;
    let is_alone = cursor.is_line_start() || (!form.is_empty() && (is_day || !behind.is_end()));
    if is_alone && behind.is_end() {
        return Some(Match::whole(cursor, behind, language.ordinal(&number.integer, form)?));
    }
    let follows = behind.blank()?.word().map(|(_, word)| word)?;
    let is_followed = is_alone || !begins_with_capital(follows) || !behind.is_before_sentence();
    if !is_followed {
        return None;
    }
    Some(Match::whole(cursor, behind, language.ordinal(&number.integer, form)?))
}
