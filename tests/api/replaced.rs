//! Voices whose files change while the service runs.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::SYNTHESIZE;
use crate::support::{ModelsFolder, TOKEN, TestServer, VOICE, until};

/// Another voice by its settings: it speaks twice as slowly.
fn replace(folder: &ModelsFolder) {
    let path = folder.path().join(format!("{VOICE}.onnx.json"));
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["inference"]["length_scale"] = json!(2.0);
    std::fs::write(path, config.to_string()).unwrap();
}

#[test]
fn a_loaded_voice_speaks_on_while_its_folder_is_away() {
    let folder = ModelsFolder::with_copies(&[VOICE]);
    let models = folder.path().join("models");
    std::fs::create_dir(&models).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        if entry.path().is_file() {
            std::fs::rename(entry.path(), models.join(entry.file_name())).unwrap();
        }
    }
    let server = TestServer::start(&[("TTS_MODELS_DIR", models.to_str().unwrap())]);

    std::fs::rename(&models, folder.path().join("away")).unwrap();
    server.signal(Signal::SIGHUP);
    server.wait_for_log("voices stay as they were");
    let answer = server.post_json(SYNTHESIZE, &json!({"text": "Still here."}));

    assert_eq!((answer.status, answer.header("x-cache")), (200, "MISS"));
    let listed = server.request(reqwest::Method::GET, "/v1/voices").header("user-token", TOKEN).send().unwrap();
    assert!(listed.text().unwrap().contains(VOICE));
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn nothing_of_a_replaced_voice_is_said_once_the_folder_was_looked_into() {
    let folder = ModelsFolder::with_copies(&[VOICE]);
    let server = TestServer::start(&[("TTS_MODELS_DIR", folder.name())]);
    let body = json!({"text": "Old or new?", "response_format": "pcm"});
    let old = server.post_json(SYNTHESIZE, &body);

    replace(&folder);
    let unnoticed = server.post_json(SYNTHESIZE, &body);
    server.signal(Signal::SIGHUP);
    let new = until("the new voice", || {
        let answer = server.post_json(SYNTHESIZE, &body);
        (answer.status == 200 && answer.header("etag") != old.header("etag")).then_some(answer)
    });
    let again = server.post_json(SYNTHESIZE, &body);

    assert_eq!((unnoticed.header("x-cache"), new.header("x-cache")), ("HIT-L1", "MISS"));
    assert!(new.body.len() > old.body.len() * 3 / 2, "{} bytes, then {}", old.body.len(), new.body.len());
    assert!(again.header("x-cache") == "HIT-L1" && again.body == new.body, "the new voice's answer is kept");
}
