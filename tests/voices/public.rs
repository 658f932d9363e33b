//! Every public voice, as a mirror in a folder has it: its name, its place, its settings, and a small graph in the
//! place of its network.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tts_batch_api::speech::sample_text;

use crate::fixture::md5;
use crate::support::{Answer, ModelsFolder, TOKEN, TestServer};

/// An id, a number of speakers and, of those that cannot be spoken with, the phoneme type.
const VOICES: &str = include_str!("../../src/voices/snapshot.txt");
const DEFAULT: &str = "en_US-joe-medium";
/// Of the voices that speak one in so many is asked; all of them: `TTS_TEST_PUBLIC_VOICES=all cargo test --test voices
/// every_public_voice`.
const EACH: usize = 12;
const ALL_VARIABLE: &str = "TTS_TEST_PUBLIC_VOICES";
const CALLERS: usize = 4;

/// Phoneme types other than espeak-ng's of those that are spoken with.
const OTHER_TYPES: [(&str, &str); 4] = [
    ("es_MX-ald-medium", "PhonemeType.ESPEAK"),
    ("he_IL-saspeech-medium", "hebrew"),
    ("zh_CN-chaowen-medium", "pinyin"),
    ("zh_CN-xiao_ya-medium", "pinyin"),
];

/// What espeak-ng calls the languages that it does not call as the voices do.
const ESPEAK_NAMES: [(&str, &str); 7] = [
    ("en_GB", "en-gb-x-rp"),
    ("en_US", "en-us"),
    ("es_AR", "es-419"),
    ("es_MX", "es-419"),
    ("no_NO", "nb"),
    ("pt_BR", "pt-br"),
    ("zh_CN", "cmn"),
];

struct Voice {
    id: &'static str,
    speakers: usize,
    refused_type: Option<&'static str>,
}

// === impl Voice ===

impl Voice {
    fn parse(line: &'static str) -> Self {
        let mut columns = line.split(' ');
        let mut next = || columns.next();
        Self { id: next().unwrap(), speakers: next().unwrap().parse().unwrap(), refused_type: next() }
    }

    fn parts(&self) -> [&'static str; 3] {
        self.id.split('-').collect::<Vec<_>>().try_into().unwrap()
    }

    fn espeak_name(&self) -> &'static str {
        let [locale, ..] = self.parts();
        let named = ESPEAK_NAMES.iter().find(|(known, _)| *known == locale);
        named.map_or_else(|| locale.split('_').next().unwrap(), |(_, name)| name)
    }

    fn phoneme_type(&self) -> &'static str {
        let other = OTHER_TYPES.iter().find(|(id, _)| *id == self.id).map(|(_, phoneme_type)| *phoneme_type);
        self.refused_type.or(other).unwrap_or("espeak")
    }

    fn sample_rate(&self) -> u32 {
        if matches!(self.parts()[2], "x_low" | "low") { 16_000 } else { 22_050 }
    }

    fn speaker_ids(&self) -> Value {
        if self.speakers == 1 {
            return json!({});
        }
        (0..self.speakers).map(|speaker| (format!("p{speaker}"), json!(speaker))).collect()
    }

    /// As published: of each quality otherwise than of the others, where several ways to write the same are found.
    fn config(&self, stand_in: &Value) -> Value {
        let mut config = stand_in.clone();
        config["audio"] = json!({"sample_rate": self.sample_rate(), "quality": self.parts()[2]});
        config["espeak"]["voice"] = json!(self.espeak_name());
        config["phoneme_type"] = json!(self.phoneme_type());
        config["num_speakers"] = json!(self.speakers);
        config["speaker_id_map"] = self.speaker_ids();
        config["default_speaker_id"] = Value::Null;
        if self.phoneme_type() == "pinyin" {
            config["phoneme_id_map"] = read("tests/fixtures/phonemes/pinyin-ids.json");
        }
        match (self.speakers, self.parts()[2]) {
            (1, "low") => config["audio"]["sample_rate"] = json!(self.sample_rate().to_string()),
            (1, "x_low") => config["num_speakers"] = json!(0),
            (1, "high") => config["speaker_id_map"] = Value::Null,
            _ => {}
        }
        config
    }

    /// Puts its files into the mirror; what the catalogue has of it.
    fn publish(&self, mirror: &Path, model: &[u8], config: &Value) -> Value {
        let [locale, name, quality] = self.parts();
        let (family, region) = locale.split_once('_').unwrap();
        let place = format!("{family}/{locale}/{name}/{quality}");
        fs::create_dir_all(mirror.join(&place)).unwrap();
        let mut files = json!({});
        for (file, bytes) in [
            (format!("{}.onnx", self.id), model.to_vec()),
            (format!("{}.onnx.json", self.id), config.to_string().into_bytes()),
            ("MODEL_CARD".to_owned(), format!("# Model card for {name}\n\n* License: CC0\n").into_bytes()),
        ] {
            let path = format!("{place}/{file}");
            files[&path] = json!({"size_bytes": bytes.len(), "md5_digest": md5(&bytes)});
            fs::write(mirror.join(&path), bytes).unwrap();
        }
        json!({
            "key": self.id, "name": name, "quality": quality, "files": files, "aliases": [],
            "language": {"code": locale, "family": family, "region": region},
            "num_speakers": self.speakers, "speaker_id_map": self.speaker_ids(),
        })
    }

    /// What is wrong with what a service says when it is asked to speak with this voice, or to fetch one that cannot
    /// speak.
    fn fault(&self, server: &TestServer) -> Option<String> {
        let mut body = json!({"text": sample_text(self.espeak_name()), "voice_id": self.id});
        if self.speakers > 1 {
            body["speaker"] = json!("p1");
        }
        let answer = match self.refused_type {
            None => server.post_json("/v1/synthesizeSpeech", &body),
            Some(_) => Answer::of(server.post(&format!("/v1/voices/{}", self.id)).send().unwrap()),
        };
        let is_right = match self.refused_type {
            None => {
                answer.status == 200
                    && answer.header("x-sample-rate") == self.sample_rate().to_string()
                    && !answer.sound().is_silent()
            }
            Some(reason) => {
                answer.status == 422 && answer.text().contains(reason) && !answer.headers.contains_key("retry-after")
            }
        };
        (!is_right).then(|| format!("{}: {} {:?} {:.200}", self.id, answer.status, answer.headers, answer.text()))
    }
}

