//! The semiotic classes (Ebden and Sproat, "The Kestrel TTS text normalization system", 2014): each finds what is of it
//! at a place, and says it.

use crate::language::Language;
use crate::token::Cursor;

mod abbreviation;
mod acronym;
mod address;
mod cardinal;
mod class;
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
mod replacement;
mod roman;
mod scale;
mod serial;
mod symbol;
mod telephone;
mod time;
mod wording;
mod year;

pub use class::{Class, Classes};
pub use replacement::{Match, Replacement};
pub use wording::{begins_with_capital, fill, is_capitals, is_one_of, letters, noun};

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
