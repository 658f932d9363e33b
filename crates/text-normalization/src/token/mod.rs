//! A text as tokens: words, runs of digits, blanks, line breaks, single marks. HTML's character references are decoded,
//! and digits of other scripts are those of ASCII, while each token knows where it was written.

use std::borrow::Cow;
use std::ops::Range;

mod cursor;

pub use cursor::Cursor;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Letters, with their combining marks.
    Word,
    Digits,
    /// Blanks and tabs.
    Blank,
    Line,
    Mark,
    /// One emoji with its modifiers.
    Emoji,
    /// Something that is said, or not said, already.
    Claimed,
}

#[derive(Debug, Clone)]
pub struct Token<'t> {
    pub kind: TokenKind,
    pub text: Cow<'t, str>,
    /// Bytes of the text.
    pub place: Range<usize>,
}

/// What stands for a part that is said already: neither a letter nor a mark that anything looks for.
const CLAIMED: &str = "\u{fffc}";

#[derive(Debug)]
pub struct Doc<'t> {
    pub text: &'t str,
    pub tokens: Vec<Token<'t>>,
}

// === impl Doc ===

impl<'t> Doc<'t> {
    pub fn new(text: &'t str) -> Self {
        Self::with_claimed(text, &[])
    }

    /// What is claimed is one token that no other goes into.
    pub fn with_claimed(text: &'t str, claimed: &[Range<usize>]) -> Self {
        let mut tokens: Vec<Token<'t>> = Vec::new();
        let mut claimed = claimed.iter().filter(|place| !place.is_empty()).peekable();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            while claimed.next_if(|place| place.start < at).is_some() {}
            if let Some(place) = claimed.next_if(|place| place.start == at) {
                let text = Cow::Borrowed(CLAIMED);
                tokens.push(Token { kind: TokenKind::Claimed, text, place: place.clone() });
                at = place.end;
                continue;
            }
            let limit = claimed.peek().map_or(text.len(), |place| place.start);
            let (kind, decoded, length) = match reference(&text[at..limit]) {
                Some((decoded, length)) => (kind_of(decoded), Some(decoded), length),
                None => (kind_of(c), None, c.len_utf8()),
            };
            let place = at..at + length;
            at = place.end;
            let last = tokens.last_mut().filter(|last| last.kind == kind && last.place.end == place.start);
            let plain = ascii_digit(c).filter(|digit| *digit != c).or(decoded);
            match (last, kind) {
                (Some(last), TokenKind::Word | TokenKind::Digits | TokenKind::Blank) => {
                    last.place.end = place.end;
                    match (&mut last.text, plain) {
                        (Cow::Borrowed(_), None) => last.text = Cow::Borrowed(&text[last.place.clone()]),
                        (said, plain) => said.to_mut().push(plain.unwrap_or(c)),
                    }
                }
                (Some(last), TokenKind::Emoji) if joins(last, c) => {
                    last.place.end = place.end;
                    last.text = Cow::Borrowed(&text[last.place.clone()]);
                }
                _ if is_emoji_modifier(c) => {
                    // Behind what is no emoji it is not seen.
                    match tokens.last_mut() {
                        Some(last) if last.place.end == place.start && last.kind != TokenKind::Claimed => {
                            last.place.end = place.end;
                            if is_variation_selector(c) && last.kind == TokenKind::Mark {
                                last.kind = TokenKind::Emoji;
                            }
                            last.text = Cow::Borrowed(&text[last.place.clone()]);
                        }
                        _ => tokens.push(Token {
                            kind: TokenKind::Mark,
                            text: Cow::Borrowed(&text[place.clone()]),
                            place,
                        }),
                    }
                }
                _ => {
                    let said = match plain {
                        Some(plain) => Cow::Owned(plain.to_string()),
                        None => Cow::Borrowed(&text[place.clone()]),
                    };
                    tokens.push(Token { kind, text: said, place });
                }
            }
        }
        Self { text, tokens }
    }

    pub fn cursor(&self, at: usize) -> Cursor<'_, 't> {
        Cursor::new(self, at)
    }

    /// Bytes from the token `from` up to the token `to`.
    pub fn place(&self, from: usize, to: usize) -> Range<usize> {
        let end = |at: usize| self.tokens.get(at).map_or(self.text.len(), |token| token.place.start);
        let start = end(from);
        let last = to.checked_sub(1).filter(|last| *last >= from).and_then(|last| self.tokens.get(last));
        start..last.map_or(start, |last| last.place.end)
    }
}

