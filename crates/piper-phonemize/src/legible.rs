//! Owns letters and digits for which espeak-ng has no sound at all, and which it would leave out in silence: digits are
//! written as those that it knows, compatibility characters (`①`, `¾`) as what they stand for. What is left cannot be
//! said.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Letters between which none is silent in any language: those that most texts are made of need not be asked for.
const SPOKEN: [(char, char); 11] = [
    ('\u{0}', '\u{65f}'),
    ('\u{670}', '\u{6ef}'),
    ('\u{900}', '\u{95f}'),
    ('\u{970}', '\u{b5f}'),
    ('\u{b80}', '\u{c5f}'),
    ('\u{c80}', '\u{e4f}'),
    ('\u{10a0}', '\u{10ff}'),
    ('\u{1e00}', '\u{1fff}'),
    ('\u{3040}', '\u{312f}'),
    ('\u{3400}', '\u{9fff}'),
    ('\u{ac00}', '\u{d7a3}'),
];

/// The zeros of the world, but for ASCII's. Nine more digits follow each, in order, as Unicode promises.
const ZEROS: [char; 65] = [
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{ff10}',
    '\u{104a0}',
    '\u{10d30}',
    '\u{11066}',
    '\u{110f0}',
    '\u{11136}',
    '\u{111d0}',
    '\u{112f0}',
    '\u{11450}',
    '\u{114d0}',
    '\u{11650}',
    '\u{116c0}',
    '\u{11730}',
    '\u{118e0}',
    '\u{11950}',
    '\u{11c50}',
    '\u{11d50}',
    '\u{11da0}',
    '\u{16a60}',
    '\u{16ac0}',
    '\u{16b50}',
    '\u{1d7ce}',
    '\u{1d7d8}',
    '\u{1d7e2}',
    '\u{1d7ec}',
    '\u{1d7f6}',
    '\u{1e140}',
    '\u{1e2f0}',
    '\u{1e950}',
    '\u{1fbf0}',
];

/// Letters and digits that cannot be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silent {
    pub count: usize,
    /// Byte of the text at which the first stands.
    pub at: usize,
}

/// Letters and digits of which it is not known that espeak-ng says them.
pub fn doubtful(text: &str) -> BTreeSet<char> {
    let is_spoken = |c: char| SPOKEN.iter().any(|(first, last)| (*first..=*last).contains(&c));
    let is_doubtful = |c: &char| !c.is_ascii() && (c.is_numeric() || (is_letter(*c) && !is_spoken(*c)));
    text.chars().filter(is_doubtful).collect()
}

/// Vowel signs, and what modifies the letter before it, are heard in that.
fn is_letter(c: char) -> bool {
    let modifies = matches!(c, '\u{2b0}'..='\u{2ff}' | '\u{1d2c}'..='\u{1d6a}' | '\u{a700}'..='\u{a721}' | '\u{a788}'..='\u{a78a}');
    c.is_alphabetic() && !is_combining_mark(c) && !modifies
}

/// The text without the characters that are `silent`.
pub fn legible(text: &str, silent: &BTreeSet<char>) -> Result<String, Silent> {
    let mut out = String::with_capacity(text.len());
    let mut lost: Option<Silent> = None;
    for (at, c) in text.char_indices() {
        if !silent.contains(&c) {
            out.push(c);
        } else if let Some(digit) = decimal(c) {
            out.push(digit);
        } else if let Some(instead) = stands_for(c) {
            // Apart from what stands beside it: "①②" are two numbers.
            out.extend([" ", &instead, " "]);
        } else {
            let lost = lost.get_or_insert(Silent { count: 0, at });
            lost.count += 1;
        }
    }
    lost.map_or(Ok(out), Err)
}

/// Whether `c` is one of the ten digits of a script.
pub fn is_decimal(c: char) -> bool {
    c.is_ascii_digit() || decimal(c).is_some()
}

/// The ASCII digit for one of another script.
pub fn decimal(c: char) -> Option<char> {
    let digit_after = |zero: &char| u32::from(c).checked_sub(u32::from(*zero)).filter(|digit| *digit < 10);
    ZEROS.iter().find_map(digit_after).and_then(|digit| char::from_digit(digit, 10))
}

/// Letters and digits of a text of which nothing is heard.
pub fn unheard(text: &str) -> Option<Silent> {
    let mut places = text.char_indices().filter(|(_, c)| c.is_alphanumeric());
    let (at, _) = places.next()?;
    Some(Silent { count: 1 + places.count(), at })
}

fn stands_for(c: char) -> Option<String> {
    let instead: String = [c].into_iter().nfkc().collect();
    (!instead.contains(c)).then_some(instead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rare_letters_and_other_digits_are_doubtful() {
        assert!(doubtful("Straße, мир, नमस्ते, 日本語, 한국어, สวัสดี 42 ’😀’ xʰ").is_empty());
        assert_eq!(doubtful("ꜣ ၁၂ ① aꭰ").into_iter().collect::<String>(), "၁၂①ꜣꭰ");
    }

    #[test]
    fn digits_and_compatibility_characters_are_written_otherwise() {
        let silent: BTreeSet<char> = "１２３၁①②¾ﬁ".chars().collect();

        assert_eq!(legible("１２３ a", &silent).unwrap(), "123 a");
        assert_eq!(legible("x၁၂", &silent).unwrap(), "x1၂");
        assert_eq!(legible("①②", &silent).unwrap(), " 1  2 ");
        assert_eq!(legible("¾", &silent).unwrap(), " 3\u{2044}4 ");
    }

    #[test]
    fn what_stands_for_nothing_else_is_lost() {
        let silent: BTreeSet<char> = "ꭰꜣ".chars().collect();

        assert_eq!(legible("ab", &silent), Ok("ab".to_owned()));
        assert_eq!(legible("äꭰbꜣ", &silent), Err(Silent { count: 2, at: 2 }));
    }

    #[test]
    fn every_zero_is_followed_by_nine_digits() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            for digit in 0..10 {
                let c = char::from_u32(u32::from(zero) + digit).unwrap();
                assert!(c.is_numeric());
                assert_eq!(decimal(c).and_then(|c| c.to_digit(10)), Some(digit));
            }
        }
    }
}
