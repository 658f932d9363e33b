//! Quantities with a unit: "5 kg", "80 km/h", "-3 °C", "6'2\"", "10 m³", "2x4".

use super::{Match, fill};
use crate::language::Language;
use crate::number::Number;
use crate::numerals::{may_begin, may_end, signed, unsigned};
use crate::token::{Cursor, TokenKind};

mod symbols;
mod unit;

use unit::unit;

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let at = cursor.eat_any("~≈").unwrap_or(cursor);
    let is_about = at.at != cursor.at;
    if !may_begin(at) && !is_about {
        return None;
    }
    if let Some(found) = feet(cursor, language) {
        return Some(found);
    }
    // "1h30m20s"
    let found = (0..3).fold(quantity(at, language)?, |found, _| continued(found, at, language));
    if !is_about {
        return Some(found);
    }
    let pieces = found.pieces.into_iter().enumerate().map(|(index, mut piece)| {
        if index == 0 {
            piece.from = cursor.at;
            piece.said = format!("{} {}", language.table.measures.about, piece.said);
        }
        piece
    });
    Some(Match { end: found.end, pieces: pieces.collect() })
}

/// "5kg-10kg", "4m30s": a quantity close behind another.
fn continued(mut first: Match, start: Cursor<'_, '_>, language: &Language) -> Match {
    let end = start.doc().cursor(first.end);
    let dash = end.eat_any("-–").filter(|_| !language.table.ranges.to.is_empty());
    let second = dash.unwrap_or(end);
    let is_close =
        second.kind() == Some(TokenKind::Digits) && end.back().is_some_and(|last| last.kind() == Some(TokenKind::Word));
    if let Some(mut second) = is_close.then(|| quantity(second, language)).flatten()
        && let (Some(said), Some(more)) = (first.pieces.last_mut(), second.pieces.pop())
    {
        let to = if dash.is_some() { &language.table.ranges.to } else { "" };
        said.said = fill("{first} {to} {second}", &[("{first}", &said.said), ("{to}", to), ("{second}", &more.said)]);
        (said.to, first.end) = (more.to, second.end);
    }
    first
}

fn quantity(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let measures = &language.table.measures;
    // "1/2 mm"
    if let Some((end, said)) = super::fraction::before_unit(cursor, language)
        && let Some((unit_end, names)) = unit(end, language)
    {
        let name = Language::form(&names.words, "one").unwrap_or_default();
        let is_half = language.table.fractions.words.get("1/2").is_some_and(|half| *half == said);
        let of = if is_half { "" } else { &measures.of };
        let said = fill("{count} {of} {unit}", &[("{count}", &said), ("{of}", of), ("{unit}", name)]);
        return Some(Match::whole(cursor, unit_end, said.replace("' ", "'")));
    }
    let (end, first) = signed(cursor, language)?;
    let (mut end, mut words) = (end, Vec::new());
    let mut last = first.clone();
    let mut is_range = false;
    // "20-25 km", "4 1/2 lbs", "2 x 4 m"
    let fraction = end.blank().and_then(|at| super::fraction::mixed(at, &first, language));
    let vulgar = super::fraction::vulgar(end, &first, language);
    if let Some((behind, said)) = fraction.or(vulgar) {
        words.push(if first.negative { format!("{} {said}", language.table.numbers.minus) } else { said });
        end = behind;
        last = Number { integer: "2".to_owned(), ..Number::default() };
    } else if let Some((behind, second)) = end.eat_any("-–").and_then(|at| unsigned(at, language))
        && !language.table.ranges.to.is_empty()
    {
        words.extend(language.range(&first, &second));
        is_range = true;
        end = behind;
        last = second;
    }
    // "10x12 ft"
    while let Some((behind, number)) =
        end.maybe_blank().eat_any("x×").and_then(|at| unsigned(at.maybe_blank(), language))
        && words.len() < 6
        && !language.table.ranges.times.is_empty()
    {
        words.extend([language.number(&last, ""), language.table.ranges.times.clone()]);
        (end, last) = (behind, number);
    }
    // "2.5 million km"
    let is_scale = end.blank().is_some() && !end.word_after().is_some_and(|word| language.is_unit(word));
    let scale = is_scale.then(|| super::scale::find(end, language, true)).flatten();
    let (number_end, scale) = scale.map_or((end, None), |(behind, scale)| (behind, Some(scale)));
    // A decade.
    if number_end.text() == "s" && super::year::decade(number_end, &first.integer, language).is_some() {
        return None;
    }
    // "two 2x4s"
    if words.len() > 1 && number_end.text() == "s" {
        return None;
    }
    let hyphen = number_end.eat("-").filter(|unit| words.is_empty() && unit.text().chars().count() > 1);
    let (unit_end, names) = unit(hyphen.unwrap_or(number_end), language)?;
    // "Route 1A"
    if unit_end.at == number_end.at + 1
        && number_end.text() == "A"
        && cursor.word_before().is_some_and(super::begins_with_capital)
    {
        return None;
    }
    let is_many = scale.is_some() || is_range && !language.table.ranges.form.is_empty();
    let category = if is_many { "many" } else { language.category(&last) };
    // "a 4-kg bag", "the 100m final"
    let is_singular = hyphen.is_some()
        || (language.table.money.singular_before_noun
            && (unit_end.at == number_end.at + 1 || is_behind_indefinite(cursor, language))
            && is_attributive(cursor, unit_end, language));
    let category = if is_singular { "one" } else { category };
    let name = Language::form(&names.words, category).unwrap_or_default().to_owned();
    let gender = names.words.get("gender").map_or("", String::as_str);
    let mut said = String::new();
    if words.len() == 1 || is_range && scale.is_none() {
        said.push_str(&words.join(" "));
    } else {
        if !is_range {
            words.push(language.number(&last, gender));
        }
        if let Some(scale) = scale {
            words.push(super::scale::said(&scale, &last, language).to_owned());
        }
        said.push_str(&words.join(" "));
    }
    let joined = if name.contains("{0}") { name.replace("{0}", &said) } else { format!("{said} {name}") };
    let joined = names.words.get(&format!("count-{}", last.plain())).cloned().unwrap_or(joined);
    let (end, joined) = match per(unit_end, language) {
        Some((behind, per)) if per.contains("{0}") && !names.is_rate => (behind, per.replace("{0}", &joined)),
        Some((behind, per)) if !names.is_rate => (behind, format!("{joined} {per}")),
        _ => (unit_end, joined),
    };
    // The stop of "min." belongs to the unit, unless the sentence ends.
    let written = end.back().map_or("", Cursor::text);
    if let Some(stop) = end.eat(".")
        && measures.symbols.contains_key(&format!("{written}."))
        && !stop.is_before_sentence()
    {
        return Some(Match::whole(cursor, stop, joined));
    }
    Some(Match::whole(cursor, end, joined))
}

