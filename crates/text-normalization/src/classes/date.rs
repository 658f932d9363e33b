//! Dates: in words with a day or a year, in digits, days of the week written short, quarters.

use super::{Match, Piece, fill, is_one_of};
use crate::language::Language;
use crate::number::{may_begin, may_end};
use crate::token::{Cursor, Kind};

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    match cursor.kind()? {
        Kind::Digits if may_begin(cursor) => {
            iso(cursor, language).or_else(|| numeric(cursor, language)).or_else(|| day_month(cursor, language))
        }
        Kind::Word if cursor.begins_word() => {
            month_day(cursor, language).or_else(|| quarter(cursor, language)).or_else(|| weekday(cursor, language))
        }
        _ => None,
    }
}

/// "2024-01-05", "2024/01/05".
fn iso(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (at, year) = cursor.digits_of(4..=4)?;
    let separator = at.eat_any("-/.").map(|_| at.text())?;
    let (at, month) = at.next().digits_of(1..=2)?;
    let Some((end, day)) = at.eat(separator).and_then(|next| next.digits_of(1..=2)) else {
        let (month, is_alone) = (month_index(month)?, !language.table.dates.without_day.is_empty());
        if separator != "-" || !is_alone || !may_end(at) || !super::year::is_plausible(year) {
            return None;
        }
        let parts = [("{month}", language.month_alone(month)), ("{year}", &language.year(year, "date"))];
        return Some(Match::whole(cursor, at, fill(&language.table.dates.without_day, &parts)));
    };
    may_end(end).then_some(())?;
    let form = language.agreement("day", day, cursor, end);
    say(language, day, month, Some(year), form).map(|said| Match::whole(cursor, end, said))
}

/// "12/25/2028", "14.07.1999", "24.12.".
fn numeric(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (at, first) = cursor.digits_of(1..=2)?;
    let separator = at.eat_any("/.-").map(|_| at.text())?;
    let behind = if separator == "." { at.next().maybe_blank() } else { at.next() };
    let (at, second) = behind.digits_of(1..=2)?;
    let dates = &language.table.dates;
    let order = if separator == "." { "dmy" } else { dates.order.as_str() };
    let (day, month) = if order == "mdy" && month_index(first).is_some() || month_index(second).is_none() {
        (second, first)
    } else {
        (first, second)
    };
    let with_year = at.eat(separator).map(|at| if separator == "." { at.maybe_blank() } else { at });
    if let Some((end, year)) = with_year.and_then(|at| at.digits_of(4..=4).or_else(|| at.digits_of(2..=2)))
        && may_end(end)
        && (year.len() == 4 || separator != "-")
    {
        let form = language.agreement("day", day, cursor, end);
        return say(language, day, month, Some(year), form)
            .map(|said| Match::whole(cursor, end, not_twice(cursor, said)));
    }
    let is_short = match separator {
        "." => dates.short_dot && at.eat(".").is_some(),
        "/" => is_one_of(cursor.word_before(), &dates.before) || is_weekday_before(cursor, language),
        _ => false,
    };
    let end = at.eat(".").filter(|_| separator == ".").unwrap_or(at);
    if !is_short || !may_end(end) {
        return None;
    }
    let said = not_twice(cursor, say(language, day, month, None, language.agreement("day", day, cursor, end))?);
    let keeps_stop = separator == "." && end.is_line_end() && end.char_after().is_none();
    Some(Match::whole(cursor, end, if keeps_stop { format!("{said}.") } else { said }))
}

/// "Tu (2/22)", "Monday, 2/22".
fn is_weekday_before(cursor: Cursor<'_, '_>, language: &Language) -> bool {
    let before = cursor.back().map(|before| before.eat_any("(").map_or(cursor, |_| before));
    before.and_then(Cursor::word_before).is_some_and(|word| language.day(word).is_some())
}

/// Without its first word, if that stands before it already: "ngày 14/4".
fn not_twice(cursor: Cursor<'_, '_>, said: String) -> String {
    match said.split_once(' ') {
        Some((first, rest)) if cursor.word_before().is_some_and(|word| word.to_lowercase() == first) => rest.to_owned(),
        _ => said,
    }
}

fn month_index(digits: &str) -> Option<usize> {
    digits.parse::<usize>().ok().filter(|month| (1..=12).contains(month)).map(|month| month - 1)
}

/// A date in digits.
fn say(language: &Language, day: &str, month: &str, year: Option<&str>, form: &str) -> Option<String> {
    let month = month_index(month)?;
    let number: u32 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let dates = &language.table.dates;
    let template = if year.is_some() { &dates.full } else { &dates.without_year };
    if template.is_empty() {
        return None;
    }
    let year = match year {
        Some(short) if short.len() == 2 => match short.strip_prefix('0') {
            Some(last) => language.each_digit(&format!("0{last}")),
            None => language.cardinal(short, ""),
        },
        Some(year) => language.year(year, "date"),
        None => String::new(),
    };
    let form = if form.is_empty() { &dates.numeric_day } else { form };
    let day = day_said(language, &number.to_string(), form);
    Some(fill(template, &[("{day}", &day), ("{month}", &language.month_said(month)), ("{year}", &year)]))
}

/// The day of a month. A form that stands around it goes before the table's.
fn day_said(language: &Language, day: &str, form: &str) -> String {
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

/// A month by its name or a short form, with the place behind it.
fn month<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, usize, bool)> {
    let (end, name) = cursor.word()?;
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
        pieces.push(Piece::new(
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
        // "Nov. 9-12"
        let (day_end, said) = match day_range(day_end, digits, language) {
            Some(range) => range,
            None => (day_end, day_said(language, digits, form)),
        };
        pieces.push(Piece::new(at, day_end, said));
        let end = match year_behind(day_end, language) {
            Some((year, end, said)) => {
                if day_end.eat("-").is_some() {
                    pieces.push(Piece::new(day_end, year, " "));
                }
                pieces.push(Piece::new(year, end, said));
                end
            }
            None => day_end,
        };
        return Some(Match::pieces(end, pieces));
    }
    if let Some((year, end, said)) = year_behind(month_end, language) {
        pieces.push(Piece::new(
            cursor,
            month_end,
            if is_short { language.month_alone(index).to_owned() } else { name() },
        ));
        pieces.push(Piece::new(year, end, said));
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
    let mut pieces = vec![Piece::new(cursor, day_end, said)];
    if is_short {
        pieces.push(Piece::new(
            at,
            month_end,
            format!("{}{}", language.month_name(index), if keeps_stop { "." } else { "" }),
        ));
    }
    if let Some((year, end, said)) = year {
        pieces.push(Piece::new(year, end, said));
    }
    Some(Match::pieces(end, pieces))
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
        Match::pieces(behind, vec![Piece::new(cursor, end, said), Piece::new(year, behind, language.year(digits, ""))])
    })
}

/// "Sat.", "ma." with a stop; "Tu" before a date in digits.
fn weekday(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, name) = cursor.word()?;
    let index = language.day(name)?;
    if name.to_lowercase() == language.day_name(index).to_lowercase() {
        return None;
    }
    let stop = end.eat(".");
    let before_date = end.blank().is_some_and(|next| {
        let next = next.eat("(").unwrap_or(next);
        next.kind() == Some(Kind::Digits) && (numeric(next, language).is_some() || day_month(next, language).is_some())
    });
    let behind = stop.or(before_date.then_some(end))?;
    // A word that ends a sentence, rather than a day.
    if stop.is_some() && behind.is_line_end() && !super::begins_with_capital(name) {
        return None;
    }
    Some(Match::whole(cursor, behind, language.day_name(index)))
}
