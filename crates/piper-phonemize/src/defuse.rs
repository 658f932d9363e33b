//! Owns the disarming of texts that are known to overrun espeak-ng's fixed buffers, so that they are spoken. Text that
//! people write passes unchanged. It is a first line only: what crashes all the same does so in a child process.
//!
//! The known shapes, each measured by growing it until the library crashed:
//! - Single letters with dots (`x.x.x.`), whose letters are copied into 80 bytes (`CheckDottedAbbrev`). Blanks do not
//!   break such a run.
//! - A word of stacked suffixes, whose phonemes are joined in 200 bytes: from 71 suffixes on.
//! - Control characters, some of which begin commands to the synthesiser.
//!
//! And of long numbers, of which it says what fits into the buffer of a word: they are written digit by digit.

use std::borrow::Cow;

/// Bytes of letters in one run of dotted letters; the buffer has 80.
const MAX_DOTTED_BYTES: usize = 72;

/// Letters in one word; the longest words in use have about 60. And apostrophes in one word.
const MAX_WORD_CHARS: usize = 250;
const MAX_WORD_APOSTROPHES: usize = 40;

/// Digits of a number, and behind its decimal mark.
const MAX_DIGITS: usize = 32;
const MAX_DECIMALS: usize = 20;

/// The text as it may be handed to espeak-ng.
pub fn defused(text: &str) -> String {
    let text = &spelled(text);
    let mut out = String::with_capacity(text.len());
    let mut word_chars = 0;
    let mut apostrophes = 0;
    let mut dotted_bytes = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_control() && !matches!(c, '\t' | '\n' | '\r') {
            out.push(' ');
            word_chars = 0;
            continue;
        }
        if !(c.is_alphabetic() || is_apostrophe(c)) {
            if c != '.' && !c.is_whitespace() {
                dotted_bytes = 0;
            }
            word_chars = 0;
            out.push(c);
            continue;
        }

        let single = word_chars == 0;
        if single || word_chars == MAX_WORD_CHARS || apostrophes == MAX_WORD_APOSTROPHES {
            if !single {
                out.push(' ');
            }
            word_chars = 0;
            apostrophes = 0;
        }
        word_chars += 1;
        apostrophes += usize::from(is_apostrophe(c));
        out.push(c);
        if single && chars.peek() == Some(&'.') {
            dotted_bytes += c.len_utf8();
            if dotted_bytes > MAX_DOTTED_BYTES {
                chars.next();
                out.push(' ');
                word_chars = 0;
                dotted_bytes = 0;
            }
        } else if !single {
            dotted_bytes = 0;
        }
    }
    out
}

/// The text with a blank between the digits of numbers that are too long. What decimals may have together stays so.
fn spelled(text: &str) -> Cow<'_, str> {
    let is_too_long = |digits: &str| digits.chars().nth(MAX_DECIMALS).is_some();
    if !text.split(|c: char| !c.is_numeric()).any(is_too_long) {
        return text.into();
    }
    let mut out = String::with_capacity(2 * text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_numeric) {
        let (before, number) = rest.split_at(start);
        let (digits, after) = number.split_at(number.find(|c: char| !c.is_numeric()).unwrap_or(number.len()));
        out.push_str(before);
        let is_decimal = out.strip_suffix(['.', ',']).is_some_and(|number| number.ends_with(char::is_numeric));
        let (limit, together) = if is_decimal { (MAX_DECIMALS, MAX_DECIMALS) } else { (MAX_DIGITS, 1) };
        if digits.chars().nth(limit).is_none() {
            out.push_str(digits);
        } else {
            for (index, digit) in digits.chars().enumerate() {
                out.extend((index >= together).then_some(' '));
                out.push(digit);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out.into()
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '＇')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_people_write_passes_unchanged() {
        for text in [
            "Dr. Smith's U.S.A. e.g. 3.14, “it’s” — naïve?\n\tYes.",
            "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
            "https://example.org/a/b.html?x=1.2.3",
            "a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z.",
        ] {
            assert_eq!(defused(text), text);
        }
    }

    #[test]
    fn runs_of_dotted_letters_are_broken() {
        for unit in ["x.", "x. ", "é.", "你.", "U.S.A."] {
            let out = defused(&unit.repeat(100));

            let longest = out
                .split(' ')
                .map(|run| run.chars().filter(|c| c.is_alphabetic()).map(char::len_utf8).sum::<usize>())
                .max();
            assert!(longest <= Some(MAX_DOTTED_BYTES + 4), "{unit}");
            assert_eq!(out.replace(['.', ' '], ""), unit.repeat(100).replace(['.', ' '], ""));
        }
    }

    #[test]
    fn endless_words_are_broken() {
        for unit in ["s'", "’s", "ness", "é"] {
            let text = unit.repeat(300);

            let out = defused(&text);

            for word in out.split(' ') {
                assert!(word.chars().count() <= MAX_WORD_CHARS);
                assert!(word.chars().filter(|c| is_apostrophe(*c)).count() <= MAX_WORD_APOSTROPHES);
            }
            assert_eq!(out.replace(' ', ""), text);
        }
    }

    #[test]
    fn long_numbers_are_written_digit_by_digit() {
        let (digits, decimals) = ("7".repeat(32), "5".repeat(20));

        assert_eq!(defused(&format!("a {digits}kg, 3.{decimals}!")), format!("a {digits}kg, 3.{decimals}!"));
        assert_eq!(defused(&format!("a {digits}7kg")), format!("a {}7kg", "7 ".repeat(32)));
        assert_eq!(defused(&format!("3,{decimals}12 0.1")), format!("3,{decimals} 1 2 0.1"));
        assert_eq!(defused(&"٣".repeat(33)), vec!["٣"; 33].join(" "));
    }

    #[test]
    fn control_characters_become_blanks() {
        assert_eq!(defused("a\u{1}B\u{7f}c\u{85}d\te"), "a B c d\te");
    }
}
