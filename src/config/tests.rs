//! The settings as they are read from files and variables, and what is refused.

use super::*;

struct Variables(&'static [(&'static str, &'static str)]);

impl Environment for Variables {
    fn variables(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

pub(super) fn load(variables: &'static [(&'static str, &'static str)]) -> Result<Config, ConfigError> {
    Config::load(None, &Variables(variables))
}

const TOKEN: (&str, &str) = ("ALLOWED_USER_TOKEN", "a, b");

#[test]
fn defaults_are_those_of_the_documentation() {
    let config = load(&[TOKEN]).unwrap();

    assert_eq!(config.tokens.len(), 2);
    assert_eq!(config.http.bind.to_string(), "0.0.0.0:8080");
    assert_eq!(config.voices.allowed, ["en_US-joe-medium"]);
    assert_eq!(config.synthesis.queue_limit, 64);
    assert_eq!(config.synthesis.request_deadline, Duration::from_secs(30));
    assert_eq!(config.cache.ttl, Duration::from_hours(7 * 24));
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn the_default_file_documents_every_key_with_its_default() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/default.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    // Keys without a default stand there as comments.
    let all: String = text.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n").collect();
    let everything = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(everything.path(), &all).unwrap();

    let from_file = Config::load(Some(&path), &Variables(&[TOKEN])).unwrap();

    let mut expected = load(&[TOKEN]).unwrap();
    expected.http.threads = from_file.http.threads;
    assert_eq!(format!("{from_file:?}"), format!("{expected:?}"));
    let documented = reader::read_file(everything.path()).unwrap();
    let sources = concat!(
        include_str!("mod.rs"),
        include_str!("batch.rs"),
        include_str!("choosing.rs"),
        include_str!("fronts.rs"),
        include_str!("live.rs"),
        include_str!("signing.rs"),
        include_str!("speaking.rs"),
        include_str!("wyoming.rs")
    );
    for key in sources.split('"').filter(|word| word.starts_with("TTS_") || *word == "ORT_DYLIB_PATH") {
        assert!(documented.contains_key(key), "{key} is not in config/default.toml");
    }
    assert!(Config::load(Some(everything.path()), &Variables(&[])).is_ok());
}

#[test]
fn the_environment_overrides_the_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "workers = 3\nvoices = [\"a\", \"b\"]\nallowed_user_token = \"x\"\n").unwrap();

    let config = Config::load(Some(file.path()), &Variables(&[("TTS_WORKERS", "5")])).unwrap();

    assert_eq!(config.synthesis.workers, 5);
    assert_eq!(config.voices.allowed, ["a", "b"]);
}

#[test]
fn the_python_services_names_are_understood() {
    let config = load(&[
        TOKEN,
        ("TTS_MODEL", "en_GB-alan-low.onnx"),
        ("ASSETS_DIR", "/srv/voices"),
        ("CACHE_TTL", "60"),
        ("ENABLE_CACHE", "False"),
        ("LOG_LEVEL", "WARNING"),
    ])
    .unwrap();

    assert_eq!(config.voices.allowed, ["en_GB-alan-low"]);
    assert_eq!(config.voices.default.as_deref(), Some("en_GB-alan-low"));
    assert_eq!(config.voices.models_dir, PathBuf::from("/srv/voices"));
    assert_eq!(config.cache.ttl, Duration::from_mins(1));
    assert!(!config.cache.enabled);
    assert_eq!(config.log.level, tracing::Level::WARN);
}

#[test]
fn redis_is_found_under_its_old_names() {
    const ALL: &[(&str, &str)] = &[("REDIS_HOST", "r"), ("REDIS_PORT", "1"), ("REDIS_PASSWORD", "p@ss:/#?")];

    let url = |variables: &'static [(&'static str, &'static str)]| {
        let config = load([&[TOKEN], variables].concat().leak()).unwrap();
        config.cache.redis.map(|redis| redis.url.reveal().to_owned())
    };

    assert_eq!(url(&[]), None);
    assert_eq!(url(&[("REDIS_PORT", "1"), ("REDIS_PASSWORD", "p")]), None);
    assert_eq!(url(&[("REDIS_HOST", "r")]).as_deref(), Some("redis://r:6379"));
    assert_eq!(url(ALL).as_deref(), Some("redis://:p%40ss%3A%2F%23%3F@r:1"));
    assert_eq!(url(&[("VALKEY_HOST", "::1"), ("VALKEY_PORT", "2")]).as_deref(), Some("redis://[::1]:2"));
    assert_eq!(url(&[("VALKEY_HOST", "v"), ("REDIS_HOST", "r")]).as_deref(), Some("redis://r:6379"));
    assert_eq!(url(&[("REDIS_HOST", "r"), ("TTS_REDIS_URL", "redis://n")]).as_deref(), Some("redis://n"));
    assert_eq!(load(&[TOKEN, ("REDIS_HOST", "r"), ("REDIS_PORT", "tcp://x")]).unwrap_err().key, "REDIS_PORT");
}

