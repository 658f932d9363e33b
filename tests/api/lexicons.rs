//! Pronunciation: `lexicon` and `lexicons`, and those of the operator.

use serde_json::{Value, json};

use crate::support::{Answer, Program, TestServer, shared};
use crate::{SYNTHESIZE, noiseless};

fn samples(server: &TestServer, text: &str, fields: &Value) -> Vec<i16> {
    server.post_json(SYNTHESIZE, &noiseless(text, fields)).sound().samples
}

#[test]
fn words_are_said_as_the_request_says() {
    let said =
        samples(shared(), "Nginx and Tomato.", &json!({"lexicon": {"nginx": "engine x", "Tomato": "[[ təmˈɑːtoʊ ]]"}}));

    assert_eq!(said, samples(shared(), "engine x and [[ təmˈɑːtoʊ ]].", &json!({})));
}

#[test]
fn the_operators_lexicons_apply_by_name_or_always() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("house.json"), r#"{"acme": "ack me"}"#).unwrap();
    let pls = r#"<lexicon version="1.0" alphabet="ipa" xml:lang="en-US" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon">
        <lexeme><grapheme>Tomato</grapheme><phoneme>təmˈɑːtoʊ</phoneme></lexeme></lexicon>"#;
    std::fs::write(folder.path().join("british.pls"), pls).unwrap();
    let server = TestServer::start(&[("TTS_LEXICONS_DIR", folder.path().to_str().unwrap()), ("TTS_LEXICONS", "house")]);

    let named = samples(&server, "Acme Tomato.", &json!({"lexicons": ["british"]}));
    let always = samples(&server, "Acme Tomato.", &json!({}));

    assert_eq!(named, samples(shared(), "ack me [[ təmˈɑːtoʊ ]].", &json!({})));
    assert_eq!(always, samples(shared(), "ack me Tomato.", &json!({})));
    assert_ne!(named, always);
    let spoken: Answer = server.post_json("/v1/audio/speech", &json!({"input": "Acme.", "response_format": "wav"}));
    assert_eq!(spoken.status, 200);
}

#[test]
fn what_is_wrong_is_named() {
    let post = |fields: Value| shared().post_json(SYNTHESIZE, &noiseless("Hi.", &fields));

    post(json!({"lexicons": ["nobody"]})).assert_error(400, "lexicon_not_found", Some("lexicons"));
    post(json!({"lexicon": {"": "a"}})).assert_error(400, "invalid_lexicon", Some("lexicon"));
    post(json!({"lexicon": {"a": "[[ b"}})).assert_error(400, "invalid_lexicon", Some("lexicon"));
    post(json!({"lexicon": ["a"]})).assert_error(422, "invalid_body", Some("lexicon"));
}

#[test]
fn a_lexicon_that_cannot_be_read_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.json"), "[1]").unwrap();

    for (name, value) in [("TTS_LEXICONS_DIR", folder.path().to_str().unwrap()), ("TTS_LEXICONS", "nobody")] {
        let program = Program::new(&["serve"]).variable("ALLOWED_USER_TOKEN", "x").variable("TTS_BIND", "127.0.0.1:0");
        let finished = program.variable(name, value).finish();

        assert_eq!(finished.code, Some(64), "{}", finished.stderr);
        assert!(finished.stderr.contains(name), "{}", finished.stderr);
    }
}
