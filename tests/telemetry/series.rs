//! Whoever calls the service cannot make it keep more and more about calls.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::support::TestServer;

const CALLS: usize = 10_000;
const METHODS: [&str; 5] = ["GET", "POST", "PROPFIND", "BREW", "X"];

fn series(server: &TestServer) -> BTreeSet<String> {
    let metrics = server.get("/metrics");
    let named = metrics.text().lines().filter(|line| !line.starts_with('#'));
    named.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

/// One of each kind of call, or many: with another path, voice, method and format each time.
fn call(server: &TestServer, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let method = Method::from_bytes(METHODS[number % METHODS.len()].as_bytes()).unwrap();
        let answer = match number % 4 {
            0 => server.request(method, &format!("/path/{number}")).send().unwrap().status(),
            1 => server.request(method, &format!("/v1/path{number}?q={number}")).send().unwrap().status(),
            2 => {
                let body = json!({"text": "x", "voice_id": format!("xx_XX-voice{number}-low")});
                server.post("/v1/synthesizeSpeech").json(&body).send().unwrap().status()
            }
            _ => {
                let body = json!({"text": "x", "response_format": format!("format{number}")});
                server.post("/v1/synthesizeSpeech").json(&body).send().unwrap().status()
            }
        };
        assert!(answer.is_client_error(), "{number}: {answer}");
    }
}

#[test]
fn ten_thousand_paths_voices_methods_and_formats_add_no_series() {
    let server = TestServer::start(&[("TTS_LOG_LEVEL", "error")]);
    call(&server, 0..20);
    // This route has its series too.
    server.get("/metrics");
    let before = series(&server);

    call(&server, 20..CALLS);

    assert!(before.iter().any(|series| series.contains("route=\"other\"")));
    let after = series(&server);
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:?}");
}