/// Whether it stands between an article and a noun.
pub fn is_attributive(start: Cursor<'_, '_>, end: Cursor<'_, '_>, language: &Language) -> bool {
    let articles = language.table.money.names.get("articles");
    let has_article =
        start.word_before().is_some_and(|word| articles.is_some_and(|words| words.contains_key(&word.to_lowercase())));
    let is_noun = |word: &str| {
        word.chars().all(char::is_alphabetic) && !super::is_one_of(Some(word), &language.table.years.after)
    };
    has_article && end.blank().is_some() && end.word_after().is_some_and(is_noun)
}

/// "a 500 GB disk"
fn is_behind_indefinite(start: Cursor<'_, '_>, language: &Language) -> bool {
    let articles = language.table.money.names.get("articles");
    let is_indefinite = |word: &str| {
        articles.and_then(|words| words.get(&word.to_lowercase())).is_some_and(|kind| kind == "indefinite")
    };
    start.word_before().is_some_and(is_indefinite)
}

/// "/h", "/min" behind another unit.
fn per<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let at = end.eat("/")?;
    // "7 l/100 km", "24 h/24"
    if at.kind() == Some(TokenKind::Digits) {
        let (behind, digits) = at.digits_of(1..=4)?;
        let per = &language.table.measures.per;
        if let Some((end, names)) = unit(behind, language) {
            let name = Language::form(&names.words, language.plurals().cardinal(digits)).unwrap_or_default();
            return Some((end, format!("{per} {} {name}", language.cardinal(digits, ""))));
        }
        let per = &language.table.fractions.over;
        let is_clear = may_end(behind) && !per.is_empty() && !per.contains('{');
        return is_clear.then(|| (behind, format!("{per} {}", language.cardinal(digits, ""))));
    }
    let at = Some(at).filter(|at| at.kind() == Some(TokenKind::Word))?;
    let (behind, unit) = unit(at, language)?;
    let words = &unit.words;
    let pattern = words.get("per").cloned().or_else(|| {
        let one = Language::form(words, "one")?;
        Some(format!("{} {one}", language.table.measures.per))
    })?;
    behind.ends_word().then_some((behind, pattern))
}

/// "6'2\"": feet and inches.
fn feet(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let template = &language.table.measures.feet_and_inches;
    if template.is_empty() {
        return None;
    }
    let (at, feet) = cursor.digits_of(1..=2)?;
    let (at, inches) = at.eat_any("'′’")?.digits_of(1..=2)?;
    let end = at.eat_any("\"″”").or_else(|| at.eat("'").and_then(|at| at.eat("'")))?;
    Some(Match::whole(cursor, end, fill(template, &[("{feet}", feet), ("{inches}", inches)])))
}
