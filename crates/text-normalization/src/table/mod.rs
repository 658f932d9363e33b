//! What a language's table may say: everything that CLDR lacks. Each entry's meaning stands here; `languages/en.toml`
//! shows most of them. To add a language, add `languages/TAG.toml` with what differs from nothing, and `TAG` to the
//! languages of `tools/cldr.py`.

use std::collections::BTreeMap;

use serde::Deserialize;

mod calendar;
mod notation;

pub use calendar::{Dates, TimeFormats, Years};
pub use notation::{Abbreviations, Electronic, GroupStyle, Letters, Measures, Money, Telephone};

/// Words by what is written.
pub type Words = BTreeMap<String, String>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Table {
    pub numbers: Numbers,
    pub ordinals: Ordinals,
    pub years: Years,
    pub dates: Dates,
    pub times: TimeFormats,
    pub money: Money,
    pub measures: Measures,
    pub fractions: Fractions,
    pub telephone: Telephone,
    pub ranges: Ranges,
    pub roman: Roman,
    pub abbreviations: Abbreviations,
    pub letters: Letters,
    pub electronic: Electronic,
    pub math: Math,
    /// Marks that are said wherever they stand.
    pub symbols: Words,
    /// Endings and words around a number, and the form that it has there: the first that fits is taken.
    pub agreement: Vec<Agreement>,
}

/// A form by what stands around: all that is given must fit.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agreement {
    /// Words before the number.
    pub before: Vec<String>,
    /// Words behind it; of both also endings of words, which begin with `-`, and beginnings, which end with it.
    pub after: Vec<String>,
    /// Last digits of the number.
    pub digits: Vec<String>,
    /// `cardinal`, `ordinal`, `year`, `roman`, or all.
    pub of: Vec<String>,
    pub form: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Numbers {
    /// Characters between a number and its fraction.
    pub decimal: String,
    /// Characters between groups of three digits; a blank stands for every blank.
    pub group: String,
    /// Groups before the last have two digits.
    pub indian: bool,
    pub point: String,
    /// A zero before a digit in numbers of rooms and houses; empty: as any zero.
    pub oh: String,
    pub minus: String,
    pub plus: String,
    /// How a fraction's digits are said.
    pub fraction: FractionStyle,
    /// Cardinals are said in words: espeak-ng reads their digits worse.
    pub spelled: bool,
    /// Sets of rules by form; `default` is the one without.
    pub cardinal: Words,
    /// Words for large numbers, and how they are written short.
    pub scales: BTreeMap<String, Words>,
    /// What is said of digits one by one, where it is not what a digit alone is.
    pub digits: Words,
    /// Forms that the whole number before a fraction has, too.
    pub fraction_forms: Vec<String>,
    /// Words of CLDR's that are spelled another way, in this order; `^`: at the beginning of a word.
    pub respelled: Vec<[String; 2]>,
    /// The script has no blanks between words.
    pub compact: bool,
    /// Letters close behind a number that are a large number: "10k"; behind `+`, of numbers of two digits or more, or
    /// with a fraction: "1.5M", but not "3M".
    pub short_scales: Words,
    /// Numbers of more digits than this are said in words; 0: none.
    pub max_digits: usize,
    /// Fractions of decimals by their length, singular, perhaps few, and plural: tenths, hundredths, thousandths.
    pub parts: Vec<Vec<String>>,
    /// What is said between a number and such a part.
    pub whole: Words,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FractionStyle {
    /// Digit by digit.
    #[default]
    Each,
    /// As a number, behind its zeros.
    Number,
    /// So many tenths, hundredths, thousandths.
    Parts,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ordinals {
    /// Sets of rules by form.
    pub rules: Words,
    /// What is written behind the digits, and the form that it means.
    pub suffixes: Words,
    /// A full stop behind the digits makes an ordinal of them.
    pub dot: bool,
    /// Forms that are the cardinal with the ending as it is written.
    pub attached: Vec<String>,
    /// How CLDR begins some, and nobody does.
    pub without: String,
    /// Words that CLDR has wrong or lacks, by form and number.
    pub words: BTreeMap<String, Words>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fractions {
    /// Of denominators, singular and plural with `|` between.
    pub names: Words,
    /// Form of the ordinal of others, or `cardinal` and an ending behind a colon.
    pub rule: String,
    /// How such a cardinal becomes one word with its ending.
    pub joined: Vec<[String; 2]>,
    pub singular: String,
    pub plural: String,
    /// Whole fractions that have words: "1/2".
    pub words: Words,
    /// Between a number and a fraction behind it.
    pub and: String,
    /// Between the two numbers where the denominator has no name.
    pub over: String,
    pub limit: u64,
    /// Form of the numerator.
    pub form: String,
    /// Form of the whole number before a fraction.
    pub whole_form: String,
    /// Mixed numbers whose fraction is said otherwise: "1/2" = "and a half".
    pub mixed: Words,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ranges {
    pub to: String,
    /// Before the first number, and the form of both: "от пяти до десяти".
    pub from: String,
    pub form: String,
    /// Form of the years of a range.
    pub year_form: String,
    /// Words before a score.
    pub scores: Vec<String>,
    /// Between the numbers of a score, where that is not nothing.
    pub score: String,
    pub ratio: String,
    pub times: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roman {
    /// Words before a cardinal, and before an ordinal.
    pub cardinal_after: Vec<String>,
    pub ordinal_after: Vec<String>,
    /// Nouns that are written short behind a numeral, by its form.
    pub nouns: BTreeMap<String, Words>,
    /// Words behind an ordinal: `XX wiek`.
    pub ordinal_before: Vec<String>,
    /// How the number of a ruler is said: with `{number}`.
    pub ruler: String,
    pub ruler_form: String,
    /// From this number on by the cardinal.
    pub ruler_limit: u64,
    /// Numerals of two letters or more behind any name are a ruler's.
    pub rulers: bool,
    /// A full stop behind a numeral belongs to it.
    pub dot: bool,
    /// Words before a ruler's name; where there are any, unknown names without one have a cardinal: "Rocky IV".
    pub titles: Vec<String>,
    /// Names of rulers, behind which a single letter is a numeral, too.
    pub names: Vec<String>,
    /// Numerals in small letters are read behind the words before a cardinal.
    pub small: bool,
    pub suffixes: Words,
    pub ordinal_form: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Math {
    /// Between numbers or single letters.
    pub operators: Words,
    /// Before a number.
    pub signs: Words,
    /// Behind what is raised to the power of 2 and 3; `n`: before any other exponent.
    pub powers: Words,
}
