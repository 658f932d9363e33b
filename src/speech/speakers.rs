//! Owns the choice of a voice's speakers: one of its speakers, or several as one, by how much there is of each.

use piper_acoustic::{Computing, LoadedVoice, VoiceConfig};

use super::SpeechError;
use crate::domain::{Speaker, SynthesisRequest, VoiceId};
use crate::voices::Catalogue;

/// Speakers of a voice that has them. The shares of several are 1 together.
#[derive(Debug, Clone, PartialEq)]
pub struct Speakers(Vec<(i64, f32)>);

/// Of a blend: more are nobody's voice.
const MAX_BLENDED: usize = 8;

/// Whether voices that are here have the speakers that are to speak. Of others that is found when they do.
pub fn check_speakers(request: &SynthesisRequest, catalogue: &Catalogue) -> Result<(), SpeechError> {
    for (voice, speaker) in request.cast().filter(|(_, speaker)| speaker.is_some()) {
        if let Some(config) = catalogue.config(voice) {
            Speakers::of(speaker, &config)?;
        }
    }
    Ok(())
}

// === impl Speakers ===

impl Speakers {
    /// Those of a loaded voice.
    pub fn of_voice(speaker: Option<&Speaker>, id: &VoiceId, voice: &dyn LoadedVoice) -> Result<Self, SpeechError> {
        let speakers = Self::of(speaker, voice.config())?;
        match voice.computing() {
            Computing::OnnxRuntime if speakers.0.len() > 1 => Err(SpeechError::NoBlend(id.clone())),
            _ => Ok(speakers),
        }
    }

    /// Those that the caller named: by a name, a number, or as a blend (`3:0.7,8:0.3`). Nobody is the voice's own
    /// default.
    pub fn of(speaker: Option<&Speaker>, config: &VoiceConfig) -> Result<Self, SpeechError> {
        match speaker {
            None => one(config.default_speaker, config),
            Some(Speaker::Number(number)) => one(*number, config),
            Some(Speaker::Name(name)) => match number_of(name, config) {
                Some(number) => one(number, config),
                None if name.contains(':') => blended(name, config),
                None => Err(unknown(config)),
            },
        }
    }

    pub fn first(&self) -> i64 {
        self.0.first().map_or(0, |(speaker, _)| *speaker)
    }

    /// Empty for one.
    pub fn blend(&self) -> Vec<(i64, f32)> {
        if self.0.len() > 1 { self.0.clone() } else { Vec::new() }
    }
}

fn one(number: i64, config: &VoiceConfig) -> Result<Speakers, SpeechError> {
    let is_there = (0..i64::from(config.speakers)).contains(&number);
    is_there.then(|| Speakers(vec![(number, 1.0)])).ok_or_else(|| unknown(config))
}

fn number_of(name: &str, config: &VoiceConfig) -> Option<i64> {
    config.speaker_ids.get(name).copied().or_else(|| name.parse().ok())
}

fn blended(blend: &str, config: &VoiceConfig) -> Result<Speakers, SpeechError> {
    let mut mixed = Vec::new();
    for part in blend.split(',') {
        let (name, share) = part.rsplit_once(':').ok_or(SpeechError::InvalidBlend)?;
        let share: f32 = share.trim().parse().map_err(|_| SpeechError::InvalidBlend)?;
        if !(0.001..=1_000.0).contains(&share) || mixed.len() == MAX_BLENDED {
            return Err(SpeechError::InvalidBlend);
        }
        let number = number_of(name.trim(), config).ok_or_else(|| unknown(config))?;
        mixed.push((one(number, config)?.first(), share));
    }
    let all: f32 = mixed.iter().map(|(_, share)| share).sum();
    Ok(Speakers(mixed.into_iter().map(|(speaker, share)| (speaker, share / all)).collect()))
}

fn unknown(config: &VoiceConfig) -> SpeechError {
    SpeechError::UnknownSpeaker { speakers: config.speakers }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(speaker: Option<&Speaker>) -> Result<Vec<(i64, f32)>, SpeechError> {
        let json = r#"{"audio":{"sample_rate":16000},"espeak":{"voice":"de"},"num_symbols":130,"num_speakers":3,
            "speaker_id_map":{"anna":1,"a:b":0},"default_speaker_id":2,"phoneme_id_map":{"^":[1],"_":[0],"$":[2]}}"#;
        let config = VoiceConfig::parse(json.as_bytes()).unwrap();
        Speakers::of(speaker, &config).map(|speakers| speakers.0)
    }

    #[test]
    fn speakers_are_found_by_name_and_number() {
        assert_eq!(of(None), Ok(vec![(2, 1.0)]));
        for (name, number) in [("anna", 1), ("0", 0), ("a:b", 0), ("anna:1", 1)] {
            assert_eq!(of(Some(&Speaker::Name(name.into()))), Ok(vec![(number, 1.0)]), "{name}");
        }
        assert_eq!(of(Some(&Speaker::Number(1))), Ok(vec![(1, 1.0)]));
        for unknown in [Speaker::Name("bert".into()), Speaker::Number(3), Speaker::Number(-1)] {
            assert_eq!(of(Some(&unknown)), Err(SpeechError::UnknownSpeaker { speakers: 3 }));
        }
    }

    #[test]
    fn several_speak_as_one_by_their_shares() {
        let blend = |blend: &str| of(Some(&Speaker::Name(blend.into())));
        assert_eq!(blend("0:0.75,anna:0.25"), Ok(vec![(0, 0.75), (1, 0.25)]));
        assert_eq!(blend("2:3, a:b:1"), Ok(vec![(2, 0.75), (0, 0.25)]));
        for wrong in ["0:0", "0:-1,1:2", "0:nan", "0:0.5,1", "0:,1:1", ":", &["0:1"; 9].join(",")] {
            assert_eq!(blend(wrong), Err(SpeechError::InvalidBlend), "{wrong}");
        }
        for unknown in ["0:0.5,3:0.5", "bert:1", "0:0.5,:0.5"] {
            assert_eq!(blend(unknown), Err(SpeechError::UnknownSpeaker { speakers: 3 }), "{unknown}");
        }
    }
}
