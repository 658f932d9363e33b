//! SSML as callers write it, rightly and wrongly.

use super::*;
use crate::domain::Passage;
use crate::text::read_script;

fn script(document: &str) -> Result<Script, SsmlError> {
    parse(InputText::parse(document, 10_000).unwrap())
}

/// What is said in each passage, with its pause, and its factors where they are not 1.
fn said(document: &str) -> Vec<String> {
    let script = script(document).unwrap();
    let passages = script.passages().iter().map(|passage| {
        let Passage { said, voice, rate, volume, pause_before_ms, marks } = passage;
        let factors = format!(" x{rate} v{volume:.1}");
        let shown = [
            (*pause_before_ms > 0).then(|| format!("{pause_before_ms}> ")),
            Some(said.as_str().trim().to_owned()),
            (*voice > 0).then(|| format!(" @{voice}")),
            Some(factors).filter(|factors| factors != " x1 v1.0"),
        ];
        let marks = marks.iter().map(|(name, at)| format!(" #{name}={at}"));
        shown.into_iter().flatten().chain(marks).collect()
    });
    passages.collect()
}

fn problem(document: &str) -> (usize, usize, Problem) {
    let SsmlError { line, column, problem } = script(document).unwrap_err();
    (line, column, problem)
}

#[test]
fn text_is_said_as_it_stands_with_its_entities() {
    let namespaced = r#"<?xml version="1.0"?><!-- hi --><speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en">A</speak>"#;

    assert_eq!(said("<speak>Salt &amp; pepper, 2 &lt; 3, &#65;&#x42;</speak>"), ["Salt & pepper, 2 < 3, AB"]);
    assert_eq!(said("<speak>A <![CDATA[<b> & c]]></speak>"), ["A <b> & c"]);
    assert_eq!(said(namespaced), ["A"]);
}

