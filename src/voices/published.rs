//! Owns reading a catalogue, `voices.json` in the layout of the public piper-voices repository. What it says is not
//! trusted: each entry is checked whole, and one that is wrong is left out and counted, so that a bad entry costs one
//! voice and reaches no file.

use std::collections::BTreeMap;

use piper_acoustic::{MAX_CONFIG_BYTES, MAX_MODEL_BYTES};
use serde::Deserialize;

use crate::domain::VoiceId;

/// A catalogue, checked.
#[derive(Debug, Clone, Default)]
pub struct Published {
    pub voices: BTreeMap<VoiceId, PublishedVoice>,
    /// Other names that voices had, each with today's.
    pub aliases: BTreeMap<VoiceId, VoiceId>,
    /// Entries that were not valid.
    pub left_out: usize,
}

/// A voice that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedVoice {
    pub id: VoiceId,
    pub language: Option<String>,
    pub quality: Option<String>,
    pub speakers: u32,
    pub speaker_names: Vec<String>,
    pub aliases: Vec<VoiceId>,
    pub model: PublishedFile,
    pub config: PublishedFile,
    pub card: Option<PublishedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// Below the source, with `/` between its parts; never leads out of it.
    pub path: String,
    pub size: u64,
    pub md5: [u8; 16],
}

/// The catalogue as a whole cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCatalogue {
    #[error("it has more than {MAX_CATALOGUE_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

pub const MAX_CATALOGUE_BYTES: u64 = 8 << 20;

const MAX_PATH_BYTES: usize = 512;
const MAX_TEXT_BYTES: usize = 80;
const MAX_SPEAKERS: u32 = 100_000;
const CARD_NAME: &str = "MODEL_CARD";

#[derive(Deserialize)]
struct RawVoice {
    key: Option<String>,
    language: Option<RawLanguage>,
    quality: Option<String>,
    #[serde(default = "one")]
    num_speakers: u32,
    #[serde(default)]
    speaker_id_map: BTreeMap<String, i64>,
    files: BTreeMap<String, RawFile>,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
struct RawLanguage {
    code: String,
}

#[derive(Deserialize)]
struct RawFile {
    size_bytes: u64,
    md5_digest: String,
}

// === impl Published ===

impl Published {
    pub fn parse(json: &[u8]) -> Result<Self, InvalidCatalogue> {
        if json.len() as u64 > MAX_CATALOGUE_BYTES {
            return Err(InvalidCatalogue::TooLarge);
        }
        let entries: BTreeMap<String, serde_json::Value> = serde_json::from_slice(json)?;
        let mut published = Self::default();
        for (key, entry) in entries {
            match PublishedVoice::parse(&key, entry) {
                Some(voice) => {
                    published.voices.insert(voice.id.clone(), voice);
                }
                None => published.left_out += 1,
            }
        }
        for voice in published.voices.values() {
            // A name that a voice has today is not another's former one.
            for alias in voice.aliases.iter().filter(|alias| !published.voices.contains_key(alias)) {
                published.aliases.entry(alias.clone()).or_insert_with(|| voice.id.clone());
            }
        }
        Ok(published)
    }
}

// === impl PublishedVoice ===

impl PublishedVoice {
    fn parse(key: &str, entry: serde_json::Value) -> Option<Self> {
        let raw: RawVoice = serde_json::from_value(entry).ok()?;
        let id = VoiceId::parse(key).ok()?;
        let same_key = raw.key.is_none_or(|name| name == key);
        let all_inside = raw.files.keys().all(|path| stays_inside(path));
        if !same_key || !all_inside || !(1..=MAX_SPEAKERS).contains(&raw.num_speakers) {
            return None;
        }
        let file = |name: &str, limit: u64| {
            let mut named = raw.files.iter().filter(|(path, _)| path.rsplit('/').next() == Some(name));
            let (path, file) = named.next()?;
            // Two of one name: which is meant?
            let only = named.next().is_none() && (1..=limit).contains(&file.size_bytes);
            only.then_some(())?;
            Some(PublishedFile { path: path.clone(), size: file.size_bytes, md5: parse_md5(&file.md5_digest)? })
        };
        let has_card = raw.files.keys().any(|path| path.rsplit('/').next() == Some(CARD_NAME));
        let card = file(CARD_NAME, super::card::MAX_CARD_BYTES);
        if has_card != card.is_some() {
            return None;
        }
        Some(Self {
            model: file(&format!("{key}.onnx"), MAX_MODEL_BYTES)?,
            config: file(&format!("{key}.onnx.json"), MAX_CONFIG_BYTES)?,
            card,
            language: raw.language.map(|language| language.code).filter(|code| is_short(code)),
            quality: raw.quality.filter(|quality| is_short(quality)),
            speakers: raw.num_speakers,
            speaker_names: speaker_names(&raw.speaker_id_map),
            aliases: raw.aliases.iter().filter_map(|alias| VoiceId::parse(alias).ok()).collect(),
            id,
        })
    }

    /// What it takes on disk.
    pub fn size(&self) -> u64 {
        self.files().map(|file| file.size).sum()
    }

