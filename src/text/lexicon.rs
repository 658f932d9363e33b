//! Owns lexicons of words that a voice would say wrongly: for each what is said instead, another spelling or phonemes
//! in `[[ ]]`, or nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::domain::{Edit, Script};

/// Words and what is said instead. The longest that fits is taken, and whole words alone, but for a unit behind its
/// number ("5kg"). What is said instead is a word of its own, also where the word stood close to another ("and/or"). A
/// word that is written small stands for the same with a capital and in capitals too; others for themselves.
#[derive(Debug, Clone)]
pub struct Lexicon {
    /// `None`: no words.
    words: Option<AhoCorasick>,
    /// By the numbers of the patterns.
    instead: Vec<String>,
}

/// Why a lexicon cannot be used. Holds no word of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LexiconError {
    #[error("a lexicon has at most {MAX_WORDS} words")]
    TooManyWords,
    #[error(
        "words and what is said instead have at most {MAX_CHARS} characters, not all of them blanks, and no U+0000; a word has one at least"
    )]
    BadEntry,
    #[error("phonemes are written [[ ... ]], in one line")]
    BadPhonemes,
    #[error("the words cannot be searched for together")]
    Unsearchable,
}

pub const MAX_WORDS: usize = 10_000;
const MAX_CHARS: usize = 200;

impl Lexicon {
    /// Of words with what is said instead of each.
    pub fn new(entries: &BTreeMap<String, String>) -> Result<Self, LexiconError> {
        if entries.len() > MAX_WORDS {
            return Err(LexiconError::TooManyWords);
        }
        let mut patterns: BTreeMap<String, &str> = BTreeMap::new();
        // What is written as it is goes before what is so by its variants.
        for (word, instead) in entries {
            check(word, instead)?;
            for variant in variants(word) {
                if variant == *word || !entries.contains_key(&variant) {
                    patterns.insert(variant, instead);
                }
            }
        }
        if patterns.is_empty() {
            return Ok(Self { words: None, instead: Vec::new() });
        }
        let words = AhoCorasick::builder()
            // A table of all transitions takes seconds and 100 MB for what a caller may send.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns.keys());
        let words = Some(words.map_err(|_| LexiconError::Unsearchable)?);
        Ok(Self { words, instead: patterns.into_values().map(str::to_owned).collect() })
    }

    /// The script with its words in place.
    pub fn apply(&self, script: Script) -> Script {
        if self.words.is_none() {
            return script;
        }
        script.reworded(|passage| {
            let found = passage.said.verbatim_parts().flat_map(|(start, text)| {
                self.find(text).into_iter().map(move |(place, said)| (start + place.start..start + place.end, said))
            });
            found.map(|(place, said)| Edit { place, said, class: None }).collect()
        })
    }

    fn find(&self, text: &str) -> Vec<(Range<usize>, String)> {
        let Some(words) = &self.words else { return Vec::new() };
        let mut found = Vec::new();
        let mut from = 0;
        // A shorter word may fit where the longest is not a whole one.
        while let Some(place) = words.find(aho_corasick::Input::new(text).range(from..)) {
            if is_whole(text, &place.range()) && !is_in_block(text, place.start()) {
                found.push((place.range(), apart(text, &place.range(), &self.instead[place.pattern().as_usize()])));
                from = place.end();
            } else {
                from = place.start() + text[place.start()..].chars().next().map_or(1, char::len_utf8);
            }
        }
        found
    }
}

fn check(word: &str, instead: &str) -> Result<(), LexiconError> {
    let is_good = |text: &str| !text.trim().is_empty() && !text.contains('\0') && text.chars().count() <= MAX_CHARS;
    // Said instead may be nothing, which silences the word.
    if !is_good(word) || !(instead.is_empty() || is_good(instead)) {
        return Err(LexiconError::BadEntry);
    }
    if let Some(block) = instead.strip_prefix("[[") {
        let inner = block.strip_suffix("]]").ok_or(LexiconError::BadPhonemes)?;
        if inner.contains("]]") || inner.contains('\n') {
            return Err(LexiconError::BadPhonemes);
        }
    }
    Ok(())
}

fn variants(word: &str) -> Vec<String> {
    let mut variants = vec![word.to_owned()];
    if !word.chars().any(char::is_uppercase) {
        let mut chars = word.chars();
        let capital: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
        variants.extend([capital, word.to_uppercase()]);
        variants.dedup();
    }
    variants
}

