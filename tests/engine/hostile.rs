//! Hostile texts through the phonemizer: each ends in phonemes or in an error that blames the text, and harms no other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tts_batch_api::engine::{EspeakError, PhonemizeError, Phonemizer};

use crate::hostile_texts::{Random, bombs, hostile_text};
use crate::support::{espeak_settings, phonemizer, voice_config};

/// More can be sent by hand: `TTS_TEST_HOSTILE_TEXTS=50000 cargo test --release --test engine hostile -- --nocapture`.
const TEXTS: usize = 2_000;
const COUNT_VARIABLE: &str = "TTS_TEST_HOSTILE_TEXTS";
const SEED: u64 = 7;
const SENDERS: usize = 4;
const NORMAL: &str = "The kettle is on.";

#[derive(Default)]
struct Outcomes {
    counts: BTreeMap<&'static str, usize>,
    /// Texts that broke a child, for the report.
    breaking: Vec<String>,
    /// What should not be.
    wrong: Vec<String>,
}

// === impl Outcomes ===

impl Outcomes {
    fn add(&mut self, text: &str, outcome: &Result<Vec<Vec<Box<str>>>, PhonemizeError>) {
        let name = match outcome {
            Ok(_) => "spoken",
            Err(PhonemizeError::Espeak(EspeakError::Crashed)) => "crashed",
            Err(PhonemizeError::Espeak(EspeakError::TimedOut(_))) => "timed out",
            Err(_) => "wrong",
        };
        *self.counts.entry(name).or_default() += 1;
        match (name, outcome) {
            ("spoken", _) => {}
            ("wrong", Err(error)) => self.wrong.push(format!("{error}: {text:?}")),
            _ => self.breaking.push(format!("{name}: {text:?}")),
        }
    }
}

fn texts() -> Vec<String> {
    let count = std::env::var(COUNT_VARIABLE).map_or(TEXTS, |count| count.parse().unwrap());
    let mut random = Random::new(SEED);
    let mut texts = bombs();
    texts.truncate(count);
    while texts.len() < count {
        texts.push(hostile_text(&mut random));
    }
    texts
}

async fn phonemes(phonemizer: &Phonemizer, text: &str) -> Option<String> {
    let sentences = phonemizer.sentences(text, &voice_config("en-us")).await.ok()?;
    Some(sentences.concat().concat())
}

/// Peak of the resident set of this process, as the system says it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_hostile_text_ends_and_harms_no_other() {
    let phonemizer = phonemizer(espeak_settings(2)).await;
    let config = Arc::new(voice_config("en-us"));
    let texts = texts();
    let count = texts.len();
    let normal = phonemes(&phonemizer, NORMAL).await.unwrap();

    let queue = Arc::new(Mutex::new(texts.into_iter()));
    let outcomes = Arc::new(Mutex::new(Outcomes::default()));
    let senders = (0..SENDERS).map(|_| {
        let (phonemizer, config) = (phonemizer.clone(), config.clone());
        let (queue, outcomes) = (queue.clone(), outcomes.clone());
        tokio::spawn(async move {
            loop {
                let next = queue.lock().unwrap().next();
                let Some(text) = next else { return };
                let outcome = phonemizer.sentences(&text, &config).await;
                outcomes.lock().unwrap().add(&text, &outcome);
            }
        })
    });
    for sender in join_all(senders).await {
        sender.unwrap();
    }

    let outcomes = outcomes.lock().unwrap();
    println!("{:?}, {}", outcomes.counts, peak_memory());
    println!("{}", outcomes.breaking.join("\n"));
    assert!(outcomes.wrong.is_empty(), "{}", outcomes.wrong.join("\n"));
    assert_eq!(outcomes.counts.values().sum::<usize>(), count);
    assert_eq!(phonemes(&phonemizer, NORMAL).await, Some(normal));
}

#[tokio::test]
async fn shapes_that_crash_the_library_are_spoken() {
    let phonemizer = phonemizer(espeak_settings(1)).await;

    for (unit, times) in [("x.", 98), ("U.S.A.", 40), ("s'", 100), ("ness", 100), ("a. ", 98), ("é.", 98)] {
        let phonemes = phonemes(&phonemizer, &unit.repeat(times)).await;

        assert!(phonemes.is_some_and(|phonemes| phonemes.chars().count() >= times), "{unit} {times} times");
    }
}
