//! A unit behind a number: one symbol or two, with the powers and marks that belong to it.

use crate::language::Language;
use crate::token::{Cursor, TokenKind};

/// Tokens in which an opening quotation mark is looked for.
const MAX_LINE: usize = 200;

pub struct MeasureUnit<'l> {
    pub words: std::borrow::Cow<'l, crate::table::Words>,
    pub is_rate: bool,
}

/// A unit behind a number, after a blank or close.
pub fn unit<'d, 't, 'l>(end: Cursor<'d, 't>, language: &'l Language) -> Option<(Cursor<'d, 't>, MeasureUnit<'l>)> {
    let at = end.maybe_blank();
    let is_close = at.at == end.at;
    let mut candidates = Vec::new();
    let mut written = String::new();
    let mut reached = at;
    for _ in 0..5 {
        match reached.kind() {
            Some(TokenKind::Word) => {}
            Some(TokenKind::Mark) if reached.eat_any("°℃℉²³/Ω'\"′″^¢").is_some() => {}
            // "fl oz"
            Some(TokenKind::Blank) if candidates.len() == 1 && reached.next().kind() == Some(TokenKind::Word) => {
                written.push(' ');
                reached = reached.next();
                continue;
            }
            Some(TokenKind::Digits)
                if written.ends_with('^') || matches!(reached.text(), "2" | "3") && reached.at > at.at => {}
            _ => break,
        }
        written.push_str(reached.text());
        reached = reached.next();
        candidates.push((written.clone(), reached));
    }
    for (written, reached) in candidates.into_iter().rev() {
        // "4m30s" goes on behind a unit of one letter.
        let goes_on = reached.kind() == Some(TokenKind::Digits) && is_close && written.chars().count() <= 3;
        if !(reached.ends_word() || goes_on)
            || reached.eat_any("'’").is_some_and(|next| next.kind() == Some(TokenKind::Word))
        {
            continue;
        }
        let plain = written.replace("^2", "²").replace("^3", "³");
        // "2° piano"
        if plain == "°" && language.table.ordinals.suffixes.contains_key("°") {
            continue;
        }
        let plain = if language.unit_symbol(&plain).is_none() {
            plain
                .strip_suffix('2')
                .map(|unit| format!("{unit}²"))
                .or_else(|| plain.strip_suffix('3').map(|unit| format!("{unit}³")))
                .unwrap_or(plain)
        } else {
            plain
        };
        // "3 in. wide"
        let has_stop = || {
            let stop = reached.eat(".").filter(|_| language.table.measures.symbols.contains_key(&format!("{plain}.")));
            stop.is_some_and(|stop| !stop.is_before_sentence())
        };
        let is_clear = is_close || has_stop() || (is_behind_fraction(at) && plain.chars().count() == 1 && plain != "a");
        if language.table.measures.close.contains(&plain) && !is_clear {
            continue;
        }
        // A mark of inches, unless it closes a quotation.
        if plain == "\"" && (!is_close || closes_quotation(at)) {
            continue;
        }
        // Another word in this language: "3 t/m 5 mei".
        if language.table.measures.symbols.get(&plain).is_some_and(String::is_empty) {
            return None;
        }
        let Some(name) = language.unit_symbol(&plain) else { continue };
        let Some(words) = language.unit(name) else { continue };
        return Some((
            reached,
            MeasureUnit { words: std::borrow::Cow::Borrowed(words), is_rate: name.contains("-per-") },
        ));
    }
    None
}

/// "9.58 s": whether a number with a fraction stands before a unit.
fn is_behind_fraction(unit: Cursor<'_, '_>) -> bool {
    let digits = unit.back().filter(|blank| blank.kind() == Some(TokenKind::Blank)).and_then(Cursor::back);
    let mark = digits.filter(|digits| digits.kind() == Some(TokenKind::Digits)).and_then(Cursor::back);
    mark.is_some_and(|mark| mark.eat_any(".,").is_some())
}

/// Whether a quotation mark here closes a quotation that was opened in its line.
fn closes_quotation(at: Cursor<'_, '_>) -> bool {
    let tokens = &at.doc().tokens;
    let first = at.at.saturating_sub(MAX_LINE);
    let (mut is_open, mut is_behind_digits) = (false, false);
    for token in &tokens[first..at.at] {
        match token.kind {
            TokenKind::Line => is_open = false,
            TokenKind::Mark if *token.text == *"\"" && (is_open || !is_behind_digits) => is_open = !is_open,
            _ => {}
        }
        is_behind_digits = token.kind == TokenKind::Digits;
    }
    is_open
}
