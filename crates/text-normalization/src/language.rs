//! A language: its table, what CLDR has of it, and how it says numbers.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use crate::number::Number;
use crate::pattern::Patterns;
use crate::plurals::Plurals;
use crate::rbnf::Rules;
use crate::table::{FractionStyle, Table, Words};
use crate::token::{Cursor, TokenKind};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// What is generated from CLDR: see `tools/cldr.py`.
#[derive(Debug, Default, Deserialize)]
struct Cldr {
    spellout: Rules,
    months: Names,
    days: Names,
    units: BTreeMap<String, Words>,
    currencies: BTreeMap<String, Words>,
}

#[derive(Debug, Default, Deserialize)]
struct Names {
    wide: Vec<String>,
    alone: Vec<String>,
    short: Vec<String>,
}

#[derive(Debug)]
pub struct Language {
    pub table: Table,
    cldr: Cldr,
    plurals: Plurals,
    /// By lower-case names and short forms.
    months: BTreeMap<String, usize>,
    days: BTreeMap<String, usize>,
    pub patterns: Patterns,
}

/// Longer numbers are read digit by digit.
const MAX_DIGITS: usize = 15;

// === impl Language ===

impl Language {
    /// Of a tag such as `en`, `en-GB` or `pt_BR`, or of a voice of espeak-ng such as `en-us` or `cmn`.
    pub fn find(tag: &str) -> Option<Arc<Self>> {
        static LOADED: [OnceLock<Option<Arc<Language>>>; embedded::EMBEDDED.len()] =
            [const { OnceLock::new() }; embedded::EMBEDDED.len()];
        let tag = tag.to_lowercase().replace('_', "-");
        let primary = tag.split('-').next().unwrap_or_default();
        let primary = match primary {
            "cmn" | "yue" => "zh",
            "no" => "nb",
            other => other,
        };
        let named = |name: &str| embedded::EMBEDDED.iter().position(|(language, ..)| *language == name);
        let index = named(&tag).or_else(|| named(primary))?;
        // That every table loads is what a test holds.
        LOADED[index].get_or_init(|| Self::load(index).ok().map(Arc::new)).clone()
    }

