//! Text whose class the caller states: SSML's `say-as` ("SSML 1.0 say-as attribute values", a W3C note), and what
//! services of speech add to it.

use crate::classes::{Class, Classes, date};
use crate::language::Language;
use crate::normalizer::{Normalizer, Options};
use crate::number::Number;

/// How a part of a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SayAs {
    Cardinal,
    Ordinal,
    /// One by one.
    Digits,
    /// Letter by letter.
    Characters,
    Fraction,
    /// A quantity with its unit.
    Unit,
    Date(DateFormat),
    Time,
    /// Hours, minutes and seconds with colons between, or with their signs.
    Duration,
    /// Digit by digit, with pauses where groups end.
    Telephone,
    Currency,
    Address,
    /// Silence.
    Expletive,
}

/// Which parts of a date are there, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateFormat {
    Mdy,
    Dmy,
    Ymd,
    Md,
    Dm,
    Ym,
    My,
    D,
    M,
    Y,
    /// As it is written in the language.
    Usual,
}

// === impl SayAs ===

impl SayAs {
    /// Of the attributes of `say-as`. `None`: a kind that is not known, which is read as the rest of the text.
    pub fn of(kind: &str, format: Option<&str>) -> Option<Self> {
        Some(match kind {
            "cardinal" | "number" => match format {
                Some("ordinal") => Self::Ordinal,
                Some("digits") => Self::Digits,
                _ => Self::Cardinal,
            },
            "ordinal" => Self::Ordinal,
            "digits" | "number:digits" => Self::Digits,
            "characters" | "spell-out" | "letters" | "verbatim" => Self::Characters,
            "fraction" => Self::Fraction,
            "unit" | "measure" => Self::Unit,
            "date" => Self::Date(DateFormat::of(format)),
            "time" => Self::Time,
            "duration" => Self::Duration,
            "telephone" => Self::Telephone,
            "currency" => Self::Currency,
            "address" => Self::Address,
            "expletive" | "bleep" => Self::Expletive,
            _ => return None,
        })
    }

    /// What is the same in every language; `None`: it needs one.
    pub fn say_in_any(self, text: &str) -> Option<String> {
        let each = |say: fn(char) -> Option<String>| {
            let said: String = text.chars().map(|c| say(c).unwrap_or_else(|| c.to_string())).collect();
            Some(said)
        };
        match self {
            // Apart: "A B" has an article in it.
            Self::Characters => each(|c| c.is_alphanumeric().then(|| format!("{}, ", c.to_uppercase()))),
            Self::Digits => each(|c| c.is_numeric().then(|| format!("{c} "))),
            Self::Telephone => each(|c| match c {
                '-' | ' ' | '/' | '.' | '(' | ')' => Some(", ".to_owned()),
                _ => c.is_numeric().then(|| format!("{c} ")),
            }),
            Self::Expletive => Some(String::new()),
            _ => None,
        }
    }
}

impl DateFormat {
    /// One that is not known is as the language has it.
    fn of(format: Option<&str>) -> Self {
        match format.unwrap_or_default() {
            "mdy" | "mm/dd/yyyy" => Self::Mdy,
            "dmy" | "dd/mm/yyyy" => Self::Dmy,
            "ymd" | "yyyymmdd" => Self::Ymd,
            "md" => Self::Md,
            "dm" => Self::Dm,
            "ym" => Self::Ym,
            "my" => Self::My,
            "d" => Self::D,
            "m" => Self::M,
            "y" => Self::Y,
            _ => Self::Usual,
        }
    }

    /// The letters of its parts.
    fn order(self) -> &'static str {
        match self {
            Self::Mdy => "mdy",
            Self::Dmy => "dmy",
            Self::Ymd => "ymd",
            Self::Md => "md",
            Self::Dm => "dm",
            Self::Ym => "ym",
            Self::My => "my",
            Self::D => "d",
            Self::M => "m",
            Self::Y => "y",
            Self::Usual => "",
        }
    }
}

// === impl Normalizer ===

impl Normalizer {
    /// `text` as what it is said to be; where it cannot be that, as it would be read by itself.
    pub fn say_as(&self, text: &str, how: SayAs) -> String {
        let language = &*self.language;
        let trimmed = text.trim();
        let own = how.say_in_any(text).or_else(|| match how {
            SayAs::Cardinal => whole(trimmed).map(|digits| signed(trimmed, language.cardinal(&digits, ""), language)),
            SayAs::Ordinal => whole(trimmed).and_then(|digits| language.ordinal(&digits, "")),
            SayAs::Date(format) => dated(trimmed, format, language),
            SayAs::Duration => lasting(trimmed, language),
            _ => None,
        });
        own.unwrap_or_else(|| {
            let said = match how {
                SayAs::Fraction => self.only(text, &[Class::Fraction]),
                SayAs::Unit => self.only(text, &[Class::Measure, Class::Percent]),
                SayAs::Time => self.only(text, &[Class::Time]),
                SayAs::Currency => self.only(&in_symbols(text), &[Class::Money]),
                SayAs::Address => self.only(text, &[Class::Address, Class::Abbreviation, Class::Serial]),
                _ => text.to_owned(),
            };
            if said == text { self.say(text) } else { said }
        })
    }

    /// With these classes alone.
    fn only(&self, text: &str, classes: &[Class]) -> String {
        let classes = classes.iter().fold(Classes::NONE, |classes, class| classes.with(*class));
        let rewrites = self.rewrites_with(text, &Options { classes, ..Options::default() });
        let mut said = text.to_owned();
        for rewrite in rewrites.into_iter().rev() {
            said.replace_range(rewrite.written, &rewrite.said);
        }
        said
    }
}

