//! Amounts of money: with a sign or a code before or behind, with a scale, by the piece or the hour.

use super::{Match, fill, scale};
use crate::language::Language;
use crate::number::Number;
use crate::numerals::{may_begin, signed, unsigned};
use crate::table::Words;
use crate::token::{Cursor, TokenKind};

/// Signs of currencies that mean the same everywhere.
const SIGNS: [(&str, &str); 27] = [
    ("US$", "USD"),
    ("R$", "BRL"),
    ("A$", "AUD"),
    ("C$", "CAD"),
    ("CA$", "CAD"),
    ("AU$", "AUD"),
    ("S$", "SGD"),
    ("NT$", "TWD"),
    ("MX$", "MXN"),
    ("HK$", "HKD"),
    ("NZ$", "NZD"),
    ("$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₹", "INR"),
    ("₽", "RUB"),
    ("₩", "KRW"),
    ("₺", "TRY"),
    ("₴", "UAH"),
    ("₪", "ILS"),
    ("₫", "VND"),
    ("₱", "PHP"),
    ("฿", "THB"),
    ("₸", "KZT"),
    ("₦", "NGN"),
    ("zł", "PLN"),
];

/// Words of languages that are written like a currency's code in small letters.
const WORDS_LIKE_CODES: [&str; 9] = ["try", "dem", "pen", "cop", "ron", "sek", "all", "Try", "Dem"];

pub fn find(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    before(cursor, language).or_else(|| behind(cursor, language)).or_else(|| ticker(cursor, language))
}

/// A sign or code, with the place behind it.
fn currency<'d, 't>(cursor: Cursor<'d, 't>, language: &Language) -> Option<(Cursor<'d, 't>, String)> {
    let money = &language.table.money;
    let known = |sign: &str| {
        let own = money.signs.get(sign).cloned();
        own.or_else(|| SIGNS.iter().find(|(known, _)| *known == sign).map(|(_, code)| (*code).to_owned()))
    };
    // The longest sign: "R$", "ر.س".
    let mut sign = String::new();
    let mut at = cursor;
    let mut longest = None;
    while at.at < cursor.at + 4 && matches!(at.kind(), Some(TokenKind::Word | TokenKind::Mark)) {
        sign.push_str(at.text());
        at = at.next();
        longest = known(&sign).map(|code| (at, code)).or(longest);
    }
    if longest.is_some() {
        return longest;
    }
    let (end, word) = cursor.word()?;
    let code = word.to_uppercase();
    let is_code = word.len() == 3 && !WORDS_LIKE_CODES.contains(&word);
    (is_code && language.currency(&code).is_some()).then_some((end, code))
}

/// "$5.20", "-$3", "US$50", "€ 0,90", "$80–120", "~$80".
fn before(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let about = cursor.eat_any("~≈");
    let at = about.unwrap_or(cursor);
    let minus =
        at.eat_any(crate::numerals::MINUS).filter(|_| at.char_before().is_none_or(|c| c.is_whitespace() || c == '('));
    let at = minus.unwrap_or(at);
    if !at.begins_word() {
        return None;
    }
    let (sign_end, code) = currency(at, language)?;
    let is_word = at.kind() == Some(TokenKind::Word) && sign_end.at == at.at + 1;
    let number_at = sign_end.maybe_blank();
    // "Fr. 5. Mai"
    if super::date::find(number_at, language).is_some() {
        return None;
    }
    if is_word && number_at.at == sign_end.at && !at.text().chars().all(char::is_uppercase) {
        return None;
    }
    let inner = number_at.eat_any(crate::numerals::MINUS).filter(|at| at.kind() == Some(TokenKind::Digits));
    let (end, mut number) = unsigned(inner.unwrap_or(number_at), language)?;
    number.negative = minus.is_some() || inner.is_some();
    let end = other_fraction(end, &mut number).unwrap_or(end);
    let said = amounts(cursor, end, &number, &code, language)?;
    Some(said.finish(cursor, about.is_some(), language))
}