    pub fn files(&self) -> impl Iterator<Item = &PublishedFile> {
        [&self.model, &self.config].into_iter().chain(&self.card)
    }
}

/// Names in the order of their numbers.
pub fn speaker_names(ids: &BTreeMap<String, i64>) -> Vec<String> {
    let mut names: Vec<_> = ids.iter().collect();
    names.sort_by_key(|(_, id)| **id);
    names.into_iter().map(|(name, _)| name.clone()).collect()
}

/// Language and quality as a voice's id tells them: `en_US-joe-medium`.
pub fn told_by_id(id: &VoiceId) -> (Option<String>, Option<String>) {
    let parts: Vec<&str> = id.as_str().split('-').collect();
    match parts.as_slice() {
        [language, _, .., quality] => (Some((*language).to_owned()), Some((*quality).to_owned())),
        _ => (None, None),
    }
}

/// Whether a path, joined to any base, stays below it on any system.
fn stays_inside(path: &str) -> bool {
    let harmless = |c: char| !c.is_control() && !matches!(c, '\\' | ':' | '?' | '#' | '%');
    path.len() <= MAX_PATH_BYTES
        && path.chars().all(harmless)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn parse_md5(hex: &str) -> Option<[u8; 16]> {
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(hex, 16).ok().map(u128::to_be_bytes)
}

fn is_short(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control)
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const MD5: &str = "0123456789abcdef0123456789ABCDEF";

    fn entry(model: &str) -> Value {
        json!({
            "key": "en_US-a-low", "quality": "low", "unknown": {"x": [1]},
            "language": {"code": "en_US", "family": "en"},
            "num_speakers": 2, "speaker_id_map": {"second": 1, "first": 0},
            "aliases": ["en-us-a-low", "../x"],
            "files": {
                model: {"size_bytes": 10, "md5_digest": MD5},
                "en/a/en_US-a-low.onnx.json": {"size_bytes": 5, "md5_digest": MD5},
                "en/a/MODEL_CARD": {"size_bytes": 3, "md5_digest": MD5},
            },
        })
    }

    fn parse(entry: &Value) -> Published {
        Published::parse(json!({"en_US-a-low": entry}).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn an_entry_is_read_whole() {
        let published = parse(&entry("en/a/en_US-a-low.onnx"));

        let voice = published.voices.values().next().unwrap();
        assert_eq!((voice.language.as_deref(), voice.quality.as_deref()), (Some("en_US"), Some("low")));
        assert_eq!(voice.speaker_names, ["first", "second"]);
        assert_eq!(voice.size(), 18);
        assert_eq!(voice.model.md5[..2], [0x01, 0x23]);
        assert_eq!(published.aliases.len(), 1);
        assert_eq!(published.left_out, 0);
    }

    #[test]
    fn a_path_that_could_lead_out_leaves_the_voice_out() {
        for prefix in ["../", "/", "a/../", "a//", "./", "a\\..\\", "C:/", "a\0/", "%2e%2e/", "a\n/", "//host/"] {
            let published = parse(&entry(&format!("{prefix}en_US-a-low.onnx")));

            assert!(published.voices.is_empty(), "{prefix:?}");
            assert_eq!(published.left_out, 1);
        }
    }

    #[test]
    fn wrong_values_leave_the_voice_out() {
        let good = entry("en/a/en_US-a-low.onnx");
        let changes: [(&str, Value); 8] = [
            ("/key", json!("en_US-other-low")),
            ("/num_speakers", json!(0)),
            ("/num_speakers", json!(-1)),
            ("/files", json!({})),
            ("/files/en~1a~1en_US-a-low.onnx/size_bytes", json!(0)),
            ("/files/en~1a~1en_US-a-low.onnx/size_bytes", json!(u64::MAX)),
            ("/files/en~1a~1en_US-a-low.onnx/md5_digest", json!("xyz")),
            ("/files/en~1a~1en_US-a-low.onnx/md5_digest", json!("+123456789abcdef0123456789abcdef0")),
        ];
        for (place, value) in changes {
            let mut bad = good.clone();
            *bad.pointer_mut(place).unwrap() = value;

            assert_eq!(parse(&bad).left_out, 1, "{place}");
        }
    }

    #[test]
    fn a_catalogue_is_bounded() {
        let large = vec![b' '; MAX_CATALOGUE_BYTES as usize + 1];

        assert!(matches!(Published::parse(&large), Err(InvalidCatalogue::TooLarge)));
        assert!(matches!(Published::parse(b"[]"), Err(InvalidCatalogue::Json(_))));
        assert!(matches!(Published::parse("[".repeat(100_000).as_bytes()), Err(InvalidCatalogue::Json(_))));
    }

    #[test]
    fn an_id_tells_language_and_quality() {
        let told = |id: &str| told_by_id(&VoiceId::parse(id).unwrap());

        assert_eq!(told("zh_CN-huayan-x_low"), (Some("zh_CN".to_owned()), Some("x_low".to_owned())));
        assert_eq!(told("mine"), (None, None));
    }
}
