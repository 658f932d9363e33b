//! What a table says of money, measures, telephones, short forms, letters and addresses.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Words;

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
    /// Scales behind which a currency's plain name stands: "cinq mille euros", but "cinq millions d'euros".
    pub plain_scales: Vec<String>,
    /// Plain names by currency: plural categories, `gender`, `minor-one`, `minor-other`, `minor-gender`, ...
    pub names: BTreeMap<String, Words>,
    /// Short ways to write a scale directly behind an amount.
    pub scales: Words,
    /// Units behind a slash: `$15/hr`.
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
    /// Between a fraction and its unit: "trois quarts de kilomètre".
    pub of: String,
    pub percent: Words,
    /// Before a number: "about".
    pub about: String,
    pub feet_and_inches: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telephone {
    pub plus: String,
    pub extension: Words,
    /// Words before a number that is said digit by digit.
    pub before: Vec<String>,
    pub groups: GroupStyle,
    /// The code of a country is said as a number.
    pub country: bool,
    /// Short numbers that are said digit by digit wherever they stand.
    pub emergency: Vec<String>,
    /// `800` is said as eight hundred.
    pub hundreds: bool,
    /// How numbers of nothing but groups are written: digits of each group.
    pub shapes: Vec<Vec<usize>>,
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
    /// Ends of words that are written short: "Hauptstr.".
    pub endings: Words,
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
    /// Before the words of "#BlackFriday".
    pub hashtag: String,
    /// Keys in "Ctrl+C".
    pub keys: Words,
    /// Parts of addresses that are words, or what is said of them; others of up to three letters are spelled.
    pub words: Words,
}

/// How groups of digits of a telephone number are said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupStyle {
    /// Digit by digit.
    #[default]
    Each,
    /// Up to three digits as a number.
    Threes,
    /// Up to four.
    Fours,
    /// Up to three as a number, and four as two.
    Pairs,
}