fn read(path: &str) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn mirror_of(voices: &[Voice]) -> TempDir {
    let mirror = tempfile::tempdir().unwrap();
    let model = fs::read("tests/fixtures/models/speakers.onnx").unwrap();
    let stand_in = read("tests/fixtures/models/speakers.onnx.json");
    let publish = |voice: &Voice| (voice.id.to_owned(), voice.publish(mirror.path(), &model, &voice.config(&stand_in)));
    let list: Value = voices.iter().map(publish).collect();
    fs::write(mirror.path().join("voices.json"), list.to_string()).unwrap();
    mirror
}

#[test]
fn every_public_voice_is_fetched_and_speaks_or_is_refused_for_what_it_lacks() {
    let voices: Vec<Voice> = VOICES.lines().map(Voice::parse).collect();
    let (mirror, models) = (mirror_of(&voices), ModelsFolder::empty());
    let server = TestServer::start(&[
        ("TTS_VOICE_SOURCE", &format!("file://{}", mirror.path().display())),
        ("TTS_MODELS_DIR", models.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", DEFAULT),
    ]);

    let wants_all = std::env::var(ALL_VARIABLE).is_ok_and(|value| value == "all");
    let is_rare = |voice: &Voice| voice.phoneme_type() != "espeak" || voice.id == DEFAULT;
    let chosen = voices.iter().enumerate();
    let chosen: Vec<&Voice> = chosen
        .filter(|(index, voice)| wants_all || index % EACH == 0 || is_rare(voice))
        .map(|(_, voice)| voice)
        .collect();

    let faults: Vec<String> = std::thread::scope(|scope| {
        let asked = |first| chosen.iter().skip(first).step_by(CALLERS).filter_map(|voice| voice.fault(&server));
        let callers = (0..CALLERS).map(|first| scope.spawn(move || asked(first).collect::<Vec<_>>()));
        let callers: Vec<_> = callers.collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });

    assert!(faults.is_empty(), "{faults:#?}");
    let list = server.request(Method::GET, "/v1/catalogue").header("user-token", TOKEN).send();
    let list = Answer::of(list.unwrap()).json();
    let states =
        |state: &str| list["voices"].as_array().unwrap().iter().filter(|voice| voice["state"] == state).count();
    let refused = voices.iter().filter(|voice| voice.refused_type.is_some()).count();
    assert_eq!((states("installed"), states("refused")), (chosen.len() - refused, refused));
}
