//! Voices whose files are wrong, beside good ones: each is refused with an answer that says so, and costs the good ones
//! nothing.

use std::fs;

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::SYNTHESIZE;
use crate::support::{Answer, ModelsFolder, Program, TOKEN, TestServer, until, write_broken_voices};

const GOOD_FIXTURE: &str = "speakers";
const GOOD: [&str; 2] = ["good", "also-good"];

/// It has no bytes but zeros that no disk holds: reading it would take minutes.
#[test]
fn a_model_of_100_gigabytes_is_refused_at_once_with_its_reason() {
    let folder = ModelsFolder::empty();
    for name in ["good", "huge"] {
        folder.add_fixture(GOOD_FIXTURE, name);
    }
    let model = fs::File::options().write(true).open(folder.path().join("huge.onnx")).unwrap();
    model.set_len(100 << 30).unwrap();
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", "good"),
        ("TTS_CACHE_ENABLED", "false"),
    ]);
    let speak =
        |voice: &str| server.post_json(SYNTHESIZE, &json!({"text": "abc", "voice_id": voice, "deadline_ms": 20_000}));

    let refused = speak("huge");

    refused.assert_error(422, "voice_unusable", Some("voice_id"));
    assert!(refused.text().contains("it needs more memory than there is"), "{}", refused.text());
    assert_eq!(speak("good").status, 200);
}

/// As large as a model may be, of zeros that no disk holds: it takes a second and more to read it.
#[test]
fn a_voice_whose_file_is_read_for_long_holds_up_no_deadline_and_no_other_voice() {
    let folder = ModelsFolder::empty();
    for name in ["good", "slow"] {
        folder.add_fixture(GOOD_FIXTURE, name);
    }
    fs::File::options().write(true).open(folder.path().join("slow.onnx")).unwrap().set_len(2 << 30).unwrap();
    let server =
        TestServer::start(&[("TTS_MODELS_DIR", folder.name()), ("TTS_VOICES", "*"), ("TTS_DEFAULT_VOICE", "good")]);

    let slow = server.post_json(SYNTHESIZE, &json!({"text": "abc", "voice_id": "slow", "deadline_ms": 50}));
    let good = server.post_json(SYNTHESIZE, &json!({"text": "abc", "voice_id": "good"}));

    slow.assert_error(504, "deadline_exceeded", None);
    assert_eq!(good.status, 200);
}

#[test]
fn broken_voices_are_refused_and_good_ones_speak() {
    let folder = ModelsFolder::empty();
    for name in GOOD {
        folder.add_fixture(GOOD_FIXTURE, name);
    }
    let (broken, incomplete) = write_broken_voices(folder.path());
    assert!(broken.len() + incomplete.len() >= 30);
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", GOOD[0]),
        ("TTS_CACHE_ENABLED", "false"),
    ]);
    let speak = |voice: &str| server.post_json(SYNTHESIZE, &json!({"text": "abc", "voice_id": voice}));

    for name in &broken {
        for _ in 0..2 {
            let refused = speak(name);

            refused.assert_error(422, "voice_unusable", Some("voice_id"));
            assert!(!refused.text().contains(folder.name()), "{}", refused.text());
            assert!(!refused.headers.contains_key("retry-after"), "waiting does not help");
        }
        assert!(GOOD.iter().all(|good| speak(good).status == 200), "after {name}");
    }
    for name in &incomplete {
        speak(name).assert_error(404, "voice_not_found", Some("voice_id"));
    }

    let voices = server.request(Method::GET, "/v1/voices").header("user-token", TOKEN).send().unwrap();
    let voices = Answer::of(voices).json();
    for voice in voices["voices"].as_array().unwrap() {
        let (id, problem) = (voice["id"].as_str().unwrap(), voice["problem"].as_str());
        assert_eq!(problem.is_some_and(|problem| !problem.is_empty()), broken.iter().any(|name| name == id), "{voice}");
    }

    // Not each of them was tried twice: it is not, unless the machine takes a second in between.
    let tried = server.metric("tts_voice_loads_total{result=\"error\"}") as usize;
    assert!((broken.len()..3 * broken.len() / 2).contains(&tried), "{tried} loads of {} voices", broken.len());
    assert_eq!(server.metric("tts_voices_loaded"), GOOD.len() as f64);
    assert_eq!(server.metric("tts_worker_restarts_total"), 0.0);
    let log = server.stop();
    assert!(log.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("panic")), "{log:#?}");
}

