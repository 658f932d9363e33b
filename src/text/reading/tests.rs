//! Scripts as they are read, and that the page about reading tells the truth.

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
    let page = include_str!("../../../docs/reading.md");
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
