//! The commands, and several processes on one folder.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fixture::{Fixture, VOICE, assert_installed, drop_in, names_in, wait_until};
use crate::source::Fault;

const DATA: i32 = 65;
const UNAVAILABLE: i32 = 69;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(fixture: &Fixture, args: &[&str]) -> Output {
    fixture.command(args).output().unwrap()
}

fn finish(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

#[test]
fn fetch_installs_verify_checks_and_remove_deletes() {
    let fixture = Fixture::new();

    let fetched = run(&fixture, &["fetch", VOICE]);
    let verified = run(&fixture, &["verify"]);
    let removed = run(&fixture, &["remove", VOICE]);

    assert!(fetched.status.success(), "{}", text(&fetched.stderr));
    assert_eq!(text(&verified.stdout), format!("ok    {VOICE}\n"));
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert_eq!(names_in(&fixture.models()), ["voices.json", "voices.lock"].map(str::to_owned).into());
}

#[test]
fn verify_ends_with_65_when_a_voice_differs_and_force_mends_it() {
    let fixture = Fixture::new();
    run(&fixture, &["fetch", VOICE]);
    fs::write(fixture.models().join(format!("{VOICE}.onnx")), "changed").unwrap();

    let verified = run(&fixture, &["verify", VOICE]);
    let mended = run(&fixture, &["fetch", "--force", VOICE]);

    assert_eq!(verified.status.code(), Some(DATA));
    assert!(text(&verified.stdout).contains("FAIL"));
    assert!(mended.status.success());
    assert_installed(&fixture.models());
}

#[test]
fn fetching_what_there_is_not_ends_with_69_and_one_line() {
    let fixture = Fixture::new();

    let unknown = run(&fixture, &["fetch", "en_US-nobody-low"]);
    let malformed = run(&fixture, &["fetch", "../../etc/passwd"]);
    let offline = fixture.command(&["fetch", VOICE]).env("TTS_OFFLINE", "true").output().unwrap();

    assert_eq!(unknown.status.code(), Some(UNAVAILABLE));
    assert_eq!(text(&unknown.stderr).lines().count(), 1, "{}", text(&unknown.stderr));
    assert_eq!(malformed.status.code(), Some(DATA));
    assert_ne!(offline.status.code(), Some(0));
}

#[test]
fn list_tells_installed_voices_from_those_that_can_be_fetched() {
    let fixture = Fixture::new();
    drop_in(&fixture.models(), "mine");
    let json = |args: &[&str]| -> Vec<serde_json::Value> {
        let output = fixture.command(args).env("TTS_VOICES", "mine,en_US-joe-medium").output().unwrap();
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };

    let served = json(&["list", "--json"]);
    let all = json(&["list", "--all", "--json"]);

    let told: Vec<_> =
        served.iter().map(|voice| (voice["id"].as_str().unwrap(), voice["installed"].as_bool())).collect();
    assert_eq!(told, [("en_US-joe-medium", Some(false)), ("mine", Some(true))]);
    assert!(all.len() > 130);
    assert_eq!(fixture.source.connections(), 0);
}

#[test]
fn a_service_finds_a_new_voice_and_asks_for_the_list_on_sighup() {
    let fixture = Fixture::new();
    fs::create_dir_all(fixture.models()).unwrap();
    let command = fixture.command(&[]);
    let settings = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    let mut service = Command::new(command.get_program())
        .env_clear()
        .envs(settings)
        .envs([("ALLOWED_USER_TOKEN", "t"), ("TTS_BIND", "127.0.0.1:0"), ("TTS_VOICES", "mi*")])
        .env("TTS_VOICES_RESCAN_SECONDS", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut started = BufReader::new(service.stdout.take().unwrap()).lines();
    assert!(started.next().unwrap().unwrap().contains("listening"));

    drop_in(&fixture.models(), "mine");
    kill(Pid::from_raw(service.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    let log = BufReader::new(service.stderr.take().unwrap()).lines().map_while(Result::ok);
    let found = log.take_while(|line| !line.contains("the catalogue was fetched")).any(|line| line.contains("mine"));

    assert!(found);
    wait_until("the stored list", || fixture.models().join("voices.json").exists());
    service.kill().unwrap();
    service.wait().unwrap();
}

#[test]
fn two_processes_cause_one_download() {
    let fixture = Fixture::new();
    // Neither has the list, so that both want the voice.
    fixture.source.fail("voices.json", [Fault::Hold(0), Fault::Hold(0)]);

    let first = fixture.command(&["fetch", VOICE]).spawn().unwrap();
    let second = fixture.command(&["fetch", VOICE]).spawn().unwrap();
    wait_until("both processes asking", || fixture.source.requests_for("voices.json").len() == 2);
    fixture.source.release();

    assert!(finish(first).status.success());
    assert!(finish(second).status.success());
    assert_eq!(fixture.source.requests_for(".onnx").len(), 1);
    assert_installed(&fixture.models());
}

#[test]
fn a_killed_download_leaves_no_half_voice_and_the_next_one_goes_on() {
    let fixture = Fixture::new();
    fixture.source.fail(crate::fixture::MODEL, [Fault::Hold(70_000)]);
    let partial = fixture.models().join(format!(".{VOICE}.onnx.partial"));

    let mut killed = fixture.command(&["fetch", VOICE]).spawn().unwrap();
    wait_until("the first part", || fs::metadata(&partial).is_ok_and(|file| file.len() == 70_000));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = names_in(&fixture.models());
    let next = run(&fixture, &["fetch", VOICE]);

    assert!(left.iter().all(|name| name.starts_with('.') || name.starts_with("voices.")), "{left:?}");
    assert!(next.status.success(), "{}", text(&next.stderr));
    assert_eq!(fixture.source.requests_for(".onnx")[1].range.as_deref(), Some("bytes=70000-"));
    assert_installed(&fixture.models());
}
