//! Named tokens: what they are good for and how much, and that they change while the service runs.

use std::path::Path;

use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Answer, TOKEN, TestServer, VOICE, until};
use crate::{LEGACY, SYNTHESIZE};

pub fn entry(name: &str, secret: &str, fields: &str) -> String {
    let digest = hex::encode(Sha256::digest(secret));
    format!("[[token]]\nname = \"{name}\"\nsha256 = \"{digest}\"\n{fields}\n")
}

fn serve(file: &Path) -> TestServer {
    TestServer::start(&[("TTS_TOKENS_FILE", file.to_str().unwrap())])
}

fn say(server: &TestServer, secret: &str, path: &str, text: &str) -> Answer {
    let request = server.request(Method::POST, path).header("user-token", secret).json(&json!({"text": text}));
    Answer::of(request.send().unwrap())
}

pub fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn a_token_that_has_used_up_its_requests_is_refused_and_others_are_not() {
    let tokens = file(&(entry("few", "few", "requests_per_minute = 2") + &entry("many", "many", "")));
    let server = serve(tokens.path());

    let answers = [(); 3].map(|()| say(&server, "few", SYNTHESIZE, "Hi."));

    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 429]);
    assert_eq!((answers[0].header("ratelimit-limit"), answers[0].header("ratelimit-remaining")), ("2", "1"));
    answers[2].assert_error(429, "quota_exceeded", None);
    let wait: u64 = answers[2].header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait) && answers[2].header("ratelimit-remaining") == "0");
    assert_eq!(say(&server, "few", LEGACY, "Hi.").status, 429);
    assert_eq!(say(&server, "many", SYNTHESIZE, "Hi.").status, 200);
    assert_eq!(server.metric("tts_requests_shed_total{reason=\"quota\"}"), 2.0);
}

#[test]
fn whoever_guesses_tokens_is_not_listened_to() {
    let server = TestServer::start(&[("TTS_WRONG_TOKENS_PER_MINUTE", "3"), ("TTS_METRICS_TOKEN", "for-scrapers")]);
    let guess = |secret: &str, path: &str| say(&server, secret, path, "Hi.");

    assert_eq!([TOKEN, "wrong", "false"].map(|secret| guess(secret, SYNTHESIZE).status), [200, 403, 403]);
    assert_eq!(Answer::of(server.request(Method::GET, "/metrics").bearer_auth("wrong").send().unwrap()).status, 403);

    // Wherever else it tries, and be it right.
    let refused = guess("wrong", LEGACY);
    assert_eq!(refused.status, 429);
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    guess(TOKEN, SYNTHESIZE).assert_error(429, "too_many_wrong_tokens", None);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn characters_are_counted_whether_they_are_spoken_or_kept() {
    let tokens = file(&entry("short", "short", "characters_per_minute = 10"));
    let server = serve(tokens.path());

    let statuses = ["Six ch", "Six ch", "Four"].map(|text| say(&server, "short", SYNTHESIZE, text).status);

    assert_eq!(statuses, [200, 429, 200]);
    say(&server, "short", SYNTHESIZE, "Eleven char").assert_error(413, "more_than_quota", None);
}

#[test]
fn a_token_is_good_for_its_scopes_alone() {
    let tokens = file(&(entry("boss", "boss", "scopes = [\"manage\"]") + &entry("user", "user", "")));
    let server = serve(tokens.path());
    let load = |secret: &str| {
        let request = server.request(Method::POST, &format!("/v1/voices/{VOICE}/load")).header("user-token", secret);
        Answer::of(request.send().unwrap()).status
    };

    assert_eq!((load("boss"), load("user")), (200, 403));
    assert_eq!(
        (say(&server, "boss", SYNTHESIZE, "Hi.").status, say(&server, "user", SYNTHESIZE, "Hi.").status),
        (403, 200)
    );
}

#[test]
fn tokens_come_and_go_while_the_service_runs() {
    let tokens = file(&entry("old", "old", ""));
    let server = serve(tokens.path());
    assert_eq!(say(&server, "old", SYNTHESIZE, "Hi.").status, 200);

    std::fs::write(tokens.path(), entry("new", "new", "")).unwrap();
    server.signal(nix::sys::signal::Signal::SIGHUP);

    until("the new token is known", || (say(&server, "new", SYNTHESIZE, "Hi.").status == 200).then_some(()));
    assert_eq!(say(&server, "old", SYNTHESIZE, "Hi.").status, 403);
    std::fs::write(tokens.path(), "broken").unwrap();
    server.signal(nix::sys::signal::Signal::SIGHUP);
    server.wait_for_log("tokens stay as they were");
    assert_eq!(say(&server, "new", SYNTHESIZE, "Hi.").status, 200);
}

/// As it is for a moment when it is written anew.
#[test]
fn a_file_of_tokens_that_is_found_empty_withdraws_none() {
    let tokens = file(&entry("shop", "shop", ""));
    let server = serve(tokens.path());

    std::fs::write(tokens.path(), "").unwrap();
    server.signal(nix::sys::signal::Signal::SIGHUP);
    server.wait_for_log("tokens stay as they were");

    assert_eq!(say(&server, "shop", SYNTHESIZE, "Hi.").status, 200);
    std::fs::write(tokens.path(), "# all are withdrawn").unwrap();
    server.signal(nix::sys::signal::Signal::SIGHUP);
    until("the token is withdrawn", || (say(&server, "shop", SYNTHESIZE, "Hi.").status == 403).then_some(()));
}

#[test]
fn neither_name_nor_digest_of_a_token_is_logged_or_answered_and_metrics_hold_the_name_alone() {
    let tokens = file(&entry("mallory-and-sons", "secret-of-mallory", "requests_per_minute = 1"));
    let server = TestServer::start(&[("TTS_TOKENS_FILE", tokens.path().to_str().unwrap()), ("TTS_LOG_LEVEL", "debug")]);

    let answers = [(); 2].map(|()| say(&server, "secret-of-mallory", SYNTHESIZE, "Hi."));

    let digest = hex::encode(Sha256::digest("secret-of-mallory"));
    let metrics = server.get("/metrics");
    let said = format!("{:?} {} {:?}", server.stop(), answers[1].text(), answers[1].headers);
    assert!(!said.contains("mallory"), "a name or a secret");
    for told in [said.as_str(), metrics.text()] {
        assert!(!told.contains("secret-of-mallory") && !told.contains(digest.as_str()), "a secret or its digest");
    }
}