/// Whether it makes one word with the letter or digit beside it. Scripts without blanks do not.
pub fn is_joined(c: char) -> bool {
    c.is_alphanumeric() && !is_of_a_script_without_blanks(c)
}

/// Chinese, Japanese, Thai.
pub fn is_of_a_script_without_blanks(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

fn kind_of(c: char) -> TokenKind {
    match c {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => TokenKind::Line,
        _ if ascii_digit(c).is_some() => TokenKind::Digits,
        _ if c.is_whitespace() => TokenKind::Blank,
        _ if c.is_alphabetic() || is_combining(c) => TokenKind::Word,
        _ if is_emoji(c) => TokenKind::Emoji,
        _ => TokenKind::Mark,
    }
}

/// Digits that are written instead of those of ASCII: Arabic, Persian, those of India, fullwidth.
fn ascii_digit(c: char) -> Option<char> {
    const ZEROS: [u32; 8] = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xbe6, 0xd66, 0xff10];
    let value = ZEROS.iter().find_map(|zero| (u32::from(c)).checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// Signs that belong to the letter before them, as far as the alphabetic ones do not include them.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{93c}' | '\u{94d}' | '\u{9cd}' | '\u{d4d}' | '\u{c4d}' | '\u{64b}'..='\u{65f}' | '\u{200c}')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{265f}' | '\u{2660}'..='\u{266c}' | '\u{2670}'..='\u{27bf}')
}

fn is_variation_selector(c: char) -> bool {
    c == '\u{fe0f}'
}

fn is_emoji_modifier(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{200d}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Whether `c` continues an emoji: a modifier, what is joined, the second letter of a flag.
fn joins(last: &Token<'_>, c: char) -> bool {
    let mut chars = last.text.chars().rev();
    let before = chars.next();
    is_emoji_modifier(c)
        || before == Some('\u{200d}')
        || (is_regional(c) && before.is_some_and(is_regional) && chars.next().is_none())
}

/// A character reference of HTML: what it stands for, and its length.
fn reference(text: &str) -> Option<(char, usize)> {
    let inner = text.strip_prefix('&')?;
    let end = inner.bytes().take(10).position(|byte| byte == b';')?;
    let name = &inner[..end];
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "euro" => '€',
        "pound" => '£',
        "deg" => '°',
        "copy" => '©',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control())?
        }
    };
    Some((c, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(TokenKind, String)> {
        Doc::new(text).tokens.iter().map(|token| (token.kind, token.text.to_string())).collect()
    }

    #[test]
    fn a_text_is_words_digits_blanks_and_marks() {
        use TokenKind::{Blank, Digits, Line, Mark, Word};
        let expected = [
            (Word, "A"),
            (Digits, "40"),
            (Mark, ","),
            (Blank, "  "),
            (Word, "été"),
            (Line, "\n"),
            (Mark, "$"),
            (Digits, "5"),
        ];

        assert_eq!(tokens("A40,  été\n$5"), expected.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn references_and_digits_of_other_scripts_are_decoded_in_place() {
        let doc = Doc::new("a &amp; १२");

        let read: Vec<(&str, Range<usize>)> =
            doc.tokens.iter().map(|token| (&*token.text, token.place.clone())).collect();

        assert_eq!(read, [("a", 0..1), (" ", 1..2), ("&", 2..7), (" ", 7..8), ("12", 8..14)]);
    }

    #[test]
    fn what_is_claimed_is_one_token_apart() {
        use TokenKind::{Blank, Claimed, Digits, Mark, Word};
        let text = "5kg of nginx-1";
        let doc = Doc::with_claimed(text, &[1..3, 7..12]);

        let read: Vec<(TokenKind, Range<usize>)> =
            doc.tokens.iter().map(|token| (token.kind, token.place.clone())).collect();

        let expected = [
            (Digits, 0..1),
            (Claimed, 1..3),
            (Blank, 3..4),
            (Word, 4..6),
            (Blank, 6..7),
            (Claimed, 7..12),
            (Mark, 12..13),
            (Digits, 13..14),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn an_emoji_is_one_token_with_all_that_modifies_it() {
        let emoji = |text: &str| tokens(text).iter().filter(|(kind, _)| *kind == TokenKind::Emoji).count();

        assert_eq!(emoji("❤️"), 1);
        assert_eq!(emoji("👩🏽‍🚀"), 1);
        assert_eq!(emoji("🇯🇵🇫🇷"), 2);
        assert_eq!(emoji("😂😂😂"), 3);
    }
}
