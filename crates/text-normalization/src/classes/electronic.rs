//! Addresses of the web and of mail, names of files and paths, handles, options of commands.

use super::{Match, is_capitals, letters};
use crate::language::Language;
use crate::token::{Cursor, TokenKind};

/// Ends of names of hosts and files that are told by them.
const ENDINGS: &str = " com org net edu gov info biz io ai app dev de fr es it pt pl nl ru uk us ca ch at be se no dk fi cz hu ro gr tr jp cn in \
    br mx eu tv me co au nz il abc sm txt pdf jpg jpeg png gif svg mp3 mp4 wav ogg flac doc docx xls xlsx ppt pptx csv json xml yaml yml toml html htm \
    css js ts py rs go java c h cpp rb php sh md zip tar gz exe dll so log ini cfg conf sql ";

/// Tokens of an address.
const MAX_CHUNK: usize = 200;

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let electronic = &language.table.electronic;
    if electronic.dot.is_empty() || !begins_chunk(cursor) {
        return None;
    }
    if let Some(found) = keys(cursor, language).or_else(|| hashtag(cursor, language)) {
        return Some(found);
    }
    let end = chunk_end(cursor);
    if end.at == cursor.at + MAX_CHUNK {
        return None;
    }
    let doc = cursor.doc();
    let written: String = doc.tokens[cursor.at..end.at].iter().map(|token| &*token.text).collect();
    if !is_electronic(&written) {
        return None;
    }
    Some(Match::whole(cursor, end, say(&written, language)))
}

/// "Ctrl+C", "Alt-Tab"
fn keys(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let keys = &language.table.electronic.keys;
    let (mut end, first) = cursor.word()?;
    let mut said = vec![keys.get(first)?.clone()];
    while let Some(at) = end.eat_any("+-").filter(|at| matches!(at.kind(), Some(TokenKind::Word | TokenKind::Digits))) {
        let name = at.text();
        let letter = || if name.chars().count() == 1 { letters(name, language) } else { name.to_owned() };
        said.push(keys.get(name).cloned().unwrap_or_else(letter));
        end = at.next();
    }
    (said.len() > 1 && end.ends_word()).then(|| Match::whole(cursor, end, said.join(" ")))
}

/// "#BlackFriday": its words.
fn hashtag(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let name = &language.table.electronic.hashtag;
    let mut end = cursor.eat("#").filter(|at| !name.is_empty() && at.kind() == Some(TokenKind::Word))?;
    let mut said = name.clone();
    while matches!(end.kind(), Some(TokenKind::Word | TokenKind::Digits)) || end.text() == "_" {
        let mut was_small = true;
        said.push(' ');
        for c in end.text().chars().filter(|c| *c != '_') {
            if c.is_uppercase() && was_small && !said.ends_with(' ') {
                said.push(' ');
            }
            was_small = c.is_lowercase();
            said.push(c);
        }
        end = end.next();
    }
    // "#FF5733" is a colour.
    let has_digits = cursor.doc().tokens[cursor.at..end.at].iter().any(|token| token.kind == TokenKind::Digits);
    let is_colour = has_digits && said[name.len()..].chars().all(|c| c == ' ' || c.is_ascii_hexdigit());
    (!is_colour).then(|| Match::whole(cursor, end, said))
}

/// Whether nothing of the same chunk stands before it.
fn begins_chunk(cursor: Cursor<'_, '_>) -> bool {
    matches!(cursor.kind(), Some(TokenKind::Word | TokenKind::Digits | TokenKind::Mark))
        && cursor.back().is_none_or(|before| {
            matches!(before.kind(), Some(TokenKind::Blank | TokenKind::Line | TokenKind::Claimed))
                || before.eat_any("([{\"'“„«<").is_some()
        })
}

/// Up to the next blank, without the marks of the sentence around.
fn chunk_end<'d, 't>(cursor: Cursor<'d, 't>) -> Cursor<'d, 't> {
    let mut end = cursor;
    while end.at < cursor.at + MAX_CHUNK
        && !matches!(
            end.kind(),
            None | Some(TokenKind::Blank | TokenKind::Line | TokenKind::Claimed | TokenKind::Emoji)
        )
        && end.eat_any("<>\"”“»|").is_none()
    {
        end = end.next();
    }
    while let Some(last) = end.back().filter(|last| last.at > cursor.at && last.eat_any(".,;:!?)]}'’…*").is_some())
    {
        end = last;
    }
    end
}