#[test]
fn a_voice_whose_language_espeak_lacks_is_found_before_it_speaks_and_never_called_busy() {
    let folder = ModelsFolder::empty();
    folder.add_fixture("speakers", GOOD[0]);
    folder.add_fixture("speakers", "unheard");
    let config = folder.path().join("unheard.onnx.json");
    let unheard = std::fs::read_to_string(&config).unwrap().replace("en-us", "tlh-nowhere");
    std::fs::write(&config, unheard).unwrap();
    let server = TestServer::start_unready(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", GOOD[0]),
        ("TTS_PRELOAD_VOICES", "good,unheard"),
    ]);

    until("the voices are tried", || server.get("/readyz").text().contains("unheard").then_some(()));
    let refused = server.post_json(SYNTHESIZE, &json!({"text": "abc", "voice_id": "unheard"}));

    refused.assert_error(422, "voice_unusable", Some("voice_id"));
    assert!(!refused.headers.contains_key("retry-after"));
    server.post_json("/v1/voices/unheard/load", &json!({})).assert_error(422, "voice_unusable", Some("voice_id"));
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "abc"})).status, 200);
}

#[test]
fn a_language_that_does_not_exist_is_found_when_the_voice_is_loaded() {
    let folder = ModelsFolder::with_fixture(GOOD_FIXTURE);
    folder.add_fixture(GOOD_FIXTURE, "foreign");
    set_language(&folder, "foreign", "xx-nowhere");
    let server = TestServer::start(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", GOOD_FIXTURE),
        ("TTS_CACHE_ENABLED", "false"),
    ]);
    let speak = || server.post_json(SYNTHESIZE, &json!({"text": "abc", "voice_id": "foreign"}));

    let refused = speak();

    refused.assert_error(422, "voice_unusable", Some("voice_id"));
    assert!(refused.text().contains("no voice for language xx-nowhere"), "{}", refused.text());
    assert_eq!(server.metric("tts_voice_loads_total{result=\"error\"}"), 1.0);

    // Mended, it speaks as soon as the folder was looked into.
    set_language(&folder, "foreign", "de");
    server.signal(Signal::SIGHUP);
    until("the mended voice", || (speak().status == 200).then_some(()));
}

#[test]
fn voices_that_show_what_is_wrong_with_them_are_listed_as_unusable() {
    let folder = ModelsFolder::with_fixture(GOOD_FIXTURE);
    for name in ["empty", "unknown-phonemes"] {
        folder.add_fixture(GOOD_FIXTURE, name);
    }
    fs::write(folder.path().join("empty.onnx"), "").unwrap();
    change_config(&folder, "unknown-phonemes", |config| config["phoneme_type"] = json!("thai"));

    let list = Program::new(&["voices", "list"]).variable("TTS_MODELS_DIR", folder.name()).variable("TTS_VOICES", "*");
    let list = list.finish();

    assert_eq!(list.code, Some(0), "{}", list.stderr);
    for (name, shown) in [
        (GOOD_FIXTURE, " installed "),
        ("empty", "its model has 0 bytes"),
        ("unknown-phonemes", "phoneme type thai is not supported"),
    ] {
        let line = list.text().lines().find(|line| line.starts_with(&format!("{name} "))).expect(name).to_owned();
        assert!(line.contains(shown) && line.contains(" unusable ") != (name == GOOD_FIXTURE), "{line}");
    }
}

fn set_language(folder: &ModelsFolder, voice: &str, language: &str) {
    change_config(folder, voice, |config| config["espeak"]["voice"] = json!(language));
}

fn change_config(folder: &ModelsFolder, voice: &str, change: impl Fn(&mut Value)) {
    let path = folder.path().join(format!("{voice}.onnx.json"));
    let mut config = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(path, config.to_string()).unwrap();
}
