//! Owns numbers in Chinese words, as piper-tts has them: temperatures, percentages, then all others. Digits of whatever
//! script are digits.

use crate::legible::decimal;

/// Words for nothing to nine.
const DIGITS: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// From the largest: what it counts, its word, and the least remainder that is said without a word for the empty places
/// before it.
const POWERS: [(u64, char, u64); 6] = [
    (10_000_000_000_000_000, '京', 1_000_000_000_000),
    (1_000_000_000_000, '兆', 10_000_000),
    (100_000_000, '亿', 10_000),
    (10_000, '万', 1_000),
    (1_000, '千', 100),
    (100, '百', 20),
];
/// Of a number that is larger each digit is said.
const LARGEST: u64 = 999_999_999_999_999_999;

/// Fractions that are no larger are none.
const TOLERANCE: f64 = 1e-8;

/// `text` without digits.
pub fn in_words(text: &str) -> String {
    let text: Vec<char> = text.chars().map(|c| decimal(c).unwrap_or(c)).collect();
    replaced(&replaced(&replaced(&text, temperature), percentage), number).into_iter().collect()
}

/// What is to be done with the beginning of a text: how much of it is replaced and by what, or how much of it stays.
enum Beginning {
    Said(usize, String),
    Kept(usize),
}

fn replaced(text: &[char], begin: impl Fn(&[char]) -> Beginning) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (taken, others) = match begin(rest) {
            Beginning::Said(length, words) => {
                out.extend(words.chars());
                (&rest[..0], &rest[length..])
            }
            Beginning::Kept(length) => rest.split_at(length.clamp(1, rest.len())),
        };
        out.extend(taken);
        rest = others;
    }
    out
}

/// `-7°C`, `7 ℃`.
fn temperature(text: &[char]) -> Beginning {
    let sign = usize::from(matches!(text[0], '-' | '−'));
    let digits = run(&text[sign..], |c| c.is_ascii_digit());
    let end = sign + digits;
    if digits == 0 {
        return Beginning::Kept(1);
    }
    let blanks = end + run(&text[end..], is_blank);
    let unit = match &text[blanks..] {
        ['℃', ..] => blanks + 1,
        ['°', unit @ ..] if unit.get(run(unit, is_blank)) == Some(&'C') => blanks + 2 + run(unit, is_blank),
        _ => return Beginning::Kept(end),
    };
    let below_zero = if sign == 1 { "零下" } else { "" };
    Beginning::Said(unit, format!("{below_zero}{}度", spelled(&text[sign..end])))
}

/// `7.5%`, `七十％`.
fn percentage(text: &[char]) -> Beginning {
    let numerals = run(text, |c| "零〇一二三四五六七八九十百千万亿两点".contains(c));
    let end = if numerals > 0 { numerals } else { end_of_number(text) };
    let sign = end + run(&text[end..], is_blank);
    match text.get(sign) {
        Some('%' | '％') if numerals > 0 => {
            Beginning::Said(sign + 1, format!("百分之{}", text[..end].iter().collect::<String>()))
        }
        Some('%' | '％') if end > 0 => Beginning::Said(sign + 1, format!("百分之{}", spelled(&text[..end]))),
        // What follows the point may be a number of its own.
        _ => Beginning::Kept(numerals.max(run(text, |c| c.is_ascii_digit()))),
    }
}

fn number(text: &[char]) -> Beginning {
    match end_of_number(text) {
        0 => Beginning::Kept(1),
        end => Beginning::Said(end, spelled(&text[..end])),
    }
}

/// Of a number that `text` begins with, with its sign and its fraction.
fn end_of_number(text: &[char]) -> usize {
    let sign = usize::from(text.first() == Some(&'-'));
    let digits = |from: usize| run(&text[from.min(text.len())..], |c| c.is_ascii_digit());
    match (digits(sign), sign + digits(sign)) {
        (0, _) => 0,
        (_, end) if text.get(end) == Some(&'.') && digits(end + 1) > 0 => end + 1 + digits(end + 1),
        (_, end) => end,
    }
}

fn run(text: &[char], is_of_it: impl Fn(char) -> bool) -> usize {
    text.iter().take_while(|c| is_of_it(**c)).count()
}

/// As Python has it.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// A number of digits, maybe with a sign before them and a fraction.
fn spelled(number: &[char]) -> String {
    let number: String = number.iter().collect();
    let (sign, unsigned) = number.strip_prefix('-').map_or(("", &*number), |unsigned| ("负", unsigned));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let value: f64 = unsigned.parse().unwrap_or_default();
    let is_fraction = (value - value.round()).abs() > TOLERANCE;

    let mut words = if value == 0.0 { String::new() } else { sign.to_owned() };
    match whole.parse() {
        Ok(whole) if whole <= LARGEST => spell(whole, &mut words),
        _ => words.extend(whole.chars().filter_map(digit)),
    }
    if is_fraction {
        words.push('点');
        words.extend(fraction.chars().filter_map(digit));
    }
    words
}

fn digit(c: char) -> Option<char> {
    DIGITS.get(c.to_digit(10)? as usize).copied()
}

fn spell(number: u64, words: &mut String) {
    let tens_and_ones = |number: u64, words: &mut String| {
        let (tens, ones) = ((number / 10) as usize, (number % 10) as usize);
        if tens > 0 {
            words.extend((tens > 1).then_some(DIGITS[tens]));
            words.push('十');
        }
        words.extend((ones > 0 || number == 0).then_some(DIGITS[ones]));
    };
    let Some((power, word, seamless)) = POWERS.into_iter().find(|(power, _, _)| number >= *power) else {
        return tens_and_ones(number, words);
    };
    spell(number / power, words);
    words.push(word);
    let rest = number % power;
    if rest == 0 {
        return;
    }
    words.extend((rest < seamless && !(power == 100 && rest >= 10)).then_some('〇'));
    words.extend((10..20).contains(&rest).then_some('一'));
    spell(rest, words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_with_a_word_for_empty_places() {
        for (number, words) in [
            ("0", "〇"),
            ("10", "十"),
            ("21", "二十一"),
            ("105", "一百〇五"),
            ("110", "一百一十"),
            ("1019", "一千〇一十九"),
            ("1100", "一千一百"),
            ("10001", "一万〇一"),
            ("20500", "二万〇五百"),
            ("120000000", "一亿二千万"),
            ("007", "七"),
            ("1000000000000000000", "一〇〇〇〇〇〇〇〇〇〇〇〇〇〇〇〇〇〇"),
        ] {
            assert_eq!(in_words(number), words, "{number}");
        }
    }

    #[test]
    fn signs_fractions_units_and_other_digits_are_said() {
        for (text, words) in [
            ("-3.14", "负三点一四"),
            ("3.0和0.05", "三和〇点〇五"),
            ("-7°C,7 ℃,−3 ° C", "零下七度,七度,零下三度"),
            ("98.76%和七十％", "百分之九十八点七六和百分之七十"),
            ("1.2.3%", "一.百分之二点三"),
            ("２５", "二十五"),
            ("2-3", "二负三"),
            ("-", "-"),
        ] {
            assert_eq!(in_words(text), words, "{text}");
        }
    }
}