/// Whether no letter or digit stands beside it, but for the number whose unit it is.
fn is_whole(text: &str, place: &Range<usize>) -> bool {
    let inner = &text[place.clone()];
    let (before, after) = (&text[..place.start], &text[place.end..]);
    let begins = is_part(inner.chars().next()) && is_part(before.chars().next_back());
    let ends = is_part(inner.chars().next_back()) && is_part(after.chars().next());
    let is_unit = || inner.starts_with(char::is_alphabetic) && ends_with_number(before);
    (!begins || is_unit()) && !ends
}

fn is_part(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

/// Whether the word that ends here is a number, and no name such as `b2`.
fn ends_with_number(text: &str) -> bool {
    let word = text.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    !word.is_empty() && word.chars().all(char::is_numeric)
}

/// What is said instead of what stands at `place`, with a blank where it would run into what stands beside that.
fn apart(text: &str, place: &Range<usize>, instead: &str) -> String {
    let is_word = |c: Option<char>| is_part(c) || matches!(c, Some('[' | ']'));
    let meets_before = is_part(text[..place.start].chars().next_back()) && is_word(instead.chars().next());
    let meets_after = is_part(text[place.end..].chars().next()) && is_word(instead.chars().next_back());
    let blank = |meets| if meets { " " } else { "" };
    if instead.is_empty() {
        return blank(is_part(text[..place.start].chars().next_back()) && is_part(text[place.end..].chars().next()))
            .to_owned();
    }
    [blank(meets_before), instead, blank(meets_after)].concat()
}

/// Whether it stands in `[[ ]]`, where the caller says already how he wants it.
fn is_in_block(text: &str, at: usize) -> bool {
    let before = &text[text[..at].rfind('\n').map_or(0, |line| line + 1)..at];
    before.rfind("[[").is_some_and(|open| !before[open..].contains("]]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::InputText;

    fn lexicon(entries: &[(&str, &str)]) -> Result<Lexicon, LexiconError> {
        Lexicon::new(&entries.iter().map(|(word, instead)| ((*word).to_owned(), (*instead).to_owned())).collect())
    }

    fn said(entries: &[(&str, &str)], text: &str) -> String {
        let script = lexicon(entries).unwrap().apply(Script::plain(InputText::parse(text, 1_000).unwrap()));
        script.passages()[0].said.as_str().to_owned()
    }

    #[test]
    fn whole_words_are_replaced_the_longest_first() {
        let entries = [("nginx", "engine x"), ("York", "[[ jˈɔːk ]]"), ("New York", "en why"), ("ya", "yes")];

        assert_eq!(said(&entries, "Nginx, NGINX and nginxes"), "engine x, engine x and nginxes");
        assert_eq!(
            said(&entries, "New York, York, york, New Yorker, yaya ya"),
            "en why, [[ jˈɔːk ]], york, New Yorker, yaya yes"
        );
    }

    #[test]
    fn an_entry_as_written_goes_before_one_that_only_differs_in_case() {
        assert_eq!(
            said(&[("us", "you and me"), ("US", "United States")], "us Us US"),
            "you and me you and me United States"
        );
    }

    #[test]
    fn what_stands_in_a_block_is_left_alone() {
        assert_eq!(said(&[("a", "b")], "a [[ a ]] a"), "b [[ a ]] b");
    }

    #[test]
    fn marks_may_be_words() {
        assert_eq!(
            said(&[("C++", "see plus plus"), ("->", "to")], "C++, C++y a->b"),
            "see plus plus, see plus plus y a to b"
        );
        assert_eq!(said(&[("/", "or"), ("–", "-")], "and/or, / 1–2"), "and or or, or 1-2");
        assert_eq!(said(&[("&", "[[ ænd ]]")], "R&B"), "R [[ ænd ]] B");
    }

    #[test]
    fn a_unit_is_found_behind_its_number() {
        let entries = [("kg", "kilograms"), ("b", "bee"), ("°C", "degrees")];

        assert_eq!(said(&entries, "5kg, 1.5kg, 5 kg"), "5 kilograms, 1.5 kilograms, 5 kilograms");
        assert_eq!(said(&entries, "b2b, mp3b, 5kgs, 20°C"), "b2b, mp3b, 5kgs, 20 degrees");
    }

    #[test]
    fn nothing_silences_a_word() {
        let entries = [("um", ""), ("/", "")];

        assert_eq!(said(&entries, "Um, well, um and/or umber"), ", well,  and or umber");
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for (word, instead) in [("", "a"), ("a", " "), ("a", "\0"), ("a", &"x".repeat(201))] {
            assert_eq!(lexicon(&[(word, instead)]).unwrap_err(), LexiconError::BadEntry);
        }
        for instead in ["[[ a", "[[ a ]] b", "[[ a ]] ]]"] {
            assert_eq!(lexicon(&[("a", instead)]).unwrap_err(), LexiconError::BadPhonemes);
        }
    }
}