#[test]
fn model_lists_are_json_and_new_names_win() {
    let config = load(&[
        TOKEN,
        ("TTS_AVAILABLE_MODELS", r#"["a.onnx", "b"]"#),
        ("TTS_DEFAULT_MODEL", "b"),
        ("CACHE_TTL", "60"),
        ("TTS_CACHE_TTL_SECONDS", "90"),
    ])
    .unwrap();

    assert_eq!(config.voices.allowed, ["a", "b"]);
    assert_eq!(config.voices.default.as_deref(), Some("b"));
    assert_eq!(config.cache.ttl, Duration::from_secs(90));
}

#[test]
fn an_old_name_in_the_environment_overrides_the_file_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "cache_ttl_seconds = 90\nredis_url = \"redis://file\"\n").unwrap();

    let config = Config::load(Some(file.path()), &Variables(&[TOKEN, ("CACHE_TTL", "60"), ("REDIS_HOST", "r")]));

    let config = config.unwrap();
    assert_eq!(config.cache.ttl, Duration::from_mins(1));
    assert_eq!(config.cache.redis.as_ref().unwrap().url.reveal(), "redis://r:6379");
    assert_eq!(config.error("TTS_REDIS_URL", "is wrong").key, "REDIS_HOST");
}

#[test]
fn empty_variables_count_as_not_set() {
    assert!(load(&[TOKEN, ("TTS_WORKERS", ""), ("TTS_METRICS_TOKEN", " ")]).is_ok());
}

#[test]
fn origins_are_what_browsers_send() {
    let origins = |list: &'static str| load([TOKEN, ("TTS_CORS_ORIGINS", list)].to_vec().leak());

    let known = origins("https://app.example.com, http://localhost:3000,http://[::1]:8080");
    assert_eq!(
        known.unwrap().http.cors_origins,
        ["https://app.example.com", "http://localhost:3000", "http://[::1]:8080"]
    );
    assert_eq!(origins("*").unwrap().http.cors_origins, ["*"]);
    for wrong in
        ["app.example.com", "https://", "https://a.example/", "https://A.example", "*.example.com", "ftp://a.example"]
    {
        assert_eq!(origins(wrong).unwrap_err().key, "TTS_CORS_ORIGINS", "{wrong}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let wrong: [&'static [(&str, &str)]; 9] = [
        &[],
        &[TOKEN, ("TTS_WORKER", "2")],
        &[TOKEN, ("TTS_WORKERS", "two")],
        &[TOKEN, ("TTS_QUEUE_LIMIT", "0")],
        &[TOKEN, ("TTS_BIND", "localhost")],
        &[TOKEN, ("TTS_LOG_FORMAT", "xml")],
        &[TOKEN, ("TTS_CACHE_ENABLED", "perhaps")],
        &[TOKEN, ("TTS_AVAILABLE_MODELS", "a,b")],
        &[TOKEN, ("TTS_FRONTS", "deepgram,openai")],
    ];
    for variables in wrong {
        let error = load(variables).unwrap_err();

        let expected = variables.last().filter(|last| **last != TOKEN).map_or("ALLOWED_USER_TOKEN", |last| last.0);
        assert_eq!(error.key, expected);
        assert!(!error.to_string().contains('\n'));
    }
}

#[test]
fn the_apis_of_others_are_those_that_are_named_or_all_or_none() {
    let fronts = |variables: &[(&'static str, &'static str)]| {
        let FrontsConfig { cartesia, deepgram, elevenlabs, .. } =
            load([&[TOKEN], variables].concat().leak()).unwrap().fronts;
        [cartesia, deepgram, elevenlabs]
    };

    assert_eq!(fronts(&[]), [true; 3]);
    assert_eq!(fronts(&[("TTS_FRONTS", "elevenlabs, cartesia")]), [true, false, true]);
    assert_eq!(fronts(&[("TTS_FRONTS", "none")]), [false; 3]);
}

#[test]
fn services_that_kubernetes_tells_of_are_passed_over() {
    let config = load(&[
        TOKEN,
        ("TTS_PORT", "tcp://10.96.0.7:80"),
        ("TTS_BATCH_API_SERVICE_HOST", "10.96.0.7"),
        ("REDIS_HOST", "redis"),
        ("REDIS_PORT", "tcp://10.96.0.8:6379"),
    ]);

    assert_eq!(config.unwrap().cache.redis.unwrap().url.reveal(), "redis://redis:6379");
    assert_eq!(load(&[TOKEN, ("TTS_PORT", "8080")]).unwrap_err().key, "TTS_PORT");
}

#[test]
fn values_in_quotes_more_threads_than_cores_and_deadlines_in_which_nothing_can_be_said_are_suspicious() {
    let config =
        load(&[TOKEN, ("ASSETS_DIR", "'/srv/voices'"), ("TTS_WORKERS", "1024"), ("TTS_REQUEST_DEADLINE_MS", "30")]);
    let config = config.unwrap();

    let keys: Vec<&str> = config.suspicions.iter().map(|suspicion| suspicion.key.as_str()).collect();
    assert_eq!(keys, ["ASSETS_DIR", "TTS_WORKERS", "TTS_REQUEST_DEADLINE_MS"]);
    assert_eq!(load(&[TOKEN]).unwrap().suspicions, []);
}

#[test]
fn where_quotes_are_what_is_wrong_they_are_named() {
    let error = load(&[TOKEN, ("TTS_WORKERS", "\"2\"")]).unwrap_err();

    assert!(error.key == "TTS_WORKERS" && error.problem.contains("quotes"), "{error}");
}
