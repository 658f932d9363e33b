//! Clients that others wrote, against the running service.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use md5::Md5;
use serde_json::json;
use sha2::{Digest, Sha256};
use support::{ModelsFolder, TOKEN, TestServer, VOICE};

/// `make test` installs what the scripts import there.
const PACKAGES: &str = "target/packages";

fn runs(script: &str, arguments: &[&str]) {
    runs_against(&TestServer::start(&[]), script, arguments);
}

fn runs_against(server: &TestServer, script: &str, arguments: &[&str]) {
    // Some of them leave files where they run.
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));

    let output = Command::new("python3")
        .current_dir(folder.path())
        .arg(root.join("tests/clients").join(script))
        .args([&server.address().to_string(), TOKEN])
        .args(arguments)
        .env("PYTHONPATH", root.join(PACKAGES))
        .output()
        .expect("python3");

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_playground_works_in_a_browser_on_a_desk_and_on_a_phone() {
    let folder = tempfile::tempdir().unwrap();
    // Whoever wants to look at the pages says where they are to be left.
    let wanted = std::env::var("TTS_TEST_PICTURES").ok();

    runs("browser.py", &[wanted.as_deref().unwrap_or(folder.path().to_str().unwrap())]);
}

#[test]
fn the_playground_lists_voices_stops_pauses_obeys_keys_and_explains_errors() {
    let variables = [
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", VOICE),
        ("TTS_PUBLIC_VOICE_LIST", "true"),
        // Nobody is there: the voices are those that the program knows by name.
        ("TTS_VOICE_SOURCE", "http://127.0.0.1:9/"),
        ("TTS_OFFLINE", "false"),
    ];

    runs_against(&TestServer::start(&variables), "playground.py", &[]);
}

#[test]
fn every_example_of_the_reference_works_as_it_stands() {
    let models = ModelsFolder::with_copies(&[VOICE]);
    let variables = [
        ("TTS_MODELS_DIR", models.name()),
        ("TTS_VOICES", &*format!("{VOICE},en_US-mine-medium")),
        ("TTS_VOICE_UPLOAD_BYTES", "134217728"),
        ("TTS_LINK_SECRETS", "of-the-tests-0123456789abcdef0123456789"),
    ];

    runs_against(&TestServer::start(&variables), "examples.py", &[models.name()]);
}

#[test]
fn a_page_of_another_origin_plays_a_signed_address() {
    let server = TestServer::start(&[("TTS_LINK_SECRETS", "of-the-tests-0123456789abcdef0123456789")]);

    runs_against(&server, "embedded.py", &[]);
}

#[test]
fn the_desk_speaks_keeps_takes_makes_batches_and_shows_voices_and_use() {
    let models = ModelsFolder::with_copies(&[VOICE]);
    models.add_fixture("speakers", "speakers");
    models.add_quality(VOICE, 0.093);
    models.add_quality("speakers", 0.025);
    let files = tempfile::tempdir().unwrap();
    let tokens = files.path().join("tokens.toml");
    let digest = hex::encode(Sha256::digest("speaker"));
    std::fs::write(&tokens, format!("[[token]]\nname = \"shop\"\nsha256 = \"{digest}\"\n")).unwrap();
    let variables = [
        ("TTS_MODELS_DIR", models.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", VOICE),
        ("TTS_VOICE_SOURCE", "http://127.0.0.1:9/"),
        ("TTS_OFFLINE", "false"),
        ("TTS_VOICE_UPLOAD_BYTES", "2000000"),
        ("TTS_TOKENS_FILE", tokens.to_str().unwrap()),
    ];
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    let pictures = std::env::var("TTS_TEST_PICTURES").ok();
    let places = [fixtures.to_str().unwrap(), files.path().to_str().unwrap()];
    let arguments: Vec<_> = ["speaker"].into_iter().chain(places).chain(pictures.as_deref()).collect();

    runs_against(&TestServer::start(&variables), "desk.py", &arguments);
}

#[test]
fn a_voice_is_fetched_on_the_desk_and_speaks() {
    let (models, source) = (ModelsFolder::with_copies(&[VOICE]), tempfile::tempdir().unwrap());
    publish(source.path(), "de_DE-mine-low");
    let variables = [
        ("TTS_MODELS_DIR", models.name()),
        ("TTS_VOICES", "*"),
        ("TTS_DEFAULT_VOICE", VOICE),
        ("TTS_VOICE_SOURCE", &*format!("file://{}", source.path().display())),
        ("TTS_OFFLINE", "false"),
    ];

    runs_against(&TestServer::start(&variables), "fetching.py", &["de_DE-mine-low"]);
}

/// Puts a voice that is made for tests where voices come from.
fn publish(source: &Path, name: &str) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    let mut files = serde_json::Map::new();
    for ending in ["onnx", "onnx.json"] {
        let bytes = std::fs::read(fixtures.join(format!("speakers.{ending}"))).unwrap();
        let path = format!("de/{name}.{ending}");
        std::fs::create_dir_all(source.join("de")).unwrap();
        std::fs::write(source.join(&path), &bytes).unwrap();
        files.insert(path, json!({"size_bytes": bytes.len(), "md5_digest": hex::encode(Md5::digest(&bytes))}));
    }
    let voice = json!({"key": name, "name": "mine", "quality": "low", "num_speakers": 1, "speaker_id_map": {}, "aliases": [],
        "language": {"code": "de_DE"}, "files": files});
    std::fs::write(source.join("voices.json"), json!({name: voice}).to_string()).unwrap();
}

#[test]
fn requests_made_of_the_description_are_answered_as_it_says() {
    runs("schema.py", &[]);
}

#[test]
fn the_python_package_of_openai_works_unchanged() {
    runs("openai_speech.py", &[]);
}

#[test]
fn a_client_of_the_earlier_service_works_unchanged() {
    runs("legacy.py", &[]);
}

#[test]
fn a_client_that_is_generated_in_python_works() {
    runs("generated_python.py", &[]);
}

#[test]
fn a_client_that_is_generated_in_typescript_works() {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join(PACKAGES);

    runs("generated_typescript.py", &[packages.to_str().unwrap()]);
}

#[test]
fn the_python_package_of_wyoming_works_unchanged() {
    speaks_wyoming("wyoming_protocol.py");
}

#[test]
fn home_assistant_hears_texts_whole_and_while_they_are_written() {
    speaks_wyoming("home_assistant.py");
}

fn speaks_wyoming(script: &str) {
    let server = TestServer::start(&[("TTS_WYOMING_BIND", "127.0.0.1:0")]);
    let address = server.wyoming().to_owned();

    runs_against(&server, script, &[&address]);
}

#[test]
fn the_python_package_of_deepgram_works_unchanged() {
    runs("deepgram_speak.py", &[]);
}

#[test]
fn the_python_package_of_elevenlabs_works_unchanged() {
    runs("elevenlabs_speech.py", &[]);
}

#[test]
fn the_python_package_of_cartesia_works_unchanged() {
    runs("cartesia_speech.py", &[]);
}

#[test]
fn livekits_plugins_for_other_speech_apis_work_unchanged() {
    runs("livekit_voices.py", &[]);
}

#[test]
fn pipecats_services_for_other_speech_apis_work_unchanged() {
    runs("pipecat_voices.py", &[]);
}
