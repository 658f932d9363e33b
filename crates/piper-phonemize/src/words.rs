//! Owns which words a text has, and how each is said alone. That is what the phonemes of the whole are compared with,
//! to find where each word is in them: espeak-ng says of a clause only what it sounds like.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::defuse::defused;
use super::espeak::Clause;
use super::phonemes::{self, Sentence};
use super::whole::parts;

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Bytes of the text.
    pub text: Range<usize>,
    /// Its phonemes when it is said alone.
    pub alone: Sentence,
}

/// A text of one word each paragraph, so that espeak-ng says each alone.
#[derive(Debug, Default)]
pub struct Paragraphs {
    pub text: String,
    /// Where each begins.
    starts: Vec<usize>,
}

/// What stands between words besides blanks.
const DASHES: [char; 3] = ['—', '–', '―'];

/// Marks at a word's edges that are not spoken. Others are, such as `%` and `€`.
const MARKS: [char; 32] = [
    '.', ',', ';', ':', '!', '?', '"', '\'', '(', ')', '[', ']', '{', '}', '<', '>', '*', '_', '-', '…', '“', '”', '„',
    '‘', '’', '«', '»', '¿', '¡', '।', '،', '؟',
];

/// Characters of one word. What is longer, such as a thousand digits, counts as several, so that each of its sentences
/// has some.
const MAX_WORD_CHARS: usize = 100;

/// Where the words of `text` are.
pub fn words_of(text: &str) -> Vec<Range<usize>> {
    let is_between = |c: char| c.is_whitespace() || c.is_control() || DASHES.contains(&c);
    let mut words = Vec::new();
    for chunk in text.split(is_between) {
        let word = chunk.trim_matches(MARKS);
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        if word.chars().any(is_of_a_script_without_blanks) {
            let parts = word.unicode_word_indices();
            words.extend(parts.map(|(at, part)| start + at..start + at + part.len()));
        } else if word.chars().nth(MAX_WORD_CHARS).is_none() {
            words.extend((!word.is_empty()).then(|| start..start + word.len()));
        } else {
            let place = |part: &str| part.as_ptr().addr() - text.as_ptr().addr();
            words.extend(parts(word, MAX_WORD_CHARS).into_iter().map(|part| place(part)..place(part) + part.len()));
        }
    }
    words
}

/// Of Chinese, Japanese and Thai.
fn is_of_a_script_without_blanks(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

// === impl Paragraphs ===

impl Paragraphs {
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut paragraphs = Self::default();
        for word in words {
            paragraphs.starts.push(paragraphs.text.len());
            paragraphs.text.push_str(&defused(word));
            paragraphs.text.push_str("\n\n");
        }
        paragraphs
    }

    /// The phonemes of each, of the clauses of all.
    pub fn phonemes(&self, clauses: &[Clause]) -> Vec<Sentence> {
        let said = |own: Vec<&Clause>| {
            let mut word = Sentence::new();
            for clause in own {
                let blank = (!word.is_empty()).then(|| phonemes::phoneme(' '));
                word.extend(blank.into_iter().chain(phonemes::plain(clause)));
            }
            word
        };
        self.grouped(clauses).into_iter().map(said).collect()
    }

    /// The clauses of each, of those of all.
    pub fn grouped<'c>(&self, clauses: &'c [Clause]) -> Vec<Vec<&'c Clause>> {
        let mut grouped = vec![Vec::new(); self.starts.len()];
        let mut begin = 0;
        for clause in clauses {
            // What was read before it may have ended one character behind its beginning.
            let index = self.starts.partition_point(|start| *start <= begin).saturating_sub(1);
            if let Some(own) = grouped.get_mut(index) {
                own.push(clause);
            }
            begin = clause.end as usize;
        }
        grouped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        words_of(text).into_iter().map(|word| &text[word]).collect()
    }

    #[test]
    fn words_are_without_the_marks_around_them() {
        assert_eq!(words("“Hello,” she said — twice…"), ["Hello", "she", "said", "twice"]);
        assert_eq!(words("It's $5.20 (25% off)!"), ["It's", "$5.20", "25%", "off"]);
        assert_eq!(words("well-known word—word\u{a0}\u{1}x"), ["well-known", "word", "word", "x"]);
        assert!(words(" -- ... \n").is_empty());
    }

    #[test]
    fn a_word_without_end_is_many() {
        let text = format!("a {}, b", "7".repeat(250));

        assert_eq!(words(&text), ["a", &"7".repeat(100), &"7".repeat(100), &"7".repeat(50), "b"]);
    }

    #[test]
    fn where_no_blanks_stand_between_words_they_are_found_all_the_same() {
        assert_eq!(words("你好，世界。"), ["你", "好", "世", "界"]);
    }

    #[test]
    fn clauses_go_to_the_paragraph_in_which_they_begin() {
        let clause = |phonemes: &str, end| Clause { phonemes: phonemes.into(), terminator: 0, end };
        let paragraphs = Paragraphs::of(["e.g.", "a", "25"]);

        assert_eq!(paragraphs.text, "e.g.\n\na\n\n25\n\n");
        let said = paragraphs.phonemes(&[clause("iː", 2), clause("dʒ", 7), clause("(en)ɐ", 10), clause("fˈaɪ", 13)]);

        assert_eq!(said.iter().map(|word| word.concat()).collect::<Vec<_>>(), ["iː dʒ", "ɐ", "fˈaɪ"]);
    }
}
