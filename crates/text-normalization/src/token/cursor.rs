//! A place between the tokens of a text, and what stands around it.

use super::{Doc, Token, TokenKind, is_joined};

#[cfg(test)]
thread_local! {
    /// How often a token was looked at.
    pub static LOOKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A place between tokens. Whatever it eats gives the place behind it.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'d, 't> {
    doc: &'d Doc<'t>,
    pub at: usize,
}

// === impl Cursor ===

impl<'d, 't> Cursor<'d, 't> {
    pub fn new(doc: &'d Doc<'t>, at: usize) -> Self {
        Self { doc, at }
    }

    pub fn doc(self) -> &'d Doc<'t> {
        self.doc
    }

    pub fn token(self) -> Option<&'d Token<'t>> {
        #[cfg(test)]
        LOOKS.with(|looks| looks.set(looks.get() + 1));
        self.doc.tokens.get(self.at)
    }

    pub fn kind(self) -> Option<TokenKind> {
        self.token().map(|token| token.kind)
    }

    /// Empty at the end.
    pub fn text(self) -> &'d str {
        self.token().map_or("", |token| &token.text)
    }

    pub fn next(self) -> Self {
        Self { at: self.at + 1, ..self }
    }

    /// The place before the token before it.
    pub fn back(self) -> Option<Self> {
        Some(Self { at: self.at.checked_sub(1)?, ..self })
    }

    pub fn is_end(self) -> bool {
        self.at >= self.doc.tokens.len()
    }

    pub fn eat(self, text: &str) -> Option<Self> {
        (self.text() == text).then(|| self.next())
    }

    /// Any one of these characters.
    pub fn eat_any(self, marks: &str) -> Option<Self> {
        let mut chars = self.text().chars();
        let c = chars.next()?;
        (chars.next().is_none() && marks.contains(c)).then(|| self.next())
    }

    pub fn digits(self) -> Option<(Self, &'d str)> {
        (self.kind() == Some(TokenKind::Digits)).then(|| (self.next(), self.text()))
    }

    /// So many of them.
    pub fn digits_of(self, count: std::ops::RangeInclusive<usize>) -> Option<(Self, &'d str)> {
        self.digits().filter(|(_, digits)| count.contains(&digits.len()))
    }

    pub fn word(self) -> Option<(Self, &'d str)> {
        (self.kind() == Some(TokenKind::Word)).then(|| (self.next(), self.text()))
    }

    pub fn blank(self) -> Option<Self> {
        (self.kind() == Some(TokenKind::Blank)).then(|| self.next())
    }

    pub fn maybe_blank(self) -> Self {
        self.blank().unwrap_or(self)
    }

    /// A token of several words and marks, written as `pattern`; a blank of the pattern may be missing.
    pub fn eat_pattern(self, pattern: &[String]) -> Option<Self> {
        pattern.iter().try_fold(
            self,
            |cursor, part| {
                if part == " " { Some(cursor.maybe_blank()) } else { cursor.eat(part) }
            },
        )
    }

    /// The last character before it; `None` at the beginning of the text and of a line.
    pub fn char_before(self) -> Option<char> {
        self.back()?.text().chars().next_back().filter(|c| *c != '\n')
    }

    pub fn char_after(self) -> Option<char> {
        self.text().chars().next().filter(|c| *c != '\n')
    }

    /// Whether no letter or digit stands just before it.
    pub fn begins_word(self) -> bool {
        !self.char_before().is_some_and(is_joined)
    }

    /// Whether none stands just behind it.
    pub fn ends_word(self) -> bool {
        !self.char_after().is_some_and(is_joined)
    }

    /// The word before it, with one blank or none between.
    pub fn word_before(self) -> Option<&'d str> {
        let before = self.back()?;
        let before = if before.kind() == Some(TokenKind::Blank) { before.back()? } else { before };
        before.word().map(|(_, word)| word)
    }

    /// The word before it, and before the stop or colon between: "tel. 112", "Fax: 555-0123".
    pub fn label_before(self) -> Option<&'d str> {
        let before = self.back()?;
        let before = if before.kind() == Some(TokenKind::Blank) { before.back()? } else { before };
        if before.eat_any(".:").is_none() {
            return self.word_before();
        }
        let before = before.back()?;
        let before = if before.text() == "." { before.back()? } else { before };
        before.word().map(|(_, word)| word)
    }

    /// The word behind it, with one blank or none between.
    pub fn word_after(self) -> Option<&'d str> {
        self.maybe_blank().word().map(|(_, word)| word)
    }

    /// Whether what follows begins a sentence, or there is nothing more in the line.
    pub fn is_before_sentence(self) -> bool {
        match self.kind() {
            None | Some(TokenKind::Line) => true,
            Some(TokenKind::Blank) => {
                let next = self.next();
                let opened = next.eat_any("\"“«„('[¿¡").unwrap_or(next);
                opened.kind().is_none_or(|kind| kind == TokenKind::Line)
                    || opened.text().starts_with(|c: char| c.is_uppercase())
            }
            _ => false,
        }
    }

    /// Whether nothing but closing marks and blanks are left in the line.
    pub fn is_line_end(self) -> bool {
        let mut cursor = self;
        while cursor.kind() == Some(TokenKind::Blank) || cursor.eat_any("\"”»')]").is_some() {
            cursor = cursor.next();
        }
        matches!(cursor.kind(), None | Some(TokenKind::Line))
    }

    /// The first token that is so written, here or within so many tokens of the line.
    pub fn find_in_line(self, text: &str, limit: usize) -> Option<Self> {
        let mut at = self;
        while at.at < self.at + limit && !matches!(at.kind(), None | Some(TokenKind::Line)) {
            if at.text() == text {
                return Some(at);
            }
            at = at.next();
        }
        None
    }

    pub fn is_line_start(self) -> bool {
        self.back().is_none_or(|before| before.kind() == Some(TokenKind::Line))
    }
}

