//! Who may call what: every route, with every way to present a secret or to fail to.

use std::io::Write;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::support::{Answer, TOKEN, TestServer, assert_closed, shared};
use crate::{LEGACY, SYNTHESIZE};

/// Routes that ask for a token, and what they answer to a caller who has one and sends a blank text.
const CLOSED: [(Method, &str, u16); 25] = [
    (Method::POST, SYNTHESIZE, 400),
    (Method::POST, "/v1/synthesizeSpeech/timestamps", 400),
    (Method::POST, "/v1/audio/speech", 422),
    (Method::GET, "/v1/audio/voices", 200),
    (Method::GET, "/v1/audio/models", 200),
    (Method::GET, "/v1/models", 200),
    (Method::GET, "/v1/models/nobody", 404),
    (Method::POST, "/v1/phonemize", 400),
    (Method::POST, "/v1/batches", 422),
    (Method::GET, "/v1/batches", 200),
    (Method::GET, "/v1/batches/nobody", 404),
    (Method::DELETE, "/v1/batches/nobody", 404),
    (Method::GET, "/v1/batches/nobody/audio", 404),
    (Method::GET, "/v1/batches/nobody/archive", 404),
    (Method::GET, "/v1/batches/nobody/events", 404),
    (Method::GET, "/v1/batches/nobody/items/0/audio", 404),
    (Method::GET, "/v1/batches/nobody/items/0/timestamps", 404),
    (Method::GET, "/v1/batches/nobody/items/0/subtitles", 404),
    (Method::GET, "/v1/usage", 200),
    (Method::GET, "/v1/limits", 200),
    (Method::POST, LEGACY, 422),
    (Method::GET, "/v1/voices", 200),
    (Method::GET, "/v1/voices/nobody", 404),
    (Method::POST, "/v1/voices/nobody/load", 404),
    (Method::DELETE, "/v1/voices/nobody/load", 404),
];
/// Of those, where clients of OpenAI's API call.
const OPENAIS: [&str; 2] = ["/v1/audio/", "/v1/models"];
const OPEN: [&str; 4] = ["/health", "/livez", "/readyz", "/metrics"];

type Headers<'a> = &'a [(&'static str, &'a [u8])];

/// Ways to fail to present the secret.
const WRONG: [(&str, Headers); 18] = [
    ("none", &[]),
    ("empty", &[("user-token", b"")]),
    ("another", &[("user-token", b"another")]),
    ("the beginning", &[("user-token", b"token-of-the-test")]),
    ("more", &[("user-token", b"token-of-the-tests2")]),
    ("other case", &[("user-token", b"TOKEN-OF-THE-TESTS")]),
    ("both secrets in one", &[("user-token", b"token-of-the-tests,second-token")]),
    ("not text", &[("user-token", b"\xff\xfe")]),
    ("with a scheme", &[("user-token", b"Bearer token-of-the-tests")]),
    ("twice", &[("user-token", b"token-of-the-tests"), ("user-token", b"token-of-the-tests")]),
    ("twice, one wrong", &[("user-token", b"token-of-the-tests"), ("user-token", b"another")]),
    ("empty bearer", &[("authorization", b"Bearer ")]),
    ("another bearer", &[("authorization", b"Bearer another")]),
    ("no scheme", &[("authorization", b"token-of-the-tests")]),
    ("another scheme", &[("authorization", b"Basic token-of-the-tests")]),
    (
        "bearer twice",
        &[("authorization", b"Bearer token-of-the-tests"), ("authorization", b"Bearer token-of-the-tests")],
    ),
    (
        "another, beside the right bearer",
        &[("user-token", b"another"), ("authorization", b"Bearer token-of-the-tests")],
    ),
    ("another header", &[("x-api-key", b"token-of-the-tests")]),
];

/// Ways to present it.
const RIGHT: [(&str, Headers); 6] = [
    ("token", &[("user-token", b"token-of-the-tests")]),
    ("header's name in capitals", &[("User-Token", b"token-of-the-tests")]),
    ("bearer", &[("authorization", b"Bearer token-of-the-tests")]),
    ("scheme in other case", &[("authorization", b"bEARER token-of-the-tests")]),
    ("second of two", &[("user-token", b"second-token")]),
    ("second of two as bearer", &[("authorization", b"Bearer second-token")]),
];

