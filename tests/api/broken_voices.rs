//! Voices whose files are wrong, beside good ones: each is refused with an answer that says so, and costs the good ones nothing.

use serde_json::json;

use crate::SYNTHESIZE;
use crate::support::{ModelsFolder, TestServer, until, write_broken_voices};

const GOOD: [&str; 2] = ["good", "also-good"];

#[test]
fn broken_voices_are_refused_and_good_ones_speak() {
    let folder = ModelsFolder::empty();
    for name in GOOD {
        folder.add_fixture("speakers", name);
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

            refused.assert_error(503, "voice_unavailable", None);
            assert!(!refused.text().contains(folder.name()), "{}", refused.text());
            assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
        }
        assert!(GOOD.iter().all(|good| speak(good).status == 200), "after {name}");
    }
    for name in &incomplete {
        speak(name).assert_error(404, "voice_not_found", Some("voice_id"));
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

    refused.assert_error(422, "voice_language_unknown", Some("voice_id"));
    assert!(!refused.headers.contains_key("retry-after"));
    server.post_json("/v1/voices/unheard/load", &json!({})).assert_error(
        422,
        "voice_language_unknown",
        Some("voice_id"),
    );
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "abc"})).status, 200);
}
