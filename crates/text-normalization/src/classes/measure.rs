//! Quantities with a unit: "5 kg", "80 km/h", "-3 °C", "6'2\"", "10 m³", "2x4".

use super::{Match, fill};
use crate::language::Language;
use crate::number::{Number, may_begin, signed, unsigned};
use crate::token::{Cursor, Kind};

/// Symbols that are the same in all languages, by CLDR's names of units.
const SYMBOLS: [(&str, &str); 101] = [
    ("km", "kilometer"),
    ("m", "meter"),
    ("dm", "decimeter"),
    ("cm", "centimeter"),
    ("mm", "millimeter"),
    ("µm", "micrometer"),
    ("μm", "micrometer"),
    ("nm", "nanometer"),
    ("kg", "kilogram"),
    ("g", "gram"),
    ("mg", "milligram"),
    ("µg", "microgram"),
    ("μg", "microgram"),
    ("t", "tonne"),
    ("l", "liter"),
    ("L", "liter"),
    ("dl", "deciliter"),
    ("cl", "centiliter"),
    ("ml", "milliliter"),
    ("dL", "deciliter"),
    ("dB", "decibel"),
    ("m/s²", "meter-per-square-second"),
    ("kWp", "kilowatt"),
    ("mcg", "microgram"),
    ("mL", "milliliter"),
    ("km²", "square-kilometer"),
    ("m²", "square-meter"),
    ("cm²", "square-centimeter"),
    ("ha", "hectare"),
    ("m³", "cubic-meter"),
    ("cm³", "cubic-centimeter"),
    ("km³", "cubic-kilometer"),
    ("h", "hour"),
    ("min", "minute"),
    ("s", "second"),
    ("ms", "millisecond"),
    ("µs", "microsecond"),
    ("ns", "nanosecond"),
    ("°C", "celsius"),
    ("℃", "celsius"),
    ("°F", "fahrenheit"),
    ("℉", "fahrenheit"),
    ("°", "degree"),
    ("km/h", "kilometer-per-hour"),
    ("kmh", "kilometer-per-hour"),
    ("kph", "kilometer-per-hour"),
    ("m/s", "meter-per-second"),
    ("mph", "mile-per-hour"),
    ("kn", "knot"),
    ("W", "watt"),
    ("kW", "kilowatt"),
    ("MW", "megawatt"),
    ("GW", "gigawatt"),
    ("mW", "milliwatt"),
    ("kWh", "kilowatt-hour"),
    ("V", "volt"),
    ("A", "ampere"),
    ("mA", "milliampere"),
    ("Ω", "ohm"),
    ("Hz", "hertz"),
    ("kHz", "kilohertz"),
    ("MHz", "megahertz"),
    ("GHz", "gigahertz"),
    ("J", "joule"),
    ("kJ", "kilojoule"),
    ("cal", "calorie"),
    ("kcal", "kilocalorie"),
    ("eV", "electronvolt"),
    ("N", "newton"),
    ("Nm", "newton-meter"),
    ("Pa", "pascal"),
    ("hPa", "hectopascal"),
    ("kPa", "kilopascal"),
    ("MPa", "megapascal"),
    ("bar", "bar"),
    ("mbar", "millibar"),
    ("atm", "atmosphere"),
    ("psi", "pound-force-per-square-inch"),
    ("kB", "kilobyte"),
    ("KB", "kilobyte"),
    ("MB", "megabyte"),
    ("GB", "gigabyte"),
    ("TB", "terabyte"),
    ("PB", "petabyte"),
    ("kbit", "kilobit"),
    ("Mbit", "megabit"),
    ("Gbit", "gigabit"),
    ("lm", "lumen"),
    ("lx", "lux"),
    ("px", "pixel"),
    ("MP", "megapixel"),
    ("ft", "foot"),
    ("yd", "yard"),
    ("mi", "mile"),
    ("lb", "pound"),
    ("lbs", "pound"),
    ("oz", "ounce"),
    ("gal", "gallon"),
    ("fl oz", "fluid-ounce"),
    ("ft²", "square-foot"),
    ("ft³", "cubic-foot"),
];

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let at = cursor.eat_any("~≈").unwrap_or(cursor);
    let is_about = at.at != cursor.at;
    if !may_begin(at) && !is_about {
        return None;
    }
    if let Some(found) = feet(cursor, language) {
        return Some(found);
    }
    let found = continued(quantity(at, language)?, at, language);
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
        second.kind() == Some(Kind::Digits) && end.back().is_some_and(|last| last.kind() == Some(Kind::Word));
    if let Some(mut second) = is_close.then(|| quantity(second, language)).flatten()
        && let (Some(said), Some(more)) = (first.pieces.last_mut(), second.pieces.pop())
    {
        let to = if dash.is_some() { &language.table.ranges.to } else { "" };
        said.said = fill("{first} {to} {second}", &[("{first}", &said.said), ("{to}", to), ("{second}", &more.said)]);
        (said.to, first.end) = (more.to, second.end);
        return continued(first, start, language);
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
        words.push(language.number(&first, ""));
        words.push(language.table.ranges.to.clone());
        end = behind;
        last = second;
    }
    // "2.5 million km"
    let scale = end.blank().and_then(|_| super::money::scale(end, language, true));
    let (number_end, scale) = scale.map_or((end, None), |(behind, scale)| (behind, Some(scale)));
    // A decade.
    if number_end.text() == "s" && super::year::decade(number_end, &first.integer, language).is_some() {
        return None;
    }
    let hyphen = number_end.eat("-").filter(|unit| words.is_empty() && unit.text().chars().count() > 1);
    let (unit_end, names) = unit(hyphen.unwrap_or(number_end), language)?;
    let category = if scale.is_some() { "many" } else { language.category(&last) };
    // "a 4-kg bag", "the 100m final"
    let is_singular = hyphen.is_some()
        || (language.table.money.singular_before_noun
            && unit_end.at == number_end.at + 1
            && is_attributive(cursor, unit_end, language));
    let category = if is_singular { "one" } else { category };
    let name = Language::form(&names.words, category).unwrap_or_default().to_owned();
    let gender = names.words.get("gender").map_or("", String::as_str);
    let mut said = String::new();
    if words.len() == 1 {
        said.push_str(&words[0]);
    } else {
        let number = language.number(&last, gender);
        words.push(number);
        if let Some(scale) = scale {
            words.push(super::money::scale_said(&scale, &last, language).to_owned());
        }
        said.push_str(&words.join(" "));
    }
    let joined = if name.contains("{0}") { name.replace("{0}", &said) } else { format!("{said} {name}") };
    let joined = names.words.get(&format!("count-{}", last.plain())).cloned().unwrap_or(joined);
    let (end, joined) = match per(unit_end, language) {
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

struct Unit<'l> {
    words: std::borrow::Cow<'l, crate::table::Words>,
    is_rate: bool,
}

