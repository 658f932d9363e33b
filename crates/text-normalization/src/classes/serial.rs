//! Letters and digits mixed: flights, parts, versions, plates; and numbers that are said digit by digit behind certain
//! words.

use super::{Match, Replacement, is_capitals, is_one_of, letters};
use crate::language::Language;
use crate::numerals::{may_begin, may_end};
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if !cursor.begins_word() && cursor.kind() != Some(TokenKind::Digits) {
        return None;
    }
    colour(cursor, language)
        .or_else(|| version(cursor, language))
        .or_else(|| note(cursor, language))
        .or_else(|| hundreds(cursor, language))
        .or_else(|| mixed(cursor, language))
        .or_else(|| code(cursor, language))
}

/// "#FF5733"
fn colour(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let start = cursor.eat("#")?;
    let mut end = start;
    let mut digits = String::new();
    while matches!(end.kind(), Some(TokenKind::Word | TokenKind::Digits)) && digits.len() <= 8 {
        digits.push_str(end.text());
        end = end.next();
    }
    let is_colour = matches!(digits.len(), 3 | 4 | 6 | 8)
        && digits.bytes().all(|c| c.is_ascii_hexdigit())
        && digits.bytes().any(|c| c.is_ascii_digit())
        && digits.bytes().any(|c| c.is_ascii_alphabetic());
    let say = |c: char| {
        let c = c.to_string();
        if c.starts_with(|c: char| c.is_ascii_digit()) { language.each_digit(&c) } else { letters(&c, language) }
    };
    let hash = &language.table.electronic.hash;
    let said = || [hash.clone()].into_iter().chain(digits.chars().map(say)).collect::<Vec<_>>().join(" ");
    (is_colour && !hash.is_empty() && end.ends_word()).then(|| Match::whole(cursor, end, said()))
}

/// "1.2.3", "v2.0.1".
fn version(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if !may_begin(cursor) || language.table.numbers.point.is_empty() {
        return None;
    }
    let (mut at, first) = cursor.digits()?;
    if crate::numerals::unsigned(cursor, language).is_some_and(|(end, number)| number.grouped && may_end(end)) {
        return None;
    }
    let mut parts = vec![first];
    while let Some((end, digits)) = at.eat(".").and_then(Cursor::digits) {
        parts.push(digits);
        at = end;
    }
    if parts.len() < 3 || !at.ends_word() {
        return None;
    }
    let is_address = parts.len() == 4 && parts.iter().all(|part| part.parse::<u32>().is_ok_and(|part| part < 1000));
    let electronic = &language.table.electronic;
    let said: Vec<String> = parts
        .iter()
        .map(|part| if is_address { language.each_digit(part) } else { language.cardinal(part, "") })
        .collect();
    let dot = if is_address && !electronic.dot.is_empty() { &electronic.dot } else { &language.table.numbers.point };
    Some(Match::whole(cursor, at, said.join(&format!(" {dot} "))))
}

/// "F♯", "C#".
fn note(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let table = &language.table.letters;
    let (end, letter) = cursor.word().filter(|(_, letter)| letter.len() == 1 && is_capitals(letter))?;
    let word = match end.text() {
        "♯" | "#" => &table.musical_sharp,
        "♭" => &table.musical_flat,
        _ => return None,
    };
    let behind = end.next();
    (!word.is_empty() && behind.ends_word())
        .then(|| Match::whole(cursor, behind, format!("{} {word}", letters(letter, language))))
}

/// "Boeing 747", "Blink-182"
fn hundreds(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, digits) = cursor.digits_of(3..=3)?;
    let before = cursor.back()?;
    let name = before.back()?.word().map(|(_, word)| word)?;
    let is_named = match before.text() {
        "-" => {
            super::begins_with_capital(name) && name.chars().skip(1).all(char::is_lowercase) && name.chars().count() > 1
        }
        _ => before.kind() == Some(TokenKind::Blank) && is_one_of(Some(name), &language.table.letters.hundreds_after),
    };
    let is_plain = !digits.starts_with('0') && !digits.ends_with("00") && language.table.letters.joined;
    let (first, rest) = digits.split_at(1);
    let rest = language.below_hundred(rest);
    (is_named && is_plain && may_end(end)).then(|| Match::whole(cursor, end, format!("{first} {rest}")))
}

/// Letters and digits by turns in one code.
const MAX_PARTS: usize = 24;

