//! Plural categories of numbers, by the rules of CLDR.

use std::fmt;

use fixed_decimal::Decimal;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};

/// Rules of one language.
pub struct Plurals {
    cardinal: PluralRules,
    ordinal: PluralRules,
}

// === impl Plurals ===

impl Plurals {
    /// `None`: there is no language of that name.
    pub fn of(language: &str) -> Option<Self> {
        let locale = Locale::try_from_str(language).ok()?;
        let cardinal = PluralRules::try_new_cardinal((&locale).into()).ok()?;
        let ordinal = PluralRules::try_new_ordinal((&locale).into()).ok()?;
        Some(Self { cardinal, ordinal })
    }

    /// Of a number as it is written, with its fraction behind a point: "1" and "1.0" differ in some languages.
    pub fn cardinal(&self, number: &str) -> &'static str {
        let category = Decimal::try_from_str(number).map(|number| self.cardinal.category_for(&number));
        name(category.unwrap_or(PluralCategory::Other))
    }

    pub fn ordinal(&self, number: u64) -> &'static str {
        name(self.ordinal.category_for(number))
    }
}

impl fmt::Debug for Plurals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plurals")
    }
}

fn name(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => "other",
    }
}
