//! Owns the settings file of a Piper voice (`NAME.onnx.json`, format of piper 1.8): unknown fields are ignored,
//! optional ones have piper's defaults, phoneme types that this engine does not speak are refused. What piper also
//! takes is taken: numbers as strings, `null` for what is optional, no speakers for one, and the name of a phoneme type
//! as Python prints it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A voice's settings, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceConfig {
    /// In hertz. The voice's quality says nothing about it.
    pub sample_rate: u32,
    /// Voice name of espeak-ng, such as `en-us`.
    pub espeak_voice: String,
    pub phoneme_type: PhonemeType,
    /// Ids of each phoneme; a phoneme is one code point or, for some voices, several.
    pub phoneme_ids: HashMap<String, Vec<i64>>,
    /// Vowels that the voice knows as one phoneme.
    pub vowel_clusters: HashSet<Vec<String>>,
    pub inference: InferenceDefaults,
    pub speakers: u32,
    pub speaker_ids: BTreeMap<String, i64>,
    pub default_speaker: i64,
    /// Samples per frame of the voice's spectrogram.
    pub hop_length: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhonemeType {
    /// Phonemes come from espeak-ng.
    Espeak,
    /// Phonemes are the text's own code points.
    Text,
    /// Phonemes come from a model that points Hebrew, and rules.
    Hebrew,
    /// Phonemes are the initials, finals and tones of Chinese characters.
    Pinyin,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InferenceDefaults {
    pub noise_scale: f32,
    pub length_scale: f32,
    pub noise_w: f32,
}

/// Why a settings file is refused.
#[derive(Debug, thiserror::Error)]
pub enum VoiceConfigError {
    #[error("voice config is not valid: {0}")]
    Json(#[from] serde_json::Error),
    #[error("voice config: phoneme type {0} is not supported")]
    PhonemeType(String),
    #[error("voice config: {0}")]
    Value(&'static str),
}

/// Marks of the id sequence: before the first phoneme, after each, after the last.
pub const BEGIN: &str = "^";
pub const PAD: &str = "_";
pub const END: &str = "$";

const MIN_SAMPLE_RATE: u32 = 8_000;
const MAX_SAMPLE_RATE: u32 = 48_000;

// === impl VoiceConfig ===

impl VoiceConfig {
    pub fn parse(json: &[u8]) -> Result<Self, VoiceConfigError> {
        let raw: RawConfig = serde_json::from_slice(json)?;
        let phoneme_type = raw.phoneme_type.as_deref().map_or(Ok(PhonemeType::Espeak), PhonemeType::parse)?;
        let speakers = raw.num_speakers.0.max(1);
        check(
            (MIN_SAMPLE_RATE..=MAX_SAMPLE_RATE).contains(&raw.audio.sample_rate.0),
            "audio.sample_rate must be from 8000 to 48000",
        )?;
        check((1..=4096).contains(&raw.hop_length.0), "hop_length must be from 1 to 4096")?;
        check(
            [raw.inference.noise_scale.0, raw.inference.noise_w.0].iter().all(|x| (0.0..=10.0).contains(x))
                && (0.05..=20.0).contains(&raw.inference.length_scale.0),
            "inference scales are out of range",
        )?;
        check(
            (0..i64::from(speakers)).contains(&raw.default_speaker_id.0),
            "default_speaker_id must be below num_speakers",
        )?;

        let phoneme_ids = known_to_graph(raw.phoneme_id_map, raw.num_symbols.0);
        check(
            [BEGIN, PAD, END].iter().all(|mark| phoneme_ids.contains_key(*mark)),
            "phoneme_id_map must hold ^, _ and $",
        )?;
        check(
            phoneme_ids.values().all(|ids| ids.len() <= MAX_IDS),
            "phoneme_id_map gives more than 8 ids to a phoneme",
        )?;
        check(
            raw.vowel_clusters.len() <= MAX_CLUSTERS && raw.vowel_clusters.iter().all(|run| run.len() <= MAX_IDS),
            "vowel_clusters are more than 1000, or longer than 8 phonemes",
        )?;
        let espeak_voice = raw.espeak.map(|espeak| espeak.voice).unwrap_or_default();
        check(phoneme_type == PhonemeType::Text || !espeak_voice.is_empty(), "espeak.voice is missing")?;
        check(!espeak_voice.contains('\0'), "espeak.voice must not contain U+0000")?;
        Ok(Self {
            sample_rate: raw.audio.sample_rate.0,
            espeak_voice,
            phoneme_type,
            phoneme_ids,
            vowel_clusters: raw.vowel_clusters.into_iter().collect(),
            inference: InferenceDefaults {
                noise_scale: raw.inference.noise_scale.0,
                length_scale: raw.inference.length_scale.0,
                noise_w: raw.inference.noise_w.0,
            },
            speakers,
            speaker_ids: raw.speaker_id_map,
            default_speaker: raw.default_speaker_id.0,
            hop_length: raw.hop_length.0,
        })
    }

    /// The language of its texts, as espeak-ng names it. `None`: its phonemes are letters, and nobody knows of which.
    pub fn language(&self) -> Option<&str> {
        match self.phoneme_type {
            PhonemeType::Espeak => Some(&self.espeak_voice),
            PhonemeType::Text => None,
            PhonemeType::Hebrew => Some("he"),
            PhonemeType::Pinyin => Some("cmn"),
        }
    }
}

impl PhonemeType {
    /// `espeak`, or as Python prints the name of its enum: `PhonemeType.ESPEAK`.
    fn parse(name: &str) -> Result<Self, VoiceConfigError> {
        match name.strip_prefix("PhonemeType.").unwrap_or(name).to_lowercase().as_str() {
            "espeak" => Ok(Self::Espeak),
            "text" => Ok(Self::Text),
            "hebrew" => Ok(Self::Hebrew),
            "pinyin" => Ok(Self::Pinyin),
            other => Err(VoiceConfigError::PhonemeType(other.escape_debug().to_string())),
        }
    }
}

/// A phoneme's ids, and a cluster's phonemes: what a sentence costs follows its phonemes. Piper's voices have one and
/// two.
const MAX_IDS: usize = 8;
const MAX_CLUSTERS: usize = 1_000;

/// Drops ids that the graph's embedding has no row for: they would fail a whole sentence.
fn known_to_graph(map: HashMap<String, Vec<i64>>, symbols: i64) -> HashMap<String, Vec<i64>> {
    map.into_iter().filter(|(_, ids)| !ids.is_empty() && ids.iter().all(|id| (0..symbols).contains(id))).collect()
}

fn check(holds: bool, message: &'static str) -> Result<(), VoiceConfigError> {
    holds.then_some(()).ok_or(VoiceConfigError::Value(message))
}

// === the file ===

#[derive(Deserialize)]
struct RawConfig {
    audio: RawAudio,
    espeak: Option<RawEspeak>,
    #[serde(default, deserialize_with = "or_default")]
    inference: RawInference,
    phoneme_type: Option<String>,
    phoneme_id_map: HashMap<String, Vec<i64>>,
    #[serde(default, deserialize_with = "or_default")]
    vowel_clusters: Vec<Vec<String>>,
    num_symbols: LenientNumber<i64>,
    #[serde(default = "one")]
    num_speakers: LenientNumber<u32>,
    #[serde(default, deserialize_with = "or_default")]
    speaker_id_map: BTreeMap<String, i64>,
    #[serde(default, deserialize_with = "or_default")]
    default_speaker_id: LenientNumber<i64>,
    #[serde(default = "default_hop_length")]
    hop_length: LenientNumber<u32>,
}

#[derive(Deserialize)]
struct RawAudio {
    sample_rate: LenientNumber<u32>,
}

#[derive(Deserialize)]
struct RawEspeak {
    voice: String,
}

#[derive(Deserialize)]
#[serde(default)]
struct RawInference {
    noise_scale: LenientNumber<f32>,
    length_scale: LenientNumber<f32>,
    noise_w: LenientNumber<f32>,
}

impl Default for RawInference {
    fn default() -> Self {
        Self { noise_scale: LenientNumber(0.667), length_scale: LenientNumber(1.0), noise_w: LenientNumber(0.8) }
    }
}

fn one() -> LenientNumber<u32> {
    LenientNumber(1)
}

fn default_hop_length() -> LenientNumber<u32> {
    LenientNumber(256)
}

/// A number, or a string that holds one: some exporters write those.
#[derive(Debug, Clone, Copy, Default)]
struct LenientNumber<T>(T);

impl<'de, T: Deserialize<'de> + FromStr> Deserialize<'de> for LenientNumber<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written<T> {
            Plain(T),
            Quoted(String),
        }

        match Written::deserialize(deserializer)? {
            Written::Plain(number) => Ok(Self(number)),
            Written::Quoted(text) => text.parse().map(Self).map_err(|_| D::Error::custom("expected a number")),
        }
    }
}

