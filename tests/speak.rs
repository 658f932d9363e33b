//! The command `speak`: a text into a file, by the same service as the routes.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt;

use support::{Program, Sound, samples};

const DATA: Option<i32> = Some(65);
const UNAVAILABLE: Option<i32> = Some(69);
const SOFTWARE: Option<i32> = Some(70);
const IO: Option<i32> = Some(74);

const NOISELESS: [&str; 4] = ["--noise-scale", "0", "--noise-w", "0"];

fn speak(arguments: &[&str]) -> Program {
    Program::new(&[&["speak"], arguments, &NOISELESS].concat())
}

#[test]
fn speak_writes_the_same_speech_to_files_and_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let [wav, pcm] = ["a.wav", "a.pcm"].map(|name| folder.path().join(name));

    let runs = [
        speak(&["Hello there.", "--output", wav.to_str().unwrap()]).finish(),
        speak(&["-", "-o", pcm.to_str().unwrap()]).input("Hello there.").finish(),
        speak(&["-"]).input("Hello there.").finish(),
    ];

    assert!(runs.iter().all(|run| run.code == Some(0) && run.stderr.is_empty()), "{runs:?}");
    assert!(runs[0].stdout.is_empty() && runs[1].stdout.is_empty());
    let sound = Sound::of_wav(&std::fs::read(wav).unwrap());
    assert!(sound.sample_rate == 22_050 && sound.seconds() > 0.3 && !sound.is_silent());
    assert!(samples(&std::fs::read(pcm).unwrap()) == sound.samples, "the samples differ");
    assert!(Sound::of_wav(&runs[2].stdout) == sound, "the samples differ");
}

