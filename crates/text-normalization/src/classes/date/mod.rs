//! Dates: in words with a day or a year, in digits, days of the week written short, quarters.

use super::{Match, Replacement, fill};
use crate::language::Language;
use crate::numerals::{may_begin, may_end};
use crate::token::{Cursor, TokenKind};

mod digits;
mod said;

pub use digits::say;
use digits::{iso, month_year, numeric};
use said::{day_said, not_twice, say_date, with_ending};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    match cursor.kind()? {
        TokenKind::Digits if may_begin(cursor) => iso(cursor, language)
            .or_else(|| numeric(cursor, language))
            .or_else(|| month_year(cursor, language))
            .or_else(|| hyphened(cursor, language))
            .or_else(|| day_month(cursor, language))
            .or_else(|| through(cursor, language)),
        TokenKind::Word if cursor.begins_word() => {
            month_day(cursor, language).or_else(|| quarter(cursor, language)).or_else(|| weekday(cursor, language))
        }
        _ => None,
    }
}

/// "03-Feb-2002".
fn hyphened(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (at, digits) = cursor.digits_of(1..=2)?;
    let (at, index, _) = month(at.eat_any("-/")?, language)?;
    let (end, year) = at.eat_any("-/")?.digits_of(4..=4)?;
    let day: u32 = digits.parse().ok().filter(|day| (1..=31).contains(day))?;
    let said = say_date(language, &day.to_string(), index, &language.year(year, "date"), "");
    may_end(end).then(|| Match::whole(cursor, end, said))
}

/// A month by its name or a short form, with the place behind it.
fn month<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, usize, bool)> {
    let (end, name) = cursor.word()?;
    if language.table.dates.roman_months && super::is_capitals(name) {
        let index = super::roman::value(name).filter(|month| *month <= 12)?;
        let behind = end.eat(".")?;
        let (day_end, _) = behind.maybe_blank().digits_of(1..=2)?;
        return day_end.eat_any(".-").map(|_| (behind, index as usize - 1, true));
    }
    let index = language.month(name)?;
    let is_short = !name.to_lowercase().eq(&language.month_name(index).to_lowercase())
        && !name.to_lowercase().eq(&language.month_alone(index).to_lowercase());
    let end = if is_short { end.eat(".").unwrap_or(end) } else { end };
    Some((end, index, is_short))
}

/// A day in digits, with the ending of an ordinal or without.
fn day<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, &'d str)> {
    let (end, digits) = cursor.digits_of(1..=2)?;
    digits.parse::<u32>().ok().filter(|day| (1..=31).contains(day))?;
    let ordinals = &language.table.ordinals;
    let end = match end.word() {
        Some((behind, suffix)) if ordinals.suffixes.contains_key(suffix) => behind,
        Some(_) => return None,
        None if ordinals.dot => end.eat(".").unwrap_or(end),
        None => end.eat_any("°º").unwrap_or(end),
    };
    Some((end, digits))
}

/// A year behind a date, after blanks, commas and joining words.
fn year_behind<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, Cursor<'d, 't>, String)> {
    let at = end.eat(",").unwrap_or(end);
    let mut at = at.blank().or_else(|| at.eat("-"))?;
    if let Some((behind, word)) = at.word()
        && language.table.dates.joins.iter().any(|join| join == word)
    {
        at = behind.blank()?;
    }
    let (behind, digits) = at.digits_of(4..=4)?;
    let form = language.agreement("year", digits, at, behind);
    may_end(behind).then(|| (at, behind, language.year(digits, if form.is_empty() { "date" } else { form })))
}

/// "Jan. 5, 2024", "September 15", "May 2010".
fn month_day(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (month_end, index, is_short) = month(cursor, language)?;
    let name = || if is_short { language.month_name(index).to_owned() } else { cursor.text().to_owned() };
    let mut pieces = Vec::new();
    let at = month_end.blank().or_else(|| month_end.eat("-"));
    if let Some(at) = at
        && let Some((day_end, digits)) = day(at, language)
        && (may_end(day_end) || day_end.eat("-").is_some())
        && day_end.eat(":").is_none()
    {
        pieces.push(Replacement::new(
            cursor,
            if month_end.eat("-").is_some() { at } else { month_end },
            format!("{}{}", name(), if month_end.eat("-").is_some() { " " } else { "" }),
        ));
        let form = language.agreement("day", digits, at, day_end);
        let dates = &language.table.dates;
        // "junio 21 2021", where the day comes first.
        if dates.order == "dmy" && dates.day_before_month.ends_with(" de") {
            let year = year_behind(day_end, language);
            let end = year.as_ref().map_or(day_end, |(_, end, _)| *end);
            let template = if year.is_some() { &dates.full } else { &dates.without_year };
            let year = year.map_or(String::new(), |(_, _, said)| said);
            let day = day_said(language, digits, form);
            let said = fill(template, &[("{day}", &day), ("{month}", language.month_name(index)), ("{year}", &year)]);
            return Some(Match::whole(cursor, end, said));
        }
        // "Nov. 9-12", "április 1-jén"
        let said = day_said(language, digits, form);
        let (day_end, said) = day_range(day_end, digits, language)
            .or_else(|| with_ending(day_end, &said, language))
            .unwrap_or((day_end, said));
        pieces.push(Replacement::new(at, day_end, said));
        let mut end = day_end;
        if let Some((year, year_end, said)) = year_behind(day_end, language) {
            if day_end.eat("-").is_some() {
                pieces.push(Replacement::new(day_end, year, " "));
            }
            pieces.push(Replacement::new(year, year_end, said));
            end = year_end;
        } else if day_end.back().is_some_and(|last| last.text() == ".") && day_end.is_line_end() {
            pieces.iter_mut().skip(1).for_each(|day| day.said.push('.'));
        }
        return Some(Match::pieces(end, pieces));
    }
    if let Some((year, end, said)) = year_behind(month_end, language) {
        pieces.push(Replacement::new(
            cursor,
            month_end,
            if is_short { language.month_alone(index).to_owned() } else { name() },
        ));
        pieces.push(Replacement::new(year, end, said));
        return Some(Match::pieces(end, pieces));
    }
    // A short form with its stop, alone.
    let has_stop = is_short && month_end.at > cursor.at + 1;
    let is_name = has_stop && super::begins_with_capital(cursor.text()) && cursor.text().chars().count() > 2;
    is_name.then(|| {
        let said = language.month_alone(index).to_owned();
        let is_end = month_end.is_line_end();
        Match::whole(cursor, month_end, if is_end { format!("{said}.") } else { said })
    })
}

