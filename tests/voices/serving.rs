//! Voices that are to be had, as callers of the service see them: in a list, and fetched by who may, one time however
//! often it is asked for.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::fixture::{Fixture, MODEL, MODEL_BYTES, VOICE, model};
use crate::source::Fault;
use crate::support::{Answer, ModelsFolder, TOKEN, TestServer, VOICE as SPOKEN, until};

const OTHER: &str = "de_DE-two-high";
const FORBIDDEN: &str = "fr_FR-three-low";

/// A service with one voice, beside a source with others.
fn serve(fixture: &mut Fixture, models: &ModelsFolder, more: &[(&str, &str)]) -> TestServer {
    fixture.publish(OTHER, "CC-BY-NC-4.0");
    fixture.publish(FORBIDDEN, "CC0");
    let (source, voices) = (fixture.source.url(), format!("{SPOKEN},{VOICE},{OTHER}"));
    let variables = [
        ("TTS_OFFLINE", "false"),
        ("TTS_MODELS_DIR", models.name()),
        ("TTS_VOICE_SOURCE", &source),
        ("TTS_VOICES", &voices),
        ("TTS_ALLOWED_LICENSES", "CC0,unknown"),
        // It is told of what comes by whoever brings it.
        ("TTS_VOICES_RESCAN_SECONDS", "0"),
    ];
    TestServer::start(&[&variables, more].concat())
}

fn ask(server: &TestServer, method: Method, path: &str) -> Answer {
    Answer::of(server.request(method, path).header("user-token", TOKEN).send().unwrap())
}

fn fetch(server: &TestServer, name: &str) -> Answer {
    ask(server, Method::POST, &format!("/v1/voices/{name}"))
}

