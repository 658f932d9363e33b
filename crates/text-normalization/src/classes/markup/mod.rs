//! Markdown and tags in a text, as language models write them: what marks is not said, and lines that stand alone are
//! sentences.

use std::ops::Range;

use crate::classes::Class;
use crate::rewrite::Rewrite;
use crate::token::{Cursor, Doc, TokenKind};

mod lines;

use lines::{breaks_between, bullet, ends_with_mark, fence, heading, is_numbered, is_rule, is_table_row, lines_of};

/// What is said instead of markup, if it is `read`. Its tokens are gone from the text afterwards; raw phonemes are left
/// as one that nothing crosses.
pub fn take_out(doc: &mut Doc<'_>, read: bool, is_markdown: bool) -> Vec<Rewrite> {
    Markup::raw_phonemes(doc);
    if !read {
        return Vec::new();
    }
    let mut markup = Markup { gone: vec![false; doc.tokens.len()], rewrites: Vec::new(), is_markdown };
    markup.lines(doc);
    markup.inline(doc);
    let Markup { gone, rewrites, .. } = markup;
    let mut index = 0;
    doc.tokens.retain(|_| {
        index += 1;
        !gone[index - 1]
    });
    rewrites
}

struct Markup {
    /// Of each token, whether it is markup.
    gone: Vec<bool>,
    rewrites: Vec<Rewrite>,
    /// Lines go on in the next, unless a mark says otherwise.
    is_markdown: bool,
}

/// Lines of prose are longer where they are broken.
const SHORT_LINE_CHARS: usize = 60;

/// HTML's elements, without their digits (the index of the HTML standard, and those that it calls obsolete).
#[rustfmt::skip]
const ELEMENTS: [&str; 114] = [
    "a", "abbr", "acronym", "address", "area", "article", "aside", "audio", "b", "base", "bdi", "bdo", "big", "blockquote", "body", "br",
    "button", "canvas", "caption", "center", "cite", "code", "col", "colgroup", "data", "datalist", "dd", "del", "details", "dfn",
    "dialog", "div", "dl", "dt", "em", "embed", "fieldset", "figcaption", "figure", "font", "footer", "form", "h", "head", "header",
    "hgroup", "hr", "html", "i", "iframe", "img", "input", "ins", "kbd", "label", "legend", "li", "link", "main", "map", "mark", "menu",
    "meta", "meter", "nav", "noscript", "object", "ol", "optgroup", "option", "output", "p", "param", "picture", "pre", "progress", "q",
    "rp", "rt", "ruby", "s", "samp", "script", "section", "select", "slot", "small", "source", "span", "strike", "strong", "style", "sub",
    "summary", "sup", "svg", "table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "tt",
    "u", "ul", "var", "video", "wbr",
];

/// Tokens of a link's text and of its address.
const MAX_LINK: usize = 200;

/// Marks of emphasis that wait for their ends.
const MAX_OPEN: usize = 64;

impl Markup {
    fn remove(&mut self, doc: &Doc<'_>, tokens: Range<usize>, said: &str) {
        if tokens.is_empty() || self.gone[tokens.clone()].iter().all(|gone| *gone) {
            return;
        }
        self.gone[tokens.clone()].fill(true);
        self.rewrites.push(Rewrite {
            written: doc.place(tokens.start, tokens.end),
            said: said.to_owned(),
            class: Class::Markup,
        });
    }

    /// Ends a sentence behind a token.
    fn end_sentence(&mut self, doc: &Doc<'_>, behind: usize) {
        let at = doc.place(behind, behind).start;
        let at = behind.checked_sub(1).map_or(at, |last| doc.tokens[last].place.end);
        self.rewrites.push(Rewrite { written: at..at, said: ".".to_owned(), class: Class::Markup });
    }

    /// `[[ ... ]]`
    fn raw_phonemes(doc: &mut Doc<'_>) {
        let mut at = 0;
        while at + 1 < doc.tokens.len() {
            let is_open = |at: usize, mark: &str| {
                doc.tokens[at].text == mark && doc.tokens.get(at + 1).is_some_and(|next| next.text == mark)
            };
            if !is_open(at, "[") {
                at += 1;
                continue;
            }
            let end = (at + 2..doc.tokens.len().saturating_sub(1))
                .take_while(|end| doc.tokens[*end].kind != TokenKind::Line)
                .find(|end| is_open(*end, "]"));
            let Some(end) = end else { break };
            for token in &mut doc.tokens[at..end + 2] {
                token.kind = TokenKind::Claimed;
            }
            at = end + 2;
        }
    }

