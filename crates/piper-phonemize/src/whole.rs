//! Makes espeak-ng say all of a text. Its buffers are fixed, and it silently drops what does not fit: of a clause what
//! is beyond 1,000 phonemes, 300 words or 800 bytes, of a word what is beyond 99 phonemes, stresses and tones among
//! them. Of some repetitions it says the beginning alone. So a clause that comes near is said again in pieces, and
//! these are taken where they say more. What people write hardly ever comes near, and is then said as before.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

use super::espeak::Clause;
use super::legible::is_decimal;
use super::phonemes::{sounds, without_language_flags};

/// How a clause is cut.
#[derive(Debug, Clone, Copy)]
pub struct Fineness {
    /// Bytes of a piece.
    piece: usize,
    /// Characters of a word; those of a longer one are pieces of their own.
    word: usize,
}

/// Each for what the one before leaves too long.
pub const FINENESS: [Fineness; 4] = [
    Fineness { piece: 96, word: 24 },
    Fineness { piece: 32, word: 12 },
    Fineness { piece: 16, word: 4 },
    Fineness { piece: 4, word: 1 },
];

// Below espeak-ng's bounds by what cannot be counted from outside: pauses, tones, changes of the language, phonemes
// that are written as two sounds.
const NEARLY_FULL_SOUNDS: usize = 450;
const NEARLY_FULL_WORDS: usize = 250;
const NEARLY_FULL_BYTES: usize = 770;
const NEARLY_FULL_WORD: usize = 92;

/// Of a letter that stands alone again and again, no more is said.
const SAID_LETTERS: usize = 3;
/// Of a number with points, about twice as many parts are said. No address or version has more.
const SAFE_NUMBER_PARTS: usize = 8;

/// Clauses of `text` that may lack something, by their number, and what they say.
pub fn nearly_full<'a>(text: &'a str, clauses: &[Clause]) -> Vec<(usize, &'a str)> {
    let places = places(text, clauses).into_iter().map(|place| &text[place]);
    let near = places.zip(clauses).enumerate().filter(|(_, (source, clause))| is_nearly_full(source, &clause.phonemes));
    near.map(|(index, (source, _))| (index, source)).collect()
}

/// Where each clause stands. espeak-ng has always read one character more than it says, but at the end.
fn places(text: &str, clauses: &[Clause]) -> Vec<Range<usize>> {
    let mut places = Vec::with_capacity(clauses.len());
    let mut start = 0;
    for (index, clause) in clauses.iter().enumerate() {
        let read = text.floor_char_boundary(clause.end as usize);
        let is_last = index + 1 == clauses.len();
        let end = if is_last { text.len() } else { text.floor_char_boundary(read.saturating_sub(1)) };
        places.push(start..end.max(start));
        start = end.max(start);
    }
    places
}

fn is_nearly_full(source: &str, phonemes: &str) -> bool {
    let phonemes = without_language_flags(phonemes);
    let words = words_at_most(source);
    words > NEARLY_FULL_WORDS
        || source.len() + words > NEARLY_FULL_BYTES
        || sounds(&phonemes) > NEARLY_FULL_SOUNDS
        || phonemes.split(' ').any(|word| word.chars().filter(|c| *c != 'ː').count() > NEARLY_FULL_WORD)
        || is_repetition(source)
}

/// What espeak-ng may say the beginning of, however short it is: a letter alone again and again, a number of many
/// parts, and signs such as `½` that stand together.
fn is_repetition(source: &str) -> bool {
    let words: Vec<&str> = source.split_whitespace().collect();
    let is_letter = |word: &str| word.chars().all(char::is_alphabetic) && word.chars().nth(1).is_none();
    let repeats_letter =
        words.windows(SAID_LETTERS + 1).any(|run| is_letter(run[0]) && run.iter().all(|word| *word == run[0]));
    let is_sign = |c: char| c.is_numeric() && !is_decimal(c);
    let has_signs =
        |word: &str| word.chars().zip(word.chars().skip(1)).any(|(one, other)| is_sign(one) && is_sign(other));
    let parts = |word: &str| word.split(|c: char| !c.is_numeric()).filter(|digits| !digits.is_empty()).count();
    repeats_letter || words.into_iter().any(|word| has_signs(word) || parts(word) > SAFE_NUMBER_PARTS)
}

/// How many words espeak-ng may see: it also begins one where letters, digits and marks meet, and at a capital within a
/// word.
fn words_at_most(source: &str) -> usize {
    #[derive(PartialEq, Clone, Copy)]
    enum CharacterKind {
        Blank,
        Small,
        Capital,
        Digit,
        Mark,
    }
    let kind = |c: char| match c {
        c if c.is_whitespace() => CharacterKind::Blank,
        c if c.is_numeric() => CharacterKind::Digit,
        c if c.is_uppercase() => CharacterKind::Capital,
        c if c.is_alphabetic() => CharacterKind::Small,
        _ => CharacterKind::Mark,
    };
    let mut last = CharacterKind::Blank;
    let mut words = 0;
    for kind in source.chars().filter(|c| !is_combining_mark(*c)).map(kind) {
        let goes_on = kind == last || (last, kind) == (CharacterKind::Capital, CharacterKind::Small);
        words += usize::from(kind != CharacterKind::Blank && (!goes_on || kind == CharacterKind::Mark));
        last = kind;
    }
    words
}

