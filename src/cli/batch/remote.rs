//! Owns speaking the texts of a file by a server: as batches of its own size, whose results are fetched as they come.
//! Handed in under a name made of their texts, so that a command that was stopped finds what it had handed in.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::file::ItemFields;
use super::outcome::KeepOutcome;
use crate::batch::{Done, ItemError, SpokenItem};

pub struct RemoteServer {
    url: Url,
    client: Client,
}

/// The server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("--server must be an address such as http://host:8080")]
    Address,
    #[error("--token, or ALLOWED_USER_TOKEN, must be set to the server's token")]
    Token,
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the server answers with status {status}: {message}")]
    Refused { status: u16, message: String },
}

/// Items of one batch; any server takes as many.
const AT_ONCE: usize = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks that may fail in a row, as when a server is restarted.
const PATIENCE: u32 = 60;

// === impl RemoteServer ===

impl RemoteServer {
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, ServerError> {
        let url = Url::parse(url).ok().filter(Url::has_host).ok_or(ServerError::Address)?;
        let token = token.and_then(|tokens| tokens.split(',').next()).map(str::trim).filter(|token| !token.is_empty());
        let token = token.and_then(|token| HeaderValue::from_str(token).ok()).ok_or(ServerError::Token)?;
        let headers = HeaderMap::from_iter([(reqwest::header::HeaderName::from_static("user-token"), token)]);
        let client = Client::builder().default_headers(headers).build().map_err(|error| unreachable(&error))?;
        Ok(Self { url, client })
    }

    pub async fn speak(
        &self,
        items: &[ItemFields],
        todo: &[usize],
        timestamps: bool,
        keep: KeepOutcome<'_>,
    ) -> anyhow::Result<()> {
        for todo in todo.chunks(AT_ONCE) {
            let items: Vec<&ItemFields> = todo.iter().map(|&index| &items[index]).collect();
            let id = self.hand_in(&items, timestamps).await?;
            self.fetch(&id, todo, keep).await?;
            self.ask(Method::DELETE, &format!("v1/batches/{id}"), None).await?;
        }
        Ok(())
    }

    async fn hand_in(&self, items: &[&ItemFields], timestamps: bool) -> Result<String, ServerError> {
        let body = json!({"items": items, "timestamps": timestamps}).to_string();
        let name = Sha256::digest(&body).iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
        let answer = self.ask(Method::POST, "v1/batches", Some((body, name))).await?;
        let batch = value(answer).await?;
        batch["id"].as_str().map(str::to_owned).ok_or_else(|| unexpected("no batch"))
    }

    /// Fetches what is done until all of it is.
    async fn fetch(&self, id: &str, todo: &[usize], keep: KeepOutcome<'_>) -> anyhow::Result<()> {
        let mut waiting: Vec<usize> = (0..todo.len()).collect();
        let mut failures = 0;
        while !waiting.is_empty() {
            let looked = self.ask(Method::GET, &format!("v1/batches/{id}?limit={AT_ONCE}"), None).await;
            let batch = match looked {
                Ok(answer) => value(answer).await?,
                Err(ServerError::Unreachable(_)) if failures < PATIENCE => {
                    failures += 1;
                    tokio::time::sleep(LOOK_EVERY * failures.min(10)).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            failures = 0;
            let results = batch["results"].as_array().ok_or_else(|| unexpected("no results"))?;
            let ended = |item: &Value| item["state"] != "waiting";
            let (done, rest): (Vec<usize>, _) =
                waiting.into_iter().partition(|&index| results.get(index).is_some_and(ended));
            for index in done {
                keep(todo[index], self.result(id, index, &results[index]).await?)?;
            }
            waiting = rest;
            if !waiting.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    async fn result(&self, id: &str, index: usize, item: &Value) -> Result<Result<SpokenItem, ItemError>, ServerError> {
        if item["state"] != "done" {
            let text = |field: &str| item["error"][field].as_str().unwrap_or_default().to_owned();
            return Ok(Err(ItemError::new(&text("code"), text("message"))));
        }
        let fetched = async |part: &str| {
            let path = format!("v1/batches/{id}/items/{index}/{part}");
            bytes(self.ask(Method::GET, &path, None).await?).await
        };
        let described = &item["audio"];
        let text = |field: &str| described[field].as_str().unwrap_or_default().to_owned();
        let audio = fetched("audio").await?;
        let mut beside = Vec::new();
        if described["has_timestamps"] == true {
            beside.push(("json", fetched("timestamps").await?));
            beside.push(("srt", fetched("subtitles").await?));
        }
        let done = Done {
            voice: text("voice_id"),
            content_type: text("content_type"),
            extension: text("format"),
            sample_rate: described["sample_rate"].as_u64().and_then(|rate| rate.try_into().ok()).unwrap_or_default(),
            seconds: described["seconds"].as_f64().unwrap_or_default(),
            bytes: audio.len(),
            beside_bytes: beside.iter().map(|(_, file)| file.len()).sum(),
            beside: beside.iter().map(|(ending, _)| (*ending).to_owned()).collect(),
            digests: BTreeMap::new(),
        };
        Ok(Ok(SpokenItem { audio, done, beside }))
    }

    /// `body`: with its name.
    async fn ask(&self, method: Method, path: &str, body: Option<(String, String)>) -> Result<Response, ServerError> {
        let url = self.url.join(path).map_err(|_| ServerError::Address)?;
        let request: RequestBuilder = self.client.request(method, url);
        let request = match body {
            None => request,
            Some((body, name)) => {
                request.header("content-type", "application/json").header("idempotency-key", name).body(body)
            }
        };
        let answer = request.send().await.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = value(answer).await.unwrap_or_default();
        let message = body["error"]["message"].as_str().unwrap_or("no reason").to_owned();
        Err(ServerError::Refused { status: status.as_u16(), message })
    }
}

async fn bytes(answer: Response) -> Result<Bytes, ServerError> {
    answer.bytes().await.map_err(|error| unreachable(&error))
}

async fn value(answer: Response) -> Result<Value, ServerError> {
    serde_json::from_slice(&bytes(answer).await?).map_err(|_| unexpected("no JSON"))
}

fn unreachable(error: &reqwest::Error) -> ServerError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    ServerError::Unreachable(cause.to_string())
}

fn unexpected(what: &str) -> ServerError {
    ServerError::Refused { status: 200, message: format!("{what} in its answer") }
}
