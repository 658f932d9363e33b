//! Texts that overrun espeak-ng's buffers are said whole, or refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use piper_acoustic::VoiceConfig;
use piper_phonemize::{EspeakError, EspeakPool, PhonemizeError, Phonemizer};

use crate::hostile_texts::Random;
use crate::support::{espeak_settings, native_parts, onnxruntime, voice_config};
use crate::whole_texts::long_text;

/// All of them: `TTS_TEST_LONG_TEXTS=10000 cargo test --test engine what_is_said_grows -- --nocapture`.
const TEXTS: usize = 60;
const COUNT_VARIABLE: &str = "TTS_TEST_LONG_TEXTS";
const SEED: u64 = 11;
const SENDERS: usize = 4;
const LANGUAGES: [&str; 6] = ["en-us", "de", "ru", "hi", "cmn", "tr"];

/// What espeak-ng says at once never overruns it, if it is as short as this.
const SHORT: usize = 8;

/// How much a text must say of what its parts say one by one. They may say more: of a long word each is spelled, and of
/// a number of eight digits the place of each is said.
const LEAST: f64 = 0.4;

#[derive(Clone)]
struct Engine {
    espeak: EspeakPool,
    phonemizer: Phonemizer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Whole,
    Refused,
    /// It took espeak-ng too long: many changes of script, for each of which it reads a dictionary.
    Slow,
    Lost,
}

async fn engine(processes: usize) -> Engine {
    let espeak = EspeakPool::start(espeak_settings(processes)).await.unwrap();
    Engine { phonemizer: Phonemizer::new(espeak.clone(), onnxruntime(), native_parts().languages), espeak }
}

fn sounds<S: AsRef<str>>(phonemes: impl IntoIterator<Item = S>) -> usize {
    let is_sound = |c: &char| c.is_alphabetic() && !('\u{2b0}'..='\u{36f}').contains(c);
    phonemes.into_iter().map(|phoneme| phoneme.as_ref().chars().filter(is_sound).count()).sum()
}

// === impl Engine ===

impl Engine {
    async fn said(&self, text: &str, config: &VoiceConfig) -> Result<usize, PhonemizeError> {
        let sentences = self.phonemizer.sentences(text, config).await?;
        Ok(sounds(sentences.concat()))
    }

    /// What espeak-ng says of a text when it is left alone with it.
    async fn at_once(&self, text: String, config: &VoiceConfig) -> Result<usize, EspeakError> {
        let clauses = self.espeak.clauses(&config.espeak_voice, text).await?;
        let flags = |phonemes: &str| phonemes.matches('(').count() * 4;
        Ok(clauses.iter().map(|clause| sounds([&clause.phonemes]).saturating_sub(flags(&clause.phonemes))).sum())
    }

    /// What the parts of a text say one by one: digits each alone, and otherwise words of a few letters.
    async fn in_parts(&self, text: &str, config: &VoiceConfig) -> Result<usize, EspeakError> {
        let mut parts = String::new();
        let mut length = 0;
        let mut last = ' ';
        for c in text.chars() {
            let joins = matches!(c, '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') || last == '\u{200d}';
            if !joins && (length >= SHORT || c.is_numeric() || last.is_numeric()) {
                parts.push_str("\n\n");
                length = 0;
            }
            parts.push(c);
            length += usize::from(!c.is_whitespace());
            last = c;
        }
        self.at_once(parts, config).await
    }

