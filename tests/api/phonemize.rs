//! `POST /v1/phonemize`.

use serde_json::{Value, json};

use crate::support::{ModelsFolder, TestServer, VOICE, shared, until};

const PHONEMIZE: &str = "/v1/phonemize";
const LANGUAGES: [&str; 14] =
    ["ar", "cmn", "de", "en-us", "es", "fr", "hebrew", "hi", "it", "pinyin", "pl", "pt-br", "ru", "tr"];
/// How those texts begin of which piper says a part alone.
const CUT_SHORT_BY_PIPER: [&str; 3] = ["ababab", "supercalifragisu", "① ②"];

#[test]
fn each_sentence_has_its_phonemes_and_the_ids_that_the_network_gets() {
    let answer = shared().post_json(PHONEMIZE, &json!({"text": "Hello. Good night!", "voice_id": VOICE})).json();

    let sentences = answer["sentences"].as_array().unwrap();
    let phonemes: Vec<String> = sentences
        .iter()
        .map(|sentence| sentence["phonemes"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect())
        .collect();
    assert_eq!(answer["voice_id"], VOICE);
    assert_eq!(phonemes, ["həlˈoʊ.", "ɡˈʊd nˈaɪt!"]);
    // Begin, pad, a pad after each phoneme, end.
    let ids = sentences[0]["ids"].as_array().unwrap();
    assert_eq!((ids.len(), &ids[0], &ids[ids.len() - 1]), (2 * 7 + 3, &json!(1), &json!(2)));
    assert_eq!(sentences[0]["missing"], json!([]));
}

#[test]
fn a_text_beyond_what_the_phonemizer_holds_is_said_whole() {
    for (unit, times, word) in [("7", 5_000, "sˈɛvən"), ("😀", 200, "ɡɹˈɪnɪŋ"), ("1987 ", 145, "nˈaɪntiːn")]
    {
        let answer = shared().post_json(PHONEMIZE, &json!({"text": unit.repeat(times), "normalize": false})).json();

        let phonemes =
            answer["sentences"].as_array().unwrap().iter().flat_map(|one| one["phonemes"].as_array().unwrap());
        let said: String = phonemes.map(|phoneme| phoneme.as_str().unwrap()).collect();
        assert_eq!(said.matches(word).count(), times, "{unit}");
    }
}

#[test]
fn without_a_phonemizer_the_answer_is_503_until_there_is_one_again() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("espeakbridge.so");
    let away = library.with_extension("away");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/runtime/espeakbridge.so"), &library).unwrap();
    let server = TestServer::start(&[("TTS_ESPEAK_LIBRARY", library.to_str().unwrap()), ("TTS_PHONEMIZERS", "1")]);
    assert_eq!(server.post_json(PHONEMIZE, &json!({"text": "Before."})).status, 200);

    std::fs::rename(&library, &away).unwrap();
    server.kill_children();
    for path in [PHONEMIZE, "/v1/synthesizeSpeech"] {
        let answer = server.post_json(path, &json!({"text": "Meanwhile."}));
        answer.assert_error(503, "phonemizer_unavailable", None);
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{path}");
    }
    std::fs::rename(&away, &library).unwrap();

    until("it is back", || (server.post_json(PHONEMIZE, &json!({"text": "Later."})).status == 200).then_some(()));
}

#[test]
fn phonemes_that_the_voice_lacks_are_named() {
    let answer = shared().post_json(PHONEMIZE, &json!({"text": "[[ a\u{2603}b ]]"})).json();

    assert_eq!(answer["sentences"][0]["missing"], json!(["\u{2603}"]), "{answer}");
    let body = json!({"text": "[[ a\u{2603}b\u{2603} ]]"});
    for stream in [false, false, true] {
        let spoken = shared().post_json("/v1/synthesizeSpeech", &crate::with(&body, &json!({"stream": stream})));
        assert_eq!(spoken.header("x-missing-phonemes"), "U+2603 2", "{stream}");
    }
}

#[test]
fn other_spellings_of_what_a_voice_has_are_mapped() {
    let phonemes = |text: &str| shared().post_json(PHONEMIZE, &json!({"text": text})).json()["sentences"].clone();

    assert_eq!(phonemes("[[ ʤɪn gəʊ ʧɪn t\u{361}sɑ ]]"), phonemes("[[ dʒɪn ɡəʊ tʃɪn tsɑ ]]"));
}

#[test]
fn what_is_wrong_is_named() {
    shared().post_json(PHONEMIZE, &json!({"text": ""})).assert_error(400, "invalid_text", Some("text"));
    shared().post_json(PHONEMIZE, &json!({"text": "a", "voice_id": "nobody"})).assert_error(
        404,
        "voice_not_found",
        Some("voice_id"),
    );
    shared().post_json(PHONEMIZE, &json!({"text": "a", "speed": 1})).assert_error(422, "invalid_body", Some("speed"));
    let anonymous = shared().request(reqwest::Method::POST, PHONEMIZE).json(&json!({"text": "a"})).send().unwrap();
    assert_eq!(anonymous.status().as_u16(), 403);
}

/// Of the texts for which Piper's own package was asked (`tests/fixtures/make_phonemes.py`).
#[test]
fn what_is_not_normalized_has_pipers_ids() {
    // Their networks are not asked.
    let folder = ModelsFolder::empty();
    let config = std::fs::read(format!("models/{VOICE}.onnx.json")).unwrap();
    for language in LANGUAGES {
        folder.add_fixture("vits-low", language);
        let mut config: Value = serde_json::from_slice(&config).unwrap();
        config["espeak"]["voice"] = json!(language);
        if let Ok(ids) = std::fs::read(format!("tests/fixtures/phonemes/{language}-ids.json")) {
            config["phoneme_type"] = json!(language);
            let ids: Value = serde_json::from_slice(&ids).unwrap();
            config["phoneme_id_map"].as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        }
        std::fs::write(folder.path().join(format!("{language}.onnx.json")), config.to_string()).unwrap();
    }
    let server = TestServer::start_unready(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", "en-us"),
    ]);

    let mut count = 0;
    for language in LANGUAGES {
        let cases = std::fs::read_to_string(format!("tests/fixtures/phonemes/{language}.jsonl")).unwrap();
        for case in cases.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let text = case["text"].as_str().unwrap();
            if text.trim().is_empty() || CUT_SHORT_BY_PIPER.iter().any(|start| text.starts_with(start)) {
                continue;
            }
            let body = json!({"text": text, "voice_id": language, "normalize": false});
            let answer = server.post_json(PHONEMIZE, &body).json();

            let ids = |sentences: &Value| {
                sentences.as_array().unwrap().iter().map(|one| one["ids"].clone()).collect::<Vec<_>>()
            };
            assert_eq!(ids(&answer["sentences"]), ids(&case["sentences"]), "{language}: {text:?}");
            count += 1;
        }
    }
    assert!(count > 1_000, "{count}");
}
