//! Owns which voices are offered, and which one a caller means: those that are here, and those that are fetched when
//! they are first asked for.

use serde_json::{Value, json};

use super::failure::Failure;
use super::message::VoiceSelector;
use super::parts::UtteranceDefaults;
use crate::domain::{Speaker, VoiceId};
use crate::speech::PublicError;
use crate::voices::{Catalogue, DefaultVoice, LanguageTag, VoiceInfo};

const NAME: &str = "tts-batch-api";
const PIPER_URL: &str = "https://github.com/OHF-Voice/piper1-gpl";

/// The voices that can be spoken with, that of callers who name none first.
fn offered(catalogue: &Catalogue, default: Option<&VoiceId>) -> Vec<VoiceInfo> {
    let mut voices = catalogue.voices();
    voices.retain(|voice| voice.problem.is_none());
    // The settings may call it by another name than the catalogue.
    let default = default.and_then(|id| catalogue.resolve(id));
    voices.sort_by_key(|voice| Some(&voice.id) != default.as_ref());
    voices
}

/// What `describe` is answered. Clients pass over what is not installed, and a voice that is yet to be fetched can be
/// asked for as well.
pub fn described(catalogue: &Catalogue, default: &DefaultVoice) -> Value {
    let voices: Vec<_> = offered(catalogue, default.get().as_ref()).iter().map(voice).collect();
    let nothing: [(); 0] = [];
    json!({
        "tts": [{
            "name": NAME,
            "description": "Piper voices",
            "attribution": {"name": "Piper", "url": PIPER_URL},
            "installed": !voices.is_empty(),
            "version": env!("CARGO_PKG_VERSION"),
            "voices": voices,
            "supports_synthesize_streaming": true,
        }],
        "asr": nothing, "handle": nothing, "intent": nothing, "wake": nothing, "mic": nothing, "snd": nothing,
    })
}

fn voice(info: &VoiceInfo) -> Value {
    let speakers = info.speakers.filter(|count| *count > 1).map(|count| {
        let numbers = || (0..count).map(|number| number.to_string()).collect();
        let names: Vec<String> = if info.speaker_names.is_empty() { numbers() } else { info.speaker_names.clone() };
        names.into_iter().map(|name| json!({"name": name})).collect::<Vec<_>>()
    });
    json!({
        "name": info.id.as_str(),
        "description": description(info),
        "attribution": {"name": "Piper", "url": PIPER_URL},
        "installed": true,
        "version": null,
        "languages": info.language.iter().collect::<Vec<_>>(),
        "speakers": speakers,
    })
}

/// As people choose it from a list of one language: `joe (medium)`.
fn description(info: &VoiceInfo) -> String {
    let id = info.id.as_str();
    let parts = info.language.as_deref().zip(info.quality.as_deref());
    let name = parts.and_then(|(language, quality)| {
        let name = id.strip_prefix(language)?.strip_suffix(quality)?.trim_matches('-');
        (!name.is_empty()).then(|| format!("{name} ({quality})"))
    });
    name.unwrap_or_else(|| id.to_owned())
}

/// The voice that a caller means, and its speaker.
pub fn chosen(wish: &VoiceSelector, speaking: &UtteranceDefaults) -> Result<(VoiceId, Option<Speaker>), Failure> {
    let id = match (&wish.name, &wish.language) {
        (Some(name), _) => {
            let id = VoiceId::parse(name).ok().and_then(|id| speaking.catalogue.resolve(&id));
            id.filter(|id| speaking.catalogue.contains(id)).ok_or_else(|| Failure(PublicError::no_such_voice()))?
        }
        (None, Some(language)) => LanguageTag::parse(language)
            .and_then(|wanted| speaking.by_language.find_or_fetch(&wanted))
            .ok_or_else(|| Failure::new("language_not_found", "there is no voice of this language"))?,
        (None, None) => speaking.default_voice.get().ok_or_else(|| Failure(PublicError::no_voice()))?,
    };
    Ok((id, wish.speaker.clone().map(Speaker::Name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: &str, installed: bool) -> VoiceInfo {
        let catalogue = Catalogue::default();
        let mut parts = id.split('-');
        VoiceInfo {
            id: VoiceId::parse(id).unwrap(),
            language: parts.next().map(str::to_owned),
            quality: parts.next_back().map(str::to_owned),
            installed,
            ..catalogue.info(&VoiceId::parse("en_US-joe-medium").unwrap()).unwrap()
        }
    }

    #[test]
    fn people_choose_by_name_and_quality() {
        assert_eq!(description(&info("en_US-joe-medium", true)), "joe (medium)");
        assert_eq!(description(&info("zh_CN-huayan-x_low", true)), "huayan (x_low)");
        assert_eq!(description(&VoiceInfo { language: None, ..info("mine", true) }), "mine");
    }

    #[test]
    fn speakers_are_told_by_name_or_number() {
        let with = |speakers, names: &[&str]| {
            let speaker_names = names.iter().map(|name| (*name).to_owned()).collect();
            voice(&VoiceInfo { speakers, speaker_names, ..info("en_US-a-low", true) })["speakers"].clone()
        };

        assert_eq!(with(Some(2), &["anna", "bert"]), json!([{"name": "anna"}, {"name": "bert"}]));
        assert_eq!(with(Some(2), &[]), json!([{"name": "0"}, {"name": "1"}]));
        assert_eq!(with(Some(1), &[]), Value::Null);
        assert_eq!(with(None, &[]), Value::Null);
    }
}