fn ask(server: &TestServer, method: &Method, path: &str, headers: Headers) -> Answer {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap()))
        .collect();
    let request = server.request(method.clone(), path).json(&json!({"text": " "})).headers(headers);
    Answer::of(request.send().unwrap())
}

fn two_tokens() -> TestServer {
    TestServer::start(&[("ALLOWED_USER_TOKEN", "token-of-the-tests, second-token")])
}

#[test]
fn a_wrong_token_is_403_on_every_route_that_asks_for_one_and_401_on_those_of_openais_api() {
    let server = two_tokens();

    for (method, path, _) in &CLOSED {
        for (name, headers) in WRONG {
            let answer = ask(&server, method, path, headers);

            if *path == LEGACY {
                assert_eq!((answer.status, answer.json()), (403, json!({"detail": "Forbidden"})), "{name}");
            } else if OPENAIS.iter().any(|beginning| path.starts_with(beginning)) {
                answer.assert_error(401, "invalid_api_key", None);
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            } else {
                answer.assert_error(403, "forbidden", None);
                assert!(
                    answer.text().contains("`user-token: TOKEN`")
                        && answer.text().contains("`Authorization: Bearer TOKEN`")
                );
            }
        }
    }
    assert_eq!(server.metric("tts_queue_wait_seconds_count"), 0.0);
}

#[test]
fn a_right_token_is_let_in_on_every_route() {
    let server = two_tokens();

    for (method, path, status) in &CLOSED {
        for (name, headers) in RIGHT {
            assert_eq!(ask(&server, method, path, headers).status, *status, "{path} with {name}");
        }
    }
}

#[test]
fn open_routes_ask_for_no_token_and_mind_no_wrong_one() {
    for path in OPEN {
        for (name, headers) in WRONG.into_iter().chain(RIGHT) {
            assert_eq!(ask(shared(), &Method::GET, path, headers).status, 200, "{path} with {name}");
        }
    }
}

#[test]
fn a_metrics_token_closes_the_metrics_and_nothing_else() {
    let server = TestServer::start(&[("TTS_METRICS_TOKEN", "for-scrapers")]);
    let get = |path: &str, headers: Headers| ask(&server, &Method::GET, path, headers);

    for headers in [&[][..], &[("user-token", TOKEN.as_bytes())], &[("authorization", b"Bearer another")]] {
        get("/metrics", headers).assert_error(403, "forbidden", None);
    }
    for headers in [[("authorization", &b"Bearer for-scrapers"[..])], [("user-token", b"for-scrapers")]] {
        assert_eq!(get("/metrics", &headers).status, 200);
        assert_eq!(ask(&server, &Method::POST, SYNTHESIZE, &headers).status, 403, "scrapers may not speak");
    }
    for path in ["/health", "/livez", "/readyz"] {
        assert_eq!(get(path, &[]).status, 200, "{path}");
    }
}

#[test]
fn a_caller_without_a_token_is_refused_before_the_body_is_read() {
    for path in [SYNTHESIZE, LEGACY, "/v1/voices/nobody/load"] {
        for length in ["content-length: 100000", "transfer-encoding: chunked"] {
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: test\r\nuser-token: wrong\r\ncontent-type: application/json\r\n{length}\r\n\r\n"
            );
            let mut connection = shared().connect();
            connection.write_all(head.as_bytes()).unwrap();
            let answer = Answer::read(&mut connection);

            assert_eq!(answer.status, 403, "{path} with {length}");
            assert_eq!(answer.header("connection"), "close", "{path} with {length}");
            assert_closed(&mut connection);
        }
    }
}

#[test]
fn a_caller_without_a_token_learns_nothing_of_what_the_request_would_have_met() {
    let bodies = ["", "{", "{\"text\": 1}", "{\"text\": \"a\", \"voice_id\": \"nobody\"}"];

    for body in bodies {
        let request = shared().request(Method::POST, SYNTHESIZE).header("content-type", "text/plain").body(body);
        let answer = Answer::of(request.send().unwrap());

        answer.assert_error(403, "forbidden", None);
    }
}
