//! Phonemes and ids against those of Piper's own package (`tests/fixtures/make_phonemes.py`).

use futures_util::future::join_all;
use piper_phonemize::{Phonemizer, phoneme_ids};
use serde::Deserialize;

use crate::support::{espeak_settings, path, phonemizer, voice_config};

const LANGUAGES: [&str; 14] =
    ["ar", "cmn", "de", "en-us", "es", "fr", "hebrew", "hi", "it", "pinyin", "pl", "pt-br", "ru", "tr"];
const TEXTS: usize = 1_066;
const CALLERS: usize = 8;

/// How those texts begin of which piper says a part alone: of a long word what its buffer holds, and no digits in
/// circles. More is said here.
const CUT_SHORT_BY_PIPER: [&str; 3] = ["ababab", "supercalifragisu", "① ②"];

#[derive(Clone, Deserialize)]
struct Case {
    #[serde(skip)]
    language: &'static str,
    text: String,
    sentences: Vec<Expected>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Expected {
    phonemes: Vec<String>,
    ids: Vec<i64>,
}

fn cases() -> Vec<Case> {
    let read = |language: &'static str| {
        let lines = std::fs::read_to_string(path(&format!("tests/fixtures/phonemes/{language}.jsonl"))).unwrap();
        let parse = |line: &str| Case { language, ..serde_json::from_str(line).unwrap() };
        lines.lines().map(parse).collect::<Vec<_>>()
    };
    LANGUAGES.into_iter().flat_map(read).collect()
}

async fn sentences(phonemizer: &Phonemizer, case: &Case) -> Vec<Expected> {
    let config = voice_config(case.language);
    let sentences = phonemizer.sentences(&case.text, &config).await.unwrap();
    sentences
        .iter()
        .map(|sentence| Expected {
            phonemes: sentence.iter().map(ToString::to_string).collect(),
            ids: phoneme_ids(sentence, &config).ids,
        })
        .collect()
}

/// Each text whose sentences are not those expected, with both.
async fn differences(phonemizer: &Phonemizer, cases: &[Case]) -> Vec<String> {
    let mut differences = Vec::new();
    for case in cases {
        let got = sentences(phonemizer, case).await;
        let phonemes = |sentences: &[Expected]| sentences.iter().map(|one| one.phonemes.len()).sum::<usize>();
        let is_right = if CUT_SHORT_BY_PIPER.iter().any(|start| case.text.starts_with(start)) {
            phonemes(&got) > phonemes(&case.sentences)
        } else {
            got == case.sentences
        };
        if !is_right {
            differences.push(format!("{} {:?}\n  {:?}\n  {got:?}", case.language, case.text, case.sentences));
        }
    }
    differences
}

#[tokio::test]
async fn every_text_has_pipers_phonemes_and_ids() {
    let phonemizer = phonemizer(espeak_settings(1)).await;
    let cases = cases();

    let differences = differences(&phonemizer, &cases).await;

    assert_eq!(cases.len(), TEXTS);
    assert!(differences.is_empty(), "{} of {TEXTS} differ:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test]
async fn callers_at_the_same_time_get_what_one_alone_gets() {
    let phonemizer = phonemizer(espeak_settings(2)).await;
    let cases = cases();

    let callers = (0..CALLERS).map(|caller| {
        let (phonemizer, mut cases) = (phonemizer.clone(), cases.clone());
        // Each begins elsewhere, so that languages meet.
        cases.rotate_left(caller * TEXTS / CALLERS);
        tokio::spawn(async move { differences(&phonemizer, &cases).await })
    });
    let differences: Vec<String> = join_all(callers).await.into_iter().flat_map(Result::unwrap).collect();

    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}