/// `null` is what it is where the field is not there.
fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn minimal() -> Value {
        json!({
            "audio": {"sample_rate": 16000},
            "espeak": {"voice": "de"},
            "num_symbols": 130,
            "phoneme_id_map": {"^": [1], "_": [0], "$": [2], "a": [14], "0": [130], "aɪ": [15, 16]},
        })
    }

    fn parse(value: &Value) -> Result<VoiceConfig, VoiceConfigError> {
        VoiceConfig::parse(value.to_string().as_bytes())
    }

    #[test]
    fn what_is_optional_has_pipers_default() {
        let config = parse(&minimal()).unwrap();

        assert_eq!(config.phoneme_type, PhonemeType::Espeak);
        assert_eq!((config.speakers, config.hop_length), (1, 256));
        assert_eq!(config.inference, InferenceDefaults { noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8 });
    }

    #[test]
    fn what_piper_takes_is_taken() {
        let mut config = minimal();
        config["phoneme_type"] = json!("PhonemeType.ESPEAK");
        config["audio"]["sample_rate"] = json!("22050");
        config["inference"] = json!({"noise_scale": "0.5", "length_scale": 1, "noise_w": 0.8});
        for (name, value) in [("num_speakers", json!(0)), ("speaker_id_map", json!(null))] {
            config[name] = value;
        }
        for name in ["default_speaker_id", "vowel_clusters"] {
            config[name] = json!(null);
        }

        let config = parse(&config).unwrap();

        assert_eq!((config.sample_rate, config.speakers, config.default_speaker), (22_050, 1, 0));
        assert_eq!((config.phoneme_type, config.inference.noise_scale), (PhonemeType::Espeak, 0.5));
        assert!(config.speaker_ids.is_empty() && config.vowel_clusters.is_empty());
    }

    #[test]
    fn a_phoneme_type_has_either_name_and_says_which_language_is_read() {
        let typed = |name: &str| {
            let mut config = minimal();
            config["phoneme_type"] = json!(name);
            let config = parse(&config).unwrap();
            (config.phoneme_type, config.language().map(str::to_owned))
        };

        assert_eq!(typed("PhonemeType.HEBREW"), (PhonemeType::Hebrew, Some("he".to_owned())));
        assert_eq!(typed("hebrew"), typed("PhonemeType.HEBREW"));
        assert_eq!(typed("espeak"), (PhonemeType::Espeak, Some("de".to_owned())));
        assert_eq!(typed("text"), (PhonemeType::Text, None));
    }

    #[test]
    fn phonemes_without_a_row_in_the_graph_are_dropped() {
        let config = parse(&minimal()).unwrap();

        assert!(!config.phoneme_ids.contains_key("0"));
        assert_eq!(config.phoneme_ids["aɪ"], [15, 16]);
    }

    #[test]
    fn files_that_cannot_be_spoken_are_refused() {
        let broken: [(&str, Value); 9] = [
            ("/phoneme_type", json!("thai")),
            ("/audio/sample_rate", json!(0)),
            ("/num_speakers", json!("two")),
            ("/hop_length", json!(0)),
            ("/phoneme_id_map", json!({"a": [1]})),
            ("/espeak", json!(null)),
            ("/inference", json!({"length_scale": 0.0})),
            ("/phoneme_id_map", json!({"^": [1], "_": [0], "$": [2], "a": vec![3; 9]})),
            ("/vowel_clusters", json!([vec!["a"; 9]])),
        ];
        for (pointer, value) in broken {
            let mut config = minimal();
            config[&pointer[1..].split('/').next().unwrap()] = match pointer.matches('/').count() {
                1 => value,
                _ => json!({"sample_rate": value}),
            };
            assert!(parse(&config).is_err(), "{pointer}");
        }
        assert!(VoiceConfig::parse(b"").is_err());
        assert!(VoiceConfig::parse(b"[]").is_err());
    }
}
