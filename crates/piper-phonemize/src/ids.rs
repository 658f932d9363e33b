//! Owns the step from phonemes to the ids that the network takes, as piper 1.8 does it (`phoneme_ids.py` of piper1-gpl
//! describes the rules).

use piper_acoustic::{BEGIN, END, PAD, PhonemeType, VoiceConfig};

use super::phonemes::Phoneme;
use super::pinyin::ends_group;

/// Ids of a sentence, and the phonemes that the voice lacks, each as often as it is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhonemeIds {
    pub ids: Vec<i64>,
    pub missing: Vec<Phoneme>,
}

/// Ids of a sentence: begin, pad, then each phoneme's ids and a pad, then end; in pinyin pads stand behind syllables
/// and marks alone. Phonemes that the voice lacks are left out.
pub fn phoneme_ids(sentence: &[Phoneme], config: &VoiceConfig) -> PhonemeIds {
    let of = |name: &str| config.phoneme_ids.get(name).map(Vec::as_slice);
    let pad = of(PAD).unwrap_or_default();
    let mut ids = Vec::with_capacity(2 * sentence.len() + 3);
    let mut missing = Vec::new();
    ids.extend_from_slice(of(BEGIN).unwrap_or_default());
    if is_padded(None, config) {
        ids.extend_from_slice(pad);
    }
    for phoneme in sentence {
        match of(phoneme) {
            Some(known) => {
                ids.extend_from_slice(known);
                if is_padded(Some(phoneme), config) {
                    ids.extend_from_slice(pad);
                }
            }
            None => missing.push(phoneme.clone()),
        }
    }
    ids.extend_from_slice(of(END).unwrap_or_default());
    PhonemeIds { ids, missing }
}

/// How many ids a phoneme has, its pad included; without one, what stands before the first.
pub fn id_count(phoneme: Option<&Phoneme>, config: &VoiceConfig) -> usize {
    let of = |name: &str| config.phoneme_ids.get(name).map(Vec::len);
    let pad = of(PAD).filter(|_| is_padded(phoneme, config)).unwrap_or(0);
    match phoneme {
        None => of(BEGIN).unwrap_or(0) + pad,
        Some(phoneme) => of(phoneme).map_or(0, |ids| ids + pad),
    }
}

/// Whether a pad stands behind a phoneme, or without one behind the begin.
fn is_padded(phoneme: Option<&Phoneme>, config: &VoiceConfig) -> bool {
    match config.phoneme_type {
        PhonemeType::Pinyin => phoneme.is_some_and(|phoneme| ends_group(phoneme)),
        PhonemeType::Espeak | PhonemeType::Text | PhonemeType::Hebrew => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phonemes::{Sentence, phoneme};

    fn config() -> VoiceConfig {
        let json = r#"{"audio":{"sample_rate":16000},"espeak":{"voice":"de"},"num_symbols":130,
                "phoneme_id_map":{"^":[1],"_":[0],"$":[2],"t":[32],"ˈ":[120],"ɛ":[61],"s":[31]}}"#;
        VoiceConfig::parse(json.as_bytes()).unwrap()
    }

    fn phonemes(text: &str) -> Sentence {
        text.chars().map(phoneme).collect()
    }

    #[test]
    fn ids_have_a_pad_after_begin_and_after_each_phoneme() {
        let got = phoneme_ids(&phonemes("tˈɛst"), &config());

        assert_eq!(got, PhonemeIds { ids: vec![1, 0, 32, 0, 120, 0, 61, 0, 31, 0, 32, 0, 2], missing: vec![] });
    }

    #[test]
    fn phonemes_that_the_voice_lacks_are_named_and_left_out() {
        let got = phoneme_ids(&phonemes("tXs"), &config());

        assert_eq!(got, PhonemeIds { ids: vec![1, 0, 32, 0, 31, 0, 2], missing: vec!["X".into()] });
    }
}
