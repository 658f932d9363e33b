//! Owns reading what a caller wrote: as plain text or SSML, within its limit, with the lexicons that apply.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lexicon::{Lexicon, LexiconError};
use super::lexicons::Lexicons;
use super::reading::{self, Normalize, ReadingDefaults};
use super::ssml::{self, SsmlError};
use crate::domain::{InputText, Reading, Script, TextError};
use text_normalization::Class;

/// Reads texts. A clone shares the lexicons.
#[derive(Debug, Clone)]
pub struct TextReader {
    max_chars: usize,
    lexicons: Lexicons,
    /// Lexicons that apply to every text.
    always: Arc<[String]>,
    defaults: ReadingDefaults,
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextType {
    #[default]
    Plain,
    Ssml,
    Markdown,
}

/// How its words are pronounced and read, beside what always applies.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pronunciation<'a> {
    /// Goes before the lexicons.
    pub own: Option<&'a BTreeMap<String, String>>,
    /// Names of lexicons; the first goes before the others.
    pub lexicons: &'a [String],
    /// What is read otherwise than it is written.
    pub normalize: Option<Normalize>,
    /// Whether `[[ ]]` holds phonemes.
    pub raw_phonemes: Option<bool>,
}

/// Why a text is not read. Holds nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextReadError {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Ssml(#[from] SsmlError),
    #[error(transparent)]
    Lexicon(#[from] LexiconError),
    #[error("there is no lexicon of that name")]
    UnknownLexicon,
}

/// What lexicons and markup may make of a text, in its limits.
const GROWTH: usize = 4;

/// What a text may grow to when it is read, in its limits: an emoji has a name of twenty letters.
const READ_GROWTH: usize = 32;

/// Markup takes this much more room than what is said.
const MARKUP: usize = 8;

// === impl TextReader ===

impl TextReader {
    /// `always` are names of lexicons, and one that is not there is given back.
    pub fn new(max_chars: usize, lexicons: Lexicons, always: Vec<String>) -> Result<Self, String> {
        match always.iter().find(|name| lexicons.get(name).is_none()) {
            Some(unknown) => Err(unknown.clone()),
            None => Ok(Self { max_chars, lexicons, always: always.into(), defaults: ReadingDefaults::default() }),
        }
    }

    pub fn with_defaults(self, defaults: ReadingDefaults) -> Self {
        Self { defaults, ..self }
    }

    /// A plain text in the operator's pronunciation.
    pub fn plain(&self, text: &str) -> Result<Script, TextReadError> {
        self.read(text, TextType::Plain, Pronunciation::default())
    }

    pub fn read(&self, text: &str, kind: TextType, pronunciation: Pronunciation<'_>) -> Result<Script, TextReadError> {
        let mut script = match kind {
            TextType::Plain | TextType::Markdown => {
                let script = Script::plain(InputText::parse(text, self.max_chars)?);
                match self.defaults.paragraph_silence_ms {
                    0 => script,
                    pause_ms => reading::in_paragraphs(script, pause_ms),
                }
            }
            TextType::Ssml => {
                let script = ssml::parse(InputText::parse(text, self.max_chars.saturating_mul(MARKUP))?)?;
                self.bounded(script, 1)?
            }
        };
        if !pronunciation.raw_phonemes.unwrap_or(self.defaults.raw_phonemes) {
            script = reading::without_raw_phonemes(script);
        }
        if let Some(own) = pronunciation.own {
            script = Lexicon::new(own)?.apply(script);
        }
        // Named again it would find nothing more, and take as long: a request may hold tens of thousands of names.
        let mut applied = Vec::new();
        for name in pronunciation.lexicons.iter().chain(&*self.always) {
            if applied.contains(&name) {
                continue;
            }
            applied.push(name);
            script = self.lexicons.get(name).ok_or(TextReadError::UnknownLexicon)?.apply(script);
        }
        let reading = self.reading(kind, pronunciation.normalize);
        Ok(self.bounded(script, GROWTH)?.with_reading(reading))
    }

