//! Times of day, ranges of them, and durations.

use super::{Match, Replacement, fill, is_one_of};
use crate::language::Language;
use crate::numerals::{may_begin, may_end};
use crate::token::{Cursor, TokenKind};

struct Clock<'d> {
    hour: &'d str,
    minute: Option<&'d str>,
    second: Option<&'d str>,
    /// It was written so that it can be nothing else.
    is_certain: bool,
}

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if cursor.kind() != Some(TokenKind::Digits) || !may_begin(cursor) {
        return None;
    }
    if let Some(found) = military(cursor, language).or_else(|| duration(cursor, language)) {
        return Some(found);
    }
    let (first_end, first) = clock(cursor, language)?;
    // "9-5", "3:30-4:15 p.m.", "9am-5pm"
    if let Some((_, second_start)) = dash(first_end)
        && let Some((second_end, second)) = clock(second_start, language)
    {
        let half = half(second_end, language);
        let is_named = is_one_of(cursor.word_before(), &language.table.times.before);
        let end = half.as_ref().map_or(second_end, |(end, _)| *end);
        let (end, has_after) = after(end, language);
        let is_times = first.is_certain || second.is_certain || half.is_some() || has_after || is_named;
        if is_times && may_end(end) {
            let (zone_end, zone) = zone(end, language);
            let to = &language.table.ranges.to;
            let form = language.agreement("time", first.hour, cursor, end);
            let mut said =
                [say(&first, language, true, form), to.clone(), say(&second, language, !has_after, form)].join(" ");
            if let Some((_, more)) = half {
                said.push(' ');
                said.push_str(&more);
            }
            said.push_str(&zone);
            return Some(Match::whole(cursor, zone_end, said));
        }
    }
    let half_first = half(first_end, language);
    if let Some((half_end, half)) = &half_first
        && let Some((_, second_start)) = dash(*half_end)
        && let Some((second_end, second)) = clock(second_start, language)
        && let Some((end, second_half)) = self::half(second_end, language)
    {
        let to = &language.table.ranges.to;
        let said = [&say(&first, language, true, ""), half, to, &say(&second, language, true, ""), &second_half]
            .map(String::as_str)
            .join(" ");
        return Some(Match::whole(cursor, end, said));
    }
    let end = half_first.as_ref().map_or(first_end, |(end, _)| *end);
    let (end, has_after) = after(end, language);
    let has_zone = first.minute.is_some() && zone(end, language).0.at > end.at;
    if !(first.is_certain || half_first.is_some() || has_zone || (has_after && first.minute.is_some())) || !may_end(end)
    {
        return None;
    }
    let form = language.agreement("time", first.hour, cursor, end);
    let mut said = say(&first, language, half_first.is_some(), form);
    let mut reached = end;
    if let Some((half_end, half)) = half_first {
        said.push(' ');
        said.push_str(&half);
        // The stop of "p.m." ends a sentence as well.
        let had_stop = half_end.back().is_some_and(|last| last.text() == ".");
        if had_stop && (half_end.is_line_end() || super::initials::begins_sentence(half_end.maybe_blank(), language)) {
            said.push('.');
        }
    }
    let (zone_end, zone) = zone(reached, language);
    reached = zone_end;
    said.push_str(&zone);
    Some(Match::whole(cursor, reached, said))
}

/// The time in a date as machines write it, behind its "T".
pub fn within<'d, 't>(start: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let (end, clock) = clock(start, language)?;
    // Fractions of seconds are not said.
    let end = end.eat(".").and_then(Cursor::digits).map_or(end, |(behind, _)| behind);
    let said = say(&clock, language, false, "");
    if let Some(behind) = end.eat("Z") {
        let zone = language.table.times.zones.get("UTC").map_or("", String::as_str);
        return behind.ends_word().then(|| (behind, format!("{said} {zone}").trim_end().to_owned()));
    }
    let (end, offset) = offset(end, language).unwrap_or((end, String::new()));
    end.ends_word().then(|| (end, said + &offset))
}

