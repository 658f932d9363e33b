//! What a table says of years, dates and times.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Words;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Years {
    /// Set of rules, or `digits`; empty: as a cardinal.
    pub rule: String,
    /// From this year on the first two digits and the last two are said in one word; 0: none.
    pub pairs_from: u32,
    /// Between the first two digits of a year and the others, where CLDR has another way.
    pub hundreds: String,
    /// From this year on they are said as cardinals; 0: none.
    pub cardinal_from: u32,
    /// By form, where the language has forms of years.
    pub forms: Words,
    /// Nouns that are written short behind a year, by its form.
    pub nouns: BTreeMap<String, Words>,
    /// Words before a year.
    pub before: Vec<String>,
    /// Words that may stand behind four digits that are a year.
    pub after: Vec<String>,
    /// Four digits alone may be a year.
    pub bare: bool,
    /// Those before a capitalised word, too: it is no noun, but a name.
    pub before_capital: bool,
    pub eras: Words,
    /// Written behind the digits of a decade.
    pub decade_suffixes: Vec<String>,
    /// Names of decades, from that of 0 on.
    pub decades: Vec<String>,
    /// "two thousand" and the like, before a decade's name.
    pub centuries: Words,
    /// Words that make one with a decade, behind a hyphen: `1920-talet`.
    pub decade_words: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dates {
    /// `dmy`, `mdy` or `ymd`, of dates in digits.
    pub order: String,
    /// `ordinal` or `cardinal`, and a form behind a colon.
    pub day: String,
    /// The same of dates in digits, where that is another.
    pub numeric_day: String,
    /// Of the first of a month, where that is said otherwise.
    pub first: String,
    /// Of a day that stands before its month.
    pub day_before_month: String,
    /// Date in digits, with `{day}`, `{month}`, `{year}`.
    pub full: String,
    pub without_year: String,
    pub without_day: String,
    /// Words that may stand between day, month and year.
    pub joins: Vec<String>,
    /// How months are written, beside CLDR's ways; their numbers.
    pub months: BTreeMap<String, u8>,
    /// How days of the week are written short; Sunday is 0.
    pub days: BTreeMap<String, u8>,
    /// Words between the days of a range: "od 3 do 5 maja".
    pub through: Vec<String>,
    /// Words before a day and month in digits without a year.
    pub before: Vec<String>,
    pub quarter: String,
    /// Numeric dates without a year are dates though nothing says so: `24.12.`, and with a dash `04-03`.
    pub short_dot: bool,
    pub short_dash: bool,
    /// Months may be Roman numerals.
    pub roman_months: bool,
    /// Endings behind a day and a hyphen, which stand instead of the last vowel of its name.
    pub day_endings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeFormats {
    /// Between hours and minutes.
    pub separators: String,
    /// Two digits, a full stop and two digits alone are a time: decimals are written with a comma.
    pub dot_alone: bool,
    /// Letters between them, or behind the hour: `14h30`.
    pub hour_letters: Vec<String>,
    /// With `{hour}`, `{minute}`, `{second}`; `{hours}`: the word for them in its plural.
    pub exact: String,
    pub with_minutes: String,
    /// Of minutes below ten.
    pub with_few_minutes: String,
    pub with_seconds: String,
    /// Of seconds in the first minute of an hour.
    pub without_minutes: String,
    /// Before a half of the day.
    pub exact_half: String,
    /// By plural category.
    pub hours: Words,
    pub minutes: Words,
    pub seconds: Words,
    /// Form of the hour's number.
    pub form: String,
    pub minute_form: String,
    /// Words behind a time that are said with it already.
    pub after: Vec<String>,
    /// Words before an hour that stands alone or in a range.
    pub before: Vec<String>,
    pub halves: Words,
    pub zones: Words,
    /// Hours that have words of their own.
    pub words: Words,
    /// Minutes that have words of their own.
    pub minute_words: Words,
    /// The form of the ordinal that says the hour, where not a cardinal does.
    pub ordinal: String,
}
