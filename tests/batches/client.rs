//! What callers of batches do.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TOKEN, TestServer, until};

pub const BATCHES: &str = "/v1/batches";

/// Hands in a batch, which must be taken; its id.
#[track_caller]
pub fn hand_in(server: &TestServer, batch: &Value) -> String {
    let answer = server.post_json(BATCHES, batch);
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("{BATCHES}/{id}"));
    id
}

/// Texts as items.
pub fn items(texts: &[&str]) -> Value {
    json!(texts.iter().map(|text| json!({"text": text})).collect::<Vec<_>>())
}

pub fn send(server: &TestServer, method: Method, path: &str) -> Answer {
    Answer::of(server.request(method, path).header("user-token", TOKEN).send().unwrap())
}

pub fn get(server: &TestServer, path: &str) -> Answer {
    send(server, Method::GET, path)
}

#[track_caller]
pub fn batch(server: &TestServer, id: &str) -> Value {
    let answer = get(server, &format!("{BATCHES}/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The batch, once it has ended.
#[track_caller]
pub fn ended(server: &TestServer, id: &str) -> Value {
    until("the end of the batch", || {
        let batch = batch(server, id);
        matches!(batch["state"].as_str(), Some("succeeded" | "failed")).then_some(batch)
    })
}
