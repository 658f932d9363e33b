//! What the documents tell people to do: each `sh` block of the README and the guides is run as it stands, beside a
//! real service.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use md5::{Digest, Md5};
use serde_json::{Value, json};
use support::{ModelsFolder, RedisServer, TOKEN, TestServer, VOICE};

/// Beginnings of commands that need what tests do not have, each with what it is.
const NOT_HERE: [(&str, &str); 5] = [
    ("make ", "builds and tests this very tree"),
    ("kubectl ", "a cluster"),
    ("helm install", "a cluster"),
    ("curl -X PUT", "a voice of one's own"),
    ("curl -X DELETE -H 'user-token: dev' http://localhost:8080/v1/voices", "the same"),
];

/// Where the documents expect the service, or what it replaces; and the token that `make serve` uses.
const ADDRESSES: [&str; 2] = ["localhost:8080", "localhost:8081"];
const DEVELOPMENT: [(&str, &str); 2] = [("user-token: dev'", "user-token: TOKEN'"), ("--token dev", "--token TOKEN")];

const LINK_SECRET: &str = "of-the-tests-0123456789abcdef0123456789";

#[test]
fn what_the_documents_tell_to_do_can_be_done() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start());
    let server = TestServer::start(&[
        ("TTS_PIPER_ROUTES", "true"),
        ("TTS_PUBLIC_VOICE_LIST", "true"),
        ("TTS_LINK_SECRETS", LINK_SECRET),
    ]);
    let models = ModelsFolder::with_copies(&[VOICE]);
    let source = source_with(folder.path(), "en_GB-alba-medium");

    let mut run = 0;
    for document in documents(root) {
        let script = script(&fs::read_to_string(&document).unwrap(), &server);
        if script.is_empty() {
            continue;
        }
        let place = folder.path().join(document.file_name().unwrap());
        furnish(&place, root, models.path());
        let output = Command::new("bash")
            .args(["-euxo", "pipefail", "-c", &script])
            .current_dir(&place)
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", place.join("bin").display()))
            .env("HOME", &place)
            .env("TOKEN", TOKEN)
            .env("ALLOWED_USER_TOKEN", TOKEN)
            .env("TTS_LINK_SECRETS", LINK_SECRET)
            .env("TTS_REDIS_URL", redis.url())
            .env("TTS_VOICE_SOURCE", &source)
            .env("TTS_VOICES", "en_US-joe-medium,en_GB-alba-medium")
            .output()
            .expect("bash");
        let said = [output.stderr, output.stdout].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(output.status.success(), "{}: {said}", document.display());
        run += 1;
    }
    assert!(run >= 6, "{run} documents");
}

/// The README, the guides, and what stands beside what is deployed.
fn documents(root: &Path) -> Vec<PathBuf> {
    let guides = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut documents: Vec<_> = guides.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    documents.extend(
        ["README.md", "SECURITY.md", "dashboards/README.md", "deploy/helm/README.md"].map(|name| root.join(name)),
    );
    documents
}

/// The document's `sh` blocks one after the other, without the commands that are not for here.
fn script(document: &str, server: &TestServer) -> String {
    let (mut script, mut inside) = (String::new(), false);
    for line in document.lines() {
        match line.trim_start() {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside && !NOT_HERE.iter().any(|(beginning, _)| command.starts_with(beginning)) => {
                script += line;
                script += "\n";
            }
            _ => {}
        }
    }
    for (there, here) in DEVELOPMENT {
        script = script.replace(there, &here.replace("TOKEN", TOKEN));
    }
    ADDRESSES.iter().fold(script, |script, address| script.replace(address, &server.address().to_string()))
}

/// A folder as it is where the commands are given: the program and its parts, the voice, and files of one's own.
fn furnish(place: &Path, root: &Path, models: &Path) {
    fs::create_dir_all(place.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_tts-batch-api"), place.join("bin/tts-batch-api")).unwrap();
    symlink(root.join("runtime"), place.join("runtime")).unwrap();
    symlink(models, place.join("models")).unwrap();
    // Silent, and an answer that is none is an end.
    fs::write(place.join(".curlrc"), "silent\nshow-error\nfail\n").unwrap();
    let texts = ["Chapter one.", "It was late."];
    fs::write(place.join("book.txt"), texts.join("\n")).unwrap();
    fs::write(place.join("prompts.txt"), texts.join("\n")).unwrap();
    let items: Vec<_> = texts.iter().map(|text| json!({"text": text}).to_string()).collect();
    fs::write(place.join("prompts.jsonl"), items.join("\n")).unwrap();
    fs::write(place.join("news.xml"), "<speak><p>It was <break time=\"100ms\"/> late.</p></speak>").unwrap();
}

/// A source of voices in a folder, with the real voice under another name.
fn source_with(folder: &Path, name: &str) -> String {
    let voice = ModelsFolder::with_copies(&[name]);
    let place = format!("en/en_GB/alba/medium/{name}");
    let mut files = json!({});
    let mut put = |path: String, bytes: Vec<u8>| {
        files[&path] = json!({"size_bytes": bytes.len(), "md5_digest": hex::encode(Md5::digest(&bytes))});
        let path = folder.join("source").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for suffix in [".onnx", ".onnx.json"] {
        put(format!("{place}{suffix}"), fs::read(voice.path().join(format!("{name}{suffix}"))).unwrap());
    }
    put("en/en_GB/alba/medium/MODEL_CARD".to_owned(), b"* License: CC0\n".to_vec());
    let entry: Value = json!({
        "key": name, "name": "alba", "quality": "medium", "num_speakers": 1, "speaker_id_map": {},
        "language": {"code": "en_GB"}, "files": files, "aliases": [],
    });
    fs::write(folder.join("source/voices.json"), json!({ name: entry }).to_string()).unwrap();
    format!("file://{}", folder.join("source").display())
}
