//! Owns reading a script in the languages of its voices: what people write becomes what is said, numbers and markup and the like. What lexicons
//! and SSML say already is left to them.

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

/// The script as it is said; `language` is that of a passage's voice, by its number. Takes time: not for an async thread.
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
pub struct Token {
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
pub fn tokens(script: &Script) -> Vec<Token> {
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
        let mut token = |place: Range<usize>, said: &str, class| Token {
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
mod tests {
    use super::*;
    use crate::domain::InputText;

    fn script(text: &str) -> Script {
        Script::plain(InputText::parse(text, 10_000).unwrap())
    }

    fn all(max_chars: usize) -> Reading {
        Reading { classes: Classes::ALL, is_markdown: false, max_chars }
    }

    fn said(script: &Script) -> Vec<&str> {
        script.passages().iter().map(|passage| passage.said.as_str()).collect()
    }

    fn english(script: &Script) -> Script {
        read_script(script, |_| Some("en-us")).unwrap()
    }

    #[test]
    fn a_text_is_said_in_the_language_of_its_voice() {
        let script = script("It is 5 km.").with_reading(all(100));

        assert_eq!(said(&english(&script)), ["It is 5 kilometers."]);
        assert_eq!(said(&read_script(&script, |_| Some("de")).unwrap()), ["It is 5 Kilometer."]);
        assert_eq!(said(&read_script(&script, |_| Some("xx")).unwrap()), ["It is 5 km."]);
        assert_eq!(said(&read_script(&script, |_| None).unwrap()), ["It is 5 km."]);
        assert!(!english(&script).is_to_be_read());
    }

    #[test]
    fn tokens_tell_what_is_said_where() {
        let script = script("Süß: $5, **or** 3 kg\nto you").with_reading(all(200));

        let tokens = tokens(&english(&script));

        let shown: Vec<(&str, &str, &str, usize, usize)> = tokens
            .iter()
            .map(|token| (&*token.written, &*token.said, token.class, token.start_char, token.end_char))
            .collect();
        assert_eq!(
            shown,
            [
                ("Süß:", "Süß:", "plain", 0, 4),
                ("$5", "5 dollars", "money", 5, 7),
                (",", ",", "plain", 7, 8),
                ("**", "", "markup", 9, 11),
                ("or", "or", "plain", 11, 13),
                ("**", "", "markup", 13, 15),
                ("3 kg", "3 kilograms", "measure", 16, 20),
                ("to", "to", "plain", 21, 23),
                ("you", "you", "plain", 24, 27),
            ]
        );
    }

    /// Notation of each kind, and what a reader sees of it.
    const MIXED: [(&str, &str); 25] = [
        ("$5.20", "$5.20"),
        ("Dr. Süß", "Dr. Süß"),
        ("3/4/2021", "3/4/2021"),
        ("Jan. 5, 2024", "Jan. 5, 2024"),
        ("4:08 p.m.", "4:08 p.m."),
        ("**bold**", "bold"),
        ("[a link](https://example.com)", "a link"),
        ("`code`", "code"),
        ("1/2 cup", "1/2 cup"),
        ("10 km/h", "10 km/h"),
        ("Louis XIV", "Louis XIV"),
        ("J. R. R. Tolkien", "J. R. R. Tolkien"),
        ("R&D", "R&D"),
        ("12.5%", "12.5%"),
        ("5-10 people", "5-10 people"),
        ("303-555-0167", "303-555-0167"),
        ("jo@test.net", "jo@test.net"),
        ("the 1970s", "the 1970s"),
        ("x < 5", "x < 5"),
        ("[[ tˈɪm ]]", "[[ tˈɪm ]]"),
        ("nothing special", "nothing special"),
        ("-5 °C", "-5 °C"),
        ("1,250", "1,250"),
        ("version 2.10.3", "version 2.10.3"),
        ("5 kg", "5 kg"),
    ];

    #[test]
    fn two_hundred_texts_are_shown_as_they_were_written() {
        let mut checked = 0;
        for (at, (first, shown_first)) in MIXED.iter().enumerate() {
            for step in 1..=8 {
                let (second, shown_second) = MIXED[(at + 3 * step) % MIXED.len()];
                let text = format!("Then {first} came, and {second} went. It is so.");
                let script = script(&text).with_reading(all(10_000));

                let read = english(&script);

                let said = &read.passages()[0].said;
                let shown = said.shown(&(0..said.as_str().len()), &text);
                assert_eq!(shown, format!("Then {shown_first} came, and {shown_second} went. It is so."));
                let mut reached = 0;
                for part in said.parts() {
                    assert_eq!(part.source.start, reached, "{text}");
                    reached = part.source.end;
                }
                assert_eq!(reached, text.len(), "{text}");
                for word in ["Then", "came", "went", "so"] {
                    let at = said.as_str().rfind(word).unwrap();
                    assert_eq!(&text[said.source_of(&(at..at + word.len()))], word);
                }
                checked += 1;
            }
        }
        assert_eq!(checked, 200);
    }

    /// The page of this name says how each class is read.
    #[test]
    fn the_page_about_reading_tells_the_truth() {
        let page = include_str!("../../docs/reading.md");
        let mut classes = Classes::NONE;
        for row in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let [class, written, said] = cells[..] else { continue };
            let Some(class) = Class::parse(class) else { continue };
            let script = script(written).with_reading(all(1_000));
            let read = english(&script);
            assert_eq!(read.said(), said, "{written}");
            assert!(tokens(&read).iter().any(|token| token.class == class.name()), "{written}: {:?}", tokens(&read));
            classes = classes.with(class);
        }
        assert_eq!(classes, Classes::ALL);
    }

    #[test]
    fn what_lexicons_say_is_not_touched() {
        let lexicon = |_: &Passage| vec![Edit { place: 6..8, said: "kg".to_owned(), class: None }];
        let script = script("It is 5 kg or 5 kg.").reworded(lexicon).with_reading(all(100));

        assert_eq!(said(&english(&script)), ["It is kgkg or 5 kilograms."]);
    }

    #[test]
    fn what_it_may_grow_to_is_bounded() {
        let script = script("$5").with_reading(all(8));

        assert_eq!(read_script(&script, |_| Some("en")).unwrap_err(), TextError::TooLong { chars: 9, limit: 8 });
    }

    #[test]
    fn a_request_goes_before_the_operator() {
        let usual = ReadingDefaults { classes: Classes::ALL.without(Class::Roman), ..ReadingDefaults::default() };
        let off = ReadingDefaults { normalize: false, ..usual };
        let (money, roman) = (Classes::NONE.with(Class::Money), Classes::NONE.with(Class::Roman));

        assert_eq!([None, Some(Normalize::All(true))].map(|wanted| usual.classes(wanted)), [usual.classes; 2]);
        assert_eq!(off.classes(None), Classes::NONE);
        assert_eq!(off.classes(Some(Normalize::All(true))), usual.classes);
        assert_eq!(usual.classes(Some(Normalize::All(false))), Classes::NONE);
        assert_eq!(off.classes(Some(Normalize::Classes { on: money, off: Classes::NONE })), money);
        let switched = usual.classes(Some(Normalize::Classes { on: roman, off: money }));
        assert_eq!(switched, Classes::ALL.without(Class::Money));
    }

    #[test]
    fn brackets_are_brackets_where_nobody_writes_phonemes() {
        let without = without_raw_phonemes(script("a[[0]] and [[Berlin]]"));

        assert!(!said(&without)[0].contains("[["));
        let (passage, source) = (&without.passages()[0].said, without.source().as_str());
        assert_eq!(passage.shown(&(0..passage.as_str().len()), source), source);
    }

    #[test]
    fn paragraphs_are_parted_by_blank_lines_outside_of_code() {
        let text = "One\ntwo\n\n \nThree\n\n```\na\n\nb\n```\n\nFour";

        let parted = in_paragraphs(script(text), 700);

        assert_eq!(said(&parted), ["One\ntwo\n", "Three\n", "```\na\n\nb\n```\n", "Four"]);
        let pauses: Vec<u32> = parted.passages().iter().map(|passage| passage.pause_before_ms).collect();
        assert_eq!(pauses, [0, 700, 700, 700]);
        assert!(in_paragraphs(script("One\ntwo\n\n"), 700).is_plain());
    }
}