/// What the pieces of a clause say together.
pub fn joined<'a>(pieces: impl IntoIterator<Item = Vec<&'a Clause>>) -> String {
    let said = pieces.into_iter().flatten().map(|clause| clause.phonemes.as_str());
    said.filter(|phonemes| !phonemes.is_empty()).collect::<Vec<_>>().join(" ")
}

// === impl Fineness ===

impl Fineness {
    /// The words of `source` in pieces.
    pub fn pieces<'a>(&self, source: &'a str) -> Vec<&'a str> {
        let mut pieces: Vec<&str> = Vec::new();
        let mut piece: Option<Range<usize>> = None;
        for word in source.split_whitespace() {
            let start = word.as_ptr().addr() - source.as_ptr().addr();
            let place = start..start + word.len();
            let is_long = word.chars().nth(self.word).is_some();
            match &mut piece {
                Some(piece) if !is_long && place.end - piece.start <= self.piece => piece.end = place.end,
                _ => pieces.extend(piece.replace(place).map(|piece| &source[piece])),
            }
            if is_long {
                pieces.extend(parts(word, self.word));
                piece = None;
            }
        }
        pieces.extend(piece.map(|piece| &source[piece]));
        pieces
    }
}

/// Characters of one sign. Some emoji have ten; what has more is a letter under a heap of accents.
const MAX_SIGN_CHARS: usize = 32;

/// Parts of at most so many characters, but that no accent is taken from its letter, nor an emoji into its halves.
pub fn parts(word: &str, chars: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut count) = (0, 0);
    let signs = word.grapheme_indices(true).flat_map(|(at, sign)| {
        let starts = sign.char_indices().step_by(MAX_SIGN_CHARS).map(|(start, _)| start);
        let ends = starts.clone().skip(1).chain([sign.len()]);
        starts.zip(ends).map(move |(start, end)| (at + start, &sign[start..end]))
    });
    for (at, cluster) in signs {
        let length = cluster.chars().count();
        if count > 0 && count + length > chars {
            parts.push(&word[start..at]);
            (start, count) = (at, 0);
        }
        count += length;
    }
    parts.extend((start < word.len()).then(|| &word[start..]));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(phonemes: &str, end: u32) -> Clause {
        Clause { phonemes: phonemes.into(), terminator: 0, end }
    }

    #[test]
    fn clauses_stand_one_character_before_what_was_read() {
        let text = "Ja, äh. Öl";

        let places = places(text, &[clause("jaː", 6), clause("ɛː", 11), clause("øːl", 12)]);

        assert_eq!(places.into_iter().map(|place| &text[place]).collect::<Vec<_>>(), ["Ja, ", "äh. ", "Öl"]);
    }

    #[test]
    fn what_people_write_is_not_nearly_full() {
        for (source, phonemes) in [
            ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", &*"a".repeat(80)),
            (&"word ".repeat(120), &"wˈɜːd ".repeat(120)),
            ("see https://example.org/a/b.html?x=1.2.3", "siː"),
            ("x x x, 2001:db8:0:0:0:0:0:1, 1½ or ½", "ɛks"),
        ] {
            assert!(!is_nearly_full(source, phonemes), "{source}");
        }
    }

    #[test]
    fn what_comes_near_any_bound_is_found() {
        for (source, phonemes) in [
            ("x", &*"sˈɛvən ".repeat(130)),
            ("x", &"a".repeat(93)),
            (&"7 ".repeat(251), ""),
            (&"a1".repeat(130), ""),
            (&"aB".repeat(251), ""),
            (&"%$".repeat(130), ""),
            (&"word-".repeat(130), ""),
            ("x", &"ˈa5".repeat(31)),
            ("y x x x x", ""),
            ("1.2.3.4.5.6.7.8.9", ""),
            ("½¾", ""),
        ] {
            assert!(is_nearly_full(source, phonemes), "{source}");
        }
        // What stands there says which language follows, and is not said.
        assert!(!is_nearly_full("x", &"(en)a(de)".repeat(50)));
    }

    #[test]
    fn pieces_are_whole_words_and_parts_of_long_ones() {
        let fineness = Fineness { piece: 9, word: 4 };

        assert_eq!(fineness.pieces(" one two  six abcdefghi ten "), ["one two", "six", "abcd", "efgh", "i", "ten"]);
        assert!(fineness.pieces("  ").is_empty());
    }

    #[test]
    fn no_part_begins_within_what_is_one_sign() {
        assert_eq!(parts("🇩🇪🇫🇷👩‍🔬é\u{301}ab", 2), ["🇩🇪", "🇫🇷", "👩‍🔬", "é\u{301}", "ab"]);
        let heap = format!("a{}b", "\u{300}".repeat(100));
        assert_eq!(parts(&heap, 1).iter().map(|part| part.chars().count()).collect::<Vec<_>>(), [32, 32, 32, 5, 1]);
        assert_eq!(parts(&heap, 1).concat(), heap);
    }
}
