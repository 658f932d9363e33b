//! Settings that name voices, memory for them, and who may ask for them: what cannot work ends the start, what may not
//! be meant is told once.

use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

use super::{SECRET, assert_refused, serve, settings_file};
use crate::support::{Program, TestServer, VOICE};

/// A voice that is known and not installed, where nothing can be fetched.
const ELSEWHERE: &str = "de_DE-thorsten-medium";

#[test]
fn a_setting_that_names_voices_in_vain_is_64_and_named() {
    let quoted = format!("\"{VOICE}\"");
    let pair = format!("alloy={ELSEWHERE}");
    let wrong = [
        [("TTS_VOICES", quoted.as_str()), ("", "")],
        [("TTS_VOICES", "'*'"), ("", "")],
        [("TTS_VOICES", "en_US-jo-medium"), ("", "")],
        [("TTS_VOICES", "xx_*,joe"), ("", "")],
        [("TTS_OPENAI_VOICES", pair.as_str()), ("", "")],
        [("TTS_OPENAI_VOICES", pair.as_str()), ("TTS_VOICES", "*")],
        [("TTS_OPENAI_VOICES", "nova=en_US-nobody-low"), ("TTS_VOICES", "*")],
        [("TTS_PINNED_VOICES", ELSEWHERE), ("", "")],
        [("TTS_PINNED_VOICES", "../joe"), ("", "")],
        [("TTS_DEFAULT_VOICE", quoted.as_str()), ("", "")],
        [("TTS_DEFAULT_VOICE", VOICE), ("TTS_ALLOWED_LICENSES", "proprietary")],
        [("TTS_POOL_MEMORY_BYTES", "1000000"), ("", "")],
    ];

    for variables in wrong {
        let given: Vec<_> = variables.into_iter().filter(|(name, _)| !name.is_empty()).collect();
        assert_refused(&serve(&[&[("ALLOWED_USER_TOKEN", SECRET)], &given[..]].concat()), variables[0].0);
    }
}

#[test]
fn what_may_not_be_meant_is_told_once_by_the_service_and_by_doctor() {
    let voices = format!("{VOICE},xx_*");
    let variables = [("TTS_VOICES", voices.as_str()), ("TTS_METRICS_TOKEN", "'dodo-archaeopteryx'")];
    let server = TestServer::start(&variables);
    // Without the parts that speak, which take their time and are nothing to settings.
    let doctor = Program::new(&["doctor"]).variable("ORT_DYLIB_PATH", "/no/such/library");

    let log = server.stop();
    let run = variables
        .iter()
        .fold(doctor.variable("ALLOWED_USER_TOKEN", SECRET), |run, (name, value)| run.variable(name, value))
        .finish();

    for key in ["TTS_VOICES", "TTS_METRICS_TOKEN"] {
        let lines: Vec<&String> = log.iter().filter(|line| line.contains(&format!("\"setting\":\"{key}\""))).collect();
        assert_eq!(lines.len(), 1, "{log:?}");
        assert!(lines[0].contains("\"level\":\"WARN\"") && !lines[0].contains(SECRET), "{}", lines[0]);
    }
    let told: Vec<&str> = run.text().lines().filter(|line| line.starts_with("warn  settings: ")).collect();
    assert!(told.len() == 2 && told.iter().any(|line| line.contains("xx_*")), "{}", run.text());
}

#[test]
fn a_service_that_has_no_voice_to_speak_with_says_which_setting_it_is() {
    let empty = crate::support::ModelsFolder::empty();

    for (key, value) in [("TTS_ALLOWED_LICENSES", "proprietary"), ("TTS_MODELS_DIR", empty.name())] {
        let log = TestServer::start_unready(&[(key, value)]).stop();

        let told = log.iter().filter(|line| line.contains("\"setting\"")).collect::<Vec<_>>();
        assert!(told.len() == 1 && told[0].contains(&format!("\"setting\":\"{key}\"")), "{log:?}");
    }
}

#[test]
fn services_beside_it_in_kubernetes_are_no_settings() {
    let links = [
        ("TTS_SERVICE_HOST", "10.96.0.7"),
        ("TTS_SERVICE_PORT", "80"),
        ("TTS_SERVICE_PORT_HTTP", "80"),
        ("TTS_PORT", "tcp://10.96.0.7:80"),
        ("TTS_PORT_80_TCP", "tcp://10.96.0.7:80"),
        ("TTS_PORT_80_TCP_PROTO", "tcp"),
        ("TTS_PORT_80_TCP_PORT", "80"),
        ("TTS_PORT_80_TCP_ADDR", "10.96.0.7"),
        ("TTS_BATCH_API_SERVICE_HOST", "10.96.0.7"),
        ("TTS_BATCH_API_PORT", "tcp://10.96.0.7:80"),
        ("REDIS_PORT", "tcp://10.96.0.8:6379"),
    ];

    let server = TestServer::start_unready(&links);

    assert_eq!(server.get("/livez").status, 200);
    assert_refused(&serve(&[("ALLOWED_USER_TOKEN", SECRET), ("TTS_PORT", "8080")]), "TTS_PORT");
}

// === tokens ===

fn token(name: &str, secret: &str) -> String {
    format!("[[token]]\nname = \"{name}\"\nsha256 = \"{}\"\n", hex::encode(Sha256::digest(secret)))
}

#[test]
fn a_secret_that_is_none_or_has_two_names_is_refused_at_the_start_and_later() {
    let wrong = [
        (token("a", ""), "empty secret"),
        (token("a", "\n"), "empty secret"),
        (token("a", "one") + &token("b", "one"), "one secret"),
        (token("a", SECRET), "ALLOWED_USER_TOKEN"),
    ];
    for (text, problem) in &wrong {
        let file = settings_file(text);
        let run = serve(&[("ALLOWED_USER_TOKEN", SECRET), ("TTS_TOKENS_FILE", file.path().to_str().unwrap())]);

        assert_refused(&run, "TTS_TOKENS_FILE");
        assert!(run.stderr.contains(problem), "{}", run.stderr);
    }

    let file = settings_file(&token("a", "one"));
    let server = TestServer::start_unready(&[("TTS_TOKENS_FILE", file.path().to_str().unwrap())]);
    let status = |secret: &str| {
        let request = server.request(reqwest::Method::GET, "/v1/voices").header("user-token", secret);
        request.send().unwrap().status().as_u16()
    };
    std::fs::write(file.path(), &wrong[0].0).unwrap();
    server.signal(Signal::SIGHUP);
    server.wait_for_log("tokens stay as they were");

    assert_eq!((status(""), status("one")), (403, 200));
}