/// "14:30", "8h05", "9h", "7"; whether a time it is, its surroundings tell.
fn clock<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, Clock<'d>)> {
    let times = &language.table.times;
    let (at, hour) = cursor.digits_of(1..=2)?;
    hour.parse::<u32>().ok().filter(|hour| *hour <= 24)?;
    let minutes = |at: Cursor<'d, 't>| {
        at.digits_of(2..=2).filter(|(_, minute)| minute.parse::<u32>().is_ok_and(|minute| minute < 60))
    };
    if let Some((letters, behind)) = at.word().map(|(behind, word)| (word, behind))
        && times.hour_letters.iter().any(|known| known == letters)
    {
        return Some(match minutes(behind) {
            Some((end, minute)) => (end, Clock { hour, minute: Some(minute), second: None, is_certain: true }),
            None => (behind, Clock { hour, minute: None, second: None, is_certain: true }),
        });
    }
    let separator = at.text();
    if at.eat_any(&times.separators).is_some()
        && let Some((end, minute)) = minutes(at.next())
    {
        let is_colon = separator == ":";
        if let Some((last, second)) = end.eat(":").filter(|_| is_colon).and_then(minutes) {
            return Some((last, Clock { hour, minute: Some(minute), second: Some(second), is_certain: true }));
        }
        let label = cursor.label_before();
        let is_certain = is_colon
            || (is_one_of(label, &language.table.times.before) && may_end(end))
            || (language.table.times.dot_alone && is_alone(cursor, end) && hour.len() == 2);
        return Some((end, Clock { hour, minute: Some(minute), second: None, is_certain }));
    }
    Some((at, Clock { hour, minute: None, second: None, is_certain: false }))
}

/// Whether nothing that is counted or versioned stands beside it: "14.30" is a time, "Ubuntu 22.04" is none.
fn is_alone(start: Cursor<'_, '_>, end: Cursor<'_, '_>) -> bool {
    let behind = end.maybe_blank();
    start.begins_word()
        && !start.word_before().is_some_and(super::begins_with_capital)
        && (behind.is_end() || behind.kind() == Some(TokenKind::Line) || end.eat_any(",.;!?)").is_some())
        && may_end(end)
}

fn dash<'d, 't>(end: Cursor<'d, 't>) -> Option<(Cursor<'d, 't>, Cursor<'d, 't>)> {
    let at = end.maybe_blank();
    Some((at, at.eat_any("-–—")?.maybe_blank()))
}

/// "p.m.", "AM", with or without a blank.
fn half<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let at = end.maybe_blank();
    let (behind, word) = at.word()?;
    let halves = &language.table.times.halves;
    if let Some(said) = halves.get(word).or_else(|| halves.get(&word.to_lowercase())) {
        return behind.ends_word().then(|| (behind, said.clone()));
    }
    let (last, second) = behind.eat(".")?.maybe_blank().word()?;
    let said = halves.get(&format!("{word}{second}").to_lowercase())?;
    Some((last.eat(".").unwrap_or(last), said.clone()))
}

/// Words behind a time that are part of how it is said.
fn after<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> (Cursor<'d, 't>, bool) {
    let words = &language.table.times.after;
    match end.maybe_blank().word() {
        Some((behind, word)) if words.iter().any(|known| known == word) => (behind, true),
        _ => (end, false),
    }
}

/// A time zone behind a time, with a blank before it.
fn zone<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> (Cursor<'d, 't>, String) {
    let Some(at) = end.blank() else { return (end, String::new()) };
    let zones = &language.table.times.zones;
    if let Some((behind, word)) = at.word() {
        if let Some(said) = zones.get(&word.to_uppercase()) {
            let (end, offset) = offset(behind, language).unwrap_or((behind, String::new()));
            return (end, format!(" {said}{offset}"));
        }
        // "e.s.t"
        let mut joined = word.to_owned();
        let mut reached = behind;
        while let Some((next, more)) =
            reached.eat(".").and_then(Cursor::word).filter(|(_, more)| more.chars().count() == 1)
        {
            joined.push_str(more);
            reached = next;
        }
        if joined.chars().count() > 2
            && let Some(said) = zones.get(&joined.to_uppercase())
        {
            return (reached.eat(".").unwrap_or(reached), format!(" {said}"));
        }
    }
    (end, String::new())
}

/// "-4:30" behind a zone.
fn offset<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let numbers = &language.table.numbers;
    let sign = if end.eat("+").is_some() { &numbers.plus } else { &numbers.minus };
    let (behind, hours) = end.eat_any("+-−")?.digits_of(1..=2)?;
    let hours = language.cardinal(hours, "");
    let minutes = behind.eat(":").and_then(|at| at.digits_of(2..=2)).filter(|(_, minutes)| *minutes != "00");
    Some(match minutes {
        Some((last, minutes)) => (last, format!(" {sign} {hours} {}", language.cardinal(minutes, ""))),
        None => (behind, format!(" {sign} {hours}")),
    })
}

