//! Owns turning phonemes into the sentences that the network computes, each with its key.

use std::collections::BTreeMap;
use std::sync::Arc;

use piper_acoustic::{ModelInput, VoiceConfig};
use piper_phonemize::{Sentence, bounded, phoneme_ids};

use super::keys::sentence_key;
use super::speakers::Speakers;
use crate::cache::CacheKey;
use crate::domain::Prosody;
use crate::voices::VoiceDigest;

/// One run of the network. The key determines its noise, so that equal keys mean equal samples.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedSentence {
    pub key: CacheKey,
    /// The number of the passage that it is of.
    pub passage: usize,
    pub input: ModelInput,
    /// What its ids are of.
    pub phonemes: Sentence,
}

/// What sentences are said with.
#[derive(Debug, Clone, Copy)]
pub struct SynthesisParams<'a> {
    pub speakers: &'a Speakers,
    pub prosody: &'a Prosody,
    /// A factor on the speed.
    pub rate: f32,
    pub config: &'a VoiceConfig,
    pub digest: VoiceDigest,
    pub max_phonemes: usize,
}

// === impl PlannedSentence ===

impl PlannedSentence {
    /// How much there is to compute: phoneme ids, of slow speech more.
    pub fn ids(&self) -> f64 {
        self.input.ids.len() as f64 * f64::from(self.input.length_scale)
    }
}

/// Sentences of a passage in the order of the text. Sentences of nothing but phonemes that the voice lacks are left
/// out.
pub fn planned(sentences: Vec<Sentence>, passage: usize, manner: &SynthesisParams<'_>) -> Vec<PlannedSentence> {
    let SynthesisParams { speakers, prosody, rate, config, digest, max_phonemes } = *manner;
    let length_scale = prosody.length_scale().unwrap_or(config.inference.length_scale / prosody.speed()) / rate;
    // Slow speech has more frames for the same phonemes, and memory follows frames.
    let limit = (max_phonemes as f32 / length_scale.max(1.0)) as usize;
    sentences
        .into_iter()
        .flat_map(|sentence| bounded(sentence, limit.max(1)))
        .filter(|sentence| !sentence.is_empty())
        .map(|sentence| {
            let mut input = ModelInput {
                ids: phoneme_ids(&sentence, config).ids,
                speaker: speakers.first(),
                blend: speakers.blend(),
                noise_scale: prosody.noise_scale().unwrap_or(config.inference.noise_scale),
                length_scale,
                noise_w: prosody.noise_w().unwrap_or(config.inference.noise_w),
                seed: 0,
            };
            let key = sentence_key(&digest, &input);
            input.seed = key.seed();
            PlannedSentence { key, passage, input, phonemes: sentence }
        })
        .collect()
}

/// Phonemes that voices lack, by code point and count, such as `U+2603 2`: the first in the order of code points, and
/// that there are more.
pub fn missing<'a>(sentences: impl Iterator<Item = (&'a Sentence, &'a VoiceConfig)>) -> Option<Arc<str>> {
    let mut counts: BTreeMap<char, usize> = BTreeMap::new();
    for (sentence, config) in sentences {
        let unknown = sentence.iter().filter(|phoneme| !config.phoneme_ids.contains_key(&***phoneme));
        for c in unknown.flat_map(|phoneme| phoneme.chars()) {
            *counts.entry(c).or_default() += 1;
        }
    }
    let shown = counts.iter().take(MAX_MISSING).map(|(c, count)| format!("U+{:04X} {count}", u32::from(*c)));
    let more = (counts.len() > MAX_MISSING).then(|| "...".to_owned());
    let shown = shown.chain(more).collect::<Vec<_>>().join(", ");
    (!shown.is_empty()).then(|| shown.into())
}

/// Of a header.
const MAX_MISSING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Speaker;

    fn config() -> VoiceConfig {
        let json = r#"{"audio":{"sample_rate":16000},"espeak":{"voice":"de"},"num_symbols":130,"num_speakers":3,
            "speaker_id_map":{"anna":1},"default_speaker_id":2,"inference":{"length_scale":1.2},
            "phoneme_id_map":{"^":[1],"_":[0],"$":[2],"a":[14]," ":[3]}}"#;
        VoiceConfig::parse(json.as_bytes()).unwrap()
    }

    fn plan(sentences: &[Sentence], prosody: &Prosody, max_phonemes: usize) -> Vec<PlannedSentence> {
        let config = config();
        let digest = VoiceDigest::from([7; 32]);
        let speakers = Speakers::of(Some(&Speaker::Number(1)), &config).unwrap();
        let manner = SynthesisParams { speakers: &speakers, prosody, rate: 1.0, config: &config, digest, max_phonemes };
        planned(sentences.to_vec(), 0, &manner)
    }

    fn spoken(phonemes: &str) -> Sentence {
        phonemes.chars().map(|phoneme| phoneme.to_string().as_str().into()).collect()
    }

    #[test]
    fn what_a_voice_lacks_is_named_by_code_point_and_count() {
        let (config, sentences) = (config(), [spoken("a☃b a☃"), spoken("a")]);
        let many: Sentence = ('b'..='z').map(|c| c.to_string().as_str().into()).collect();
        let named = |sentences: &[Sentence]| missing(sentences.iter().map(|sentence| (sentence, &config)));

        assert_eq!(named(&sentences).as_deref(), Some("U+0062 1, U+2603 2"));
        assert_eq!(named(&sentences[1..]), None);
        assert!(named(&[many]).unwrap().ends_with("U+0071 1, ..."));
    }

    #[test]
    fn slow_speech_is_cut_into_shorter_pieces() {
        let sentence: Sentence = vec!["a".into(); 100];
        let pieces = |speed: f32| {
            let prosody = Prosody::default().with_speed(speed).unwrap();
            plan(std::slice::from_ref(&sentence), &prosody, 130).len()
        };

        assert_eq!(pieces(1.0), 1);
        assert_eq!(pieces(0.25), 4);
    }

    #[test]
    fn the_voices_own_scales_stand_where_the_caller_gives_none() {
        let prosody = Prosody::default().with_speed(2.0).unwrap().with_noise_w(0.1).unwrap();

        let planned = plan(&[spoken("a")], &prosody, 400);

        let seed = planned[0].key.seed();
        assert_eq!(planned.len(), 1);
        assert_eq!(
            planned[0].input,
            ModelInput {
                ids: vec![1, 0, 14, 0, 2],
                speaker: 1,
                blend: Vec::new(),
                noise_scale: 0.667,
                length_scale: 0.6,
                noise_w: 0.1,
                seed
            }
        );
    }

    #[test]
    fn the_same_sentence_has_the_same_seed_wherever_it_stands_and_another_has_another() {
        let alone = plan(&[spoken("a")], &Prosody::default(), 400);
        let among = plan(&[spoken("a a"), spoken("a")], &Prosody::default(), 400);
        let faster = plan(&[spoken("a")], &Prosody::default().with_speed(1.5).unwrap(), 400);

        assert_eq!(alone[0], among[1]);
        let seeds = [&alone[0], &among[0], &faster[0]].map(|sentence| sentence.input.seed);
        assert!(seeds[0] != seeds[1] && seeds[0] != seeds[2], "{seeds:?}");
    }
}