#[test]
fn breaks_stand_between_passages_and_add_up() {
    assert_eq!(
        said(r#"<speak>A<break time="1s"/>B<break/><break strength="weak"/>C</speak>"#),
        ["A", "1000> B", "750> C"]
    );
    assert_eq!(said(r#"<speak><break time="200ms"/>A<break time="300ms"/></speak>"#), ["200> A", "300> "]);
    assert_eq!(said(r#"<speak>A<break strength="none"/>B</speak>"#), ["AB"]);
}

#[test]
fn paragraphs_and_sentences_are_passages() {
    assert_eq!(said("<speak><p><s>A</s><s>B</s></p><p>C</p> D</speak>"), ["A", "B", "500> C", "500> D"]);
}

#[test]
fn what_is_said_instead_keeps_its_place() {
    let document = r#"<speak>The <sub alias="World Wide Web">WWW</sub> by <phoneme alphabet="ipa" ph="tˈɪm">Tim</phoneme>.</speak>"#;

    let script = script(document).unwrap();

    let text = &script.passages()[0].said;
    assert_eq!(text.as_str(), "The World Wide Web by [[ tˈɪm ]].");
    let place = |said: &str| {
        let at = text.as_str().find(said).unwrap();
        &document[text.source_of(&(at..at + said.len()))]
    };
    assert_eq!([place("The"), place("Wide"), place("[[ tˈɪm ]]"), place(".")], ["The", "WWW", "Tim", "."]);
}

#[test]
fn what_is_spelled_is_spelled() {
    let read = |kind: &str, text: &str| {
        let document = format!(r#"<speak>a <say-as interpret-as="{kind}">{text}</say-as> b</speak>"#);
        let script = script(&document).unwrap();
        let places: Vec<&str> = script.passages()[0].said.parts().map(|part| &document[part.source]).collect();
        assert_eq!(places, ["a ", text, " b"]);
        let read = |language| {
            let read = read_script(&script, |_| language).unwrap();
            read.passages()[0].said.as_str().to_owned()
        };
        [read(None), read(Some("en-us")), read(Some("de"))]
    };

    assert_eq!(read("characters", "SSML"), ["a S, S, M, L,  b"; 3]);
    assert_eq!(read("digits", "40"), ["a 4 0  b"; 3]);
    assert_eq!(read("expletive", "damn &amp; co"), ["a  b"; 3]);
    assert_eq!(read("ordinal", "3"), ["a 3 b", "a third b", "a dritter b"]);
    assert_eq!(read("poem", "3"), ["a 3 b"; 3]);
}

#[test]
fn manners_nest_and_end() {
    assert_eq!(
        said(r#"<speak>A<prosody rate="50%">B<prosody volume="-6dB" rate="x-fast">C</prosody>D</prosody>E</speak>"#),
        ["A", "B x0.5 v1.0", "C v0.5".replace("C v0.5", "C x1 v0.5").as_str(), "D x0.5 v1.0", "E"]
    );
    assert_eq!(
        said(r#"<speak><voice name="a">A</voice><voice name="b#2">B<voice name="a">C</voice></voice>D</speak>"#),
        ["A @1", "B @2", "C @1", "D"]
    );
}

#[test]
fn marks_stand_where_they_were_set() {
    assert_eq!(
        said(r#"<speak>One <mark name="a"/>two<break time="1s"/><mark name="b"/>three<mark name="end"/></speak>"#),
        ["One two #a=4", "1000> three #b=0 #end=5"]
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        ("Hello", (1, 1, Problem::NotSpeak)),
        ("<speak>\n  <audio src='x'/></speak>", (2, 3, Problem::Element)),
        ("<speak>A</speak>B", (1, 17, Problem::NotSpeak)),
        ("<speak>A</speak><speak>B</speak>", (1, 17, Problem::NotSpeak)),
        ("<speak>é &foo;</speak>", (1, 10, Problem::Entity)),
        ("<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>", (1, 1, Problem::DocumentType)),
        ("<speak> </speak>", (1, 17, Problem::Nothing)),
        ("<speak><break/></speak>", (1, 24, Problem::Nothing)),
        ("<speak>A<sub>B</sub></speak>", (1, 9, Problem::Missing { element: "sub", attribute: "alias" })),
        ("<speak>A<break>B</break></speak>", (1, 16, Problem::Misplaced("text"))),
        ("<speak>A<speak>B</speak></speak>", (1, 9, Problem::Misplaced("speak"))),
        ("<speak><sub alias='a'><s>B</s></sub></speak>", (1, 23, Problem::Misplaced("an element"))),
        (
            "<speak><prosody pitch='high'>A</prosody></speak>",
            (1, 8, Problem::Attribute { element: "prosody", has: "rate and volume" }),
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(problem(document), expected, "{document}");
    }
    assert_eq!(
        problem("<speak>A<break time='soon'/></speak>").2.to_string(),
        "time must be seconds or milliseconds up to a minute, as 1.5s or 500ms"
    );
    assert_eq!(problem("<speak>A</p></speak>").2, Problem::Malformed);
    assert_eq!(problem("<speak>A").2, Problem::Malformed);
}

#[test]
fn what_could_grow_has_bounds() {
    let deep = format!("<speak>{}A{}</speak>", "<p>".repeat(40), "</p>".repeat(40));
    let voices = ["a", "b", "c", "d", "e"].map(|name| format!("<voice name='{name}'>A</voice>")).concat();
    let breaks = "<break time='60s'/>".repeat(11);

    assert_eq!(problem(&deep).2, Problem::TooDeep);
    assert_eq!(problem(&format!("<speak>{voices}</speak>")).2, Problem::TooManyVoices);
    assert_eq!(problem(&format!("<speak>A{breaks}B</speak>")).2, Problem::TooLong);
}

#[test]
fn errors_hold_nothing_of_the_text() {
    for document in [
        "<speak>SECRET</p></speak>",
        "<SECRET/>",
        "<speak><SECRET/></speak>",
        "<speak><break SECRET='SECRET'/></speak>",
        "<speak>&SECRET;</speak>",
        "<speak><prosody rate='SECRET'>A</prosody></speak>",
    ] {
        let error = script(document).unwrap_err();

        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
    }
}

#[test]
fn a_byte_order_mark_moves_nothing() {
    let document = "<speak>Salt &amp; <sub alias=\"pepper\">é</sub>, é</speak>";
    let marked = format!("\u{feff}{document}");

    assert_eq!(said(&marked), said(document));
    let script = script(&marked).unwrap();
    let said = &script.passages()[0].said;
    let last = said.as_str().char_indices().last().map(|(start, c)| start..start + c.len_utf8()).unwrap();
    assert_eq!(&script.source().as_str()[said.source_of(&last)], "é");
    for nothing in ["\u{feff}", "\u{feff}\u{b}", "\u{feff}\u{feff}", "\u{feff}é"] {
        assert_eq!(problem(nothing).2, Problem::NotSpeak, "{nothing:?}");
    }
}
