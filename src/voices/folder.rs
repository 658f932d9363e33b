//! Owns finding voices in a folder: `NAME.onnx` beside `NAME.onnx.json`, whoever put them there. Refuses files that lie
//! elsewhere: a link may lead to another place in the folder, not out of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use piper_acoustic::{MAX_CONFIG_BYTES, MAX_MODEL_BYTES, VoiceConfig, VoiceFiles};
use serde::Deserialize;

use super::card::{MAX_CARD_BYTES, MAX_PROBLEM_CHARS, ModelCard, UNKNOWN_LICENSE, shortened};
use super::disk;
use super::file_names::{CARD_BEGINNING, MODEL_ENDING, card_name, config_name, model_name};
use super::lockfile::Lockfile;
use super::loudness::Loudness;
use super::published::speaker_names;
use super::quality::StoredQuality;
use crate::domain::VoiceId;

/// A voice that is in a folder, with what its small files say.
#[derive(Debug, Clone)]
pub struct InstalledVoice {
    pub files: VoiceFiles,
    pub card: Option<(PathBuf, ModelCard)>,
    /// What `voices.lock` says the model and the config hash to; `None` for files that were put there by hand.
    pub expected: Option<ExpectedDigests>,
    pub size: u64,
    /// `None`: the config cannot be read, or no voice can speak by it.
    pub config: Option<Arc<VoiceConfig>>,
    /// `None`: the config cannot be read.
    pub summary: Option<ConfigSummary>,
    /// Why it cannot speak, as far as that shows without loading it.
    pub problem: Option<String>,
    /// What an earlier process measured.
    pub loudness: Loudness,
    /// What `make quality` measured.
    pub quality: Option<StoredQuality>,
}

/// SHA-256 in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedDigests {
    pub model: Option<String>,
    pub config: Option<String>,
}

/// What is told of a voice without loading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSummary {
    pub sample_rate: u32,
    pub speakers: u32,
    pub speaker_names: Vec<String>,
    /// Such as `en_US`, or what espeak-ng calls it.
    pub language: Option<String>,
}

#[derive(Deserialize)]
struct UnreadConfig {
    audio: AudioSummary,
    #[serde(default)]
    num_speakers: u32,
    #[serde(default)]
    speaker_id_map: BTreeMap<String, i64>,
    #[serde(default)]
    language: serde_json::Value,
    #[serde(default)]
    espeak: serde_json::Value,
}

#[derive(Deserialize)]
struct AudioSummary {
    sample_rate: u32,
}

// === impl InstalledVoice ===

impl InstalledVoice {
    /// A voice of which only the files are known.
    pub fn of_files(files: VoiceFiles) -> Self {
        Self {
            files,
            card: None,
            expected: None,
            size: 0,
            config: None,
            summary: None,
            problem: None,
            loudness: Loudness::default(),
            quality: None,
        }
    }

    pub fn license(&self) -> String {
        self.card.as_ref().map_or_else(|| UNKNOWN_LICENSE.to_owned(), |(_, card)| card.license())
    }
}

/// The voices in `folder`. A model without its config is no voice; a folder that is not there has none.
pub fn scan(folder: &Path) -> io::Result<BTreeMap<VoiceId, InstalledVoice>> {
    let mut voices = BTreeMap::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(voices),
        Err(error) => return Err(error),
    };
    let inside = fs::canonicalize(folder)?;
    let lockfile = Lockfile::read(folder)?;
    for entry in entries {
        let model = entry?.path();
        let Some(id) = id_of(&model) else { continue };
        if let Some(voice) = inspect(&id, &model, &inside, &lockfile) {
            voices.insert(id, voice);
        }
    }
    Ok(voices)
}

fn id_of(model: &Path) -> Option<VoiceId> {
    let name = model.file_name()?.to_str()?.strip_suffix(MODEL_ENDING)?;
    VoiceId::parse(name).ok()
}

