//! Owns the fixtures that tests share: small voices at a source, a folder for them, and looking at what is in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use serde_json::{Value, json};
use tempfile::TempDir;
use tts_batch_api::domain::VoiceId;
use tts_batch_api::voices::{Catalogue, Retries, VoiceSettings, VoiceSource};

use crate::source::Source;

pub const VOICE: &str = "en_US-one-low";
pub const MODEL: &str = "en/en_US/one/low/en_US-one-low.onnx";
pub const CONFIG: &str = "en/en_US/one/low/en_US-one-low.onnx.json";
pub const CARD: &str = "en/en_US/one/low/MODEL_CARD";
pub const MODEL_BYTES: usize = 200_000;

/// A source with voices, and a folder without.
pub struct Fixture {
    pub source: Source,
    pub root: TempDir,
    catalogue: Value,
}

impl Fixture {
    /// The source has [`VOICE`] under the licence CC0.
    pub fn new() -> Self {
        Self::with_source(Source::start())
    }

    pub fn with_source(source: Source) -> Self {
        // The program's own choice is made in its `main`. That another test was first is no matter.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = tempfile::tempdir().unwrap();
        let mut fixture = Self { source, root, catalogue: json!({}) };
        fixture.publish(VOICE, "CC0");
        fixture
    }

    /// Adds a voice to the source.
    pub fn publish(&mut self, name: &str, license: &str) {
        self.publish_with(name, license, br#"{"audio": {"sample_rate": 16000}, "num_speakers": 1}"#);
    }

    /// The same, with such settings.
    pub fn publish_with(&mut self, name: &str, license: &str, config: &[u8]) {
        let [language, voice, quality] = name.split('-').collect::<Vec<_>>().try_into().unwrap();
        let folder = format!("en/{language}/{voice}/{quality}");
        let files = [
            (format!("{folder}/{name}.onnx"), model(name)),
            (format!("{folder}/{name}.onnx.json"), config.to_vec()),
            (format!("{folder}/MODEL_CARD"), format!("* License: {license}\n\n## Training\n\nFrom scratch.\n").into()),
        ];
        let mut listed = json!({});
        for (path, bytes) in files {
            listed[&path] = json!({"size_bytes": bytes.len(), "md5_digest": md5(&bytes)});
            self.source.put(&path, bytes);
        }
        self.list(
            name,
            json!({
                "key": name, "name": voice, "quality": quality, "num_speakers": 1, "speaker_id_map": {},
                "language": {"code": language}, "files": listed, "aliases": [format!("old-{voice}")],
            }),
        );
    }

    /// Puts an entry into the source's catalogue.
    pub fn list(&mut self, key: &str, entry: Value) {
        self.catalogue[key] = entry;
        self.source.put("voices.json", self.catalogue.to_string());
    }

    pub fn entry(&self, key: &str) -> Value {
        self.catalogue[key].clone()
    }

    pub fn models(&self) -> PathBuf {
        self.root.path().join("models")
    }

    pub fn fallback(&self) -> PathBuf {
        self.root.path().join("home/.local/share/tts-batch-api/models")
    }

    pub fn settings(&self) -> VoiceSettings {
        VoiceSettings {
            models_dir: self.models(),
            fallback_dir: Some(self.fallback()),
            allowed: vec!["*".to_owned(), VOICE.to_owned()],
            source: Some(VoiceSource::parse(&self.source.url()).unwrap()),
            offline: false,
            allowed_licenses: Vec::new(),
            max_bytes: 0,
            download_timeout: Duration::from_mins(1),
            stall_timeout: Duration::from_secs(20),
            retries: Retries { attempts: 3, first_delay: Duration::from_millis(1), cool_down: Duration::ZERO },
        }
    }

    pub fn open(&self) -> Catalogue {
        Catalogue::open(&self.settings()).unwrap()
    }

    /// `tts-batch-api voices ...` with this folder and this source.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tts-batch-api"));
        command
            .arg("voices")
            .args(args)
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .env("TTS_MODELS_DIR", self.models())
            .env("TTS_VOICE_SOURCE", self.source.url())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Whether the folder holds [`VOICE`] as the source has it, and what belongs to it, and nothing else.
pub fn assert_installed(folder: &Path) {
    assert_eq!(fs::read(folder.join(format!("{VOICE}.onnx"))).unwrap(), model(VOICE));
    let files = ["MODEL_CARD", "onnx", "onnx.json"].map(|ending| format!("{VOICE}.{ending}"));
    let kept = ["voices.json", "voices.lock"].map(str::to_owned);
    assert_eq!(names_in(folder), files.into_iter().chain(kept).collect());
}

pub fn id(name: &str) -> VoiceId {
    VoiceId::parse(name).unwrap()
}

/// Bytes that differ from place to place and from voice to voice.
pub fn model(name: &str) -> Vec<u8> {
    let seed = name.bytes().fold(1_u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..MODEL_BYTES).map(|_| next()).collect()
}

pub fn md5(bytes: &[u8]) -> String {
    format!("{:032x}", u128::from_be_bytes(Md5::digest(bytes).into()))
}

/// A voice that somebody puts into the folder.
pub fn drop_in(folder: &Path, name: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(format!("{name}.onnx.json")), r#"{"audio": {"sample_rate": 22050}}"#).unwrap();
    fs::write(folder.join(format!("{name}.onnx")), "by hand").unwrap();
}

/// Hidden ones too; none if there is no folder.
pub fn names_in(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Every file below, by its path from `root`.
pub fn tree(root: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    files
}

/// Returns as soon as `holds`. What never holds fails the test after a minute.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what} did not come about");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
