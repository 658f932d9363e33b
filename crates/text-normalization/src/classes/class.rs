//! Names the semiotic classes, and sets of them.

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