/// The second day of two with a dash between, behind the first.
fn day_range<'d, 't>(end: Cursor<'d, 't>, first: &str, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let (behind, second) = day(end.eat_any("-–")?, language)?;
    let ranges = &language.table.ranges;
    let said = [&day_said(language, first, ""), ranges.to.as_str(), &day_said(language, second, "")].join(" ");
    may_end(behind).then_some((behind, said))
}

/// "16 July 1943", "3. Mai", "3 de mayo de 2025", "25th jul 2012".
fn day_month(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (day_end, digits) = day(cursor, language)?;
    let dates = &language.table.dates;
    let (day_end, day_words) = match day_range(day_end, digits, language) {
        Some((end, said)) => (end, Some(said)),
        None => (day_end, None),
    };
    let mut at = day_end.blank()?;
    if let Some((behind, word)) = at.word()
        && dates.joins.iter().any(|join| join == word)
    {
        at = behind.blank()?;
    }
    let (month_end, index, is_short) = month(at, language)?;
    let form = language.agreement("day", digits, cursor, day_end);
    let mut said = day_words.unwrap_or_else(|| day_said(language, digits, form));
    if !dates.day_before_month.is_empty() && at.at == day_end.at + 1 {
        said = fill(&dates.day_before_month, &[("{day}", &said)]);
        said = not_twice(cursor, said);
    }
    let year = year_behind(month_end, language);
    let end = year.as_ref().map_or(month_end, |(_, end, _)| *end);
    let keeps_stop = is_short && year.is_none() && month_end.at > at.at + 1 && month_end.is_line_end();
    let mut pieces = vec![Replacement::new(cursor, day_end, said)];
    if is_short {
        pieces.push(Replacement::new(
            at,
            month_end,
            format!("{}{}", language.month_name(index), if keeps_stop { "." } else { "" }),
        ));
    }
    if let Some((year, end, said)) = year {
        pieces.push(Replacement::new(year, end, said));
    }
    Some(Match::pieces(end, pieces))
}

/// The first day of "od 3 do 5 maja".
fn through(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, digits) = day(cursor, language)?;
    let (behind, word) = end.blank()?.word()?;
    let is_range = language.table.dates.through.iter().any(|known| known == word);
    day_month(behind.blank().filter(|_| is_range)?, language)?;
    let form = language.agreement("day", digits, cursor, end);
    Some(Match::whole(cursor, end, day_said(language, digits, form)))
}

/// "Q3 2024".
fn quarter(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let template = &language.table.dates.quarter;
    let at = cursor.eat("Q").filter(|_| !template.is_empty())?;
    let (end, number) = at.digits_of(1..=1)?;
    let year = end.blank()?;
    let (behind, digits) = year.digits_of(4..=4)?;
    let said = fill(template, &[("{quarter}", number)]);
    may_end(behind).then(|| {
        Match::pieces(
            behind,
            vec![Replacement::new(cursor, end, said), Replacement::new(year, behind, language.year(digits, ""))],
        )
    })
}

/// "Sat.", "ma." with a stop; "Tu" before a date in digits.
fn weekday(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, name) = cursor.word()?;
    let index = language.day(name)?;
    // "Mon-Fri"
    let last = end.eat_any("-–").and_then(Cursor::word);
    if let Some((behind, last)) = last
        && let Some(last_index) = language.day(last).filter(|last| *last != index)
        && super::begins_with_capital(name) == super::begins_with_capital(last)
        && behind.ends_word()
        && !language.table.ranges.to.is_empty()
    {
        let said = [language.day_name(index), &language.table.ranges.to, language.day_name(last_index)].join(" ");
        return Some(Match::whole(cursor, behind, said));
    }
    if name.to_lowercase() == language.day_name(index).to_lowercase() {
        return None;
    }
    let stop = end.eat(".");
    let before_date = end.blank().is_some_and(|next| {
        let next = next.eat("(").unwrap_or(next);
        next.kind() == Some(TokenKind::Digits)
            && (numeric(next, language).is_some() || day_month(next, language).is_some())
    });
    let behind = stop.or(before_date.then_some(end))?;
    // A word that ends a sentence, rather than a day.
    let ends = behind.is_line_end() || behind.is_before_sentence();
    if stop.is_some() && ends && !super::begins_with_capital(name) {
        return None;
    }
    Some(Match::whole(cursor, behind, language.day_name(index)))
}
