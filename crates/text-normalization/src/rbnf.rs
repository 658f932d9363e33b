//! An interpreter of CLDR's rule-based number formats (UTS #35, part 3, "Rule-Based Number Formatting"), as far as they
//! spell whole numbers.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::plurals::Plurals;

/// Sets of rules by name, without the first `%`.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Rules(BTreeMap<String, Vec<Rule>>);

/// Base value, radix, text.
#[derive(Debug, Deserialize)]
struct Rule(String, u64, String);

/// Rules refer to each other; none of CLDR's goes deeper than its numbers have digits.
const MAX_DEPTH: usize = 64;

// === impl Rules ===

impl Rules {
    /// `number` in the words of a set; `None` if there is no such set, or it has no words for so large a number.
    pub fn spell(&self, set: &str, number: u64, plurals: &Plurals) -> Option<String> {
        let mut said = String::new();
        self.format(set, number, plurals, MAX_DEPTH, &mut said)?;
        // CLDR marks where a long word may be broken.
        said.retain(|c| c != '\u{ad}');
        Some(said)
    }

    fn format(&self, set: &str, number: u64, plurals: &Plurals, depth: usize, said: &mut String) -> Option<()> {
        let rules = self.0.get(set)?;
        let depth = depth.checked_sub(1)?;
        let mut numbered = rules.iter().filter_map(|rule| Some((rule.0.parse::<u64>().ok()?, rule)));
        let mut before = numbered.next()?;
        let mut chosen = before;
        for candidate in numbered {
            if candidate.0 > number {
                break;
            }
            (before, chosen) = (chosen, candidate);
        }
        let (mut base, mut rule) = chosen;
        // A rule that says both parts of a number is not for one whose second part is nothing ("rollback").
        let has_both = rule.2.contains('←') && rule.2.replace("→→→", "").contains('→');
        let divided = divisor(base, rule.1);
        if has_both && !rule.2.contains('[') && number.is_multiple_of(divided) && !base.is_multiple_of(divided) {
            (base, rule) = before;
        }
        let divisor = divisor(base, rule.1);
        let (quotient, remainder) = (number / divisor, number % divisor);
        let text = rule.2.strip_prefix('\'').unwrap_or(&rule.2);
        let text = match (text.find('['), text.rfind(']')) {
            (Some(open), Some(close)) if open < close => {
                // Said of numbers that are no multiples of the divisor; what stands behind `|`, of the others.
                let (some, none) = text[open + 1..close].split_once('|').unwrap_or((&text[open + 1..close], ""));
                &[&text[..open], if remainder == 0 { none } else { some }, &text[close + 1..]].concat()
            }
            _ => text,
        };
        let mut rest = text;
        while let Some(at) = rest.find(['←', '→', '=', '$']) {
            said.push_str(&rest[..at]);
            let mark = rest[at..].chars().next()?;
            let inner = &rest[at + mark.len_utf8()..];
            let end = inner.find(mark)?;
            let (name, after) = (&inner[..end], &inner[end + mark.len_utf8()..]);
            rest = after;
            match mark {
                '$' => said.push_str(plural(name, quotient, plurals)?),
                '=' if name.starts_with('%') => self.format(&name[1..], number, plurals, depth, said)?,
                // Digits, which a reader has no words for.
                '=' => return None,
                _ => {
                    let (part, default) = if mark == '←' { (quotient, set) } else { (remainder, set) };
                    // The same rule again, of `→→→`, is the same set for whole numbers.
                    rest = rest.strip_prefix('→').filter(|_| name.is_empty() && mark == '→').unwrap_or(rest);
                    let set = name.strip_prefix('%').unwrap_or(default);
                    self.format(set, part, plurals, depth, said)?;
                }
            }
        }
        said.push_str(rest);
        Some(())
    }
}

/// The largest power of the radix that is not above the base value.
fn divisor(base: u64, radix: u64) -> u64 {
    let mut divisor = 1_u64;
    while radix > 1 && divisor.checked_mul(radix).is_some_and(|next| next <= base) {
        divisor *= radix;
    }
    divisor
}

/// Of `(cardinal,one{..}other{..})` what the number's category has.
fn plural<'a>(choice: &'a str, number: u64, plurals: &Plurals) -> Option<&'a str> {
    let (kind, forms) = choice.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    let category = if kind == "ordinal" { plurals.ordinal(number) } else { plurals.cardinal(&number.to_string()) };
    let form = |name: &str| {
        let mut rest = forms;
        while let Some((key, after)) = rest.split_once('{') {
            let (value, after) = after.split_once('}')?;
            if key == name {
                return Some(value);
            }
            rest = after;
        }
        None
    };
    form(category).or_else(|| form("other"))
}

#[cfg(test)]
mod tests {
    use crate::language::Language;

    fn spelled(language: &str, set: &str, numbers: &[u64]) -> Vec<String> {
        let language = Language::find(language).unwrap();
        numbers.iter().map(|number| language.rules().spell(set, *number, language.plurals()).unwrap()).collect()
    }

    #[test]
    fn numbers_are_spelled_as_cldr_spells_them() {
        assert_eq!(
            spelled("en", "spellout-ordinal", &[0, 3, 20, 21, 112, 1000, 1234]),
            [
                "zeroth",
                "third",
                "twentieth",
                "twenty-first",
                "one hundred twelfth",
                "one thousandth",
                "one thousand two hundred thirty-fourth"
            ]
        );
        assert_eq!(
            spelled("en", "spellout-numbering-year", &[1776, 1900, 1905, 2000, 2005, 2024]),
            [
                "seventeen seventy-six",
                "nineteen hundred",
                "nineteen oh-five",
                "two thousand",
                "two thousand five",
                "twenty twenty-four"
            ]
        );
    }
}