fn inspect(id: &VoiceId, model: &Path, inside: &Path, lockfile: &Lockfile) -> Option<InstalledVoice> {
    let config = model.with_added_extension("json");
    if !config.exists() || !model.exists() {
        return None;
    }
    let (model, config) = (held(model, inside)?, held(&config, inside)?);
    let expected = |name: String| lockfile.get(&name).map(|record| record.sha256.clone());
    let expected = ExpectedDigests { model: expected(model_name(id)), config: expected(config_name(id)) };
    let size = [&model, &config].map(|path| fs::metadata(path).map_or(0, |file| file.len()));
    let json = disk::read_if_there(&config, MAX_CONFIG_BYTES).ok().flatten().unwrap_or_default();
    let read = config_of(size[0], &json);
    Some(InstalledVoice {
        card: card_of(id, inside),
        expected: (expected.model.is_some() || expected.config.is_some()).then_some(expected),
        summary: summary_of(&json),
        problem: read.as_ref().err().cloned(),
        config: read.ok().map(Arc::new),
        loudness: Loudness::read(inside, id),
        // Whoever looks for ignored files says what is wrong with it.
        quality: StoredQuality::read(inside, id).ok().flatten(),
        files: VoiceFiles { model, config },
        size: size.iter().sum(),
    })
}

/// The file, if it is one and lies in `inside`; where a link leads, if it is one, so that changing the link later
/// changes nothing.
fn held(path: &Path, inside: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(path).ok()?;
    if !real.starts_with(inside) || !real.is_file() {
        return None;
    }
    let is_link = fs::symlink_metadata(path).ok()?.is_symlink();
    Some(if is_link { real } else { path.to_owned() })
}

fn card_of(id: &VoiceId, folder: &Path) -> Option<(PathBuf, ModelCard)> {
    let names = [card_name(id), format!("{CARD_BEGINNING}{id}")];
    names.iter().find_map(|name| {
        let path = held(&folder.join(name), folder)?;
        let text = disk::read_if_there(&path, MAX_CARD_BYTES).ok()??;
        Some((path, ModelCard::parse(&String::from_utf8_lossy(&text))))
    })
}

/// What the voice speaks by, or why it cannot.
fn config_of(model_bytes: u64, config: &[u8]) -> Result<VoiceConfig, String> {
    if model_bytes == 0 || model_bytes > MAX_MODEL_BYTES {
        return Err(format!("its model has {model_bytes} bytes, which no model has"));
    }
    VoiceConfig::parse(config).map_err(|error| shortened(&error.to_string(), MAX_PROBLEM_CHARS))
}

fn summary_of(json: &[u8]) -> Option<ConfigSummary> {
    let raw: UnreadConfig = serde_json::from_slice(json).ok()?;
    Some(ConfigSummary {
        sample_rate: raw.audio.sample_rate,
        speakers: raw.num_speakers.max(1),
        speaker_names: speaker_names(&raw.speaker_id_map),
        language: raw.language["code"].as_str().or(raw.espeak["voice"].as_str()).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), r#"{"audio": {"sample_rate": 16000}}"#).unwrap();
        }
        folder
    }

    #[test]
    fn only_whole_voices_are_found() {
        let folder = folder_with(&["a.onnx", "a.onnx.json", "b.onnx", "c.onnx.json", ".d.onnx.partial", "readme.md"]);

        let voices = scan(folder.path()).unwrap();

        assert_eq!(voices.keys().map(VoiceId::as_str).collect::<Vec<_>>(), ["a"]);
        let voice = voices.values().next().unwrap();
        assert_eq!(voice.summary.as_ref().unwrap().sample_rate, 16_000);
        assert_eq!(voice.expected, None);
    }

    #[test]
    fn links_may_not_lead_out() {
        let elsewhere = folder_with(&["b.onnx", "b.onnx.json"]);
        let folder = folder_with(&["a.onnx", "a.onnx.json", "b.onnx.json", "c.onnx"]);
        let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
        link(&elsewhere.path().join("b.onnx"), "b.onnx");
        link(&elsewhere.path().join("b.onnx.json"), "c.onnx.json");
        link(Path::new("a.onnx"), "d.onnx");
        link(Path::new("a.onnx.json"), "d.onnx.json");

        let voices = scan(folder.path()).unwrap();

        assert_eq!(voices.keys().map(VoiceId::as_str).collect::<Vec<_>>(), ["a", "d"]);
    }

    #[test]
    fn a_card_lies_beside_under_either_name() {
        let folder = folder_with(&["a.onnx", "a.onnx.json", "b.onnx", "b.onnx.json"]);
        fs::write(folder.path().join("a.MODEL_CARD"), "* License: CC0").unwrap();
        fs::write(folder.path().join("MODEL_CARD.b"), "* License: MIT").unwrap();

        let voices = scan(folder.path()).unwrap();

        let licenses: Vec<_> = voices.values().map(|voice| voice.card.as_ref().unwrap().1.license()).collect();
        assert_eq!(licenses, ["CC0", "MIT"]);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_voices() {
        assert!(scan(Path::new("/no/such/folder")).unwrap().is_empty());
    }
}
