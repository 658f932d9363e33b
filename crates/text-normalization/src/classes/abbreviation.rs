//! Short forms with a stop, and those that a table names: titles, references, streets, and so forth.

use super::{Match, begins_with_capital};
use crate::language::Language;
use crate::pattern::{Pattern, Position};
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if let Some(found) = ending(cursor, language) {
        return Some(found);
    }
    let fits = language.patterns.at(cursor).find(|(pattern, end)| stands(pattern, cursor, *end, language));
    let (pattern, end) = fits?;
    // A stop ends the sentence as well, where one begins behind it.
    let has_stop = pattern.written.last().is_some_and(|last| last == ".");
    let ends = has_stop
        && match pattern.position {
            Position::Title | Position::BeforeNumber | Position::BeforeName => false,
            _ if end.is_line_end() => true,
            Position::AfterName => {
                end.is_before_sentence() && !is_street_name_behind(end) && !is_direction(end, language)
            }
            _ => pattern.may_end && end.is_before_sentence(),
        };
    Some(Match::whole(cursor, end, if ends { format!("{}.", pattern.said) } else { pattern.said.clone() }))
}

/// "Hauptstr. 5"
fn ending(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let endings = &language.table.abbreviations.endings;
    if endings.is_empty() {
        return None;
    }
    let (end, word) = cursor.word()?;
    let stop = end.eat(".")?;
    let (stem, full) = endings.iter().find_map(|(short, full)| Some((word.strip_suffix(short.as_str())?, full)))?;
    let is_name = stem.chars().count() > 2 && begins_with_capital(stem);
    let ends = if stop.is_line_end() { "." } else { "" };
    is_name.then(|| Match::whole(cursor, stop, format!("{stem}{full}{ends}")))
}

fn stands(pattern: &Pattern, cursor: Cursor<'_, '_>, end: Cursor<'_, '_>, language: &Language) -> bool {
    let next = end.maybe_blank();
    let follows = next.kind();
    match pattern.position {
        Position::Title => {
            follows == Some(TokenKind::Word)
                && (begins_with_capital(next.text()) || pattern.written.len() > 1 && pattern.may_end)
                || {
                    // "Mr. and Mrs. Hale"
                    pattern.written.last().is_some_and(|last| last == ".") && follows == Some(TokenKind::Word)
                }
        }
        Position::BeforeNumber => {
            follows == Some(TokenKind::Digits)
                || next.eat("(").is_some_and(|number| number.kind() == Some(TokenKind::Digits))
                || next.word().is_some_and(|(_, word)| word.chars().all(|c| "IVXLC".contains(c)))
        }
        Position::AfterNumber => cursor.back().is_some_and(|before| {
            let before = if before.kind() == Some(TokenKind::Blank) { before.back() } else { Some(before) };
            before.is_some_and(|before| before.kind() == Some(TokenKind::Digits))
        }),
        Position::AfterName => {
            let is_name = |word: &str| begins_with_capital(word) || language.table.ordinals.suffixes.contains_key(word);
            // "Frau Dr. Groß": a title among names.
            let is_title = language.table.abbreviations.titles.contains_key(&pattern.written.concat())
                && follows == Some(TokenKind::Word)
                && begins_with_capital(next.text());
            // "Hill, Esq.", "St. Paul, Minn."
            let comma = cursor.back().and_then(Cursor::back).filter(|comma| comma.text() == ",");
            let is_other = language.table.abbreviations.before_name.contains_key(&pattern.written.concat())
                || language.table.abbreviations.titles.contains_key(&pattern.written.concat());
            let behind_comma = comma.filter(|_| !is_other).and_then(Cursor::back).map_or("", Cursor::text);
            (cursor.word_before().is_some_and(is_name) || begins_with_capital(behind_comma)) && !is_title
        }
        // "St-Pierre"
        Position::BeforeName if end.eat("-").is_some() => {
            end.next().word().is_some_and(|(_, word)| begins_with_capital(word))
        }
        Position::BeforeName => {
            pattern.written.last().is_some_and(|last| last == ".")
                && follows == Some(TokenKind::Word)
                && begins_with_capital(next.text())
                && end.blank().is_some()
                && !cursor.word_before().is_some_and(|word| language.table.ordinals.suffixes.contains_key(word))
        }
        Position::Era => false,
        Position::Anywhere => true,
    }
}

/// "Ave. NW"
fn is_direction(end: Cursor<'_, '_>, language: &Language) -> bool {
    end.word_after().is_some_and(|word| language.table.abbreviations.regions.contains_key(&format!("{word}.")))
}

/// "Elm St. Louis" is no sentence behind a street; what follows is a name if it is not the first word of one.
fn is_street_name_behind(end: Cursor<'_, '_>) -> bool {
    end.kind() == Some(TokenKind::Mark)
}
