//! The command line: settings that are wrong, and the commands that work without a server.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "config/bucket.rs"]
mod bucket;
mod support;
#[path = "config/voices.rs"]
mod voices;

use std::time::Duration;

use serde_json::{Value, json};

use support::{Finished, ModelsFolder, Program, RedisServer, TestServer, VOICE};

const SECRET: &str = "dodo-archaeopteryx";
/// A wrong setting is found before anything heavy starts; this only tells a server that runs from one that refuses to.
const REFUSAL_LIMIT: Duration = Duration::from_mins(1);

const USAGE: Option<i32> = Some(64);
const UNAVAILABLE: Option<i32> = Some(69);

fn serve(variables: &[(&str, &str)]) -> Finished {
    let program = Program::new(&["serve"]).variable("TTS_BIND", "127.0.0.1:0").limit(REFUSAL_LIMIT);
    variables.iter().fold(program, |program, (name, value)| program.variable(name, value)).finish()
}

/// Asserts that the service refused to start for one reason, on one line, without giving away the secret.
#[track_caller]
fn assert_refused(run: &Finished, key: &str) {
    let lines = run.error_lines();
    assert_eq!((run.code, lines.len()), (USAGE, 1), "{key}: {}", run.stderr);
    assert!(lines[0].starts_with(&format!("tts-batch-api: {key}: ")), "{key}: {}", run.stderr);
    assert!(!run.stderr.contains(SECRET), "{}", run.stderr);
    assert_eq!(run.text(), "", "nothing listens, so nothing is announced");
}

/// A settings file that is gone when the value is.
fn settings_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

// === settings ===

#[test]
fn a_wrong_setting_is_64_and_one_line_that_names_it() {
    let wrong = [
        ("TTS_BIND", "localhost"),
        ("TTS_BIND", "127.0.0.1"),
        ("TTS_BIND", "127.0.0.1:65536"),
        ("TTS_HTTP_THREADS", "0"),
        ("TTS_HTTP_MAX_CONNECTIONS", "0"),
        ("TTS_HTTP_BODY_LIMIT_BYTES", "1023"),
        ("TTS_HTTP_BODY_LIMIT_BYTES", "256k"),
        ("TTS_HTTP_BODY_TIMEOUT_MS", "99"),
        ("TTS_DRAIN_TIMEOUT_MS", "-1"),
        ("TTS_WORKERS", "0"),
        ("TTS_REDIS_URL", "dodo-archaeopteryx"),
        ("TTS_REDIS_URL", "http://:dodo-archaeopteryx@localhost"),
        ("TTS_REDIS_TIMEOUT_MS", "0"),
        ("TTS_CACHE_MAX_ENTRY_BYTES", "100"),
        ("TTS_WORKERS", "two"),
        ("TTS_WORKERS", "1.5"),
        ("TTS_QUEUE_LIMIT", "0"),
        ("TTS_QUEUE_LIMIT", "99999999999999999999"),
        ("TTS_REQUEST_DEADLINE_MS", "0"),
        ("TTS_MAX_TEXT_CHARS", "0"),
        ("TTS_MAX_SENTENCE_PHONEMES", "49"),
        ("TTS_PHONEMIZERS", "0"),
        ("TTS_PHONEMIZE_TIMEOUT_MS", "1"),
        ("TTS_CACHE_ENABLED", "perhaps"),
        ("TTS_CACHE_TTL_SECONDS", "0"),
        ("TTS_CACHE_L1_BYTES", "-1"),
        ("TTS_LOG_FORMAT", "xml"),
        ("TTS_LOG_LEVEL", "loud"),
        ("TTS_VOICES", ","),
        ("TTS_PRELOAD_VOICES", " , "),
        ("TTS_DEFAULT_VOICE", "en_US-nobody-high"),
        ("TTS_PRELOAD_VOICES", "en_US-joe-medium,en_US-nobody-high"),
        ("TTS_METRIC_TOKEN", SECRET),
        ("TTS_TOKEN", SECRET),
        ("TTS_WORKER", "2"),
        ("CACHE_TTL", "a week"),
        ("LOG_LEVEL", "loud"),
        ("ENABLE_CACHE", "perhaps"),
        ("TTS_AVAILABLE_MODELS", "a.onnx,b.onnx"),
        ("TTS_DEFAULT_MODEL", "en_US-nobody-high.onnx"),
    ];

    for (key, value) in wrong {
        let run = serve(&[("ALLOWED_USER_TOKEN", SECRET), (key, value)]);

        assert_refused(&run, key);
    }
}

