//! Hostile texts through the phonemizer: each ends in phonemes or in an error that blames the text, and harms no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use piper_acoustic::VoiceConfig;
use piper_phonemize::{EspeakError, PhonemizeError, Phonemizer};

use crate::hostile_texts::{Random, bombs, hostile_text};
use crate::support::{espeak_settings, phonemizer, voice_config};

/// More can be sent by hand: `TTS_TEST_HOSTILE_TEXTS=50000 cargo test --release --test engine every_hostile --
/// --nocapture`.
const TEXTS: usize = 2_000;
const COUNT_VARIABLE: &str = "TTS_TEST_HOSTILE_TEXTS";
const SEED: u64 = 7;
const SENDERS: usize = 4;
/// Languages whose rules differ: suffixes, compounds, elision, Cyrillic, Devanagari, Chinese.
const LANGUAGES: [&str; 6] = ["en-us", "de", "fr", "ru", "hi", "cmn"];
const NORMAL: &str = "The kettle is on.";

struct Hostile {
    config: Arc<VoiceConfig>,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Spoken,
    /// It has letters that have no sound.
    Silent,
    Crashed,
    TimedOut,
    /// An error that does not blame the text.
    Wrong,
}

/// The known shapes in each language, then generated ones with the languages in turn.
fn texts() -> Vec<Hostile> {
    let count = std::env::var(COUNT_VARIABLE).map_or(TEXTS, |count| count.parse().unwrap());
    let configs = LANGUAGES.map(|language| Arc::new(voice_config(language)));
    let mut random = Random::new(SEED);
    let known = bombs().into_iter().flat_map(|text| vec![text; LANGUAGES.len()]);
    let generated = std::iter::repeat_with(|| hostile_text(&mut random));
    let in_turn = configs.into_iter().cycle();
    known.chain(generated).zip(in_turn).map(|(text, config)| Hostile { config, text }).take(count).collect()
}

async fn outcome(phonemizer: &Phonemizer, hostile: &Hostile) -> Outcome {
    match phonemizer.sentences(&hostile.text, &hostile.config).await {
        Ok(_) => Outcome::Spoken,
        Err(PhonemizeError::Silent { .. }) => Outcome::Silent,
        Err(PhonemizeError::Espeak(EspeakError::Crashed)) => Outcome::Crashed,
        Err(PhonemizeError::Espeak(EspeakError::TimedOut(_))) => Outcome::TimedOut,
        Err(_) => Outcome::Wrong,
    }
}

async fn phonemes(phonemizer: &Phonemizer, text: &str) -> String {
    phonemizer.sentences(text, &voice_config("en-us")).await.unwrap().concat().concat()
}

/// Peak of the resident set of this process, as the system says it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_hostile_text_ends_and_harms_no_other() {
    let phonemizer = phonemizer(espeak_settings(2)).await;
    let texts = Arc::new(texts());
    let normal = phonemes(&phonemizer, NORMAL).await;

    let senders = (0..SENDERS).map(|sender| {
        let (phonemizer, texts) = (phonemizer.clone(), texts.clone());
        tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for index in (sender..texts.len()).step_by(SENDERS) {
                outcomes.push((outcome(&phonemizer, &texts[index]).await, index));
            }
            outcomes
        })
    });
    let outcomes: Vec<_> = join_all(senders).await.into_iter().flat_map(Result::unwrap).collect();

    let mut counts = BTreeMap::new();
    for &(outcome, index) in &outcomes {
        *counts.entry(outcome).or_insert(0) += 1;
        if !matches!(outcome, Outcome::Spoken | Outcome::Silent) {
            println!("{outcome:?} {} {:?}", texts[index].config.espeak_voice, texts[index].text);
        }
    }
    println!("{counts:?}, {}", peak_memory());
    assert_eq!(outcomes.len(), texts.len());
    assert!(!counts.contains_key(&Outcome::Wrong), "{counts:?}");
    // What is known to crash is disarmed: hardly anything else does.
    let (spoken, silent) = (counts[&Outcome::Spoken], counts.get(&Outcome::Silent).copied().unwrap_or(0));
    assert!(spoken + silent > texts.len() * 99 / 100, "{counts:?}");
    // One generator of many picks letters from all of Unicode.
    assert!(silent < texts.len() / 10, "{counts:?}");
    assert_eq!(phonemes(&phonemizer, NORMAL).await, normal);
}

#[tokio::test]
async fn shapes_that_crash_the_library_are_spoken() {
    let phonemizer = phonemizer(espeak_settings(1)).await;

    for (unit, times) in [("x.", 98), ("U.S.A.", 40), ("s'", 100), ("ness", 100), ("a. ", 98), ("é.", 98)] {
        let phonemes = phonemes(&phonemizer, &unit.repeat(times)).await;

        assert!(phonemes.chars().count() >= times, "{unit} {times} times: {phonemes}");
    }
}
