//! What several classes ask of words and put them together with: templates, nouns behind numbers, letters one by one,
//! capitals.

use std::collections::BTreeMap;

use crate::language::Language;
use crate::table::Words;
use crate::token::Cursor;

/// A template with its places filled.
pub fn fill(template: &str, parts: &[(&str, &str)]) -> String {
    let filled = parts.iter().fold(template.to_owned(), |text, (name, part)| text.replace(name, part));
    filled.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A noun that is written short behind a number, in the form that the number has.
pub fn noun<'d, 't>(
    end: Cursor<'d, 't>,
    nouns: &BTreeMap<String, Words>,
    form: &str,
) -> Option<(Cursor<'d, 't>, String)> {
    let (behind, word) = end.blank()?.word()?;
    let said = nouns.get(word)?.get(form)?;
    let stop = behind.eat(".")?;
    let ends = if stop.is_line_end() { "." } else { "" };
    Some((stop, format!(" {said}{ends}")))
}

/// Letters one by one, as espeak-ng names them.
pub fn letters(text: &str, language: &Language) -> String {
    let names = &language.table.letters.names;
    let name = |c: char| {
        let letter = c.to_uppercase().to_string();
        names.get(&letter).cloned().unwrap_or(letter)
    };
    text.chars().map(name).collect::<Vec<_>>().join(" ")
}

/// Whether it is written in capitals alone.
pub fn is_capitals(word: &str) -> bool {
    word.chars().all(char::is_uppercase)
}

pub fn begins_with_capital(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// The sets of words of a table hold lower-case ones.
pub fn is_one_of(word: Option<&str>, words: &[String]) -> bool {
    word.is_some_and(|word| {
        let lower = word.to_lowercase();
        words.contains(&lower)
    })
}