/// Two digits behind the mark that another language has: "€5,50" in English.
fn other_fraction<'d, 't>(end: Cursor<'d, 't>, number: &mut Number) -> Option<Cursor<'d, 't>> {
    // "5,-"
    if let Some(behind) = end.eat_any(".,").and_then(|at| at.eat_any("-–—")) {
        return behind.ends_word().then_some(behind);
    }
    let (behind, cents) = end.eat_any(".,").and_then(|at| at.digits_of(2..=2))?;
    let is_fraction = number.fraction.is_none() && crate::numerals::may_end(behind);
    is_fraction.then(|| {
        number.fraction = Some(cents.to_owned());
        behind
    })
}

/// "5,20 €", "20 zł", "100 USD", "3,5 milioni di €".
fn behind(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    if !may_begin(cursor) {
        return None;
    }
    let (end, mut number) = signed(cursor, language)?;
    let end = other_fraction(end, &mut number).unwrap_or(end);
    let (scale_end, scale) = scale::find(end, language, false).map_or((end, None), |(end, scale)| (end, Some(scale)));
    let mut at = scale_end.maybe_blank();
    if scale.is_some()
        && let Some((joined, word)) = at.word()
        && language.table.dates.joins.iter().any(|join| join == word)
    {
        at = joined.blank()?;
    }
    let (mut sign_end, code) = currency(at, language)?;
    if at.kind() == Some(TokenKind::Word) && !sign_end.ends_word() {
        return None;
    }
    // The stop of "руб."
    let written = sign_end.back().map_or("", Cursor::text);
    let mut keeps_stop = false;
    if let Some(stop) = sign_end.eat(".")
        && language.table.money.signs.contains_key(&format!("{written}."))
    {
        keeps_stop = stop.is_line_end();
        sign_end = stop;
    }
    let mut said = Amounts { end: sign_end, said: amount(&number, scale.as_deref(), &code, language, false)? };
    // "10$-20$"
    if let Some((end, second)) = sign_end.eat_any("-–—").and_then(|at| unsigned(at, language))
        && !language.table.ranges.to.is_empty()
    {
        let (end, scale) = scale::find(end, language, true).map_or((end, None), |(end, scale)| (end, Some(scale)));
        let second_sign = currency(end.maybe_blank(), language).filter(|(_, second)| *second == code);
        if let Some((end, _)) = second_sign {
            let second = amount(&second, scale.as_deref(), &code, language, false)?;
            said = Amounts { end, said: format!("{} {} {second}", said.said, language.table.ranges.to) };
        }
    }
    if keeps_stop {
        said.said.push('.');
    }
    Some(said.finish(cursor, false, language))
}

struct Amounts<'d, 't> {
    end: Cursor<'d, 't>,
    said: String,
}

impl Amounts<'_, '_> {
    fn finish(mut self, from: Cursor<'_, '_>, about: bool, language: &Language) -> Match {
        let per = &language.table.money.per;
        if let Some((behind, unit)) = self.end.eat("/").and_then(Cursor::word)
            && let Some(unit) = per.get(unit)
        {
            self.end = behind;
            self.said = format!("{} {} {unit}", self.said, language.table.money.per_word);
        }
        if about {
            self.said = format!("{} {}", language.table.measures.about, self.said);
        }
        Match::whole(from, self.end, self.said)
    }
}