/// "1h 20m", "2h30min", "1h02m30s".
fn duration(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let times = &language.table.times;
    let (at, hours) = cursor.digits_of(1..=3)?;
    let at = at.eat("h").or_else(|| at.eat("hrs")).or_else(|| at.eat("hr"))?.maybe_blank();
    let (at, minutes) = at.digits_of(1..=2)?;
    let end = at.eat("m").or_else(|| at.eat("min")).or_else(|| at.eat("mins"))?;
    let seconds = end.maybe_blank().digits_of(1..=2).and_then(|(at, seconds)| Some((at.eat("s")?, seconds)));
    let end = seconds.map_or(end, |(end, _)| end);
    let parts = [
        (Some(hours), &times.hours, &times.form),
        (Some(minutes), &times.minutes, &times.minute_form),
        (seconds.map(|(_, seconds)| seconds), &times.seconds, &times.minute_form),
    ];
    let said = parts.into_iter().filter_map(|(digits, names, form)| {
        let plain = digits?.trim_start_matches('0');
        let name = Language::form(names, language.plurals().cardinal(plain)).unwrap_or_default();
        (!plain.is_empty()).then(|| format!("{} {name}", language.cardinal(plain, form)))
    });
    let said: Vec<String> = said.collect();
    (end.ends_word() && !times.hours.is_empty() && !said.is_empty()).then(|| Match::whole(cursor, end, said.join(" ")))
}

/// "0800 hours".
fn military(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, digits) = cursor.digits_of(4..=4)?;
    let times = &language.table.times;
    let template = times.words.get("military")?;
    let follows = end.word_after()?;
    if follows != "hours" || !digits.ends_with("00") && digits > "2359" {
        return None;
    }
    let (hour, minute) = digits.split_at(2);
    let hour = match hour.strip_prefix('0') {
        Some(last) => format!("oh {last}"),
        None => hour.to_owned(),
    };
    let minute = if minute == "00" { template.clone() } else { minute.to_owned() };
    Some(Match::pieces(end, vec![Replacement::new(cursor, end, format!("{hour} {minute}"))]))
}

fn say(clock: &Clock<'_>, language: &Language, with_half: bool, form: &str) -> String {
    let times = &language.table.times;
    let hour = clock.hour.trim_start_matches('0');
    let hour = if hour.is_empty() { "0" } else { hour };
    let minute = clock.minute.unwrap_or("00");
    let template = match (clock.second.filter(|second| *second != "00"), minute) {
        (Some(_), "00") if !times.without_minutes.is_empty() => &times.without_minutes,
        (Some(_), _) => &times.with_seconds,
        (None, "00") if with_half && !times.exact_half.is_empty() => &times.exact_half,
        (None, "00") => &times.exact,
        (None, minute) if minute.starts_with('0') && !times.with_few_minutes.is_empty() => &times.with_few_minutes,
        _ => &times.with_minutes,
    };
    let number = |digits: &str, form: &str| {
        let plain = digits.trim_start_matches('0');
        language.cardinal(if plain.is_empty() { "0" } else { plain }, form)
    };
    let said_hour = match times.ordinal.as_str() {
        "" => number(hour, if form.is_empty() { &times.form } else { form }),
        ordinal => {
            language.ordinal(hour, if form.is_empty() { ordinal } else { form }).unwrap_or_else(|| hour.to_owned())
        }
    };
    let said_hour = times.words.get(hour).cloned().unwrap_or(said_hour);
    let word = |words: &crate::table::Words, digits: &str| {
        let category = language.plurals().cardinal(digits.trim_start_matches('0'));
        words.get(form).map(String::as_str).or_else(|| Language::form(words, category)).unwrap_or_default().to_owned()
    };
    let minute_form = if times.ordinal.is_empty() && !form.is_empty() { form } else { &times.minute_form };
    let parts = [
        ("{hours}", word(&times.hours, hour)),
        ("{minutes}", word(&times.minutes, minute)),
        ("{seconds}", word(&times.seconds, clock.second.unwrap_or("0"))),
        ("{hour}", said_hour),
        ("{minute}", times.minute_words.get(minute).cloned().unwrap_or_else(|| number(minute, minute_form))),
        ("{second}", number(clock.second.unwrap_or("0"), &times.minute_form)),
    ];
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, part)| (*name, part.as_str())).collect();
    fill(template, &parts)
}