    async fn outcome(&self, text: &str, config: &VoiceConfig) -> Outcome {
        match self.said(text, config).await {
            Ok(said) => match self.in_parts(text, config).await {
                Ok(parts) if said as f64 >= LEAST * parts as f64 => Outcome::Whole,
                Ok(_) => Outcome::Lost,
                Err(EspeakError::TimedOut(_)) => Outcome::Slow,
                Err(error) => panic!("{error}"),
            },
            Err(PhonemizeError::Espeak(EspeakError::TimedOut(_))) => Outcome::Slow,
            Err(PhonemizeError::Silent { .. } | PhonemizeError::TooDense) => Outcome::Refused,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_grows_with_what_is_written() {
    let engine = engine(2).await;
    let count = std::env::var(COUNT_VARIABLE).map_or(TEXTS, |count| count.parse().unwrap());
    let mut random = Random::new(SEED);
    let configs = LANGUAGES.map(|language| Arc::new(voice_config(language)));
    let texts: Vec<(String, Arc<VoiceConfig>)> =
        std::iter::repeat_with(|| long_text(&mut random)).zip(configs.into_iter().cycle()).take(count).collect();

    let texts = Arc::new(texts);
    let senders = (0..SENDERS).map(|sender| {
        let (engine, texts) = (engine.clone(), texts.clone());
        tokio::spawn(async move {
            let mut outcomes = Vec::new();
            for (text, config) in texts.iter().skip(sender).step_by(SENDERS) {
                let outcome = engine.outcome(text, config).await;
                let what: String = text.chars().take(24).collect();
                if outcomes.len() % 250 == 249 {
                    println!("sender {sender}: {} texts", outcomes.len() + 1);
                }
                outcomes.push((outcome, format!("{} {} of {what:?}", config.espeak_voice, text.chars().count())));
            }
            outcomes
        })
    });
    let outcomes: Vec<(Outcome, String)> = join_all(senders).await.into_iter().flat_map(Result::unwrap).collect();

    let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
    for (outcome, _) in &outcomes {
        *counts.entry(*outcome).or_default() += 1;
    }
    println!("{counts:?}");
    let lost: Vec<&str> =
        outcomes.iter().filter(|(outcome, _)| *outcome == Outcome::Lost).map(|(_, text)| &**text).collect();
    assert!(lost.is_empty(), "{} of {} lost some:\n{}", lost.len(), outcomes.len(), lost.join("\n"));
}

#[tokio::test]
async fn every_digit_and_every_emoji_is_said() {
    let engine = engine(1).await;
    let config = voice_config("en-us");
    let units: [(&str, usize, usize); 11] = [
        ("7", 5, 100),
        ("7", 5, 5_000),
        ("😀", 10, 200),
        ("😀", 10, 5_000),
        ("1987 ", 22, 145),
        ("BBC ", 6, 180),
        ("a1", 4, 300),
        ("x", 3, 99),
        ("x ", 3, 10),
        ("½", 4, 2),
        ("7.", 9, 108),
    ];

    for (unit, sounds, times) in units {
        let text = unit.repeat(times);
        let said = engine.said(&text, &config).await.unwrap();
        let at_once = engine.at_once(text, &config).await.unwrap();

        assert!(said >= sounds * times, "{unit} {times} times: {said} sounds");
        assert!(at_once < sounds * times, "{unit} {times} times: espeak-ng says it by itself");
    }
}

#[tokio::test]
async fn digits_of_other_scripts_and_numbers_in_circles_are_said() {
    let engine = engine(1).await;
    let config = voice_config("en-us");

    for (text, same) in [("１２３", "123"), ("၁၂ km", "12 km"), ("①②", "1 2"), ("𝟏𝟐", "12")] {
        let said = engine.phonemizer.sentences(text, &config).await.unwrap();
        assert_eq!(said, engine.phonemizer.sentences(same, &config).await.unwrap(), "{text}");
    }
    let words = engine.phonemizer.words("１２ km", &config).await.unwrap();
    assert_eq!(words.iter().map(|word| word.text.clone()).collect::<Vec<_>>(), [0..6, 7..9]);
    assert!(words.iter().all(|word| sounds(&word.alone) > 0));
}

#[tokio::test]
async fn letters_without_a_sound_are_refused_by_their_place() {
    let engine = engine(1).await;
    let config = voice_config("en-us");

    let refused = engine.phonemizer.sentences("One [[ tuː ]] Ꭰ and Ꭱ.", &config).await;

    assert_eq!(refused, Err(PhonemizeError::Silent { count: 2, at: 15 }));
}

#[tokio::test]
async fn words_of_what_overruns_are_all_there() {
    let engine = engine(1).await;
    let config = voice_config("en-us");
    let text = format!("one {} two", "1987 ".repeat(145));

    let words = engine.phonemizer.words(&text, &config).await.unwrap();

    assert_eq!(words.len(), 147);
    let sentences = engine.phonemizer.sentences(&text, &config).await.unwrap();
    assert_eq!(sentences.len(), 1);
    let places = piper_phonemize::align(&sentences[0], &words);
    assert_eq!(places.len(), 147);
    assert!(places.iter().all(|place| !place.is_empty()));
}