    fn lines(&mut self, doc: &Doc<'_>) {
        let lines = lines_of(doc);
        let mut is_in_code = false;
        for (index, line) in lines.iter().enumerate() {
            let cursor = doc.cursor(line.start);
            if fence(cursor).is_some() {
                is_in_code = !is_in_code;
                self.remove(doc, line.clone(), "");
                continue;
            }
            if is_in_code {
                self.break_at_end(doc, line);
                continue;
            }
            if is_rule(doc, line) {
                self.remove(doc, line.clone(), "");
                continue;
            }
            let is_beside_item = index
                .checked_sub(1)
                .into_iter()
                .chain([index + 1])
                .any(|beside| lines.get(beside).is_some_and(|line| is_numbered(doc.cursor(line.start))));
            let content = self.prefix(doc, line, is_beside_item);
            let is_marked = content.start > line.start;
            let next = lines.get(index + 1);
            let is_before_rule = next.is_some_and(|next| is_rule(doc, next) && doc.tokens[next.start].text == "=");
            if is_table_row(doc, &content) {
                self.table_row(doc, &content);
            } else if is_marked
                || is_before_rule
                || !self.is_markdown
                    && Self::stands_alone(doc, line, next, index.checked_sub(1).and_then(|before| lines.get(before)))
            {
                self.break_at_end(doc, &content);
            }
        }
    }

    /// Takes away what a line begins with: quotes, headings, items.
    fn prefix(&mut self, doc: &Doc<'_>, line: &Range<usize>, is_beside_item: bool) -> Range<usize> {
        let mut at = doc.cursor(line.start).maybe_blank();
        let start = line.start;
        loop {
            let behind = at.eat(">").map(Cursor::maybe_blank).or_else(|| heading(at)).or_else(|| bullet(at));
            match behind.filter(|behind| behind.at <= line.end) {
                Some(behind) => at = behind,
                None => break,
            }
        }
        if at.at > start && doc.tokens[start..at.at].iter().any(|token| token.kind != TokenKind::Blank) {
            self.remove(doc, start..at.at, "");
            return at.at..line.end;
        }
        // "1. Mix the dough."
        if let Some((end, number)) = at.digits_of(1..=3)
            && let Some(behind) = end.eat_any(".)").and_then(Cursor::blank)
            && behind.at < line.end
            && (matches!(behind.kind(), Some(TokenKind::Word | TokenKind::Mark)))
            && is_beside_item
        {
            self.remove(doc, at.at..behind.at, &format!("{number}, "));
            return behind.at..line.end;
        }
        line.clone()
    }

    /// A line that is not prose broken in two: short, without an end, before one that begins a sentence.
    fn stands_alone(
        doc: &Doc<'_>,
        line: &Range<usize>,
        next: Option<&Range<usize>>,
        before: Option<&Range<usize>>,
    ) -> bool {
        let chars = |line: &Range<usize>| doc.text[doc.place(line.start, line.end)].chars().count();
        let is_short = |line: &Range<usize>| chars(line) <= SHORT_LINE_CHARS;
        if !is_short(line) || doc.tokens[line.clone()].iter().all(|token| token.kind == TokenKind::Blank) {
            return false;
        }
        let is_capital = |line: &Range<usize>| {
            doc.tokens[line.clone()]
                .iter()
                .find(|token| token.kind != TokenKind::Blank)
                .is_some_and(|token| !token.text.starts_with(char::is_lowercase))
        };
        // Behind it no blank line, which ends a sentence by itself.
        let follows_closely = next.is_some_and(|next| breaks_between(doc, line.end, next.start) == 1);
        let ends_block = match before {
            Some(before) if next.is_none() => {
                breaks_between(doc, before.end, line.start) == 1
                    && is_short(before)
                    && is_capital(line)
                    && !ends_with_mark(doc, before)
            }
            _ => false,
        };
        ends_block || (follows_closely && next.is_some_and(|next| is_capital(next) && is_short(next)))
    }

    fn break_at_end(&mut self, doc: &Doc<'_>, line: &Range<usize>) {
        let mut end = line.end;
        while end > line.start && (doc.tokens[end - 1].kind == TokenKind::Blank) {
            end -= 1;
        }
        if end > line.start && !ends_with_mark(doc, line) {
            self.end_sentence(doc, end);
        }
    }

    /// "| Name | Age |": the cells with commas between; the line below the head is not said.
    fn table_row(&mut self, doc: &Doc<'_>, line: &Range<usize>) {
        let is_divider = doc.tokens[line.clone()]
            .iter()
            .all(|token| token.kind == TokenKind::Blank || matches!(&*token.text, "|" | "-" | ":" | "–" | "—"));
        if is_divider {
            self.remove(doc, line.clone(), "");
            return;
        }
        let bars: Vec<usize> = line.clone().filter(|at| doc.tokens[*at].text == "|").collect();
        let last_content = line
            .clone()
            .rev()
            .find(|at| !matches!(doc.tokens[*at].kind, TokenKind::Blank) && doc.tokens[*at].text != "|");
        let first_content =
            line.clone().find(|at| !matches!(doc.tokens[*at].kind, TokenKind::Blank) && doc.tokens[*at].text != "|");
        let (Some(first), Some(last)) = (first_content, last_content) else { return };
        for bar in bars {
            let from = if bar > line.start && doc.tokens[bar - 1].kind == TokenKind::Blank { bar - 1 } else { bar };
            let said = if bar < first || bar > last { "" } else { "," };
            self.remove(doc, from..bar + 1, said);
        }
        self.end_sentence(doc, last + 1);
    }

