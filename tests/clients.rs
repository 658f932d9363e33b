//! Clients that others wrote, against the running service.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use support::{TOKEN, TestServer, VOICE};

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
fn a_page_of_another_origin_plays_a_signed_address() {
    let server = TestServer::start(&[("TTS_LINK_SECRETS", "of-the-tests-0123456789abcdef0123456789")]);

    runs_against(&server, "embedded.py", &[]);
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
