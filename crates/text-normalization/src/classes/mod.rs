//! The semiotic classes (Ebden and Sproat, "The Kestrel TTS text normalization system", 2014): each finds what is of it
//! at a place, and says it.

use std::collections::BTreeMap;

use crate::language::Language;
use crate::table::Words;
use crate::token::Cursor;

mod abbreviation;
mod acronym;
mod address;
mod cardinal;
pub mod date;
mod electronic;
mod emoji;
mod fraction;
mod initials;
pub mod markup;
mod math;
mod measure;
mod money;
mod ordinal;
mod percent;
mod range;
mod roman;
mod serial;
mod symbol;
mod telephone;
mod time;
mod year;

/// What something is that is not said as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Electronic,
    Telephone,
    Date,
    Time,
    Money,
    Measure,
    Percent,
    Fraction,
    Range,
    Math,
    Ordinal,
    Roman,
    Year,
    Address,
    Abbreviation,
    Initials,
    Acronym,
    Serial,
    Cardinal,
    Symbol,
    Emoji,
    Markup,
}

/// Some of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classes(u32);

/// What was found: the token behind it, and what is said of its parts.
#[derive(Debug, Clone)]
pub struct Match {
    pub end: usize,
    pub pieces: Vec<Replacement>,
}

/// Tokens, and what is said instead of them.
#[derive(Debug, Clone)]
pub struct Replacement {
    pub from: usize,
    pub to: usize,
    pub said: String,
}

type Find = for<'d, 't> fn(Cursor<'d, 't>, &Language) -> Option<Match>;

/// In this order, where two find equally much.
pub const CLASSES: [(Class, Find); 21] = [
    (Class::Electronic, electronic::find),
    (Class::Telephone, telephone::find),
    (Class::Date, date::find),
    (Class::Time, time::find),
    (Class::Money, money::find),
    (Class::Percent, percent::find),
    (Class::Measure, measure::find),
    (Class::Range, range::find),
    (Class::Fraction, fraction::find),
    (Class::Math, math::find),
    (Class::Ordinal, ordinal::find),
    (Class::Roman, roman::find),
    (Class::Address, address::find),
    (Class::Year, year::find),
    (Class::Abbreviation, abbreviation::find),
    (Class::Initials, initials::find),
    (Class::Acronym, acronym::find),
    (Class::Serial, serial::find),
    (Class::Cardinal, cardinal::find),
    (Class::Symbol, symbol::find),
    (Class::Emoji, emoji::find),
];

// === impl Class ===

impl Class {
    pub const ALL: [Self; 22] = [
        Self::Electronic,
        Self::Telephone,
        Self::Date,
        Self::Time,
        Self::Money,
        Self::Measure,
        Self::Percent,
        Self::Fraction,
        Self::Range,
        Self::Math,
        Self::Ordinal,
        Self::Roman,
        Self::Year,
        Self::Address,
        Self::Abbreviation,
        Self::Initials,
        Self::Acronym,
        Self::Serial,
        Self::Cardinal,
        Self::Symbol,
        Self::Emoji,
        Self::Markup,
    ];

    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Electronic => "electronic",
            Self::Telephone => "telephone",
            Self::Date => "date",
            Self::Time => "time",
            Self::Money => "money",
            Self::Measure => "measure",
            Self::Percent => "percent",
            Self::Fraction => "fraction",
            Self::Range => "range",
            Self::Math => "math",
            Self::Ordinal => "ordinal",
            Self::Roman => "roman",
            Self::Year => "year",
            Self::Address => "address",
            Self::Abbreviation => "abbreviation",
            Self::Initials => "initials",
            Self::Acronym => "acronym",
            Self::Serial => "serial",
            Self::Cardinal => "cardinal",
            Self::Symbol => "symbol",
            Self::Emoji => "emoji",
            Self::Markup => "markup",
        }
    }
}

// === impl Classes ===

impl Classes {
    pub const ALL: Self = Self((1 << Class::ALL.len()) - 1);
    pub const NONE: Self = Self(0);

    #[must_use]
    pub fn with(self, class: Class) -> Self {
        Self(self.0 | Self::bit(class))
    }

    #[must_use]
    pub fn without(self, class: Class) -> Self {
        Self(self.0 & !Self::bit(class))
    }

    pub fn contains(self, class: Class) -> bool {
        self.0 & Self::bit(class) != 0
    }

    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// As a number that names them.
    pub fn bits(self) -> u32 {
        self.0
    }

    fn bit(class: Class) -> u32 {
        1 << class as u32
    }
}

// === impl Match ===

impl Match {
    /// One piece for all of it.
    pub fn whole(from: Cursor<'_, '_>, to: Cursor<'_, '_>, said: impl Into<String>) -> Self {
        Self { end: to.at, pieces: vec![Replacement { from: from.at, to: to.at, said: said.into() }] }
    }

    pub fn pieces(end: Cursor<'_, '_>, pieces: Vec<Replacement>) -> Self {
        Self { end: end.at, pieces }
    }
}

// === impl Replacement ===

impl Replacement {
    pub fn new(from: Cursor<'_, '_>, to: Cursor<'_, '_>, said: impl Into<String>) -> Self {
        Self { from: from.at, to: to.at, said: said.into() }
    }
}

pub use telephone::label_before;

/// A template with its places filled.
fn fill(template: &str, parts: &[(&str, &str)]) -> String {
    let filled = parts.iter().fold(template.to_owned(), |text, (name, part)| text.replace(name, part));
    filled.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A noun that is written short behind a number, in the form that the number has.
fn noun<'d, 't>(end: Cursor<'d, 't>, nouns: &BTreeMap<String, Words>, form: &str) -> Option<(Cursor<'d, 't>, String)> {
    let (behind, word) = end.blank()?.word()?;
    let said = nouns.get(word)?.get(form)?;
    let stop = behind.eat(".")?;
    let ends = if stop.is_line_end() { "." } else { "" };
    Some((stop, format!(" {said}{ends}")))
}

/// Letters one by one, as espeak-ng names them.
fn letters(text: &str, language: &Language) -> String {
    let names = &language.table.letters.names;
    let name = |c: char| {
        let letter = c.to_uppercase().to_string();
        names.get(&letter).cloned().unwrap_or(letter)
    };
    text.chars().map(name).collect::<Vec<_>>().join(" ")
}

/// Whether it is written in capitals alone.
fn is_capitals(word: &str) -> bool {
    word.chars().all(char::is_uppercase)
}

fn begins_with_capital(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}

/// The sets of words of a table hold lower-case ones.
fn is_one_of(word: Option<&str>, words: &[String]) -> bool {
    word.is_some_and(|word| {
        let lower = word.to_lowercase();
        words.contains(&lower)
    })
}