#[test]
fn a_wrong_way_to_the_collector_is_64_and_named() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");
    let wrong = [
        [endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon")],
        [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://not an address")],
        [("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")],
        [endpoint, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://collector")],
        [endpoint, ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json")],
        [endpoint, ("OTEL_TRACES_SAMPLER", "sometimes")],
        [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "7")],
    ];

    for variables in wrong {
        let run = serve(&[&[("ALLOWED_USER_TOKEN", SECRET), endpoint], &variables[..]].concat());

        assert_refused(&run, variables[1].0);
    }
}

#[test]
fn a_service_without_a_token_does_not_start() {
    for variables in [&[][..], &[("ALLOWED_USER_TOKEN", "")], &[("ALLOWED_USER_TOKEN", " , ")]] {
        assert_refused(&serve(variables), "ALLOWED_USER_TOKEN");
    }
}

#[test]
fn a_wrong_settings_file_is_64_and_one_line_without_its_secrets() {
    let token = format!("allowed_user_token = \"{SECRET}\"\n");
    let cases = [
        (format!("{token}tempo = 1\n"), "TTS_TEMPO"),
        (format!("{token}workers = \"two\"\n"), "TTS_WORKERS"),
        (format!("{token}workers = [1, 2]\n"), "TTS_WORKERS"),
        (format!("{token}workers = 1.5\n"), "TTS_WORKERS"),
        (format!("{token}[http]\nbind = \"x\"\n"), "http"),
    ];

    for (text, key) in cases {
        let file = settings_file(&text);
        assert_refused(&serve(&[("TTS_CONFIG", file.path().to_str().unwrap())]), key);
    }
    for text in [format!("allowed_user_token = {SECRET}\n"), format!("{token}= 1\n"), format!("{token}{token}")] {
        let file = settings_file(&text);
        let path = file.path().to_str().unwrap();
        assert_refused(&serve(&[("TTS_CONFIG", path)]), path);
    }
    assert_refused(&serve(&[("TTS_CONFIG", "no/such/file.toml")]), "no/such/file.toml");
}

#[test]
fn the_file_may_be_named_as_an_argument_and_the_environment_wins() {
    let file = settings_file(&format!("allowed_user_token = \"{SECRET}\"\nqueue_limit = 5\nworkers = 0\n"));
    let path = file.path().to_str().unwrap();

    let from_file = Program::new(&["serve", "--config", path]).limit(REFUSAL_LIMIT).finish();
    let environment =
        Program::new(&["--config", path, "serve"]).variable("TTS_WORKERS", "none").limit(REFUSAL_LIMIT).finish();
    let elsewhere = Program::new(&["--config", path, "serve"])
        .variable("TTS_WORKERS", "1")
        .variable("TTS_BIND", "nowhere")
        .limit(REFUSAL_LIMIT)
        .finish();

    assert_refused(&from_file, "TTS_WORKERS");
    assert_refused(&environment, "TTS_WORKERS");
    assert_refused(&elsewhere, "TTS_BIND");
}

#[test]
fn native_parts_that_are_not_there_are_69_and_named() {
    for (key, name) in
        [("ORT_DYLIB_PATH", "ONNX Runtime"), ("TTS_ESPEAK_LIBRARY", "espeak"), ("TTS_ESPEAK_DATA", "espeak")]
    {
        let run = serve(&[("ALLOWED_USER_TOKEN", SECRET), (key, "/no/such/part")]);

        assert_eq!((run.code, run.error_lines().len()), (UNAVAILABLE, 1), "{key}: {}", run.stderr);
        assert!(run.stderr.contains(name), "{key}: {}", run.stderr);
    }
}

// === usage ===

#[test]
fn wrong_usage_is_64_and_help_is_not() {
    let wrong: [&[&str]; 8] = [
        &["sing"],
        &["serve", "now"],
        &["speak"],
        &["speak", "Hello.", "--tempo", "2"],
        &["speak", "Hello.", "--speed", "fast"],
        &["speak", "Hello.", "--sample-rate", "7999"],
        &["phonemize"],
        &["--config"],
    ];
    for arguments in wrong {
        let run = Program::new(arguments).finish();

        assert_eq!((run.code, run.text()), (USAGE, ""), "{arguments:?}");
        assert!(run.stderr.starts_with("error: "), "{arguments:?}: {}", run.stderr);
    }
    for arguments in [&["--help"][..], &["speak", "--help"], &["phonemize", "--help"], &["doctor", "--help"]] {
        let run = Program::new(arguments).finish();

        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(run.text().contains("Usage: tts-batch-api"), "{arguments:?}");
    }
    let version = Program::new(&["--version"]).finish();
    assert_eq!(version.text(), format!("tts-batch-api {}\n", env!("CARGO_PKG_VERSION")));
}

// === what programs around it ask ===

#[test]
fn healthcheck_says_whether_the_service_lives() {
    let server = TestServer::start(&[]);
    let address = server.address().to_string();
    let check = |address: &str| Program::new(&["healthcheck"]).variable("TTS_BIND", address).finish();

    let alive = check(&address);
    let everywhere = check(&format!("0.0.0.0:{}", server.address().port()));
    drop(server);
    let gone = check(&address);

    assert_eq!((alive.code, everywhere.code), (Some(0), Some(0)), "{alive:?} {everywhere:?}");
    assert_eq!(gone.code, Some(69));
    assert!(gone.stderr.contains(&address), "{gone:?}");
}

#[test]
fn completions_and_the_manual_page_name_every_command() {
    let completions = Program::new(&["completions", "bash"]).finish();
    let manual = Program::new(&["man"]).finish();

    for command in ["serve", "speak", "phonemize", "voices", "doctor", "healthcheck"] {
        assert!(completions.text().contains(command) && manual.text().contains(command), "{command}");
    }
}

// === doctor ===

#[test]
fn doctor_names_every_part_and_is_0_where_the_service_can_run() {
    let run = Program::new(&["doctor"]).variable("ALLOWED_USER_TOKEN", SECRET).finish();

    assert_eq!(run.code, Some(0), "{}", run.text());
    for part in ["settings", "ONNX Runtime", "espeak-ng", "Arabic", "Hebrew", &format!("voice {VOICE}"), "Redis"] {
        assert!(run.text().contains(&format!("ok    {part}: ")), "{part} in {}", run.text());
    }
    assert!(run.text().ends_with("This machine can serve.\n"), "{}", run.text());
    assert!(!run.text().contains(SECRET));
}

#[test]
fn doctor_says_which_variable_has_a_part_in_it_and_that_nobody_may_call() {
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/runtime/libonnxruntime.so");
    let nobody = settings_file("");

    let run = Program::new(&["doctor"])
        .variable("ORT_DYLIB_PATH", library)
        .variable("TTS_TOKENS_FILE", nobody.path().to_str().unwrap())
        .finish();

    let says = |line: &str| run.text().lines().any(|said| said == line);
    assert!(says(&format!("ok    ONNX Runtime: {library}, as ORT_DYLIB_PATH says")), "{}", run.text());
    let warning = run.text().lines().find(|line| line.starts_with("warn  settings: TTS_TOKENS_FILE"));
    assert!(warning.is_some_and(|line| line.contains("names nobody")), "{}", run.text());
}

#[test]
fn doctor_is_69_and_says_what_to_do_where_something_is_missing() {
    let broken = ModelsFolder::with_broken_model();
    let empty = ModelsFolder::empty();
    let cases = [
        ("ALLOWED_USER_TOKEN", "", "settings", "export ALLOWED_USER_TOKEN="),
        ("TTS_WORKERS", "none", "settings", "TTS_WORKERS"),
        ("TTS_MODELS_DIR", "no/such/folder", "voices", "TTS_MODELS_DIR"),
        ("TTS_MODELS_DIR", empty.name(), "voices", "voices fetch"),
        ("TTS_VOICES", "de_*", "voices", "TTS_VOICES"),
        ("TTS_MODELS_DIR", broken.name(), "voice", "voices fetch --force"),
        ("ORT_DYLIB_PATH", "/no/such/library", "", "ORT_DYLIB_PATH"),
        ("ORT_DYLIB_PATH", "/etc/hostname", "ONNX Runtime", "ORT_DYLIB_PATH names it"),
        ("TTS_REDIS_URL", "redis://:dodo-archaeopteryx@127.0.0.1:1", "Redis", "check that it runs"),
    ];

    for (name, value, part, advice) in cases {
        let run = Program::new(&["doctor"]).variable("ALLOWED_USER_TOKEN", SECRET).variable(name, value).finish();

        let failure = run.text().lines().find(|line| line.starts_with(&format!("FAIL  {part}")));
        assert_eq!(run.code, UNAVAILABLE, "{name}={value}: {}", run.text());
        assert!(failure.is_some_and(|line| line.contains(advice)), "{name}={value}: {}", run.text());
        assert!(!run.text().contains("can serve") && !run.text().contains(SECRET), "{name}={value}");
    }
}

#[test]
fn doctor_asks_redis() {
    let redis = RedisServer::start();
    let doctor =
        || Program::new(&["doctor"]).variable("ALLOWED_USER_TOKEN", SECRET).variable("TTS_REDIS_URL", redis.url());

    let well = doctor().finish();
    let _: redis::Value = redis.command(&["CONFIG", "SET", "requirepass", "secret"]);
    let locked_out = doctor().finish();

    assert!(well.code == Some(0) && well.text().contains("ok    Redis: answers"), "{}", well.text());
    assert_eq!(locked_out.code, UNAVAILABLE);
    assert!(locked_out.text().contains("FAIL  Redis: it answers NOAUTH"), "{}", locked_out.text());
}

// === phonemize ===

#[test]
fn phonemize_prints_a_line_a_sentence() {
    let run = Program::new(&["phonemize", "Hello there. Good morning."]).finish();

    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.text(), "həlˈoʊ ðˈɛɹ.\nɡˈʊd mˈɔːɹnɪŋ.\n");
}

#[test]
fn phonemize_as_json_gives_phonemes_and_ids_for_each_line_of_input() {
    let run = Program::new(&["phonemize", "-", "--json"]).input("Hello.\n\nYes. No.\n").finish();

    let lines: Vec<Value> = run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sentences: Vec<usize> = lines.iter().map(|line| line["sentences"].as_array().unwrap().len()).collect();
    let texts: Vec<&Value> = lines.iter().map(|line| &line["text"]).collect();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(texts, ["Hello.", "", "Yes. No."]);
    assert_eq!(sentences, [1, 0, 2]);
    let hello = &lines[0]["sentences"][0];
    assert_eq!(hello["phonemes"], json!(["h", "ə", "l", "ˈ", "o", "ʊ", "."]));
    // Begin, each phoneme and a pad after it, end.
    let ids: Vec<i64> = serde_json::from_value(hello["ids"].clone()).unwrap();
    assert_eq!((ids.len(), ids[0], ids[1], ids[ids.len() - 1]), (2 * 7 + 3, 1, 0, 2));
}

#[test]
fn phonemize_reads_what_is_written_as_ssml_or_markdown() {
    for arguments in
        [["--ssml", "<speak><s>Good morning.</s></speak>"], ["--markdown", "[Good](https://example.org) *morning*."]]
    {
        // Without `--markdown` its marks would be said.
        let run = Program::new(&[&["phonemize", "--no-normalize"], &arguments[..]].concat()).finish();

        assert_eq!(run.text().lines().last(), Some("ɡˈʊd mˈɔːɹnɪŋ."), "{}", run.stderr);
    }
}

#[test]
fn phonemize_takes_another_language() {
    let run = Program::new(&["phonemize", "Guten Morgen", "--espeak", "de"]).finish();

    assert_eq!(run.text(), "ɡˈuːtən mˈɔɾɡən\n");
}

#[test]
fn an_unknown_voice_is_69_for_every_command() {
    for command in ["speak", "phonemize"] {
        let run = Program::new(&[command, "Hello.", "--voice", "en_US-nobody-high"]).finish();

        assert_eq!((run.code, run.error_lines().len()), (UNAVAILABLE, 1), "{command}: {}", run.stderr);
        assert!(run.stdout.is_empty());
    }
}

// === speak ===

/// Arguments for speech that is always the same.
#[test]
fn commands_need_a_voice() {
    let empty = ModelsFolder::empty();

    for (command, folder) in [("speak", empty.name()), ("phonemize", empty.name()), ("phonemize", "no/such/folder")] {
        let run = Program::new(&[command, "Hello."]).variable("TTS_MODELS_DIR", folder).finish();

        assert_eq!((run.code, run.error_lines().len()), (UNAVAILABLE, 1), "{command}: {}", run.stderr);
        assert!(run.stderr.contains(folder), "{command}: {}", run.stderr);
    }
}
