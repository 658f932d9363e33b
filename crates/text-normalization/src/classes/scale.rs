//! Scales behind numbers: "million", "k", "Mrd.".

use crate::language::Language;
use crate::number::Number;
use crate::token::Cursor;

/// "million", "bn", "m": by its full name, or as it is written, behind `=`.
pub fn find<'d, 't>(end: Cursor<'d, 't>, language: &Language, close: bool) -> Option<(Cursor<'d, 't>, String)> {
    let money = &language.table.money;
    let at = end.maybe_blank();
    let (behind, word) = at.word()?;
    let is_close = at.at == end.at;
    if let Some(name) = money.scales.get(word).filter(|_| is_close || !close || word.chars().count() > 1) {
        let stopped = behind.eat(".").filter(|_| money.scales.contains_key(&format!("{word}.")));
        return behind.ends_word().then(|| (stopped.unwrap_or(behind), name.clone()));
    }
    (language.table.numbers.scales.contains_key(word) && behind.ends_word()).then(|| (behind, format!("={word}")))
}

/// A scale behind a number. One that was written short has no form yet.
pub fn said<'a>(scale: &'a str, number: &Number, language: &'a Language) -> &'a str {
    scale.strip_prefix('=').unwrap_or_else(|| {
        let forms = language.table.numbers.scales.get(scale);
        forms.and_then(|forms| Language::form(forms, language.category(number))).unwrap_or(scale)
    })
}
