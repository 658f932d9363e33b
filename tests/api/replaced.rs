//! Voices whose files change while the service runs.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::SYNTHESIZE;
use crate::support::{ModelsFolder, TestServer, VOICE, until};

/// Another voice by its settings: it speaks twice as slowly.
fn replace(folder: &ModelsFolder) {
    let path = folder.path().join(format!("{VOICE}.onnx.json"));
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["inference"]["length_scale"] = json!(2.0);
    std::fs::write(path, config.to_string()).unwrap();
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
