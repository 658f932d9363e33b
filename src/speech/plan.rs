//! Owns turning a request into the sentences that the network computes.

use crate::domain::{Prosody, Speaker};
use crate::engine::{ModelInput, Sentence, VoiceConfig, bounded, phoneme_ids};

use super::SpeechError;

/// The number of the speaker that the caller named, or the voice's own default.
pub fn resolve_speaker(speaker: Option<&Speaker>, config: &VoiceConfig) -> Result<i64, SpeechError> {
    let number = match speaker {
        None => Some(config.default_speaker),
        Some(Speaker::Number(number)) => Some(*number),
        Some(Speaker::Name(name)) => config.speaker_ids.get(name).copied().or_else(|| name.parse().ok()),
    };
    number
        .filter(|number| (0..i64::from(config.speakers)).contains(number))
        .ok_or(SpeechError::UnknownSpeaker { speakers: config.speakers })
}

/// Inputs in the order of the text. Sentences of nothing but phonemes that the voice lacks are left out.
pub fn model_inputs(
    sentences: Vec<Sentence>,
    speaker: i64,
    prosody: &Prosody,
    config: &VoiceConfig,
    max_phonemes: usize,
) -> Vec<ModelInput> {
    let length_scale = config.inference.length_scale / prosody.speed();
    // Slow speech has more frames for the same phonemes, and memory follows frames.
    let limit = (max_phonemes as f32 / length_scale.max(1.0)) as usize;
    sentences
        .into_iter()
        .flat_map(|sentence| bounded(sentence, limit.max(1)))
        .filter(|sentence| !sentence.is_empty())
        .map(|sentence| ModelInput {
            ids: phoneme_ids(&sentence, config).ids,
            speaker,
            noise_scale: prosody.noise_scale().unwrap_or(config.inference.noise_scale),
            length_scale,
            noise_w: prosody.noise_w().unwrap_or(config.inference.noise_w),
            seed: 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> VoiceConfig {
        let json = r#"{"audio":{"sample_rate":16000},"espeak":{"voice":"de"},"num_symbols":130,"num_speakers":3,
            "speaker_id_map":{"anna":1},"default_speaker_id":2,"inference":{"length_scale":1.2},
            "phoneme_id_map":{"^":[1],"_":[0],"$":[2],"a":[14]," ":[3]}}"#;
        VoiceConfig::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn speakers_are_found_by_name_and_number() {
        let resolve = |speaker: Option<Speaker>| resolve_speaker(speaker.as_ref(), &config());

        assert_eq!(resolve(None), Ok(2));
        assert_eq!(resolve(Some(Speaker::Name("anna".into()))), Ok(1));
        assert_eq!(resolve(Some(Speaker::Name("0".into()))), Ok(0));
        assert_eq!(resolve(Some(Speaker::Number(1))), Ok(1));
        for unknown in [Speaker::Name("bert".into()), Speaker::Number(3), Speaker::Number(-1)] {
            assert_eq!(resolve(Some(unknown)), Err(SpeechError::UnknownSpeaker { speakers: 3 }));
        }
    }

    #[test]
    fn slow_speech_is_cut_into_shorter_pieces() {
        let sentence: Sentence = vec!["a".into(); 100];
        let pieces = |speed: f32| {
            let prosody = Prosody::default().with_speed(speed).unwrap();
            model_inputs(vec![sentence.clone()], 0, &prosody, &config(), 130).len()
        };

        assert_eq!(pieces(1.0), 1);
        assert_eq!(pieces(0.25), 4);
    }

    #[test]
    fn the_voices_own_scales_stand_where_the_caller_gives_none() {
        let prosody = Prosody::default().with_speed(2.0).unwrap().with_noise_w(0.1).unwrap();

        let inputs = model_inputs(vec![vec!["a".into()]], 1, &prosody, &config(), 400);

        assert_eq!(
            inputs,
            [ModelInput {
                ids: vec![1, 0, 14, 0, 2],
                speaker: 1,
                noise_scale: 0.667,
                length_scale: 0.6,
                noise_w: 0.1,
                seed: 0
            }]
        );
    }
}
