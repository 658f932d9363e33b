//! Roman numerals: of rulers, chapters, centuries.

use super::{Match, begins_with_capital, fill, is_one_of};
use crate::language::Language;
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if cursor.kind() != Some(TokenKind::Word) || !cursor.begins_word() {
        return None;
    }
    let roman = &language.table.roman;
    let (end, word) = cursor.word()?;
    let (numeral, suffix) = split(word, language);
    let Some(value) = value(numeral) else { return small(cursor, language) };
    let digits = value.to_string();
    if let Some(form) = suffix {
        // "Le", "Ce" and "Me" are words; "Ier" is none.
        let is_clear = numeral.len() > 1
            || word.starts_with("Ie")
            || word.starts_with("Iè")
            || is_one_of(end.word_after(), &roman.ordinal_before);
        if !is_clear || matches!(word, "Mme" | "Mmes" | "Mlle" | "Mes" | "Des" | "Les" | "Ces") {
            return None;
        }
        return language.ordinal(&digits, form).map(|said| Match::whole(cursor, end, said));
    }
    if !end.ends_word() || end.eat_any("'’").is_some_and(|next| next.kind() == Some(TokenKind::Word)) {
        return None;
    }
    // Polish "I w domu": a word, unless a short form of a word follows, "I w. n.e."
    let is_before_letter = end.blank().and_then(Cursor::word).filter(|(_, next)| next.chars().count() == 1);
    if numeral == "I" && is_before_letter.is_some_and(|(behind, _)| behind.eat(".").is_none()) {
        return None;
    }
    let stopped = end.eat(".").filter(|_| roman.dot);
    let before = cursor.label_before();
    let form = language.agreement("roman", &digits, cursor, stopped.unwrap_or(end));
    if !form.is_empty() {
        let behind = stopped.unwrap_or(end);
        let (behind, noun) = super::noun(behind, &roman.nouns, form).unwrap_or((behind, String::new()));
        return language.ordinal(&digits, form).map(|said| Match::whole(cursor, behind, said + &noun));
    }
    if is_one_of(before, &roman.ordinal_after) || is_one_of(end.word_after(), &roman.ordinal_before) {
        return language.ordinal(&digits, &roman.ordinal_form).map(|said| Match::whole(cursor, end, said));
    }
    if is_one_of(before, &roman.cardinal_after) {
        return Some(Match::whole(cursor, end, language.cardinal(&digits, "")));
    }
    if roman.ruler.is_empty() || !is_ruler(cursor, numeral, language) {
        return None;
    }
    // "Rocky IV"
    if !roman.titles.is_empty() && !has_title(cursor, language) {
        return Some(Match::whole(cursor, end, language.cardinal(&digits, "")));
    }
    let behind = stopped.unwrap_or(end);
    let ends = stopped.is_some() && behind.is_line_end();
    let number = if roman.ruler_limit > 0 && u64::from(value) >= roman.ruler_limit {
        language.cardinal(&digits, "")
    } else {
        language.ordinal(&digits, &roman.ruler_form)?
    };
    let said = fill(&roman.ruler, &[("{number}", &number)]);
    Some(Match::whole(cursor, behind, if ends { format!("{said}.") } else { said }))
}

/// "chapter iv", "page xii"
fn small(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let roman = &language.table.roman;
    let (end, word) = cursor.word()?;
    if !roman.small || !is_one_of(cursor.word_before(), &roman.cardinal_after) || !end.ends_word() {
        return None;
    }
    let is_numeral = word.chars().all(|c| "ivxlc".contains(c)) && !matches!(word, "i" | "l" | "c");
    let value = is_numeral.then(|| value(&word.to_uppercase())).flatten()?;
    Some(Match::whole(cursor, end, language.cardinal(&value.to_string(), "")))
}

/// A numeral and the form that an ending of it means: "XXe".
fn split<'w, 'l>(word: &'w str, language: &'l Language) -> (&'w str, Option<&'l str>) {
    for (suffix, form) in &language.table.roman.suffixes {
        if let Some(numeral) = word.strip_suffix(suffix.as_str()).filter(|numeral| !numeral.is_empty()) {
            return (numeral, Some(form));
        }
    }
    (word, None)
}

/// Whether a name of a ruler stands before it. Single letters are names of their own, but for V.
fn is_ruler(cursor: Cursor<'_, '_>, numeral: &str, language: &Language) -> bool {
    let roman = &language.table.roman;
    let Some(name) = cursor.word_before() else { return false };
    if roman.names.iter().any(|known| known == name) {
        return numeral != "C" && numeral != "D" && numeral != "M" && numeral != "L" || numeral.len() > 1;
    }
    let is_long = numeral.chars().count() > 1
        && !matches!(
            numeral,
            "CD" | "CV"
                | "DC"
                | "MC"
                | "MD"
                | "MI"
                | "DI"
                | "CC"
                | "MM"
                | "DM"
                | "CM"
                | "LC"
                | "LI"
                | "MIX"
                | "DIM"
                | "CIV"
                | "DVI"
        );
    roman.rulers
        && is_long
        && begins_with_capital(name)
        && name.chars().skip(1).all(char::is_lowercase)
        && name.chars().count() > 2
}

/// Whether a known ruler's name, or any behind "King" and the like, stands before it.
fn has_title(cursor: Cursor<'_, '_>, language: &Language) -> bool {
    let roman = &language.table.roman;
    let mut at = cursor;
    for _ in 0..3 {
        let Some(word) = at.word_before() else { return false };
        if roman.names.iter().any(|known| known == word) || is_one_of(Some(word), &roman.titles) {
            return true;
        }
        at = match at.back().and_then(Cursor::back) {
            Some(before) if begins_with_capital(word) => before,
            _ => return false,
        };
    }
    false
}

/// Of a numeral that is written as it should be.
pub fn value(numeral: &str) -> Option<u32> {
    const PARTS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let (mut rest, mut value) = (numeral, 0);
    for (worth, part) in PARTS {
        let mut times = 0;
        while let Some(behind) = rest.strip_prefix(part) {
            (rest, value, times) = (behind, value + worth, times + 1);
            if times > 3 || (part.len() == 2 && times > 1) {
                return None;
            }
        }
    }
    (rest.is_empty() && value > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_are_read_if_they_are_well_formed() {
        let read = ["I", "IV", "XIV", "LVIII", "MCMXCIX", "XX"].map(value);
        assert_eq!(read, [Some(1), Some(4), Some(14), Some(58), Some(1999), Some(20)]);
        assert_eq!(["IIII", "VX", "IC", "A", ""].map(value), [None; 5]);
    }
}
