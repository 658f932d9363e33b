//! Owns reading a script in the languages of its voices: what people write becomes what is said, numbers and markup and
//! the like. What lexicons and SSML say already is left to them.

use std::ops::Range;

use text_normalization::{Class, Classes, Normalizer, Options, SayAs};

use crate::domain::{Edit, Origin, Passage, Reading, SaidText, Script, TextError};

/// What a request has read, over what the operator has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalize {
    /// All that the operator has not switched off, or nothing.
    All(bool),
    /// These classes other than by default.
    Classes { on: Classes, off: Classes },
}

/// What is read where a request says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingDefaults {
    pub normalize: bool,
    /// Those that `normalize` means.
    pub classes: Classes,
    /// Whether `[[ ]]` in a text holds phonemes.
    pub raw_phonemes: bool,
    /// The pause between paragraphs of a plain text; 0: none of its own.
    pub paragraph_silence_ms: u32,
}

impl Default for ReadingDefaults {
    fn default() -> Self {
        Self { normalize: true, classes: Classes::ALL, raw_phonemes: true, paragraph_silence_ms: 0 }
    }
}

// === impl ReadingDefaults ===

impl ReadingDefaults {
    pub fn classes(&self, wanted: Option<Normalize>) -> Classes {
        let usual = if self.normalize { self.classes } else { Classes::NONE };
        match wanted {
            None => usual,
            Some(Normalize::All(true)) => self.classes,
            Some(Normalize::All(false)) => Classes::NONE,
            Some(Normalize::Classes { on, off }) => {
                let switched = Class::ALL.into_iter().filter(|class| !off.contains(*class));
                let switched = switched.filter(|class| on.contains(*class) || usual.contains(*class));
                switched.fold(Classes::NONE, Classes::with)
            }
        }
    }
}

// === reading ===

/// The script as it is said; `language` is that of a passage's voice, by its number. Takes time: not for an async
/// thread.
pub fn read_script<'a>(script: &Script, language: impl Fn(usize) -> Option<&'a str>) -> Result<Script, TextError> {
    if !script.is_to_be_read() {
        return Ok(script.clone());
    }
    let reading = script.reading();
    let find = |passage: &Passage| {
        let normalizer = language(passage.voice).and_then(Normalizer::for_language);
        edits(&passage.said, normalizer.as_ref(), reading)
    };
    let read = script.clone().reworded(find).with_reading(Reading::NONE);
    match read.said_chars() {
        chars if chars > reading.max_chars => Err(TextError::TooLong { chars, limit: reading.max_chars }),
        _ => Ok(read),
    }
}

fn edits(said: &SaidText, normalizer: Option<&Normalizer>, reading: Reading) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut claimed: Vec<Range<usize>> = Vec::new();
    for part in said.parts() {
        if let Origin::As(how) = part.origin {
            let said = say_as(part.said, *how, normalizer);
            edits.extend(said.map(|said| Edit { place: part.place.clone(), said, class: None }));
        }
        if !matches!(part.origin, Origin::Verbatim | Origin::Decoded) {
            claimed.push(part.place);
        }
    }
    let Some(normalizer) = normalizer.filter(|_| !reading.classes.is_empty()) else { return edits };
    let options = Options { classes: reading.classes, is_markdown: reading.is_markdown, claimed: &claimed };
    let rewrites = normalizer.rewrites_with(said.as_str(), &options).into_iter();
    edits.extend(rewrites.map(|rewrite| Edit {
        place: rewrite.written,
        said: rewrite.said,
        class: Some(rewrite.class),
    }));
    in_order(edits)
}

/// `None`: as it is written.
fn say_as(text: &str, how: SayAs, normalizer: Option<&Normalizer>) -> Option<String> {
    match normalizer {
        Some(normalizer) => Some(normalizer.say_as(text, how)),
        None => how.say_in_any(text),
    }
}