    fn reading(&self, kind: TextType, wanted: Option<Normalize>) -> Reading {
        let is_markdown = kind == TextType::Markdown;
        let classes = self.defaults.classes(wanted);
        // What is known to be Markdown is read as that.
        let classes = if is_markdown { classes.with(Class::Markup) } else { classes };
        Reading { classes, is_markdown, max_chars: self.max_chars.saturating_mul(READ_GROWTH) }
    }

    fn bounded(&self, script: Script, times: usize) -> Result<Script, TextReadError> {
        let limit = self.max_chars.saturating_mul(times);
        if script.is_plain() {
            return Ok(script);
        }
        match script.said_chars() {
            chars if chars > limit => Err(TextError::TooLong { chars, limit }.into()),
            _ => Ok(script),
        }
    }
}

// === impl TextType ===

impl TextType {
    pub const NAMES: &str = "plain, ssml or markdown";

    const ALL: [Self; 3] = [Self::Plain, Self::Ssml, Self::Markdown];

    /// Of one of [`TextType::NAMES`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|text_type| text_type.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Ssml => "ssml",
            Self::Markdown => "markdown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(max_chars: usize) -> TextReader {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("house.json"), r#"{"nginx": "engine x", "a": "b"}"#).unwrap();
        std::fs::write(folder.path().join("more.json"), r#"{"nginx": "nothing", "c": "d"}"#).unwrap();
        let lexicons = Lexicons::open(folder.path()).unwrap();
        TextReader::new(max_chars, lexicons, vec!["house".to_owned()]).unwrap()
    }

    fn said(script: &Script) -> Vec<&str> {
        script.passages().iter().map(|passage| passage.said.as_str()).collect()
    }

    #[test]
    fn what_a_request_says_goes_before_its_lexicons_and_those_before_the_operators() {
        let own = BTreeMap::from([("a".to_owned(), "own".to_owned())]);
        let more = ["more".to_owned()];
        let pronunciation = Pronunciation { own: Some(&own), lexicons: &more, ..Pronunciation::default() };

        let script = reader(100).read("nginx a c", TextType::Plain, pronunciation).unwrap();

        assert_eq!(said(&script), ["nothing own d"]);
        assert_eq!(said(&reader(100).plain("nginx a c").unwrap()), ["engine x b c"]);
    }

    #[test]
    fn lexicons_apply_to_what_markup_leaves_as_written() {
        let document = r#"<speak>a <sub alias="nginx">x</sub> a</speak>"#;

        let script = reader(100).read(document, TextType::Ssml, Pronunciation::default()).unwrap();

        assert_eq!(said(&script), ["b nginx b"]);
    }

    #[test]
    fn the_limit_is_for_what_is_said() {
        let read = |text: &str, kind| reader(10).read(text, kind, Pronunciation::default());

        assert!(read("<speak>12345<break/>67890</speak>", TextType::Ssml).is_ok());
        let long = read("<speak>12345<break/>678901</speak>", TextType::Ssml);
        assert_eq!(long.unwrap_err(), TextReadError::Text(TextError::TooLong { chars: 11, limit: 10 }));
        assert!(read("nginx nginx", TextType::Plain).is_err());
        let own = BTreeMap::from([("x".to_owned(), "yyyyyyyyyyyyyyyyyyyy".to_owned())]);
        let grown =
            reader(10).read("x x x", TextType::Plain, Pronunciation { own: Some(&own), ..Pronunciation::default() });
        assert!(matches!(grown, Err(TextReadError::Text(TextError::TooLong { .. }))));
    }

    #[test]
    fn names_that_are_not_there_are_refused() {
        let pronunciation = Pronunciation { lexicons: &["nobody".to_owned()], ..Pronunciation::default() };

        let refused = reader(100).read("a", TextType::Plain, pronunciation);

        assert_eq!(refused.unwrap_err(), TextReadError::UnknownLexicon);
        assert_eq!(TextReader::new(1, Lexicons::default(), vec!["x".into()]).unwrap_err(), "x");
    }
}