/// What follows a sign and a first number: a scale, a second number, what it is singular before.
fn amounts<'d, 't>(
    start: Cursor<'d, 't>,
    end: Cursor<'d, 't>,
    number: &Number,
    code: &str,
    language: &Language,
) -> Option<Amounts<'d, 't>> {
    let (end, scale) = scale::find(end, language, true).map_or((end, None), |(end, scale)| (end, Some(scale)));
    if end.kind() == Some(TokenKind::Word) && scale.is_none() {
        return None;
    }
    let ranges = &language.table.ranges;
    if let Some(at) = end.eat_any("-–—")
        && !ranges.to.is_empty()
    {
        let with_sign = currency(at, language).filter(|(_, second)| second == code).map(|(at, _)| at);
        if let Some((second_end, second)) = unsigned(with_sign.unwrap_or(at), language) {
            let (second_end, second_scale) =
                scale::find(second_end, language, true).map_or((second_end, None), |(end, scale)| (end, Some(scale)));
            let second = amount(&second, second_scale.as_deref(), code, language, false)?;
            let first = match with_sign {
                Some(_) => amount(number, scale.as_deref(), code, language, false)?,
                None => language.number(number, ""),
            };
            return Some(Amounts { end: second_end, said: format!("{first} {} {second}", ranges.to) });
        }
    }
    // "a $5 bill", "a $2 million house"
    let is_hyphened = end.eat("-").is_some_and(|next| next.kind() == Some(TokenKind::Word));
    let is_singular = language.table.money.singular_before_noun
        && (is_hyphened || super::measure::is_attributive(start, end, language));
    let said = amount(number, scale.as_deref(), code, language, is_singular)?;
    Some(Amounts { end, said })
}

fn amount(number: &Number, scale: Option<&str>, code: &str, language: &Language, singular: bool) -> Option<String> {
    let names = language.currency(code)?;
    let money = &language.table.money;
    let gender = names.get("gender").unwrap_or(&money.gender);
    let name = |category: &str| {
        let category = if singular { "one" } else { category };
        Language::form(names, category).unwrap_or_default().to_owned()
    };
    if let Some(scale) = scale {
        let scale = scale::said(scale, number, language);
        let is_plain = money.plain_scales.iter().any(|known| known == scale);
        let scaled = names.get("scaled").filter(|_| !is_plain).cloned();
        let currency = scaled.unwrap_or_else(|| name(if singular { "one" } else { "many" }));
        let said = language.number(number, "");
        return Some(fill(&money.scaled, &[("{number}", &said), ("{scale}", scale), ("{currency}", &currency)]));
    }
    let minus = if number.negative { format!("{} ", language.table.numbers.minus) } else { String::new() };
    let fraction = number.fraction.as_deref().unwrap_or("00");
    let cents = match fraction.len() {
        1 => format!("{fraction}0"),
        2 => fraction.to_owned(),
        _ if fraction[2..].bytes().all(|digit| digit == b'0') => fraction[..2].to_owned(),
        _ => {
            let said = language.number(number, gender);
            return Some(format!("{said} {}", name(language.category(number))));
        }
    };
    // "un millón de dólares"
    let is_scaled = number.integer.len() > 6 && number.integer.ends_with("000000");
    let (cents, has_cents) = (cents.trim_start_matches('0').to_owned(), cents != "00");
    let major = || {
        let said = language.cardinal(&number.integer, gender);
        let said = names.get(&format!("count-{}", number.integer)).cloned().unwrap_or(said);
        let scaled = names.get("scaled").filter(|_| is_scaled).cloned();
        format!("{said} {}", scaled.unwrap_or_else(|| name(language.plurals().cardinal(&number.integer))))
    };
    if !has_cents {
        return Some(format!("{minus}{}", major()));
    }
    let Some(minor_name) = minor(names, language.plurals().cardinal(&cents)) else {
        return Some(format!("{} {}", language.number(number, gender), name(language.category(number))));
    };
    let minor_gender = names.get("minor-gender").map_or("", String::as_str);
    let minor = format!("{} {minor_name}", language.cardinal(&cents, minor_gender));
    if number.is_zero() {
        return Some(format!("{minus}{minor}"));
    }
    Some(format!("{minus}{}", fill(&money.joined, &[("{major}", &major()), ("{minor}", &minor)])))
}

fn minor<'a>(names: &'a Words, category: &str) -> Option<&'a str> {
    names.get(&format!("minor-{category}")).or_else(|| names.get("minor-other")).map(String::as_str)
}

/// "$TSLA"
fn ticker(cursor: Cursor<'_, '_>, language: &Language) -> Option<Match> {
    let (end, name) = cursor.eat("$")?.word()?;
    (cursor.begins_word() && super::is_capitals(name) && name.len() <= 5 && end.ends_word())
        .then(|| Match::whole(cursor, end, super::letters(name, language)))
}