/// ONNX Runtime would keep what it reports to its makers there.
#[test]
fn nothing_is_kept_in_the_home() {
    let home = tempfile::tempdir().unwrap();

    let run = speak(&["Hello there."]).variable("HOME", home.path().to_str().unwrap()).finish();

    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let kept: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn speak_does_what_its_options_say() {
    let seconds = |options: &[&str]| {
        let sound = Sound::of_wav(&speak(&[&["Hello there. Good morning."], options].concat()).finish().stdout);
        (sound.seconds(), sound.sample_rate, sound.is_silent())
    };
    let (plain, ..) = seconds(&[]);

    let (fast, ..) = seconds(&["--speed", "2"]);
    let (paused, ..) = seconds(&["--sentence-silence", "1000"]);
    let (at_8_khz, rate, _) = seconds(&["--sample-rate", "8000"]);
    let (_, _, silent) = seconds(&["--volume", "0"]);

    assert!((0.4..0.65).contains(&(fast / plain)), "{fast} s of {plain} s");
    assert!((paused - plain - 1.0).abs() < 1e-6, "{paused} s after {plain} s");
    assert!((at_8_khz - plain).abs() < 0.001 && rate == 8_000);
    assert!(silent);
}

#[test]
fn speak_refuses_what_it_cannot_do_with_the_exit_code_for_it() {
    let cases: [(&[&str], Option<i32>); 9] = [
        (&["Hello.", "--output", "x.midi"], DATA),
        (&["Hello.", "--output", "x"], DATA),
        (&["", "--output", "x.wav"], DATA),
        (&[" \n"], DATA),
        (&["Hello.", "--speed", "9"], DATA),
        (&["Hello.", "--volume=-1"], DATA),
        (&["Hello.", "--speaker", "anna"], DATA),
        (&["Hello.", "--voice", "../x"], DATA),
        (&["Hello.", "--output", "/no/such/folder/x.wav"], IO),
    ];

    for (arguments, code) in cases {
        let run = speak(arguments).finish();

        assert_eq!((run.code, run.error_lines().len()), (code, 1), "{arguments:?}: {}", run.stderr);
        assert!(run.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn speak_finds_out_that_it_cannot_write_before_it_speaks() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/such/folder/x.wav");
    // A voice that is not there would be found out next.
    let run = speak(&["Hello.", "--voice", "en_US-nobody-high", "--output", nowhere.to_str().unwrap()]).finish();

    assert_eq!((run.code, run.error_lines().len()), (IO, 1), "{}", run.stderr);
    assert!(run.stderr.contains("No such file"), "{}", run.stderr);
}

#[test]
fn speak_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old.wav", "new.wav"].map(|name| folder.path().join(name));
    std::fs::write(&old, "what was there").unwrap();

    for path in [&old, &new] {
        let output = ["Hello.", "--voice", "en_US-nobody-high", "--output", path.to_str().unwrap()];
        assert_eq!(speak(&output).finish().code, UNAVAILABLE);
    }
    let left = std::fs::read_to_string(&old).unwrap();
    assert_eq!(speak(&["Hello.", "--output", old.to_str().unwrap()]).finish().code, Some(0));

    assert_eq!(left, "what was there");
    assert!(!new.exists());
    assert!(!Sound::of_wav(&std::fs::read(&old).unwrap()).is_silent());
}

#[test]
fn speak_reads_ssml_and_writes_subtitles() {
    let folder = tempfile::tempdir().unwrap();
    let [sound, subtitles] = ["a.flac", "a.vtt"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    let document = r#"<speak>One.<break time="2s"/>Two.</speak>"#;

    let run =
        speak(&["-", "--ssml", "-o", &sound, "--format", "wav", "--subtitles", &subtitles]).input(document).finish();

    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(Sound::of_wav(&std::fs::read(sound).unwrap()).seconds() > 2.5);
    let subtitles = std::fs::read_to_string(subtitles).unwrap();
    let lines: Vec<&str> = subtitles.lines().collect();
    assert_eq!((lines[0], lines[3], lines[6]), ("WEBVTT", "One.", "Two."), "{subtitles}");
}

#[test]
fn ogg_is_the_ending_of_opus_too_in_whatever_case() {
    let folder = tempfile::tempdir().unwrap();
    let [lower, upper] = ["a.ogg", "A.OGG"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());

    for path in [&lower, &upper] {
        let run = speak(&["Hello.", "-o", path]).finish();

        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let sound = std::fs::read(path).unwrap();
        assert!(sound.starts_with(b"OggS") && sound[28..].starts_with(b"OpusHead"));
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    for (option, path) in [("-o", "/no/such/folder/a.wav"), ("--subtitles", "/no/such/folder/a.srt")] {
        let run = speak(&["Hello.", "--format", "wav", option, path]).finish();

        assert_eq!(run.code, IO, "{}", run.stderr);
        assert!(run.stdout.is_empty() && run.stderr.contains(path), "{}", run.stderr);
    }
}

/// What a command writes where standard output and error are a terminal, and how it ended.
fn in_a_terminal(command: &str, variables: &[(&str, &str)]) -> (String, Option<i32>) {
    let mut script = std::process::Command::new("script");
    script.args(["--quiet", "--return", "--command", &format!("{} {command}", env!("CARGO_BIN_EXE_tts-batch-api"))]);
    let variables = [&[("TTS_OFFLINE", "true"), ("SHELL", "/bin/sh")], variables].concat();
    let output = script.arg("/dev/null").env_clear().envs(variables).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = output.stdin(std::process::Stdio::null()).output().expect("script, of bsdutils");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn speak_writes_no_sound_into_a_terminal() {
    let (said, code) = in_a_terminal("speak Hello.", &[]);

    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("-o speech.wav") && !said.contains("RIFF"), "{said}");
}

#[test]
fn colours_are_for_terminals_alone_and_for_those_who_want_them() {
    // It warns that there is no such folder, then ends.
    let (command, nowhere) = ("speak Hello. -o /dev/null --format wav", ("TTS_MODELS_DIR", "no/such/folder"));

    let (coloured, _) = in_a_terminal(command, &[nowhere]);
    let (plain, _) = in_a_terminal(command, &[nowhere, ("NO_COLOR", "1")]);
    let piped = speak(&["Hello."]).variable(nowhere.0, nowhere.1).finish().stderr;

    for log in [&coloured, &plain, &piped] {
        assert!(log.contains("WARN") && log.contains("TTS_MODELS_DIR"), "{log}");
    }
    assert!(coloured.contains('\u{1b}'), "{coloured}");
    assert!(!plain.contains('\u{1b}') && !piped.contains('\u{1b}'), "{plain} {piped}");
}

#[test]
fn speak_plays_with_what_is_there_and_says_if_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    let player = folder.path().join("aplay");
    let heard = folder.path().join("heard.wav");
    std::fs::write(&player, format!("#!/bin/sh\n/bin/cp \"$2\" {}\n", heard.display())).unwrap();
    std::fs::set_permissions(&player, std::fs::Permissions::from_mode(0o755)).unwrap();
    let empty = tempfile::tempdir().unwrap();

    let played = speak(&["Hello.", "--play"]).variable("PATH", folder.path()).finish();
    let silent = speak(&["Hello.", "--play"]).variable("PATH", empty.path()).finish();

    assert_eq!((played.code, played.stdout.len()), (Some(0), 0), "{}", played.stderr);
    assert!(!Sound::of_wav(&std::fs::read(heard).unwrap()).is_silent());
    assert_eq!((silent.code, silent.error_lines().len()), (SOFTWARE, 1), "{}", silent.stderr);
    assert!(silent.stderr.contains("aplay"), "{}", silent.stderr);
}
