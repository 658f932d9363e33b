//! Owns voices that are broken on purpose: variants of a small voice that is made for tests, each with one thing wrong.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// One thing that is wrong.
enum Damage {
    /// The model is these bytes.
    Model(Vec<u8>),
    /// The model is a folder.
    ModelFolder,
    /// The config is this text.
    Config(String),
    NoConfig,
}

use Damage::{Config, Model, ModelFolder, NoConfig};

/// Puts the broken voices into `folder` and says what they are called: first those that have the files of a voice, then
/// those that do not.
pub fn write_broken_voices(folder: &Path) -> (Vec<String>, Vec<String>) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/speakers.onnx");
    let model = fs::read(&fixture).unwrap();
    let config = fs::read_to_string(fixture.with_added_extension("json")).unwrap();
    let (mut broken, mut incomplete) = (Vec::new(), Vec::new());
    for (number, (what, damage)) in models(&model).into_iter().chain(configs(&config)).enumerate() {
        let name = format!("broken-{number:02}-{what}");
        let path = folder.join(format!("{name}.onnx"));
        let is_incomplete = matches!(damage, ModelFolder | NoConfig);
        fs::write(path.with_added_extension("json"), &config).unwrap();
        fs::write(&path, &model).unwrap();
        match damage {
            Model(bytes) => fs::write(&path, bytes).unwrap(),
            ModelFolder => {
                fs::remove_file(&path).unwrap();
                fs::create_dir(&path).unwrap();
            }
            Config(text) => fs::write(path.with_added_extension("json"), text).unwrap(),
            NoConfig => fs::remove_file(path.with_added_extension("json")).unwrap(),
        }
        if is_incomplete { incomplete.push(name) } else { broken.push(name) }
    }
    (broken, incomplete)
}

fn models(good: &[u8]) -> Vec<(&'static str, Damage)> {
    let followed_by = |field: &[u8]| Model([good, field].concat());
    let changed = |from: &str, to: &str| Model(replaced(good, from.as_bytes(), to.as_bytes()));
    vec![
        ("empty", Model(Vec::new())),
        ("cut-after-10", Model(good[..10].to_vec())),
        ("cut-in-half", Model(good[..good.len() / 2].to_vec())),
        ("cut-by-one", Model(good[..good.len() - 1].to_vec())),
        ("folder", ModelFolder),
        ("text", Model(b"not a network".to_vec())),
        ("page", Model(b"<!doctype html><title>404</title>".to_vec())),
        ("zeros", Model(vec![0; 4096])),
        ("ones", Model(vec![0xff; 4096])),
        ("pointer", Model(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec())),
        // Of a field that is there twice, the last one counts: opset 9999, format 9999.
        ("opset", followed_by(&[0x42, 3, 0x10, 0x8f, 0x4e])),
        ("format", followed_by(&[0x08, 0x8f, 0x4e])),
        ("no-graph", Model(good[..2].to_vec())),
        ("empty-graph", Model([&good[..2], &[0x3a, 0], &good[good.len() - 6..]].concat())),
        ("operator", changed("Gather", "Gathes")),
        ("other-operator", changed("Unsqueeze", "Unsqueexe")),
        ("input", changed("scales", "scalez")),
        ("other-input", changed("input_lengths", "input_lengthz")),
        ("first-byte", Model([&[good[0] ^ 0x80], &good[1..]].concat())),
        ("length", flipped(good, 3, 0x40)),
        ("node-length", flipped(good, 7, 0x7f)),
        ("type-of-field", flipped(good, 5, 0x07)),
        // A tensor with its data elsewhere: `external_data`, `data_location`.
        ("external", followed_by(&external_tensor("../../elsewhere/weights.bin"))),
    ]
}

fn configs(good: &str) -> Vec<(&'static str, Damage)> {
    let changed = |pointer: &str, value: Value| {
        let mut config: Value = serde_json::from_str(good).unwrap();
        *config.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not in the fixture")) = value;
        Config(config.to_string())
    };
    let without = |key: &str| {
        let mut config: Value = serde_json::from_str(good).unwrap();
        config.as_object_mut().unwrap().remove(key).unwrap_or_else(|| panic!("{key} is not in the fixture"));
        Config(config.to_string())
    };
    vec![
        ("no-config", NoConfig),
        ("empty-config", Config(String::new())),
        ("not-json", Config("{'audio': 1}".to_owned())),
        ("half-a-config", Config(good[..good.len() / 2].to_owned())),
        ("list", Config("[]".to_owned())),
        ("no-audio", without("audio")),
        ("no-phonemes", without("phoneme_id_map")),
        ("no-symbols", without("num_symbols")),
        ("no-language", without("espeak")),
        ("phonemes-as-text", changed("/phoneme_id_map", json!("abc"))),
        ("ids-as-text", changed("/phoneme_id_map", json!({"^": ["1"], "_": ["0"], "$": ["2"]}))),
        ("no-marks", changed("/phoneme_id_map", json!({"a": [5]}))),
        ("rate-as-text", changed("/audio/sample_rate", json!("fast"))),
        ("rate-of-zero", changed("/audio/sample_rate", json!(0))),
        ("fewer-than-no-speakers", changed("/num_speakers", json!(-1))),
        ("no-speakers", changed("/num_speakers", json!(0))),
        ("symbols-of-zero", changed("/num_symbols", json!(0))),
    ]
}

fn flipped(good: &[u8], at: usize, bits: u8) -> Damage {
    let mut bytes = good.to_vec();
    bytes[at] ^= bits;
    Model(bytes)
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "lengths of fields would no longer hold");
    let mut bytes = bytes.to_vec();
    let mut found = false;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            found = true;
        }
    }
    assert!(found, "the fixture has changed");
    bytes
}

/// A part of a graph, to be appended to a model, whose weights lie in another file.
fn external_tensor(location: &str) -> Vec<u8> {
    let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
    let tensor = [vec![0x08, 1, 0x10, 1], field(8, b"elsewhere"), field(13, &entry), vec![0x70, 1]].concat();
    field(7, &field(5, &tensor))
}

/// A field with a length before it, as protocol buffers write it.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80).expect("a short field");
    [&[number << 3 | 2, length], content].concat()
}
