//! Hostile texts beside normal ones through the whole of speech but the network: no normal one fails.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use futures_util::future::join_all;
use tts_batch_api::audio::AudioFormat;
use tts_batch_api::cache::CacheHandle;
use tts_batch_api::domain::{InputText, Prosody, Script, SynthesisRequest};
use tts_batch_api::resilience::ByteBudget;
use tts_batch_api::speech::{AudioSpec, Caching, SpeechError, SpeechService, SpeechSettings};

use crate::fake::GOOD;
use crate::hostile_texts::{Random, bombs, hostile_text};
use crate::support::{Pool, catalogue, far, in_turn, phonemizer, settings, voice};

const HOSTILE: usize = 1_000;
/// After each of so many hostile texts comes a normal one: 200 of them.
const EVERY: usize = 5;
const NORMAL: &str = "The kettle is on.";
const SENDERS: usize = 8;
const SEED: u64 = 11;
const MAX_CHARS: usize = 5_000;
const MAX_SENTENCE_PHONEMES: usize = 400;

/// Begin, pad and end, and for each phoneme one id and a pad.
const MAX_IDS: usize = 2 * MAX_SENTENCE_PHONEMES + 3;

/// In the order in which they are sent.
fn texts() -> Vec<String> {
    let mut random = Random::new(SEED);
    let mut hostile = bombs();
    hostile.resize_with(HOSTILE, || hostile_text(&mut random));
    let with_normal = |chunk: &[String]| [chunk, &[NORMAL.to_owned()]].concat();
    hostile.chunks(EVERY).flat_map(with_normal).collect()
}

/// Samples of the answer; `None` where the text is refused.
async fn speak(speech: &SpeechService, text: &str) -> Option<Result<usize, SpeechError>> {
    let request = SynthesisRequest {
        voice: voice(GOOD),
        speaker: None,
        script: Script::plain(InputText::parse(text, MAX_CHARS).ok()?),
        prosody: Prosody::default(),
        deadline: far(),
    };
    let spec = AudioSpec { format: AudioFormat::parse("pcm").unwrap(), sample_rate: None };
    let spoken = async { speech.speak(speech.identify(request, spec).await?, Caching::Allowed).await };
    Some(spoken.await.map(|speech| speech.answer.audio.len() / 2))
}

#[test]
fn no_normal_text_fails_beside_hostile_ones() {
    in_turn(async {
        let pool = Pool::start(settings(2, SENDERS));
        let settings = SpeechSettings {
            max_sentence_phonemes: MAX_SENTENCE_PHONEMES,
            max_answer_bytes: 256 << 20,
            answers: ByteBudget::new(256 << 20),
            measures_voices: false,
        };
        let cache = CacheHandle::disabled(pool.metrics.clone());
        let speech = SpeechService::new(
            phonemizer().await,
            catalogue(),
            pool.handle.clone(),
            cache,
            pool.metrics.clone(),
            settings,
        );
        let expected = speak(&speech, NORMAL).await.unwrap().unwrap();

        let texts = Arc::new(texts());
        let senders = (0..SENDERS).map(|sender| {
            let (speech, texts) = (speech.clone(), texts.clone());
            actix::spawn(async move {
                let mut answers = Vec::new();
                for text in texts.iter().skip(sender).step_by(SENDERS) {
                    answers.push((text == NORMAL, speak(&speech, text).await));
                }
                answers
            })
        });
        let answers: Vec<_> = join_all(senders).await.into_iter().flat_map(Result::unwrap).collect();

        let (normal, hostile): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(is_normal, _)| *is_normal);
        assert_eq!((normal.len(), hostile.len()), (HOSTILE / EVERY, HOSTILE));
        for (_, answer) in normal {
            assert_eq!(answer, Some(Ok(expected)));
        }
        for (_, answer) in &hostile {
            let is_refused =
                |error: &SpeechError| matches!(error, SpeechError::Unspeakable | SpeechError::Silent { .. });
            assert!(answer.as_ref().is_none_or(|answer| answer.as_ref().err().is_none_or(is_refused)), "{answer:?}");
        }
        let spoken = hostile.iter().filter(|(_, answer)| matches!(answer, Some(Ok(_)))).count();
        assert!(spoken > HOSTILE / 2, "only {spoken} of {HOSTILE} were spoken");
        assert!(pool.script.longest_input.load(SeqCst) <= MAX_IDS);
        assert_eq!(pool.depth(), 0);
    });
}