/// The digits of a whole number, without its sign and the marks of its groups.
fn whole(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix(['-', '−', '+']).unwrap_or(text);
    let is_group = |c: char| matches!(c, ',' | '.' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}');
    let unsigned = unsigned.strip_suffix(|c: char| c == '.' || c.is_alphabetic()).unwrap_or(unsigned);
    let unsigned = unsigned.trim_end_matches(char::is_alphabetic);
    let groups: Vec<&str> = unsigned.split(is_group).collect();
    let is_whole = groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()))
        && groups.iter().skip(1).all(|group| group.len() == 3);
    is_whole.then(|| groups.concat())
}

fn signed(text: &str, said: String, language: &Language) -> String {
    if text.starts_with(['-', '−']) { format!("{} {said}", language.table.numbers.minus) } else { said }
}

/// A date of which it is known what its numbers are.
fn dated(text: &str, format: DateFormat, language: &Language) -> Option<String> {
    let order = format.order();
    let mut numbers: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    // "20240105"
    if format == DateFormat::Ymd
        && let [all] = numbers[..]
        && all.len() == 8
    {
        numbers = vec![&all[..4], &all[4..6], &all[6..]];
    }
    if order.is_empty() || numbers.len() != order.len() {
        return None;
    }
    let of = |part: char| order.find(part).map(|at| numbers[at]);
    let month = of('m').and_then(|month| month.parse::<usize>().ok()).filter(|month| (1..=12).contains(month));
    match (of('d'), of('m'), of('y')) {
        (Some(day), Some(month), year) => date::say(language, day, month, year, ""),
        (None, Some(_), Some(year)) => {
            Some(format!("{} {}", language.month_alone(month? - 1), language.year(year, "date")))
        }
        (Some(day), None, _) => language.ordinal(day, ""),
        (None, Some(_), None) => Some(language.month_alone(month? - 1).to_owned()),
        (None, None, Some(year)) => Some(language.year(year, "")),
        (None, None, None) => None,
    }
}

/// "1:30:05" in hours, minutes and seconds.
fn lasting(text: &str, language: &Language) -> Option<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let units = ["hour", "minute", "second"];
    let units = units.get(3usize.checked_sub(parts.len())?..).filter(|units| units.len() > 1)?;
    let mut said = Vec::new();
    for (part, unit) in parts.into_iter().zip(units) {
        let is_number = !part.is_empty() && part.len() <= 6 && part.bytes().all(|byte| byte.is_ascii_digit());
        let number = Number::whole(is_number.then(|| part.trim_start_matches('0'))?);
        if !number.integer.is_empty() {
            let name = Language::form(language.unit(unit)?, language.category(&number))?;
            said.push(format!("{} {name}", language.number(&number, "")));
        }
    }
    (!said.is_empty()).then(|| said.join(" "))
}

/// "USD 5.20" is "$5.20"; what has a symbol keeps it.
fn in_symbols(text: &str) -> String {
    const CODES: [(&str, &str); 4] = [("USD", "$"), ("EUR", "€"), ("GBP", "£"), ("JPY", "¥")];
    let trimmed = text.trim();
    let found = CODES.iter().find_map(|(code, symbol)| {
        let amount = trimmed.strip_prefix(code).or_else(|| trimmed.strip_suffix(code))?;
        Some(format!("{symbol}{}", amount.trim()))
    });
    found.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(tag: &str, kind: &str, format: &str, text: &str) -> String {
        let how = SayAs::of(kind, Some(format).filter(|format| !format.is_empty())).unwrap();
        Normalizer::for_language(tag).unwrap().say_as(text, how)
    }

    #[test]
    fn what_is_said_to_be_something_is_read_as_that() {
        for (kind, format, text, expected) in [
            ("cardinal", "", "1,234", "1234"),
            ("cardinal", "", "-7", "minus 7"),
            ("ordinal", "", "3", "third"),
            ("ordinal", "", "21st", "twenty-first"),
            ("digits", "", "405", "4 0 5 "),
            ("characters", "", "Wß3", "W, SS, 3, "),
            ("telephone", "", "41-5", "4 1 , 5 "),
            ("fraction", "", "3/4", "3 quarters"),
            ("unit", "", "5kg", "5 kilograms"),
            ("date", "mdy", "3/4/2021", "March fourth, twenty twenty-one"),
            ("date", "dmy", "3/4/2021", "April third, twenty twenty-one"),
            ("date", "ymd", "20210403", "April third, twenty twenty-one"),
            ("date", "md", "12/25", "December twenty-fifth"),
            ("date", "my", "5/1999", "May nineteen ninety-nine"),
            ("date", "y", "1908", "nineteen oh-eight"),
            ("time", "", "14:30", "14 30"),
            ("duration", "", "1:05:00", "1 hour 5 minutes"),
            ("currency", "", "USD 5.20", "5 dollars and 20 cents"),
            ("expletive", "", "damn", ""),
        ] {
            assert_eq!(said("en", kind, format, text), expected, "{kind} {format} {text}");
        }
        assert_eq!(SayAs::of("poem", None), None);
    }

    #[test]
    fn what_is_none_of_its_kind_is_read_by_itself() {
        for kind in ["cardinal", "ordinal", "date", "duration", "currency", "fraction"] {
            assert_eq!(said("en", kind, "mdy", "Dr. Smith"), "Doctor Smith", "{kind}");
        }
    }

    #[test]
    fn other_languages_have_their_own_words() {
        assert_eq!(said("de", "ordinal", "", "3"), "dritter");
        assert_eq!(said("de", "date", "mdy", "3/4/2021"), said("de", "date", "dmy", "4.3.2021"));
        assert_eq!(said("fr", "unit", "", "5 km"), "5 kilomètres");
    }
}
