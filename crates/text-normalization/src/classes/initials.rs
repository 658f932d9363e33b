//! Initials: letters with stops, of names and of what is spelled so: "J. R. R. Tolkien", "U.S.", "e.g.".

use super::{Match, begins_with_capital, letters};
use crate::language::Language;
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if cursor.kind() != Some(TokenKind::Word) || !cursor.begins_word() {
        return None;
    }
    let mut end = initial(cursor)?;
    let mut count = 1;
    let mut reached = end;
    loop {
        let next = reached.maybe_blank();
        match initial(next) {
            // "p. A. Smith": those with blanks between are names'.
            Some(behind) if next.at == reached.at || begins_with_capital(next.text()) => {
                (reached, end, count) = (behind, behind, count + 1);
            }
            _ => break,
        }
    }
    // The last may be written without its stop: "e.s.t".
    if let Some((behind, _)) = end.word().filter(|(_, last)| last.chars().count() == 1 && count > 1)
        && behind.ends_word()
        && behind.kind() != Some(TokenKind::Mark)
    {
        end = behind;
        count += 1;
    }
    let first = cursor.text();
    let follows = end.maybe_blank();
    let is_capital = begins_with_capital(first);
    if count == 1 {
        // A single one is a name's only beside a name; "I." and a letter at the end of a sentence are not.
        let before_name =
            end.blank().is_some_and(|next| next.kind() == Some(TokenKind::Word) && begins_with_capital(next.text()))
                && (cursor.is_line_start()
                    || cursor.word_before().is_some_and(begins_with_capital)
                    || cursor.back().is_some_and(|before| before.kind() == Some(TokenKind::Blank)))
                && first != "I";
        let behind_name = is_capital
            && cursor.word_before().is_some_and(begins_with_capital)
            && follows.kind() == Some(TokenKind::Word)
            && !begins_with_capital(follows.text());
        let is_name = is_capital && (before_name && follows.text().chars().count() > 1 || behind_name);
        // "U S. They stayed."
        if !is_name || is_after_small_word(cursor) && !before_name || begins_sentence(follows, language) {
            return None;
        }
    }
    let doc = cursor.doc();
    let spelled: String = doc.tokens[cursor.at..end.at]
        .iter()
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| &*token.text)
        .collect();
    // "D.C. in", "U.S. He": the stop ends a sentence before a word that begins one.
    let has_stop = end.back().is_some_and(|last| last.text() == ".");
    let is_name_behind = end.blank().is_some()
        && count > 0
        && follows.kind() == Some(TokenKind::Word)
        && begins_with_capital(follows.text());
    let ends = has_stop && (end.is_line_end() || (count > 1 && is_name_behind && begins_sentence(follows, language)));
    let said = letters(&spelled, language);
    Some(Match::whole(cursor, end, if ends { format!("{said}.") } else { said }))
}

/// One letter and a stop.
fn initial<'d, 't>(cursor: Cursor<'d, 't>) -> Option<Cursor<'d, 't>> {
    let (end, word) = cursor.word()?;
    (word.chars().count() == 1 && word.chars().all(char::is_alphabetic)).then(|| end.eat(".")).flatten()
}

/// "so is B. Then": a lower-case word before a letter says that it ends a sentence.
fn is_after_small_word(cursor: Cursor<'_, '_>) -> bool {
    cursor.word_before().is_some_and(|word| !begins_with_capital(word))
}

/// Whether a capitalised word is one of those that begin sentences and no names.
pub fn begins_sentence(cursor: Cursor<'_, '_>, language: &Language) -> bool {
    let word = cursor.text().to_lowercase();
    begins_with_capital(cursor.text()) && language.table.abbreviations.may_end.contains(&word)
}
