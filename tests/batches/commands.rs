//! `batch` and `warm`: files of texts spoken here and by a server, and gone on with.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Finished, Program, RedisServer, Sound, TOKEN, TestServer, shared, until};

const TEXTS: &str = "The kettle is on.\n\nTea is at five.\n";

fn file(name: &str, content: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn batch(file: &Path, output: &Path, more: &[&str]) -> Finished {
    let arguments = [&["batch", file.to_str().unwrap(), "-o", output.to_str().unwrap()], more].concat();
    Program::new(&arguments).finish()
}

fn sound(folder: &Path, name: &str) -> Sound {
    Sound::of_wav(&fs::read(folder.join(name)).unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn written(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn each_line_is_a_file_and_what_is_missing_is_made_again() {
    let (folder, texts) = file("texts.txt", TEXTS);
    let output = folder.path().join("results");

    let first = batch(&texts, &output, &[]);
    let kept = written(&output.join("00001.wav"));
    fs::remove_file(output.join("00002.wav")).unwrap();
    let second = batch(&texts, &output, &[]);

    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{} {}", first.stderr, second.stderr);
    assert_eq!(names(&output), [".tts-batch.json", "00001.wav", "00002.wav"]);
    assert_eq!(written(&output.join("00001.wav")), kept);
    assert!(!sound(&output, "00002.wav").is_silent());
    let other = batch(&file("texts.txt", "Something else.").1, &output, &[]);
    assert_eq!(other.code, Some(65));
    // Where no folder can be.
    let nowhere = batch(&texts, &texts.join("results"), &[]);
    assert_eq!(nowhere.code, Some(74));
    assert!(nowhere.stderr.contains(texts.join("results").to_str().unwrap()), "{}", nowhere.stderr);
}

#[test]
fn a_server_speaks_the_same() {
    let lines =
        format!("{}\n{}\n", json!({"text": "The kettle is on."}), json!({"text": "Tea.", "response_format": "mp3"}));
    let (folder, texts) = file("texts.jsonl", &lines);
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let server = format!("http://{}", shared().address());

    let locally = batch(&texts, &here, &["--timestamps"]);
    let remotely = batch(&texts, &there, &["--timestamps", "--server", &server, "--token", TOKEN]);

    assert_eq!((locally.code, remotely.code), (Some(0), Some(0)), "{} {}", locally.stderr, remotely.stderr);
    assert_eq!(names(&there), names(&here));
    assert_eq!(names(&there).len(), 7);
    for name in names(&there) {
        assert_eq!(fs::read(there.join(&name)).unwrap(), fs::read(here.join(&name)).unwrap(), "{name}");
    }
}

#[test]
fn a_command_that_was_stopped_goes_on_where_it_was() {
    let lines: Vec<String> = (0..100).map(|number| format!("Line {number}.")).collect();
    let (folder, texts) = file("texts.txt", &lines.join("\n"));
    let output = folder.path().join("results");
    let arguments = ["batch", texts.to_str().unwrap(), "-o", output.to_str().unwrap()];
    let mut stopped = Program::new(&arguments).variable("TTS_WORKERS", "1").spawn();
    until("some results", || fs::read_dir(&output).is_ok_and(|found| found.count() > 5).then_some(()));
    kill(Pid::from_raw(stopped.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    stopped.wait().unwrap();
    let kept = written(&output.join("00001.wav"));
    assert!(names(&output).len() < 101, "it had ended before it was stopped");

    let finished = batch(&texts, &output, &[]);

    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(names(&output).len(), 101);
    assert_eq!(written(&output.join("00001.wav")), kept);
}

#[test]
fn what_fails_is_said_and_the_rest_is_done() {
    let lines = format!("{}\n{}\n", json!({"text": "Good."}), json!({"text": "Bad.", "speed": 99}));
    let (folder, texts) = file("texts.jsonl", &lines);
    let output = folder.path().join("results");

    let finished = batch(&texts, &output, &[]);
    let broken = batch(&file("texts.jsonl", "{\"text\": \"x\"}\n[]\n").1, &output, &[]);

    assert_eq!(finished.code, Some(65));
    assert!(finished.stderr.contains("1 of 2 texts failed; the first, number 2:"), "{}", finished.stderr);
    assert_eq!(names(&output), [".tts-batch.json", "00001.wav"]);
    assert_eq!(broken.code, Some(65));
    assert!(broken.stderr.contains("line 2"), "{}", broken.stderr);
}

#[test]
fn what_was_warmed_is_in_the_cache_of_all() {
    let redis = RedisServer::start();
    let (_folder, texts) = file("texts.txt", TEXTS);
    let server = TestServer::start(&[("TTS_REDIS_URL", &redis.url()), ("TTS_REDIS_TIMEOUT_MS", "10000")]);
    let arguments = ["warm", texts.to_str().unwrap()];

    let warmed = Program::new(&arguments).variable("TTS_REDIS_URL", redis.url()).finish();
    let nowhere = Program::new(&arguments).finish();

    assert_eq!((warmed.code, warmed.stderr.contains("did not take")), (Some(0), false), "{}", warmed.stderr);
    until("a connection to Redis", || (server.metric("tts_cache_l2_up") == 1.0).then_some(()));
    let answer = server.post_json("/v1/synthesizeSpeech", &json!({"text": "Tea is at five."}));
    assert_eq!(answer.header("x-cache"), "HIT-L2");
    assert_eq!(nowhere.code, Some(64));
    assert!(nowhere.stderr.contains("TTS_REDIS_URL"), "{}", nowhere.stderr);
}

#[test]
fn to_warm_a_redis_that_is_not_there_fails() {
    let (_folder, texts) = file("texts.txt", TEXTS);

    let in_vain =
        Program::new(&["warm", texts.to_str().unwrap()]).variable("TTS_REDIS_URL", "redis://127.0.0.1:1").finish();

    assert_eq!((in_vain.code, in_vain.stderr.contains("did not take")), (Some(69), true), "{}", in_vain.stderr);
}
