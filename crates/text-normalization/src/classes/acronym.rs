//! Words in capitals that are spelled: "PDFs", "R&D", "HTML"; and those that a table names.

use super::{Match, is_capitals, letters};
use crate::language::Language;
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, word) = cursor.word()?;
    if !cursor.begins_word() {
        return None;
    }
    let table = &language.table.letters;
    // "R&D", "AT&T", "M&Ms"
    if let Some((behind, second)) = end.eat("&").and_then(Cursor::word)
        && let stem = second.strip_suffix('s').unwrap_or(second)
        && is_capitals(word)
        && is_capitals(stem)
        && word.chars().count() + stem.chars().count() <= 5
        && behind.ends_word()
        && !table.and.is_empty()
    {
        let plural = if stem.len() < second.len() { "'s" } else { "" };
        let said = format!("{} {} {}{plural}", letters(word, language), table.and, letters(stem, language));
        return Some(Match::whole(cursor, behind, said));
    }
    if table.spelled.iter().any(|known| known == word) && end.ends_word() {
        return Some(Match::whole(cursor, end, letters(word, language)));
    }
    // "PDFs"
    let plural = word.strip_suffix('s').filter(|stem| stem.chars().count() > 1 && is_capitals(stem));
    if let Some(stem) = plural
        && table.joined
        && end.ends_word()
        && !table.words.iter().any(|known| known == stem)
    {
        return Some(Match::whole(cursor, end, format!("{}'s", letters(stem, language))));
    }
    // An "A" among capitals, which espeak-ng joins to a word: "AM", "AI".
    let is_spelled = is_capitals(word)
        && (2..=5).contains(&word.chars().count())
        && table.names.keys().any(|letter| word.contains(letter.as_str()))
        && !table.words.iter().any(|known| known == word)
        && !has_vowels_of_a_word(word)
        && cursor.kind() == Some(TokenKind::Word)
        && !is_among_capitals(cursor, end);
    (is_spelled && end.ends_word()).then(|| Match::whole(cursor, end, letters(word, language)))
}

/// Whether it may be said as a word: NASA, UNESCO.
fn has_vowels_of_a_word(word: &str) -> bool {
    let is_vowel = |c: char| "AEIOUY".contains(c);
    let chars: Vec<char> = word.chars().collect();
    let vowels = chars.iter().filter(|c| is_vowel(**c)).count();
    vowels >= 2 && chars.len() >= 4 || (vowels == 1 && chars.len() >= 4)
}

/// A heading in capitals is words.
fn is_among_capitals(cursor: Cursor<'_, '_>, end: Cursor<'_, '_>) -> bool {
    let is_shouted = |word: Option<&str>| word.is_some_and(|word| is_capitals(word) && word.chars().count() > 1);
    is_shouted(cursor.word_before()) || is_shouted(end.word_after())
}
