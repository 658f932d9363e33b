//! Voices whose phonemes do not come from espeak-ng: those that can speak do, and the others say why they cannot.

use reqwest::Method;
use serde_json::{Value, json};

use crate::SYNTHESIZE;
use crate::support::{Answer, ModelsFolder, TOKEN, TestServer, VOICE};

const HEBREW: &str = "he_IL-standin-low";
const CHINESE: &str = "zh_CN-standin-low";
const REFUSED: [(&str, &str); 2] = [("th_TH-standin-low", "thai"), ("ja_JA-standin-low", "japanese")];

/// A small network with settings as such voices have them.
fn add_voice(folder: &ModelsFolder, name: &str, phoneme_type: &str) {
    folder.add_fixture("vits-low", name);
    let path = folder.path().join(format!("{name}.onnx.json"));
    let read = |path: &std::path::Path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
    let mut config = read(&path);
    config["phoneme_type"] = json!(phoneme_type);
    config["espeak"]["voice"] = json!(name.split('_').next().unwrap());
    // What the network has no row for is left out.
    config["phoneme_id_map"] = match phoneme_type {
        "pinyin" => read("tests/fixtures/phonemes/pinyin-ids.json".as_ref()),
        _ => read(format!("models/{VOICE}.onnx.json").as_ref())["phoneme_id_map"].clone(),
    };
    std::fs::write(path, config.to_string()).unwrap();
}

fn server() -> (ModelsFolder, TestServer) {
    let folder = ModelsFolder::empty();
    add_voice(&folder, HEBREW, "hebrew");
    add_voice(&folder, CHINESE, "pinyin");
    for (voice, phoneme_type) in REFUSED {
        add_voice(&folder, voice, phoneme_type);
    }
    let server =
        TestServer::start(&[("TTS_MODELS_DIR", folder.name()), ("TTS_VOICES", "*"), ("TTS_DEFAULT_VOICE", HEBREW)]);
    (folder, server)
}

/// Why a voice cannot speak, by the list.
fn problem(server: &TestServer, voice: &str) -> Option<String> {
    let asked = server.request(Method::GET, &format!("/v1/voices/{voice}")).header("user-token", TOKEN).send();
    let told = Answer::of(asked.unwrap()).json();
    assert_eq!(told["id"], voice);
    told["problem"].as_str().map(str::to_owned)
}

/// Of each sentence.
fn phonemes(server: &TestServer, body: &Value) -> Vec<String> {
    let answer = server.post_json("/v1/phonemize", body).json();
    let sentences = answer["sentences"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    let one = |sentence: &Value| {
        sentence["phonemes"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect::<String>()
    };
    sentences.map(one).collect()
}

#[test]
fn a_hebrew_voice_speaks_as_any_other() {
    let (_folder, server) = server();
    let text = "שלום, ילדים! בואו הביתה.";

    let spoken = server.post_json(SYNTHESIZE, &json!({"text": text}));
    let timed = server.post_json("/v1/synthesizeSpeech/timestamps", &json!({"text": text})).json();
    let level = server.post_json(SYNTHESIZE, &json!({"text": text, "loudness": -30}));

    assert_eq!(spoken.status, 200, "{}", spoken.text());
    assert!(!spoken.sound().is_silent() && spoken.sound().seconds() > 0.5);
    assert_eq!(level.status, 200, "{}", level.text());
    let words = timed["words"].as_array().unwrap_or_else(|| panic!("{timed}"));
    let texts: Vec<&str> = words.iter().map(|word| word["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["שלום", "ילדים", "בואו", "הביתה"]);
    assert!(words.iter().all(|word| word["start"].as_f64() < word["end"].as_f64()), "{timed}");
}

#[test]
fn hebrew_is_pointed_unless_it_is_and_takes_raw_phonemes() {
    let (_folder, server) = server();
    let said = |text: &str| phonemes(&server, &json!({"text": text, "normalize": false}));

    assert_eq!(said("הַיֶּלֶד אָכַל."), ["hajelˈed ˈaχal"]);
    assert_eq!(said("שלום."), ["ʃˈalom"]);
    assert_eq!(said("שָׁלוֹם [[ ˈat ]] שָׁלוֹם"), ["ʃˈalom ˈat ʃˈalom"]);
    // As with piper, what is not Hebrew is not heard; but not where nothing is.
    assert_eq!(said("שָׁלוֹם OK 25"), ["ʃˈalom  "]);
    let refused = server.post_json(SYNTHESIZE, &json!({"text": "… OK 25", "normalize": false}));
    refused.assert_error(422, "unspeakable_text", Some("text"));
    assert!(refused.text().contains("4 letters or digits") && refused.text().contains("character 2"));
}

#[test]
fn a_chinese_voice_speaks_syllables_and_their_tones() {
    let (_folder, server) = server();
    let said = |text: &str| phonemes(&server, &json!({"text": text, "voice_id": CHINESE}));
    let body = json!({"text": "你好，世界。今天很热！", "voice_id": CHINESE});

    let spoken = server.post_json(SYNTHESIZE, &body);
    let timed = server.post_json("/v1/synthesizeSpeech/timestamps", &body).json();

    assert_eq!(spoken.status, 200, "{}", spoken.text());
    assert!(!spoken.sound().is_silent());
    let words = timed["words"].as_array().unwrap_or_else(|| panic!("{timed}"));
    let texts: String = words.iter().map(|word| word["text"].as_str().unwrap()).collect();
    assert_eq!(texts, "你好世界今天很热");
    assert!(words.iter().all(|word| word["start"].as_f64() < word["end"].as_f64()), "{timed}");
    assert_eq!(said("你好。再见"), ["ni3hao3。", "zai4jian4"]);
    // Raw phonemes are syllables in pinyin.
    assert_eq!(said("[[chong2 lü4]]新"), ["chong2lv4xin1"]);
    let ids = server.post_json("/v1/phonemize", &json!({"text": "你好", "voice_id": CHINESE})).json();
    assert_eq!(ids["sentences"][0]["ids"], json!([1, 10, 39, 66, 0, 14, 32, 66, 0, 2]));
    let refused = server.post_json(SYNTHESIZE, &json!({"text": "Привет", "voice_id": CHINESE}));
    refused.assert_error(422, "unspeakable_text", Some("text"));
}

#[test]
fn a_type_that_nothing_here_makes_is_refused_for_good_and_the_list_says_why() {
    let (_folder, server) = server();

    for (voice, phoneme_type) in REFUSED {
        let refused = server.post_json(SYNTHESIZE, &json!({"text": "a", "voice_id": voice}));

        refused.assert_error(422, "voice_unusable", Some("voice_id"));
        assert!(!refused.headers.contains_key("retry-after"), "{voice}");
        assert!(problem(&server, voice).is_some_and(|problem| problem.contains(phoneme_type)), "{voice}");
    }
    for voice in [HEBREW, CHINESE] {
        assert_eq!(problem(&server, voice), None);
    }
}
