//! What holds of every text.

// Helpers stand outside of test functions, where the exemption of tests does not reach; a list of one claimed range is meant.
#![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)]

use proptest::prelude::*;
use text_normalization::{Class, Classes, Normalizer, Options};

fn normalizers() -> Vec<(&'static str, Normalizer)> {
    Normalizer::languages().filter_map(|tag| Some((tag, Normalizer::for_language(tag)?))).collect()
}

/// Parts of texts that something is to be said of, in any order.
fn notation() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[0-9]{1,5}",
        "[0-9]{1,3}[.,:/-][0-9]{1,4}",
        "[A-Z]{1,4}\\.?",
        "[a-zéüß]{1,6}",
        Just("$".to_owned()),
        Just("€ ".to_owned()),
        Just("%".to_owned()),
        Just("**".to_owned()),
        Just("[[".to_owned()),
        Just("]]".to_owned()),
        Just("\n- ".to_owned()),
        Just("\n# ".to_owned()),
        Just("| ".to_owned()),
        Just("&amp;".to_owned()),
        Just("<b>".to_owned()),
        Just("https://a.com/".to_owned()),
        Just("1/2".to_owned()),
        Just("Jan. ".to_owned()),
        Just("½".to_owned()),
        Just("😂".to_owned()),
        Just("年".to_owned()),
        Just("१२".to_owned()),
        Just(" ".to_owned()),
        Just("\u{a0}".to_owned()),
        "[-–−+*/=<>~#@_'\"().!?…]",
    ];
    proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

fn holds(text: &str) {
    for (tag, normalizer) in normalizers() {
        let rewrites = normalizer.rewrites(text);
        let mut reached = 0;
        for rewrite in &rewrites {
            assert!(rewrite.written.start >= reached && rewrite.written.end <= text.len(), "{tag}: {rewrite:?}");
            assert!(text.get(rewrite.written.clone()).is_some(), "{tag}: {rewrite:?} cuts a character");
            reached = rewrite.written.end;
        }
        // What is added grows with what is written: a large number has at most some words for each digit.
        let said = normalizer.say(text);
        assert!(said.len() <= 64 * text.len() + 64, "{tag}: {} bytes of {}", said.len(), text.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn places_rise_and_stay_in_the_text(text in "\\PC{0,60}") {
        holds(&text);
    }

    #[test]
    fn places_rise_in_dense_notation_too(text in notation()) {
        holds(&text);
    }
}

/// Prose stays as it is, to the last character.
#[test]
fn prose_is_untouched() {
    let prose = [
        ("en", "The old man and the sea is my favorite. She said no. Then she sat down, and I am well; may I come in?"),
        ("de", "Der Mai war schön. Wir gingen am Abend durch den Park, und niemand sprach ein Wort."),
        ("fr", "C'est l'été. On dort dehors, sous les étoiles; personne ne parle."),
        ("es", "Me gusta el mar en mayo. ¿Vienes conmigo? No, gracias."),
        ("it", "Lui vive qui. Lei no. Che cosa vuoi fare domani?"),
        ("pt", "Ele mora aqui. Ela não. O que você quer fazer amanhã?"),
        ("nl", "Hij woont hier. Zij niet. Wat wil je morgen doen?"),
        ("pl", "On mieszka tutaj. Ona nie. Co chcesz robić jutro?"),
        ("ru", "Я люблю море в мае. Он живёт здесь, а она нет."),
    ];
    for (tag, text) in prose {
        let normalizer = Normalizer::for_language(tag).unwrap();

        assert_eq!(normalizer.rewrites(text), [], "{tag}");
    }
}

/// Words that `options` leave stand for themselves.
fn said(text: &str, options: &Options<'_>) -> String {
    let normalizer = Normalizer::for_language("en").unwrap();
    let mut said = text.to_owned();
    for rewrite in normalizer.rewrites_with(text, options).into_iter().rev() {
        said.replace_range(rewrite.written, &rewrite.said);
    }
    said
}

#[test]
fn classes_are_switched_one_by_one() {
    let text = "Dr. Smith paid **$5.20**.";
    let with = |classes| said(text, &Options { classes, ..Options::default() });

    assert_eq!(with(Classes::ALL), "Doctor Smith paid 5 dollars and 20 cents.");
    assert_eq!(with(Classes::NONE), text);
    assert_eq!(with(Classes::NONE.with(Class::Abbreviation)), "Doctor Smith paid **$5.20**.");
    assert!(!with(Classes::ALL.without(Class::Money)).contains("5 dollars"));
    assert!(with(Classes::ALL.without(Class::Markup)).contains("**"));
    for class in Class::ALL {
        assert_eq!(Class::parse(class.name()), Some(class));
    }
}

#[test]
fn nothing_is_read_across_what_is_claimed() {
    let claiming = |text, claimed: &[std::ops::Range<usize>]| said(text, &Options { claimed, ..Options::default() });

    assert_eq!(claiming("5 kg", &[]), "5 kilograms");
    assert_eq!(claiming("5 kg", &[2..4]), "5 kg");
    assert_eq!(claiming("$5 for Dr. Smith", &[0..1]), "$5 for Doctor Smith");
    // What stands behind it does not begin a line.
    assert_eq!(claiming("nginx - milk", &[0..5]), "nginx - milk");
}

#[test]
fn lines_of_markdown_go_on() {
    let text = "One thing\nThen another\n\n- an item";
    let with = |is_markdown| said(text, &Options { is_markdown, ..Options::default() });

    assert_eq!(with(false), "One thing.\nThen another\n\nan item.");
    assert_eq!(with(true), "One thing\nThen another\n\nan item.");
}
