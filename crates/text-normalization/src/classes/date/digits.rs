//! Dates in digits.

use super::said::{not_twice, say_date, with_ending};
use crate::classes::{Match, fill, is_one_of, noun, time, year};
use crate::language::Language;
use crate::numerals::may_end;
use crate::token::Cursor;

/// "2024-01-05", "2024/01/05", "2010. 04. 1."
pub fn iso(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (at, year) = cursor.digits_of(4..=4)?;
    let separator = at.eat_any("-/.·").map(|_| at.text())?;
    let (at, month) = behind(at, separator)?.digits_of(1..=2)?;
    let Some((end, day)) = behind(at, separator).and_then(|next| next.digits_of(1..=2)) else {
        let (month, is_alone) = (month_index(month)?, !language.table.dates.without_day.is_empty());
        if separator != "-" || !is_alone || !may_end(at) || !year::is_plausible(year) {
            return None;
        }
        return Some(Match::whole(cursor, at, say_month(language, month, year)));
    };
    let form = language.agreement("day", day, cursor, end);
    let said = say(language, day, month, Some(year), form)?;
    if let Some((end, said)) = with_ending(end, &said, language) {
        return Some(Match::whole(cursor, end, said));
    }
    // "2024-01-05T14:30:00Z"
    if let Some((end, time)) = end.eat("T").and_then(|at| time::within(at, language)) {
        return Some(Match::whole(cursor, end, format!("{said}, {time}")));
    }
    let stop = end.eat(".").filter(|_| separator == "." && language.table.dates.order == "ymd");
    may_end(stop.unwrap_or(end)).then(|| stopped(cursor, end, stop, said))
}

/// Behind a separator in a date; blanks may follow full stops.
fn behind<'d, 't>(cursor: Cursor<'d, 't>, separator: &str) -> Option<Cursor<'d, 't>> {
    let next = cursor.eat(separator)?;
    Some(if separator == "." { next.maybe_blank() } else { next })
}

/// "12/25/2028", "14.07.1999", "24.12.".
pub fn numeric(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (at, first) = cursor.digits_of(1..=2)?;
    let separator = at.eat_any("/.-").map(|_| at.text())?;
    let (at, second) = behind(at, separator)?.digits_of(1..=2)?;
    let dates = &language.table.dates;
    let order = if separator == "." && dates.order == "mdy" { "dmy" } else { dates.order.as_str() };
    let is_month_first = order != "dmy" && month_index(first).is_some();
    let (day, month) = if is_month_first || month_index(second).is_none() { (second, first) } else { (first, second) };
    let third = behind(at, separator).and_then(|at| at.digits_of(4..=4).or_else(|| at.digits_of(1..=2)));
    if let Some((end, third)) = third
        && may_end(end)
        && (third.len() == 4 || separator != "-")
    {
        let is_year_first = order == "ymd" && third.len() < 4;
        let (day, month, year) = if is_year_first { (third, second, first) } else { (day, month, third) };
        if year.len() == 1 {
            return None;
        }
        let form = language.agreement("day", day, cursor, end);
        let said = not_twice(cursor, say(language, day, month, Some(year), form)?);
        // "24.12.2023 r.", where the template says the noun.
        let noun = noun(end, &language.table.years.nouns, "genitive");
        return Some(match noun.filter(|(_, noun)| said.ends_with(noun.trim_end_matches('.'))) {
            Some((end, noun)) if noun.ends_with('.') => Match::whole(cursor, end, said + "."),
            Some((end, _)) => Match::whole(cursor, end, said),
            None => Match::whole(cursor, end, said),
        });
    }
    let has_zero = first.len() == 2 && second.len() == 2 && (first.starts_with('0') || second.starts_with('0'));
    let stop = at.eat(".").filter(|_| separator == ".");
    let said = say(language, day, month, None, language.agreement("day", day, cursor, at))?;
    if let Some((end, said)) = with_ending(at, &said, language).filter(|_| separator == ".") {
        return Some(Match::whole(cursor, end, said));
    }
    let is_short = match separator {
        "." => dates.short_dot && stop.is_some(),
        "/" => is_one_of(cursor.word_before(), &dates.before) || is_weekday_before(cursor, language),
        _ => dates.short_dash && has_zero,
    };
    (is_short && may_end(stop.unwrap_or(at))).then(|| stopped(cursor, at, stop, not_twice(cursor, said)))
}

/// A stop behind a date belongs to it; at the end of a line it ends the sentence, too.
fn stopped(start: Cursor<'_, '_>, end: Cursor<'_, '_>, stop: Option<Cursor<'_, '_>>, said: String) -> Match {
    match stop {
        Some(stop) if stop.is_line_end() => Match::whole(start, stop, format!("{said}.")),
        Some(stop) => Match::whole(start, stop, said),
        None => Match::whole(start, end, said),
    }
}

/// "04/1969", "11-2024".
pub fn month_year(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (at, month) = cursor.digits_of(1..=2)?;
    let (end, year) = at.eat_any("/-")?.digits_of(4..=4)?;
    let is_year = year::is_plausible(year) && (month.starts_with('0') || month != "1" && year >= "1900");
    let is_clear = may_end(end) && end.eat("/").is_none() && !language.table.dates.without_day.is_empty();
    let said = say_month(language, month_index(month)?, year);
    (is_year && is_clear).then(|| Match::whole(cursor, end, not_twice(cursor, said)))
}

fn say_month(language: &Language, month: usize, year: &str) -> String {
    let alone = language.month_alone(month);
    let month =
        if alone.contains(|c: char| c.is_ascii_digit()) { language.month_said(month) } else { alone.to_owned() };
    let year = language.year(year, "date");
    fill(&language.table.dates.without_day, &[("{month}", &month), ("{year}", &year)])
}

/// "Tu (2/22)", "Monday, 2/22".
fn is_weekday_before(cursor: Cursor<'_, '_>, language: &Language) -> bool {
    let before = cursor.back().map(|before| before.eat_any("(").map_or(cursor, |_| before));
    before.and_then(Cursor::word_before).is_some_and(|word| language.day(word).is_some())
}

fn month_index(digits: &str) -> Option<usize> {
    digits.parse::<usize>().ok().filter(|month| (1..=12).contains(month)).map(|month| month - 1)
}

/// A date in digits.
pub fn say(language: &Language, day: &str, month: &str, year: Option<&str>, form: &str) -> Option<String> {
    let month = month_index(month)?;
    let number: u32 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let dates = &language.table.dates;
    if dates.full.is_empty() {
        return None;
    }
    let year = match year {
        Some(short) if short.len() == 2 => short_year(short, language),
        Some(year) => language.year(year, "date"),
        None => String::new(),
    };
    let form = if form.is_empty() { &dates.numeric_day } else { form };
    Some(say_date(language, &number.to_string(), month, &year, form))
}

/// A year of two digits.
fn short_year(digits: &str, language: &Language) -> String {
    let years = &language.table.years;
    match digits.strip_prefix('0') {
        Some(last) if years.forms.contains_key("date") && years.rule != "digits" => {
            format!("{} {}", language.each_digit("0"), language.year(last, "date"))
        }
        None if years.forms.contains_key("date") => language.year(digits, "date"),
        Some(_) => language.each_digit(digits),
        None => language.cardinal(digits, ""),
    }
}
