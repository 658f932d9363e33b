//! What a language's table may say: everything that CLDR lacks. `languages/en.toml` shows each entry with its meaning.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Words by what is written.
pub type Words = BTreeMap<String, String>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Table {
    pub numbers: Numbers,
    pub ordinals: Ordinals,
    pub years: Years,
    pub dates: Dates,
    pub times: Times,
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
    /// Words behind it, or endings of words, which begin with `-`.
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
    /// Words of CLDR's that are spelled another way, in this order.
    pub respelled: Vec<[String; 2]>,
    /// The script has no blanks between words.
    pub compact: bool,
    /// Letters close behind a number that are a large number: "10k".
    pub short_scales: Words,
    /// Numbers of more digits than this are said in words; 0: none.
    pub max_digits: usize,
    /// Fractions of decimals by their length, singular and plural: tenths, hundredths, thousandths.
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
pub struct Years {
    /// Set of rules; empty: as a cardinal.
    pub rule: String,
    /// Between the first two digits of a year and the others, where CLDR has another way.
    pub hundreds: String,
    /// From this year on they are said as cardinals; 0: none.
    pub cardinal_from: u32,
    /// By form, where the language has forms of years.
    pub forms: Words,
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
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dates {
    /// `dmy` or `mdy`, of dates in digits.
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
    /// Words before a day and month in digits without a year.
    pub before: Vec<String>,
    pub quarter: String,
    /// Numeric dates without a year are dates though nothing says so.
    pub short_dot: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Times {
    /// Between hours and minutes.
    pub separators: String,
    /// Letters between them, or behind the hour: `14h30`.
    pub hour_letters: Vec<String>,
    /// With `{hour}`, `{minute}`, `{second}`; `{hours}`: the word for them in its plural.
    pub exact: String,
    pub with_minutes: String,
    /// Of minutes below ten.
    pub with_few_minutes: String,
    pub with_seconds: String,
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

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Money {
    /// Signs that mean another currency here than elsewhere.
    pub signs: Words,
    /// Of currencies that are not said to have another.
    pub gender: String,
    /// With `{major}` and `{minor}`.
    pub joined: String,
    /// With `{number}`, `{scale}` and `{currency}`.
    pub scaled: String,
    /// Plain names by currency: plural categories, `gender`, `minor-one`, `minor-other`, `minor-gender`, ...
    pub names: BTreeMap<String, Words>,
    /// Short ways to write a scale directly behind an amount.
    pub scales: Words,
    /// Said instead of a fraction with one digit or more than two: with the number as it is.
    pub per: Words,
    pub per_word: String,
    /// Money before a noun is singular.
    pub singular_before_noun: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Measures {
    /// Symbols beside the international ones.
    pub symbols: Words,
    /// Symbols that are words of the language, and so are units only close behind a number.
    pub close: Vec<String>,
    /// Names instead of CLDR's.
    pub names: BTreeMap<String, Words>,
    pub per: String,
    pub percent: Words,
    pub by: String,
    /// Before a number: "about".
    pub about: String,
    pub feet_and_inches: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fractions {
    /// Of denominators, singular and plural with `|` between.
    pub names: Words,
    /// Rule set and ending of others: singular, plural.
    pub rule: String,
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
pub struct Telephone {
    pub plus: String,
    pub extension: Words,
    /// Words before a number that is said digit by digit.
    pub before: Vec<String>,
    /// Groups of this many digits are said as numbers.
    pub pairs: bool,
    /// Short numbers that are said digit by digit wherever they stand.
    pub emergency: Vec<String>,
    /// `800` is said as eight hundred.
    pub hundreds: bool,
    /// How numbers of nothing but groups are written: digits of each group.
    pub shapes: Vec<Vec<usize>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ranges {
    pub to: String,
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
    /// Words behind an ordinal: `XX wiek`.
    pub ordinal_before: Vec<String>,
    /// How the number of a ruler is said: with `{number}`.
    pub ruler: String,
    pub ruler_form: String,
    /// From this number on by the cardinal.
    pub ruler_limit: u64,
    /// Words that come before a name of people: a Roman number behind two capitalised words is a ruler's.
    pub rulers: bool,
    /// Names whose number is said without the article.
    pub dot: bool,
    pub names: Vec<String>,
    pub suffixes: Words,
    pub ordinal_form: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Abbreviations {
    /// Before a name: never the end of a sentence.
    pub titles: Words,
    /// Before a number.
    pub before_number: Words,
    /// Behind a number.
    pub after_number: Words,
    /// Behind a name or an ordinal: streets.
    pub after_name: Words,
    /// Before a name, of places: `St. Louis`.
    pub before_name: Words,
    pub anywhere: Words,
    /// Behind a town: states.
    pub regions: Words,
    /// They may end a sentence: their stop is kept before a capital.
    pub may_end: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Letters {
    /// Capitals that are a word.
    pub words: Vec<String>,
    /// Words said by their letters though they are written small.
    pub spelled: Vec<String>,
    /// Letters whose name espeak-ng misses: phonemes or another spelling.
    pub names: Words,
    pub and: String,
    /// Said between letters.
    pub joined: bool,
    /// Words before three digits of which the first is said alone: "Boeing 747".
    pub hundreds_after: Vec<String>,
    pub musical_sharp: String,
    pub musical_flat: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Electronic {
    pub at: String,
    pub dot: String,
    pub slash: String,
    pub backslash: String,
    pub dash: String,
    pub underscore: String,
    pub colon: String,
    pub hash: String,
    pub plus: String,
    pub equals: String,
    pub question: String,
    pub ampersand: String,
    pub percent: String,
    pub tilde: String,
    /// Parts of addresses that are words, or what is said of them; others of up to three letters are spelled.
    pub words: Words,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Math {
    /// Between numbers or single letters.
    pub operators: Words,
    /// Before a number.
    pub signs: Words,
}
