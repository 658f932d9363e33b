//! Names and catalogues that want to reach other files.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;
use tts_batch_api::domain::VoiceId;

use crate::fixture::{Fixture, VOICE, assert_installed, drop_in, id, md5, tree};
use crate::support::path_payloads;

#[tokio::test]
async fn names_that_mean_a_path_touch_nothing() {
    let fixture = Fixture::new();
    let catalogue = fixture.open();
    catalogue.files(&id(VOICE)).await.unwrap();
    fs::write(fixture.root.path().join("secret.onnx"), "secret").unwrap();
    fs::write(fixture.root.path().join("secret.onnx.json"), "{}").unwrap();
    let (before, requests) = (tree(fixture.root.path()), fixture.source.requests().len());
    let payloads = path_payloads();
    assert!(payloads.len() >= 60);

    for payload in payloads.into_iter().chain(["a".repeat(10_240)]) {
        // Most are no names at all; the others are not in the catalogue.
        let Ok(name) = VoiceId::parse(&payload) else { continue };
        assert!(!catalogue.contains(&name), "{payload:?}");
        assert!(catalogue.files(&name).await.is_err(), "{payload:?}");
        assert!(catalogue.remove(&name).await.is_err(), "{payload:?}");
        assert!(catalogue.info(&name).is_none(), "{payload:?}");
    }

    assert_eq!(tree(fixture.root.path()), before);
    assert_eq!(fixture.source.requests().len(), requests);
}

#[tokio::test]
async fn catalogue_entries_that_mean_a_path_touch_nothing() {
    let mut fixture = Fixture::new();
    let file = json!({"size_bytes": 5, "md5_digest": md5(b"bytes")});
    let mut hostile = Vec::new();
    for (number, payload) in path_payloads().into_iter().enumerate() {
        let key = format!("en_US-evil{number}-low");
        let files = json!({
            format!("{payload}/{key}.onnx"): file,
            format!("a/{key}.onnx.json"): file,
        });
        fixture.source.put(&format!("a/{key}.onnx.json"), "bytes");
        fixture.list(&key, json!({"num_speakers": 1, "files": files}));
        let signs = ["../", "..\\", "\\", "%", "\0", ":", "\r"];
        if payload.starts_with('/') || signs.iter().any(|sign| payload.contains(sign)) || payload == ".." {
            hostile.push(id(&key));
        }
        let named = json!({format!("a/{payload}.onnx"): file, format!("a/{payload}.onnx.json"): file});
        fixture.list(&payload, json!({"num_speakers": 1, "files": named}));
    }
    let catalogue = fixture.open();
    catalogue.refresh().await.unwrap();

    assert!(hostile.len() > 25);
    for id in hostile {
        assert!(catalogue.info(&id).is_none(), "{id}");
        assert!(catalogue.files(&id).await.is_err());
    }
    assert!(fixture.source.requests_for(".onnx.json").is_empty());
    catalogue.files(&id(VOICE)).await.unwrap();

    let outside: Vec<_> = tree(fixture.root.path()).into_iter().filter(|path| !path.starts_with("models/")).collect();
    assert_eq!(outside, Vec::<String>::new());
    assert_installed(&fixture.models());
}

#[tokio::test]
async fn a_link_out_of_the_folder_is_not_served() {
    let fixture = Fixture::new();
    let elsewhere = fixture.root.path().join("elsewhere");
    drop_in(&elsewhere, "secret");
    drop_in(&fixture.models(), "mine");
    for name in ["secret.onnx", "secret.onnx.json"] {
        symlink(elsewhere.join(name), fixture.models().join(name)).unwrap();
    }

    let catalogue = fixture.open();

    assert_eq!(catalogue.ids(), [id("mine")]);
    assert!(catalogue.installed(&id("secret")).is_none());
    assert!(catalogue.files(&id("secret")).await.is_err());
}

#[tokio::test]
async fn a_link_in_place_of_a_file_is_replaced_and_not_written_through() {
    let fixture = Fixture::new();
    let victim = fixture.root.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    fs::create_dir_all(fixture.models()).unwrap();
    for name in [format!(".{VOICE}.onnx.partial"), ".voices.json.partial".to_owned(), ".voices.lock.partial".to_owned()]
    {
        symlink(&victim, fixture.models().join(name)).unwrap();
    }

    fixture.open().files(&id(VOICE)).await.unwrap();

    assert_eq!(fs::read_to_string(victim).unwrap(), "untouched");
    assert_installed(&fixture.models());
}