#[cfg(test)]
mod tests {
    use super::LOOKS;
    use crate::Normalizer;

    /// How often tokens are looked at while a text is read.
    fn looks(normalizer: &Normalizer, text: &str) -> usize {
        LOOKS.set(0);
        let _ = normalizer.rewrites(text);
        LOOKS.get()
    }

    #[test]
    fn work_grows_as_texts_do() {
        let notation = "1 |1-|1.|1,|1:|1/|1a|a1|a.|a-|A.|a |a_|1m|1m/|1 m/|7 l/1 |$1|$1-|1$-|1\"|1x|1 x |1%|-1|+1|1.1.|1 111 |111 111 |1:1|1:11-|a+|a+a |\
            a@|a@a.|#a_|#1|[[|[|[a](|[a]|(a|*a |_a a* |`a |<a |</|> |1. a\n|- a\n|# a\n|a|b\n|a\n|~~a |Jan. |Jan 1-|5 kg |1h1m|1 1/2 |½|IV |a IV |&amp;|&#|😂|\
            ❤️|一|1年|a^2+|a²|1^1|x = |Dr. |St. |J. R. |U.S. |No. |Mon-|Mon, |2024-01-|11/11/|9-5 |9am-|'90s |90s-|24/7 |1k-|1M |www.|http://a/|a.com/|\
            /a|\\|C:\\|Ctrl+|call |call 1|1 t/m |\u{a0}|\u{301}|१|, |... |— |a - |1914-1918 |A&B&|PDFs |x2 |1e6 ";
        let marks = (' '..='~').map(String::from);
        let texts: Vec<String> =
            notation.split('|').map(str::to_owned).chain(marks).filter(|text| !text.is_empty()).collect();
        let normalizer = Normalizer::for_language("en").expect("English has a table");
        for text in &texts {
            // Longer than any bound on what is looked for. Sixteen times the work would be that of looking at all for
            // each.
            let (short, long) = (looks(&normalizer, &text.repeat(250)), looks(&normalizer, &text.repeat(1000)));

            assert!(long <= 9 * short + 2_000, "{text:?}: {short} looks, and {long} for four times as much");
        }
    }
}
