//! Telephone numbers, and short numbers that are said digit by digit.

use super::{Match, is_one_of, letters};
use crate::language::Language;
use crate::numerals::may_end;
use crate::table::GroupStyle;
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let telephone = &language.table.telephone;
    if cursor.back().is_some_and(|before| {
        matches!(before.kind(), Some(TokenKind::Digits | TokenKind::Word)) || before.eat_any("-.$€£/:").is_some()
    }) {
        return None;
    }
    let plus = cursor.eat("+").map(|at| at.blank().filter(|at| at.text() == "(").unwrap_or(at));
    let (end, groups) = groups(plus.unwrap_or(cursor))?;
    let is_number = plus.is_some() && groups.total() >= 7
        || is_shape(&groups, language) && super::date::find(cursor, language).is_none()
        || is_short(&groups, cursor, end, language);
    if !is_number || !may_end(end) {
        return None;
    }
    let mut said: Vec<String> =
        groups.parts.iter().enumerate().map(|(index, group)| say(group, index, plus.is_some(), language)).collect();
    if plus.is_some() && !telephone.plus.is_empty() {
        said[0] = format!("{} {}", telephone.plus, said[0]);
    }
    let (end, extension) = extension(end, language);
    said.extend(extension);
    Some(Match::whole(cursor, end, said.join(", ")))
}

/// Groups of digits in one number.
const MAX_GROUPS: usize = 10;

struct Groups<'d> {
    parts: Vec<&'d str>,
    /// What stands between the first two.
    separator: &'d str,
    has_brackets: bool,
}

impl Groups<'_> {
    fn total(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    fn lengths(&self) -> Vec<usize> {
        self.parts.iter().map(|part| part.len()).collect()
    }
}

/// Digits in groups: with blanks, dashes, dots or brackets between.
fn groups<'d, 't>(cursor: Cursor<'d, 't>) -> Option<(Cursor<'d, 't>, Groups<'d>)> {
    let mut parts = Vec::new();
    let (mut at, mut end, mut separator, mut has_brackets) = (cursor, cursor, "", false);
    let mut joint = "";
    loop {
        let opened = at.eat("(");
        let next = opened.unwrap_or(at);
        let group = match next.kind() {
            Some(TokenKind::Digits) => next.text(),
            // "1-800-GO-2-HAUL"
            Some(TokenKind::Word) if parts.len() >= 2 && super::is_capitals(next.text()) && joint == "-" => next.text(),
            _ => break,
        };
        let behind = match opened {
            Some(_) => match next.next().eat(")") {
                Some(closed) => {
                    has_brackets = true;
                    closed
                }
                None => break,
            },
            None => next.next(),
        };
        parts.push(group);
        if parts.len() > MAX_GROUPS {
            return None;
        }
        end = behind;
        joint = behind.text();
        let after = match behind.kind() {
            Some(TokenKind::Blank) if joint.chars().count() == 1 => behind.next(),
            Some(TokenKind::Mark) if matches!(joint, "-" | "." | "–" | "/") => behind.next(),
            Some(TokenKind::Mark) if joint == "(" => behind,
            _ if has_brackets && opened.is_some() => behind,
            _ => break,
        };
        if parts.len() == 1 {
            separator = joint;
        }
        at = after;
    }
    (!parts.is_empty()).then_some((end, Groups { parts, separator, has_brackets }))
}

/// Written as numbers are in this language.
fn is_shape(groups: &Groups<'_>, language: &Language) -> bool {
    let lengths = groups.lengths();
    let has_letters = groups.parts.iter().any(|part| !part.bytes().all(|b| b.is_ascii_digit()));
    let is_known = language.table.telephone.shapes.contains(&lengths);
    let is_local = groups.separator == "-" && lengths == [3, 4];
    let has_area = groups.has_brackets && groups.total() >= 7 && groups.parts.len() > 1;
    // "03862-351791"
    let has_prefix = groups.separator == "-"
        && groups.parts[0].starts_with('0')
        && groups.parts[0].len() > 1
        && groups.parts.iter().all(|part| part.len() > 1)
        && (8..=12).contains(&groups.total());
    // "550.000.001"
    let (rest, is_dashed) = (groups.parts.get(1..).unwrap_or_default(), groups.separator == "-");
    if !is_dashed && rest.contains(&"000") && rest.iter().all(|part| part.len() == 3) {
        return false;
    }
    // "1914-1918"
    if lengths == [4, 4] && groups.parts.iter().all(|part| super::year::is_plausible(part)) {
        return false;
    }
    has_letters && groups.total() >= 7
        || is_known
        || has_prefix
        || is_local && !language.table.telephone.shapes.is_empty()
        || has_area
}

/// Behind a word that says so, or known to everybody.
fn is_short(groups: &Groups<'_>, cursor: Cursor<'_, '_>, end: Cursor<'_, '_>, language: &Language) -> bool {
    let telephone = &language.table.telephone;
    let is_named = is_one_of(cursor.label_before(), &telephone.before);
    let is_emergency = groups.parts.len() == 1
        && telephone.emergency.iter().any(|number| number == groups.parts[0])
        && (is_named
            || super::serial::is_told_before(cursor, language)
            // "988 is the crisis line."
            || cursor.is_line_start()
                && groups.total() == 3
                && is_one_of(end.word_after(), &language.table.years.after));
    is_emergency
        || (is_named
            && (groups.parts.len() > 1 && groups.total() >= 7 || groups.parts.len() == 1 && groups.total() >= 5))
}

fn say(group: &str, index: usize, has_plus: bool, language: &Language) -> String {
    let telephone = &language.table.telephone;
    if !group.bytes().all(|b| b.is_ascii_digit()) {
        return if group.chars().count() > 3 || group == "GO" { group.to_owned() } else { letters(group, language) };
    }
    if telephone.hundreds && group == "800" {
        return language.cardinal(group, "");
    }
    let is_country = has_plus && index == 0;
    let is_number = if is_country { telephone.country } else { telephone.groups != GroupStyle::Each };
    if !is_number || group.starts_with('0') || telephone.emergency.iter().any(|known| known == group) {
        return language.each_digit(group);
    }
    match group.len() {
        4 if telephone.groups == GroupStyle::Fours => language.cardinal(group, ""),
        4 if telephone.groups == GroupStyle::Pairs => language.pairs(group),
        ..=3 => language.cardinal(group, ""),
        _ => language.each_digit(group),
    }
}

/// "x305", "ext. 42".
fn extension<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> (Cursor<'d, 't>, Option<String>) {
    let at = end.eat(",").unwrap_or(end).maybe_blank();
    let Some((behind, word)) = at.word() else { return (end, None) };
    let Some(name) = language.table.telephone.extension.get(word) else { return (end, None) };
    let behind = behind.eat(".").unwrap_or(behind).maybe_blank();
    match behind.digits() {
        Some((last, digits)) if digits.len() > 2 => (last, Some(format!("{name} {}", language.each_digit(digits)))),
        Some((last, digits)) => (last, Some(format!("{name} {}", language.cardinal(digits, "")))),
        None => (end, None),
    }
}