/// "BA2490", "XJ-900", "MP3", "7ABC123", "A40", "UTF-8", "2x".
fn mixed(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if language.table.letters.names.is_empty() && !language.table.letters.joined {
        return None;
    }
    let mut at = cursor;
    let (mut words, mut has_letters, mut has_digits, mut hyphen_before) = (Vec::new(), false, false, false);
    let mut parts = 0;
    loop {
        match at.kind() {
            Some(TokenKind::Word) => {
                let word = at.text();
                let is_code =
                    is_capitals(word) && word.chars().count() <= 5 || word.chars().count() == 1 || !has_vowel(word);
                if !is_code && word.chars().count() > 3 && !has_digits {
                    return None;
                }
                if !is_code && hyphen_before {
                    break;
                }
                has_letters = true;
                let is_name = !is_code || language.table.letters.words.iter().any(|known| known == word);
                words.push(if is_name { word.to_owned() } else { letters(word, language) });
            }
            Some(TokenKind::Digits) => {
                has_digits = true;
                let digits = at.text();
                // "10k"
                if parts == 0 && language.table.numbers.short_scales.contains_key(at.next().text()) {
                    return None;
                }
                let is_behind_letters = parts > 0;
                let is_read = digits.len() <= 2
                    || (digits.len() == 3 && digits.ends_with("00"))
                    || (digits.len() == 4 && digits.ends_with("00"));
                words.push(if digits.starts_with('0') || (!is_read && is_behind_letters) || (digits.len() > 4) {
                    if digits.len() == 4 && !digits.contains('0')
                        || digits.len() == 4 && digits.ends_with('0') && !digits[..3].contains('0')
                    {
                        language.pairs(digits)
                    } else {
                        language.each_digit(digits)
                    }
                } else {
                    language.cardinal(digits, "")
                });
            }
            _ => break,
        }
        parts += 1;
        if parts > MAX_PARTS {
            return None;
        }
        at = at.next();
        hyphen_before = false;
        if let Some(behind) =
            at.eat("-").filter(|behind| matches!(behind.kind(), Some(TokenKind::Word | TokenKind::Digits)))
            && (behind.kind() == Some(TokenKind::Digits) || is_capitals(behind.text()))
        {
            at = behind;
            hyphen_before = true;
        }
    }
    let is_short = |word: &str| word.chars().count() <= 3 && cursor.next().text().len() > 2;
    let first_is_code =
        cursor.kind() == Some(TokenKind::Digits) || is_capitals(cursor.text()) || is_short(cursor.text());
    (parts > 1 && has_letters && has_digits && first_is_code && at.ends_word())
        .then(|| Match::whole(cursor, at, words.join(" ")))
}

/// "text the word START to 74741": a small word before it, and one that tells a code some words before.
fn is_named_before(cursor: Cursor<'_, '_>, language: &Language) -> bool {
    let is_small =
        cursor.word_before().is_some_and(|word| word.chars().count() <= 3 && word.chars().all(char::is_lowercase));
    is_small && cursor.next().word_after().is_none() && is_told_before(cursor, language)
}

/// Whether one of the words before it tells a code.
pub fn is_told_before(cursor: Cursor<'_, '_>, language: &Language) -> bool {
    let first = cursor.at.saturating_sub(12);
    let tokens = cursor.doc().tokens[first..cursor.at].iter().rev();
    let mut words = tokens.take_while(|token| matches!(token.kind, TokenKind::Word | TokenKind::Blank));
    words.any(|token| token.kind == TokenKind::Word && is_one_of(Some(&token.text), &language.table.telephone.before))
}

fn has_vowel(word: &str) -> bool {
    word.chars().any(|c| "aeiouyAEIOUYäöüéèêáíóúà".contains(c) || !c.is_ascii())
}

/// "404 error", "ends in 4417", "otp is 9453", "PIN code 1234"; "978-0-306".
fn code(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, digits) = cursor.digits_of(2..=20)?;
    let telephone = &language.table.telephone;
    if !may_begin(cursor) {
        return None;
    }
    let mut at = end;
    let mut pieces = vec![Replacement::new(cursor, end, language.each_digit(digits))];
    while let Some(behind) = at.eat("-").filter(|behind| behind.kind() == Some(TokenKind::Digits)) {
        let digits = behind.text();
        pieces.push(Replacement::new(at, behind, ", "));
        pieces.push(Replacement::new(behind, behind.next(), language.each_digit(digits)));
        at = behind.next();
    }
    let is_long = pieces.len() > 3;
    let is_code = digits.len() > 3 || digits.starts_with('0') || pieces.len() > 1;
    let label = cursor.label_before();
    let is_named = is_code && (is_one_of(label, &telephone.before) || is_named_before(cursor, language));
    let is_code_behind = digits.len() == 3
        && is_one_of(
            at.word_after(),
            &telephone
                .extension
                .keys()
                .filter_map(|key| key.strip_prefix("after "))
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        );
    (may_end(at) && (is_named || is_code_behind || (is_long && pieces.len() == 5 && digits.len() >= 3)))
        .then(|| Match::pieces(at, pieces))
}