fn offer(server: &TestServer, name: &str) -> Value {
    let answer = ask(server, Method::GET, &format!("/v1/catalogue/{name}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[test]
fn the_catalogue_says_what_there_is_and_what_may_be_had() {
    let (mut fixture, models) = (Fixture::new(), ModelsFolder::with_copies(&[SPOKEN]));
    let server = serve(&mut fixture, &models, &[]);

    let list = ask(&server, Method::GET, "/v1/catalogue");

    assert_eq!((list.status, list.json()["is_complete"].as_bool()), (200, Some(true)));
    let voices = list.json()["voices"].as_array().unwrap().clone();
    let told = |name: &str| voices.iter().find(|voice| voice["id"] == name).unwrap().clone();
    assert_eq!(voices.len(), 4);
    assert_eq!((&told(SPOKEN)["state"], &told(SPOKEN)["installed"]), (&json!("installed"), &json!(true)));
    let other = told(OTHER);
    assert_eq!(
        (&other["state"], &other["language"], &other["quality"]),
        (&json!("offered"), &json!("de_DE"), &json!("high"))
    );
    assert_eq!(
        (&other["language_name"], &other["speakers"], &other["license"]),
        (&json!("German"), &json!(1), &Value::Null)
    );
    assert!(other["size_bytes"].as_u64().unwrap() > MODEL_BYTES as u64);
    let forbidden = told(FORBIDDEN);
    assert_eq!((&forbidden["state"], &forbidden["error"]["code"]), (&json!("refused"), &json!("voice_not_allowed")));
    assert!(forbidden["error"]["message"].as_str().unwrap().contains("TTS_VOICES"));
    assert_eq!(offer(&server, VOICE), told(VOICE));
    // The list was asked for once.
    ask(&server, Method::GET, "/v1/catalogue");
    assert_eq!(fixture.source.requests_for("voices.json").len(), 1);
    assert_eq!(server.get("/v1/catalogue").status, 403);
    ask(&server, Method::GET, "/v1/catalogue/en_US-nobody-high").assert_error(404, "voice_not_found", Some("voice_id"));
}

#[test]
fn a_voice_is_fetched_once_with_its_progress_and_recorded() {
    let (mut fixture, models) = (Fixture::new(), ModelsFolder::with_copies(&[SPOKEN]));
    let server = serve(&mut fixture, &models, &[]);
    fixture.source.fail(MODEL, [Fault::Hold(70_000)]);

    let begun = fetch(&server, VOICE);

    assert_eq!((begun.status, begun.header("location")), (202, &*format!("/v1/catalogue/{VOICE}")));
    assert_eq!(begun.json()["state"], "fetching");
    let under_way = until("a part is here", || {
        Some(offer(&server, VOICE)).filter(|offer| offer["fetched_bytes"].as_u64().is_some_and(|bytes| bytes >= 70_000))
    });
    let total = under_way["total_bytes"].as_u64().unwrap();
    assert!((under_way["state"] == "fetching") && total > MODEL_BYTES as u64, "{under_way}");
    assert_eq!([(); 3].map(|()| fetch(&server, VOICE).status), [202; 3]);
    fixture.source.release();
    let here = until("it is here", || Some(offer(&server, VOICE)).filter(|offer| offer["state"] == "installed"));

    assert_eq!(
        (&here["installed"], &here["license"], &here["fetched_bytes"]),
        (&json!(true), &json!("CC0"), &Value::Null)
    );
    assert_eq!(fetch(&server, VOICE).status, 200);
    assert_eq!(fixture.source.requests_for(".onnx").len(), 1);
    assert_eq!(fs::read(models.path().join(format!("{VOICE}.onnx"))).unwrap(), model(VOICE));
    let recorded = fs::read_to_string(models.path().join("voices.lock")).unwrap();
    assert!(recorded.contains(&hex::encode(Sha256::digest(model(VOICE)))), "{recorded}");
}

#[test]
fn what_may_not_be_had_is_refused_with_the_reason_and_what_failed_says_so() {
    let digest = hex::encode(Sha256::digest("speaker"));
    let tokens = tempfile::NamedTempFile::new().unwrap();
    fs::write(tokens.path(), format!("[[token]]\nname = \"speaker\"\nsha256 = \"{digest}\"\n")).unwrap();
    let (mut fixture, models) = (Fixture::new(), ModelsFolder::with_copies(&[SPOKEN]));
    let server = serve(&mut fixture, &models, &[("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())]);
    ask(&server, Method::GET, "/v1/catalogue");

    fetch(&server, FORBIDDEN).assert_error(403, "voice_not_allowed", Some("voice_id"));
    fetch(&server, "en_US-nobody-high").assert_error(404, "voice_not_found", Some("voice_id"));
    fetch(&server, "..%2Fvoice").assert_error(404, "voice_not_found", Some("voice_id"));
    let speaker = server.request(Method::POST, &format!("/v1/voices/{VOICE}")).header("user-token", "speaker");
    Answer::of(speaker.send().unwrap()).assert_error(403, "forbidden", None);
    assert!(fixture.source.requests_for(".onnx").is_empty());

    // Its licence is known when its card is here, and nothing else of it comes.
    assert_eq!(fetch(&server, OTHER).status, 202);
    let refused =
        until("the licence is known", || Some(offer(&server, OTHER)).filter(|offer| offer["state"] == "failed"));
    assert_eq!(refused["error"]["code"], "voice_license_refused");
    assert!(refused["error"]["message"].as_str().unwrap().contains("CC-BY-NC-4.0"));
    assert!(fixture.source.requests_for(".onnx").is_empty());
    fetch(&server, OTHER).assert_error(404, "voice_license_refused", Some("voice_id"));

    fixture.source.fail(MODEL, [(); 8].map(|()| Fault::Corrupt));
    assert_eq!(fetch(&server, VOICE).status, 202);
    let failed = until("it failed", || Some(offer(&server, VOICE)).filter(|offer| offer["state"] == "failed"));
    assert_eq!(failed["error"]["code"], "voice_download_failed");
    assert!(!models.path().join(format!("{VOICE}.onnx")).exists());

    let offline = serve(&mut fixture, &models, &[("TTS_OFFLINE", "true")]);
    let list = ask(&offline, Method::GET, "/v1/catalogue").json();
    let voice = list["voices"].as_array().unwrap().iter().find(|voice| voice["id"] == VOICE).unwrap();
    assert_eq!((&voice["state"], &voice["error"]["code"]), (&json!("refused"), &json!("voice_not_installed")));
    fetch(&offline, VOICE).assert_error(404, "voice_not_installed", Some("voice_id"));
}
