//! Owns the reading of a voice's `MODEL_CARD`: its licences, and what it was trained on. Owns the rule that says which
//! licences may be served.

use wildmatch::WildMatch;

/// The parts of a card that people ask about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelCard {
    /// As the card words them; most have one.
    pub licenses: Vec<String>,
    /// Where the recordings come from.
    pub dataset: Option<String>,
    /// How the voice was trained.
    pub training: Option<String>,
}

/// Licences that may be served. Without patterns: all of them.
#[derive(Debug, Clone, Default)]
pub struct LicenseRule {
    patterns: Vec<WildMatch>,
}

/// What is wrong with a file may quote it.
pub const MAX_PROBLEM_CHARS: usize = 200;

/// The licence of a voice whose card is missing or names none.
pub const UNKNOWN_LICENSE: &str = "unknown";
/// A card is a page of text.
pub const MAX_CARD_BYTES: u64 = 64 << 10;

const MAX_LINE_CHARS: usize = 200;
const MAX_TRAINING_CHARS: usize = 1000;

// === impl ModelCard ===

impl ModelCard {
    pub fn parse(text: &str) -> Self {
        let mut card = Self::default();
        let mut section = String::new();
        let mut training = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(title) = line.strip_prefix('#') {
                section = title.trim_start_matches('#').trim().to_lowercase();
                continue;
            }
            if let Some((name, value)) = field(line) {
                match name.as_str() {
                    "license" | "licence" => card.licenses.push(shortened(value, MAX_LINE_CHARS)),
                    "url" if section.starts_with("dataset") && card.dataset.is_none() => {
                        card.dataset = Some(shortened(value, MAX_LINE_CHARS));
                    }
                    _ => {}
                }
            }
            if section.starts_with("training") && !line.is_empty() {
                training = format!("{training} {line}");
            }
        }
        let training = training.trim();
        card.training = (!training.is_empty()).then(|| shortened(training, MAX_TRAINING_CHARS));
        card
    }

    /// In one line.
    pub fn license(&self) -> String {
        if self.licenses.is_empty() { UNKNOWN_LICENSE.to_owned() } else { self.licenses.join(", ") }
    }
}

// === impl LicenseRule ===

impl LicenseRule {
    pub fn new(patterns: &[String]) -> Self {
        Self { patterns: patterns.iter().map(|pattern| WildMatch::new_case_insensitive(pattern)).collect() }
    }

    /// Whether all licences of the card may be served.
    pub fn allows(&self, card: Option<&ModelCard>) -> bool {
        if self.patterns.is_empty() {
            return true;
        }
        let licenses = card.map(|card| card.licenses.as_slice()).unwrap_or_default();
        if licenses.is_empty() {
            return self.matches(UNKNOWN_LICENSE);
        }
        licenses.iter().all(|license| self.matches(license))
    }

    fn matches(&self, license: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(license))
    }
}

/// `* Name: value`, with or without the mark before it.
fn field(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.trim_start_matches(['*', '-', ' ']).split_once(':')?;
    let value = value.trim();
    (!value.is_empty()).then(|| (name.trim().to_lowercase(), value))
}

pub fn shortened(text: &str, chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "# Model card for joe (medium)\n\n* Language: en_US\n\n## Dataset\n\n* URL: https://data.test/joe\n\
                        * License: CC0\n\n## Training\n\nFinetuned from\nanother voice.\n";

    #[test]
    fn licence_dataset_and_training_are_read() {
        let card = ModelCard::parse(CARD);

        assert_eq!(card.license(), "CC0");
        assert_eq!(card.dataset.as_deref(), Some("https://data.test/joe"));
        assert_eq!(card.training.as_deref(), Some("Finetuned from another voice."));
    }

    #[test]
    fn patterns_match_whole_licences_in_any_case() {
        let card = |license: &str| ModelCard { licenses: vec![license.to_owned()], ..ModelCard::default() };
        let rule = LicenseRule::new(&["cc0".to_owned(), "CC-BY-?.0".to_owned()]);

        assert!(rule.allows(Some(&card("CC0"))));
        assert!(rule.allows(Some(&card("cc-by-4.0"))));
        assert!(!rule.allows(Some(&card("CC-BY-NC-4.0"))));
        assert!(!rule.allows(Some(&card("CC0 for research"))));
    }

    #[test]
    fn each_licence_of_a_card_must_be_allowed() {
        let card = ModelCard::parse("* License: CC0\n* Licence: proprietary\n");

        assert!(!LicenseRule::new(&["CC0".to_owned()]).allows(Some(&card)));
        assert!(LicenseRule::default().allows(Some(&card)));
    }

    #[test]
    fn a_missing_licence_is_unknown_and_allowed_only_by_that_name() {
        let silent = ModelCard::parse("# Model card\n\n* License:\n");

        for card in [None, Some(&silent)] {
            assert!(!LicenseRule::new(&["CC0".to_owned()]).allows(card));
            assert!(LicenseRule::new(&["unknown".to_owned()]).allows(card));
        }
        assert_eq!(silent.license(), "unknown");
    }
}