/// Sorted; what stands within another is left to that.
fn in_order(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.place.start, edit.place.end));
    let mut reached = 0;
    edits.retain(|edit| {
        let is_apart = reached <= edit.place.start;
        reached = reached.max(edit.place.end);
        is_apart
    });
    edits
}

/// A part of a text, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadToken {
    pub written: String,
    /// Empty: it is not said.
    pub said: String,
    /// Of what was read, or that nothing was.
    pub class: &'static str,
    /// Its place in what the caller wrote, in characters.
    pub start_char: usize,
    pub end_char: usize,
}

/// What is said of each word and each reading of a script.
pub fn tokens(script: &Script) -> Vec<ReadToken> {
    let source = script.source().as_str();
    let mut tokens = Vec::new();
    // Places rise, so that each is counted from the last.
    let mut reached = (0, 0);
    let mut chars = |byte: usize| {
        let (from, count) = reached;
        reached = (byte.max(from), count + source.get(from..byte).map_or(0, |text| text.chars().count()));
        reached.1
    };
    for part in script.passages().iter().flat_map(|passage| passage.said.parts()) {
        let mut token = |place: Range<usize>, said: &str, class| ReadToken {
            start_char: chars(place.start),
            end_char: chars(place.end),
            written: source.get(place).unwrap_or_default().to_owned(),
            said: said.to_owned(),
            class,
        };
        match part.origin {
            Origin::Verbatim => tokens.extend(part.said.split_whitespace().map(|word| {
                let start = part.source.start + (word.as_ptr().addr() - part.said.as_ptr().addr());
                token(start..start + word.len(), word, PLAIN)
            })),
            Origin::Decoded => tokens.push(token(part.source, part.said, PLAIN)),
            Origin::Instead | Origin::As(_) => tokens.push(token(part.source, part.said, GIVEN)),
            Origin::Read { class, .. } => tokens.push(token(part.source, part.said, class.name())),
        }
    }
    tokens
}

/// The classes of tokens that nothing was read in, and that a lexicon or SSML has said.
const PLAIN: &str = "plain";
const GIVEN: &str = "given";

/// Has brackets that would hold phonemes be brackets.
pub fn without_raw_phonemes(script: Script) -> Script {
    if !script.source().as_str().contains("[[") {
        return script;
    }
    script.reworded(|passage| {
        let blocks = passage
            .said
            .verbatim_parts()
            .flat_map(|(start, text)| text.match_indices("[[").map(move |(at, _)| start + at..start + at + 2));
        blocks.map(|place| Edit { place, said: "[ [".to_owned(), class: Some(Class::Symbol) }).collect()
    })
}

/// A plain text with a passage for each paragraph, and pauses between.
pub fn in_paragraphs(script: Script, pause_ms: u32) -> Script {
    let source = script.source().clone();
    let mut passages: Vec<Passage> = Vec::new();
    for place in paragraphs(source.as_str()) {
        let mut said = SaidText::default();
        said.push_verbatim(&source.as_str()[place.clone()], place.start);
        let pause_before_ms = if passages.is_empty() { 0 } else { pause_ms };
        passages.push(Passage { pause_before_ms, ..Passage::of(said) });
    }
    if passages.len() < 2 { script } else { Script::new(source, passages, Vec::new()) }
}

/// Where blank lines part a text, but for those in a fence of code.
fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut paragraphs: Vec<Range<usize>> = Vec::new();
    let (mut is_open, mut is_in_code) = (false, false);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let place = at..at + line.len();
        at = place.end;
        let content = line.trim();
        if content.is_empty() && !is_in_code {
            is_open = false;
            continue;
        }
        is_in_code ^= content.starts_with("```") || content.starts_with("~~~");
        match paragraphs.last_mut().filter(|_| is_open) {
            Some(last) => last.end = place.end,
            None => paragraphs.push(place),
        }
        is_open = true;
    }
    paragraphs
}

#[cfg(test)]
mod tests;