    fn inline(&mut self, doc: &Doc<'_>) {
        let mut open: Vec<(String, Range<usize>)> = Vec::new();
        let mut at = 0;
        while at < doc.tokens.len() {
            if self.gone[at] {
                at += 1;
                continue;
            }
            let cursor = doc.cursor(at);
            if matches!(cursor.kind(), Some(TokenKind::Line)) && cursor.next().kind() == Some(TokenKind::Line) {
                open.clear();
            }
            if let Some(end) = self.link(cursor).or_else(|| self.tag(cursor)) {
                at = end;
                continue;
            }
            if cursor.eat_any("*_~`").is_none() {
                at += 1;
                continue;
            }
            let mark = cursor.text();
            let mut end = at;
            while doc.tokens.get(end).is_some_and(|token| token.text == mark) {
                end += 1;
            }
            let run = at..end;
            at = end;
            if mark == "_" && run.len() > 3 {
                self.remove(doc, run, "");
                continue;
            }
            let (before, behind) = (cursor.char_before(), doc.cursor(end).char_after());
            let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let can_open = behind.is_some_and(|c| !c.is_whitespace()) && !(mark == "_" && is_word(before));
            let can_close = before.is_some_and(|c| !c.is_whitespace()) && !(mark == "_" && is_word(behind));
            let written = mark.repeat(run.len());
            if mark == "~" && run.len() == 1 {
                continue;
            }
            if can_close && let Some(position) = open.iter().rposition(|(opened, _)| *opened == written) {
                let (_, opened) = open[position].clone();
                open.truncate(position);
                self.remove(doc, opened, "");
                self.remove(doc, run, "");
            } else if can_open {
                if open.len() == MAX_OPEN {
                    open.remove(0);
                }
                open.push((written, run));
            }
        }
    }

    /// `[text](address)`, `![text](address)`, `[^1]`, `<https://...>`: what is to be said stays.
    fn link(&mut self, cursor: Cursor<'_, '_>) -> Option<usize> {
        let doc = cursor.doc();
        let image = cursor.eat("!").filter(|next| next.text() == "[");
        let open = image.unwrap_or(cursor);
        let text = open.eat("[")?;
        if cursor.kind() == Some(TokenKind::Claimed) {
            return None;
        }
        if let Some(note) = text.eat("^") {
            let end = note.next().eat("]")?;
            self.remove(doc, cursor.at..end.at, "");
            return Some(end.at);
        }
        let close = text.find_in_line("]", MAX_LINK)?.at;
        let address = doc.cursor(close + 1).eat("(")?;
        let end = address.find_in_line(")", MAX_LINK)?.at;
        self.remove(doc, cursor.at..text.at, "");
        self.remove(doc, close..end + 1, "");
        Some(text.at)
    }

    /// "<b>", "</p>", "<br/>", as far as HTML has them; of "<https://...>" the brackets alone.
    fn tag(&mut self, cursor: Cursor<'_, '_>) -> Option<usize> {
        let doc = cursor.doc();
        // One that was written as a character reference is meant.
        let inner = cursor.eat("<").filter(|_| cursor.token().is_some_and(|token| token.place.len() == 1))?;
        let end = inner.find_in_line(">", 60)?.at;
        let name = inner.eat("/").unwrap_or(inner);
        let is_address =
            doc.cursor(inner.at + 1).text() == ":" || doc.tokens[inner.at..end].iter().any(|token| token.text == "@");
        if is_address {
            self.remove(doc, cursor.at..inner.at, "");
            self.remove(doc, end..end + 1, "");
            return Some(inner.at);
        }
        let is_comment = inner.text() == "!";
        let is_name = name.word().is_some_and(|(behind, word)| {
            // "h1"
            let behind = if behind.kind() == Some(TokenKind::Digits) { behind.next() } else { behind };
            let has_attributes = || doc.tokens[behind.at..end].iter().any(|token| token.text == "=");
            let is_end = behind.at == end || behind.blank().unwrap_or(behind).text() == "/";
            ELEMENTS.contains(&word.to_ascii_lowercase().as_str())
                && (is_end || behind.blank().is_some() && has_attributes())
        });
        (is_comment || is_name).then(|| {
            self.remove(doc, cursor.at..end + 1, "");
            end + 1
        })
    }
}
