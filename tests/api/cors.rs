//! What pages of other origins may read.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, TOKEN, TestServer, shared};
use crate::{LEGACY, SYNTHESIZE};

const PAGE: &str = "https://app.example.com";

fn ask(server: &TestServer, method: Method, path: &str, origin: &str, headers: &[(&str, &str)]) -> Answer {
    let request = server.request(method, path).header("origin", origin).json(&json!({"text": "Hello."}));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request.send().unwrap())
}

fn preflight(server: &TestServer, path: &str, origin: &str) -> Answer {
    let asked =
        [("access-control-request-method", "POST"), ("access-control-request-headers", "content-type,user-token")];
    ask(server, Method::OPTIONS, path, origin, &asked)
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap())
}

#[test]
fn pages_of_the_origins_that_are_named_may_call_and_others_may_not() {
    let server = TestServer::start(&[("TTS_CORS_ORIGINS", "https://app.example.com, http://localhost:3000")]);

    for path in [SYNTHESIZE, LEGACY, "/v1/audio/speech", "/v1/batches"] {
        let told = preflight(&server, path, PAGE);
        assert_eq!((told.status, allowed(&told)), (204, Some(PAGE)), "{path}");
        assert_eq!(told.header("access-control-allow-methods"), told.header("allow"), "{path}");
        assert_eq!(told.header("access-control-allow-headers"), "content-type,user-token");
        assert!(told.headers.contains_key("access-control-max-age"));
        for other in ["https://evil.example", "https://app.example.com.evil.example", "null"] {
            let told = preflight(&server, path, other);
            assert_eq!((told.status, allowed(&told)), (204, None), "{path} from {other}");
            assert!(!told.headers.contains_key("access-control-allow-methods"), "{path} from {other}");
        }
    }
    let answer = ask(&server, Method::POST, SYNTHESIZE, PAGE, &[("user-token", TOKEN)]);
    assert_eq!((answer.status, allowed(&answer), answer.header("vary")), (200, Some(PAGE), "origin"));
    let exposed = answer.header("access-control-expose-headers");
    for name in answer.headers.keys().map(reqwest::header::HeaderName::as_str) {
        let is_always_read = ["content-length", "content-type", "date", "vary", "connection"].contains(&name);
        assert!(is_always_read || name.starts_with("access-control-") || exposed.contains(name), "{name} is hidden");
    }
    // What was wrong is for the page to read, too.
    let refused = ask(&server, Method::POST, SYNTHESIZE, PAGE, &[]);
    assert_eq!((refused.status, allowed(&refused)), (403, Some(PAGE)));
    let unread = ask(&server, Method::POST, SYNTHESIZE, "https://evil.example", &[("user-token", TOKEN)]);
    assert_eq!((unread.status, allowed(&unread), unread.header("vary")), (200, None, "origin"));
    assert_eq!(preflight(&server, "/nowhere", PAGE).status, 404);
}

#[test]
fn every_origin_may_be_named_and_none_is_unless_the_operator_says_so() {
    let open = TestServer::start(&[("TTS_CORS_ORIGINS", "*")]);

    assert_eq!(allowed(&preflight(&open, SYNTHESIZE, PAGE)), Some("*"));
    assert_eq!(allowed(&ask(&open, Method::GET, "/health", PAGE, &[])), Some("*"));
    let closed = [preflight(shared(), SYNTHESIZE, PAGE), ask(shared(), Method::GET, "/health", PAGE, &[])];
    assert_eq!(closed.each_ref().map(allowed), [None, None]);
    assert!(closed.iter().all(|answer| !answer.headers.contains_key("vary")));
}