/// A unit behind a number, after a blank or close.
fn unit<'d, 't, 'l>(end: Cursor<'d, 't>, language: &'l Language) -> Option<(Cursor<'d, 't>, Unit<'l>)> {
    let at = end.maybe_blank();
    let is_close = at.at == end.at;
    let mut candidates = Vec::new();
    let mut written = String::new();
    let mut reached = at;
    for _ in 0..5 {
        match reached.kind() {
            Some(Kind::Word) => {}
            Some(Kind::Mark) if reached.eat_any("°℃℉²³/Ω'\"′″^").is_some() => {}
            Some(Kind::Digits)
                if written.ends_with('^') || matches!(reached.text(), "2" | "3") && reached.at > at.at => {}
            _ => break,
        }
        written.push_str(reached.text());
        reached = reached.next();
        candidates.push((written.clone(), reached));
    }
    for (written, reached) in candidates.into_iter().rev() {
        // "4m30s" goes on behind a unit of one letter.
        let goes_on = reached.kind() == Some(Kind::Digits) && is_close && written.chars().count() <= 3;
        if !(reached.ends_word() || goes_on)
            || reached.eat_any("'’").is_some_and(|next| next.kind() == Some(Kind::Word))
        {
            continue;
        }
        let plain = written.replace("^2", "²").replace("^3", "³");
        // "2° piano"
        if plain == "°" && language.table.ordinals.suffixes.contains_key("°") {
            continue;
        }
        let plain = if language.unit_symbol(&plain).is_none() {
            plain
                .strip_suffix('2')
                .map(|unit| format!("{unit}²"))
                .or_else(|| plain.strip_suffix('3').map(|unit| format!("{unit}³")))
                .unwrap_or(plain)
        } else {
            plain
        };
        if !is_close && language.table.measures.close.contains(&plain) {
            continue;
        }
        let Some(name) = language.unit_symbol(&plain) else { continue };
        let Some(words) = language.unit(name) else { continue };
        return Some((reached, Unit { words: std::borrow::Cow::Borrowed(words), is_rate: name.contains("-per-") }));
    }
    None
}

/// "/h", "/min" behind another unit.
fn per<'d, 't>(end: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let (behind, symbol) = end.eat("/")?.word()?;
    let name = language.unit_symbol(symbol)?;
    let words = language.unit(name)?;
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

impl Language {
    /// CLDR's name of the unit that a symbol means here.
    fn unit_symbol(&self, symbol: &str) -> Option<&str> {
        let own = self.table.measures.symbols.get(symbol).map(String::as_str);
        own.or_else(|| SYMBOLS.iter().find(|(known, _)| *known == symbol).map(|(_, name)| *name))
            .filter(|name| !name.is_empty())
    }
}
