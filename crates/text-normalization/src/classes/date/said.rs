//! How a day and a whole date are said, however they were written.

use crate::classes::fill;
use crate::language::Language;
use crate::token::Cursor;

/// "1-jén": an ending behind a day, instead of the last vowel of its name.
pub fn with_ending<'d, 't>(end: Cursor<'d, 't>, said: &str, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let (behind, written) = end.eat("-")?.word()?;
    let ending = written.strip_prefix('j').unwrap_or(written);
    let mut stem = said.chars();
    stem.next_back()?;
    (language.table.dates.day_endings.iter().any(|known| known == ending) && behind.ends_word())
        .then(|| (behind, format!("{}{ending}", stem.as_str())))
}

/// Without its first word, if that stands before it already: "ngày 14/4".
pub fn not_twice(cursor: Cursor<'_, '_>, said: String) -> String {
    match said.split_once(' ') {
        Some((first, rest)) if cursor.word_before().is_some_and(|word| word.to_lowercase() == first) => rest.to_owned(),
        _ => said,
    }
}

/// The day of a month. A form that stands around it goes before the table's.
pub fn day_said(language: &Language, day: &str, form: &str) -> String {
    let dates = &language.table.dates;
    if day == "1" && !dates.first.is_empty() {
        return dates.first.clone();
    }
    let (kind, own) = dates.day.split_once(':').unwrap_or((&dates.day, ""));
    let form = if form.is_empty() { own } else { form };
    match kind {
        "ordinal" => language.ordinal(day, form).unwrap_or_else(|| day.to_owned()),
        _ => language.cardinal(day, form),
    }
}

pub fn say_date(language: &Language, day: &str, month: usize, year: &str, form: &str) -> String {
    let dates = &language.table.dates;
    let template = if year.is_empty() { &dates.without_year } else { &dates.full };
    let (day, month) = (day_said(language, day, form), language.month_said(month));
    fill(template, &[("{day}", &day), ("{month}", &month), ("{year}", year)])
}