fn is_electronic(written: &str) -> bool {
    if written.contains("://") || written.starts_with("www.") {
        return written.len() > 6;
    }
    if let Some((name, host)) = written.split_once('@').filter(|(name, _)| !name.contains('/')) {
        return match name {
            "" => {
                host.starts_with(|c: char| c.is_alphanumeric())
                    && host.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c))
            }
            _ => host.contains('.') && !host.starts_with('.'),
        };
    }
    if written.len() == 2 && written.starts_with('-') {
        return written.ends_with(|c: char| c.is_ascii_alphabetic());
    }
    if let Some(option) = written.strip_prefix("--") {
        return option.len() > 1 && option.starts_with(|c: char| c.is_ascii_alphabetic());
    }
    let is_path = written.starts_with(['/', '~'])
        && written[1..].contains('/')
        && written[1..].starts_with(|c: char| c.is_alphanumeric() || c == '/')
        || written.contains('\\') && written.chars().any(char::is_alphabetic)
        || written.starts_with("./")
        || written.starts_with("../");
    if is_path {
        return true;
    }
    let name = written.split('/').next().unwrap_or(written);
    let (host, port) = name.split_once(':').unwrap_or((name, "1"));
    let mut labels = host.rsplit('.');
    let (last, before) = (labels.next().unwrap_or_default(), labels.next());
    let Some(before) = before else {
        return host == "localhost" && name.contains(':') && port.bytes().all(|b| b.is_ascii_digit());
    };
    let is_plain = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
    let has_letters =
        last == "com" || host.split('.').any(|label| label.chars().filter(|c| c.is_alphabetic()).count() > 1);
    ENDINGS.contains(&format!(" {} ", last.to_ascii_lowercase()))
        && !last.starts_with(char::is_uppercase) | is_capitals(last)
        && host.split('.').all(is_plain)
        && has_letters
        && (before.chars().count() > 1
            || last == "com"
            || before.bytes().all(|b| b.is_ascii_digit())
            || written.contains('/'))
        && port.bytes().all(|b| b.is_ascii_digit())
}

fn say(written: &str, language: &Language) -> String {
    let electronic = &language.table.electronic;
    let mut words: Vec<String> = Vec::new();
    let is_mail = written.contains('@');
    let mut rest = written;
    while let Some(c) = rest.chars().next() {
        let length = rest.find(|other: char| part_of(other) != part_of(c)).unwrap_or(rest.len());
        let length = if part_of(c) == AddressPart::Mark { c.len_utf8() } else { length };
        let (part, after) = rest.split_at(length);
        rest = after;
        match part_of(c) {
            AddressPart::Letters => words.push(word(part, words.len(), rest, language)),
            AddressPart::Digits => {
                let is_round = part.len() <= 4 && part.ends_with("00")
                    || part.len() <= 2 && !is_mail && !rest.starts_with('-') && !after_letters(&words);
                words.push(if is_round && !part.starts_with('0') {
                    language.cardinal(part, "")
                } else {
                    language.each_digit(part)
                });
            }
            AddressPart::Mark => words.push(
                match c {
                    '@' => &electronic.at,
                    '.' if between_digits(&words, rest, language) => &language.table.numbers.point,
                    '.' => &electronic.dot,
                    '/' => &electronic.slash,
                    '\\' => &electronic.backslash,
                    '-' => &electronic.dash,
                    '_' => &electronic.underscore,
                    ':' => &electronic.colon,
                    '#' => &electronic.hash,
                    '+' => &electronic.plus,
                    '=' => &electronic.equals,
                    '?' => &electronic.question,
                    '&' => &electronic.ampersand,
                    '%' => &electronic.percent,
                    '~' => &electronic.tilde,
                    _ => continue,
                }
                .clone(),
            ),
        }
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

#[derive(PartialEq, Eq)]
enum AddressPart {
    Letters,
    Digits,
    Mark,
}

fn part_of(c: char) -> AddressPart {
    match c {
        _ if c.is_ascii_digit() => AddressPart::Digits,
        _ if c.is_alphabetic() => AddressPart::Letters,
        _ => AddressPart::Mark,
    }
}

fn after_letters(words: &[String]) -> bool {
    words.last().is_some_and(|word| word.chars().all(char::is_alphabetic) && word.chars().count() > 3)
}

fn between_digits(words: &[String], rest: &str, language: &Language) -> bool {
    let is_digit = words.last().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    is_digit && rest.starts_with(|c: char| c.is_ascii_digit()) && !language.table.numbers.point.is_empty()
}

/// A part of letters: a word, or spelled where it is none.
fn word(part: &str, index: usize, rest: &str, language: &Language) -> String {
    let lower = part.to_lowercase();
    let electronic = &language.table.electronic;
    if let Some(said) = electronic.words.get(&lower) {
        return if said.is_empty() { lower } else { said.clone() };
    }
    let has_vowel = lower.chars().any(|c| "aeiouy".contains(c) || !c.is_ascii());
    let is_last = rest.is_empty() || rest.starts_with(['/', ':']);
    let is_short = part.chars().count() <= 3 && (!has_vowel || is_last && index > 0 && part.chars().count() == 2);
    if is_short
        || !has_vowel && part.chars().count() <= 5
        || is_capitals(part) && part.chars().count() > 1 && part.chars().count() <= 3
    {
        return letters(part, language);
    }
    part.to_owned()
}