    /// Tags of all languages that have a table.
    pub fn tags() -> impl Iterator<Item = &'static str> {
        embedded::EMBEDDED.iter().map(|(tag, ..)| *tag)
    }

    fn load(index: usize) -> Result<Self, String> {
        let (tag, table, cldr) = embedded::EMBEDDED[index];
        let inflate = |bytes: &[u8]| miniz_oxide::inflate::decompress_to_vec(bytes).map_err(|error| error.to_string());
        let table = inflate(table)?;
        let table: Table = toml::from_slice(&table).map_err(|error| error.to_string())?;
        let cldr: Cldr = serde_json::from_slice(&inflate(cldr)?).map_err(|error| error.to_string())?;
        let plurals = Plurals::of(tag.split('-').next().unwrap_or(tag)).ok_or("no plural rules")?;
        let index_of = |names: &Names, extra: &BTreeMap<String, u8>, first: usize| {
            let forms = [&names.wide, &names.alone, &names.short];
            let known = forms.into_iter().flat_map(|form| form.iter().enumerate());
            let known = known.map(|(index, name)| (name.trim_end_matches('.').to_lowercase(), index));
            let extra =
                extra.iter().map(|(name, number)| (name.to_lowercase(), usize::from(*number).saturating_sub(first)));
            known.chain(extra).collect()
        };
        let months = index_of(&cldr.months, &table.dates.months, 1);
        let days = index_of(&cldr.days, &table.dates.days, 0);
        let patterns = Patterns::of(&table);
        Ok(Self { table, cldr, plurals, months, days, patterns })
    }

    pub fn rules(&self) -> &Rules {
        &self.cldr.spellout
    }

    pub fn plurals(&self) -> &Plurals {
        &self.plurals
    }

    /// Whether it is a word of prose that no class has anything to say of: in small letters, apart from numbers and
    /// marks, and no short form.
    pub fn is_plain_word(&self, cursor: Cursor<'_, '_>) -> bool {
        let Some((end, word)) = cursor.word() else { return false };
        if word.chars().nth(1).is_none() || word.chars().any(char::is_uppercase) {
            return false;
        }
        // Nothing is joined to it, and no number stands before or behind.
        let is_apart = |c: Option<char>, marks: &str| c.is_none_or(|c| c.is_whitespace() || marks.contains(c));
        if !is_apart(cursor.char_before(), "(\"“«„¿¡") || !is_apart(end.char_after(), ",;!?)\"”»") {
            return false;
        }
        let is_number = |cursor: Option<Cursor<'_, '_>>| {
            cursor.is_some_and(|cursor| !matches!(cursor.kind(), None | Some(TokenKind::Word | TokenKind::Line)))
        };
        let before = cursor.back().filter(|blank| blank.kind() == Some(TokenKind::Blank)).and_then(Cursor::back);
        let is_known = self.patterns.has(word)
            || self.months.contains_key(word)
            || self.days.contains_key(word)
            || self.table.letters.spelled.iter().any(|spelled| spelled == word)
            || (self.table.roman.small && word.chars().all(|c| "ivxlc".contains(c)));
        !is_known && !is_number(end.blank()) && !is_number(before)
    }

    /// Numbered from 0, by its name or a short form of it, without a full stop.
    pub fn month(&self, name: &str) -> Option<usize> {
        self.months.get(&name.to_lowercase()).copied()
    }

    /// Numbered from 0, which is Sunday.
    pub fn day(&self, name: &str) -> Option<usize> {
        self.days.get(&name.to_lowercase()).copied()
    }

    pub fn month_name(&self, index: usize) -> &str {
        self.cldr.months.wide.get(index).map_or("", String::as_str)
    }

    /// In words, where CLDR numbers them and the voice does not read numbers well.
    pub fn month_said(&self, index: usize) -> String {
        let name = self.month_name(index);
        let Some(at) = name.find(|c: char| c.is_ascii_digit()).filter(|_| self.table.numbers.spelled) else {
            return name.to_owned();
        };
        let end = name[at..].find(|c: char| !c.is_ascii_digit()).map_or(name.len(), |end| at + end);
        let number = self.in_words(&name[at..end], "month").unwrap_or_default();
        self.respelled(format!("{}{number}{}", &name[..at], &name[end..]))
    }

    /// As it stands without a day.
    pub fn month_alone(&self, index: usize) -> &str {
        self.cldr.months.alone.get(index).map_or("", String::as_str)
    }

    pub fn day_name(&self, index: usize) -> &str {
        self.cldr.days.wide.get(index).map_or("", String::as_str)
    }

    /// A whole number as a voice reads it: in digits where espeak-ng knows best, else in words.
    pub fn cardinal(&self, digits: &str, form: &str) -> String {
        let plain = digits.trim_start_matches('0');
        let plain = if plain.is_empty() { "0" } else { plain };
        let numbers = &self.table.numbers;
        if plain.len() > MAX_DIGITS {
            return self.each_digit(digits);
        }
        // A form that is like the plain one is left to espeak-ng, too.
        let has_form = !form.is_empty()
            && numbers.cardinal.contains_key(form)
            && self.in_words(plain, form) != self.in_words(plain, "default");
        let is_long = numbers.max_digits > 0 && plain.len() > numbers.max_digits;
        if !numbers.spelled && !has_form && !is_long {
            return plain.to_owned();
        }
        self.in_words(plain, form).unwrap_or_else(|| plain.to_owned())
    }

    pub fn in_words(&self, digits: &str, form: &str) -> Option<String> {
        let number = digits.parse().ok()?;
        let sets = &self.table.numbers.cardinal;
        let set = sets.get(form).or_else(|| sets.get("default")).map_or("spellout-numbering", String::as_str);
        self.spell(set, number)
    }

    pub fn ordinal(&self, digits: &str, form: &str) -> Option<String> {
        let number: u64 = digits.parse().ok()?;
        let ordinals = &self.table.ordinals;
        let form = if ordinals.rules.contains_key(form) { form } else { "default" };
        if let Some(word) = ordinals.words.get(form).and_then(|words| words.get(&number.to_string())) {
            return Some(word.clone());
        }
        self.spell(ordinals.rules.get(form)?, number).map(|words| self.shortened(&words))
    }

    fn spell(&self, set: &str, number: u64) -> Option<String> {
        self.rules().spell(set, number, &self.plurals).map(|spelled| self.respelled(spelled))
    }

    fn respelled(&self, spelled: String) -> String {
        self.table.numbers.respelled.iter().fold(spelled, |words, [from, to]| match from.strip_prefix('^') {
            None => words.replace(from, to),
            Some(from) => {
                let rest = words.replace(&format!(" {from}"), &format!(" {to}"));
                rest.strip_prefix(from).map_or_else(|| rest.clone(), |rest| format!("{to}{rest}"))
            }
        })
    }

    fn shortened(&self, words: &str) -> String {
        words.strip_prefix(self.table.ordinals.without.as_str()).unwrap_or(words).to_owned()
    }

    /// A year. One that is said as any number stays one.
    pub fn year(&self, digits: &str, form: &str) -> String {
        let years = &self.table.years;
        let is_cardinal = years.cardinal_from > 0 && digits.parse().is_ok_and(|year: u32| year >= years.cardinal_from);
        if is_cardinal && matches!(form, "" | "date") && !years.forms.contains_key(form) {
            return self.cardinal(digits, "");
        }
        if !years.hundreds.is_empty()
            && let Some((first, last)) = digits.split_at_checked(2)
            && !first.ends_with('0')
        {
            let last = if last == "00" { Some(String::new()) } else { self.in_words(last, "") };
            return self
                .in_words(first, "")
                .zip(last)
                .map_or_else(|| digits.to_owned(), |(first, last)| first + &years.hundreds + &last);
        }
        let number: Option<u32> = digits.parse().ok();
        if years.pairs_from > 0
            && number.is_some_and(|year| (years.pairs_from..2100).contains(&year))
            && let Some((first, last)) = self.in_words(&digits[..2], "").zip(self.in_words(&digits[2..], ""))
        {
            return first + &last;
        }
        let set = years.forms.get(form).unwrap_or(&years.rule);
        if set == "digits" {
            return self.each_digit(digits);
        }
        let spelled = digits.parse().ok().filter(|_| !set.is_empty());
        let spelled = spelled.and_then(|year| self.spell(set, year));
        spelled.map_or_else(|| self.cardinal(digits, ""), |words| self.shortened(&words))
    }

    pub fn each_digit(&self, digits: &str) -> String {
        let numbers = &self.table.numbers;
        let say = |c: char| {
            let digit = c.to_string();
            match numbers.digits.get(&digit) {
                Some(word) => word.clone(),
                None => self.in_words(&digit, "").unwrap_or(digit),
            }
        };
        digits.chars().map(say).collect::<Vec<_>>().join(" ")
    }

    /// A number with its sign and fraction.
    pub fn number(&self, number: &Number, form: &str) -> String {
        let numbers = &self.table.numbers;
        let mut said = String::new();
        if number.negative {
            said.push_str(&numbers.minus);
            said.push(' ');
        }
        match &number.fraction {
            None => said.push_str(&self.cardinal(&number.integer, form)),
            Some(fraction) if numbers.fraction == FractionStyle::Parts && fraction.len() <= numbers.parts.len() => {
                let part = &numbers.parts[fraction.len() - 1];
                let category = |digits: &str| self.plurals.cardinal(digits);
                let whole = numbers.whole.get(category(&number.integer)).or_else(|| numbers.whole.get("other"));
                let integer = self.in_words(&number.integer, "fraction").unwrap_or_default();
                let digits = fraction.trim_start_matches('0');
                let digits = if digits.is_empty() { "0" } else { digits };
                let count = self.in_words(digits, "fraction").unwrap_or_default();
                let form = match category(digits) {
                    "one" => 0,
                    // Of three forms the second is of few.
                    "few" => 1,
                    _ => part.len().saturating_sub(1),
                };
                let name = part.get(form).or(part.last());
                let words =
                    [integer.as_str(), whole.map_or("", String::as_str), &count, name.map_or("", String::as_str)];
                // A word that ends in a hyphen is written together with the next.
                said.push_str(&words.join(" ").replace("- ", ""));
            }
            Some(fraction) => {
                if !number.integer.is_empty() {
                    let agrees = numbers.fraction_forms.iter().any(|known| known == form);
                    said.push_str(&self.cardinal(&number.integer, if agrees { form } else { "" }));
                    said.push(' ');
                }
                said.push_str(&numbers.point);
                said.push(' ');
                let zeros = fraction.len() - fraction.trim_start_matches('0').len();
                if numbers.fraction == FractionStyle::Number && zeros < fraction.len() && fraction.len() - zeros <= 3 {
                    if zeros > 0 {
                        said.push_str(&self.each_digit(&fraction[..zeros]));
                        said.push(' ');
                    }
                    said.push_str(&self.cardinal(&fraction[zeros..], ""));
                } else {
                    said.push_str(&self.each_digit(fraction));
                }
            }
        }
        said
    }

    /// Two numbers with "to" between.
    pub fn range(&self, first: &Number, second: &Number) -> [String; 2] {
        let ranges = &self.table.ranges;
        let first = self.number(first, &ranges.form);
        let first = if ranges.from.is_empty() { first } else { format!("{} {first}", ranges.from) };
        [format!("{first} {}", ranges.to), self.number(second, &ranges.form)]
    }

    pub fn category(&self, number: &Number) -> &'static str {
        self.plurals.cardinal(&number.plain())
    }

    /// A form of `names`: of a plural category, else that of others.
    pub fn form<'a>(names: &'a Words, category: &str) -> Option<&'a str> {
        names.get(category).or_else(|| names.get("other")).map(String::as_str)
    }

    pub fn unit(&self, unit: &str) -> Option<&Words> {
        self.table.measures.names.get(unit).or_else(|| self.cldr.units.get(unit))
    }

    pub fn currency(&self, code: &str) -> Option<&Words> {
        self.table.money.names.get(code).or_else(|| self.cldr.currencies.get(code))
    }

    /// The form that a number of a kind has between the words around it.
    pub fn agreement(&self, kind: &str, digits: &str, before: Cursor<'_, '_>, after: Cursor<'_, '_>) -> &str {
        let (before, after) = (before.label_before().map(str::to_lowercase), after.word_after().map(str::to_lowercase));
        let is_any = |words: &[String], word: Option<&String>| {
            word.is_some_and(|word| {
                words.iter().any(|known| match known.strip_prefix('-') {
                    Some(ending) => word.ends_with(ending) && (word.len() > ending.len() || self.table.numbers.compact),
                    None => match known.strip_suffix('-') {
                        Some(beginning) => word.starts_with(beginning),
                        None => word == known,
                    },
                })
            })
        };
        let fits = self.table.agreement.iter().find(|rule| {
            (rule.of.is_empty() || rule.of.iter().any(|of| of == kind))
                && (rule.before.is_empty() || is_any(&rule.before, before.as_ref()))
                && (rule.after.is_empty() || is_any(&rule.after, after.as_ref()))
                && (rule.digits.is_empty() || rule.digits.iter().any(|end| digits.ends_with(end.as_str())))
        });
        fits.map_or("", |rule| rule.form.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_loads() {
        for (index, (tag, ..)) in embedded::EMBEDDED.iter().enumerate() {
            let loaded = Language::load(index);
            assert!(loaded.is_ok(), "{tag}: {}", loaded.unwrap_err());
        }
    }
}
