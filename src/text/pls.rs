//! Owns reading lexicons in the W3C's Pronunciation Lexicon Specification 1.0: `lexeme`s with their `grapheme`s and the
//! first `phoneme` (`ipa`) or `alias` of each.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::entities::character;

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlsError {
    #[error("it is not well-formed XML, or has a document type or entities of its own")]
    Malformed,
    #[error("its alphabet is not ipa")]
    Alphabet,
}

/// A lexeme as far as it is read.
#[derive(Default)]
struct Lexeme {
    graphemes: Vec<String>,
    instead: Option<String>,
}

/// Words and what is said instead, phonemes in `[[ ]]`.
pub fn parse(file: &str) -> Result<BTreeMap<String, String>, PlsError> {
    let mut reader = Reader::from_str(file);
    let mut entries = BTreeMap::new();
    let mut lexeme = Lexeme::default();
    let mut text = String::new();
    let mut depth = 0;
    loop {
        match reader.read_event().map_err(|_| PlsError::Malformed)? {
            Event::Eof if depth > 0 => return Err(PlsError::Malformed),
            Event::Eof => return Ok(entries),
            Event::Start(start) => {
                depth += 1;
                text.clear();
                expect_ipa(&start)?;
            }
            Event::Empty(start) => expect_ipa(&start)?,
            Event::Text(part) => text.push_str(&part),
            Event::CData(part) => text.push_str(&part),
            Event::GeneralRef(reference) => text.push(character(&reference).ok_or(PlsError::Malformed)?),
            Event::End(end) => {
                depth -= 1;
                let said = text.trim();
                let name = end.local_name();
                match name.as_ref() {
                    "grapheme" => lexeme.graphemes.push(said.to_owned()),
                    "phoneme" if lexeme.instead.is_none() => lexeme.instead = Some(format!("[[ {said} ]]")),
                    "alias" if lexeme.instead.is_none() => lexeme.instead = Some(said.to_owned()),
                    "lexeme" => {
                        let Lexeme { graphemes, instead } = std::mem::take(&mut lexeme);
                        let instead = instead.unwrap_or_default();
                        entries.extend(graphemes.into_iter().map(|grapheme| (grapheme, instead.clone())));
                    }
                    _ => {}
                }
                text.clear();
            }
            Event::DocType(_) => return Err(PlsError::Malformed),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn expect_ipa(start: &BytesStart<'_>) -> Result<(), PlsError> {
    let alphabet = start.try_get_attribute("alphabet").map_err(|_| PlsError::Malformed)?;
    if alphabet.is_none_or(|alphabet| alphabet.value.eq_ignore_ascii_case("ipa")) {
        Ok(())
    } else {
        Err(PlsError::Alphabet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lexemes_become_words_with_what_is_said_instead() {
        let file = r#"<?xml version="1.0" encoding="UTF-8"?>
            <lexicon version="1.0" alphabet="ipa" xml:lang="en-US" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon">
              <lexeme><grapheme>theater</grapheme><grapheme>theatre</grapheme><phoneme>ˈθɪətɚ</phoneme><phoneme>x</phoneme></lexeme>
              <lexeme><grapheme>W3C</grapheme><alias>World Wide Web &amp; Consortium</alias></lexeme>
            </lexicon>"#;

        let entries = parse(file).unwrap();

        let entries: Vec<_> = entries.iter().map(|(word, instead)| (word.as_str(), instead.as_str())).collect();
        assert_eq!(
            entries,
            [("W3C", "World Wide Web & Consortium"), ("theater", "[[ ˈθɪətɚ ]]"), ("theatre", "[[ ˈθɪətɚ ]]")]
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(parse("<lexicon><lexeme></lexicon>"), Err(PlsError::Malformed));
        assert_eq!(parse("<!DOCTYPE lexicon []><lexicon/>"), Err(PlsError::Malformed));
        assert_eq!(parse("<lexicon alphabet='x-sampa'/>"), Err(PlsError::Alphabet));
    }
}
