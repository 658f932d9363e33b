//! The examples of requests that the description has: each is answered as it stands.

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, TOKEN, TestServer, VOICE};

#[test]
fn every_request_of_json_has_examples_and_each_is_answered_as_it_stands() {
    let server = TestServer::start(&[
        ("TTS_LINK_SECRETS", "secret-of-the-tests-secret-of-the-tests"),
        ("TTS_FRONTS", "deepgram,elevenlabs,cartesia"),
    ]);
    let description = server.get("/openapi.json").json();

    for (path, operations) in description["paths"].as_object().unwrap() {
        let content = operations["post"]["requestBody"]["content"].as_object().into_iter().flatten();
        for (kind, content) in content.filter(|(kind, _)| *kind == "application/json") {
            let examples = content["examples"].as_object().unwrap_or_else(|| panic!("{path} has no example of {kind}"));
            for (name, example) in examples {
                let (value, summary) = (&example["value"], example["summary"].as_str());
                let body = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let request = server.request(Method::POST, &path.replace("{voice}", VOICE)).header("user-token", TOKEN);
                let answer = Answer::of(request.header("content-type", kind).body(body).send().unwrap());

                assert!(matches!(answer.status, 200 | 202), "{path}, {name}: {} {}", answer.status, answer.text());
                assert!(
                    !answer.body.is_empty() && summary.is_some_and(|summary| !summary.is_empty()),
                    "{path}, {name}"
                );
            }
        }
    }
    let example = |path: &str, name: &str| {
        description.pointer(&format!("/paths/{path}/post/requestBody/content/application~1json/examples/{name}"))
    };
    let main = [
        ("v1~1synthesizeSpeech", "ssml"),
        ("v1~1audio~1speech", "audio"),
        ("v1~1batches", "joined"),
        ("v1~1speech~1links", "link"),
    ];
    for (path, name) in main {
        assert!(example(&format!("~1{path}"), name).is_some_and(Value::is_object), "{path}");
    }
}
