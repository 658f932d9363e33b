//! Owns load from outside: requests at times that were fixed before, whatever becomes of those that were sent (an open
//! loop). Latency counts from when a request was due, so that a client that lags behind hides nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::header::RETRY_AFTER;
use serde_json::Value;

use super::TOKEN;

/// Longer than any server of a test may take, so that a time-out here is a fault there.
const CLIENT_TIMEOUT: Duration = Duration::from_mins(10);

/// A request to be.
pub struct Due {
    /// After the beginning.
    pub at: Duration,
    /// What it counts as.
    pub kind: &'static str,
    /// Whose it is.
    pub token: &'static str,
    pub body: Value,
}

/// What became of a request.
#[derive(Debug)]
pub struct Ending {
    pub kind: &'static str,
    /// `None`: there was no whole answer.
    pub status: Option<u16>,
    pub has_retry_after: bool,
    /// From when it was due to the last byte.
    pub latency: Duration,
}

/// So many requests in each second, evenly.
pub fn evenly(kind: &'static str, rate: f64, time: Duration, mut body: impl FnMut(usize) -> Value) -> Vec<Due> {
    let count = (rate * time.as_secs_f64()) as usize;
    (0..count)
        .map(|number| Due { at: Duration::from_secs_f64(number as f64 / rate), kind, token: TOKEN, body: body(number) })
        .collect()
}

/// Sends each request when it is due, and waits for all.
pub fn send(server: SocketAddr, mut requests: Vec<Due>) -> Vec<Ending> {
    requests.sort_by_key(|due| due.at);
    in_runtime(async {
        let client = client();
        let began = Instant::now();
        let mut sent = Vec::with_capacity(requests.len());
        for due in requests {
            tokio::time::sleep_until((began + due.at).into()).await;
            sent.push(tokio::spawn(request(client.clone(), server, began, due)));
        }
        let mut endings = Vec::with_capacity(sent.len());
        for ending in sent {
            endings.push(ending.await.unwrap());
        }
        endings
    })
}

/// How many requests a server answers in a second when so many callers ask again as soon as they are answered (a closed
/// loop).
pub fn capacity(server: SocketAddr, callers: usize, time: Duration, body: impl Fn(usize) -> Value) -> f64 {
    in_runtime(async {
        let (client, began) = (client(), Instant::now());
        let next = std::cell::Cell::new(0);
        let caller = async || {
            let mut answered = 0;
            while began.elapsed() < time {
                next.set(next.get() + 1);
                let due = Due { at: began.elapsed(), kind: "", token: TOKEN, body: body(next.get()) };
                let ending = request(client.clone(), server, began, due).await;
                assert_eq!(ending.status, Some(200));
                answered += 1;
            }
            answered
        };
        let answered: usize = futures_util::future::join_all((0..callers).map(|_| caller())).await.iter().sum();
        answered as f64 / began.elapsed().as_secs_f64()
    })
}

/// The latency that this share of the endings does not exceed.
pub fn quantile(share: f64, endings: &[&Ending]) -> Duration {
    let mut latencies: Vec<_> = endings.iter().map(|ending| ending.latency).collect();
    latencies.sort_unstable();
    let at = (latencies.len() as f64 * share) as usize;
    latencies.get(at.min(latencies.len().saturating_sub(1))).copied().unwrap_or_default()
}

async fn request(client: Client, server: SocketAddr, began: Instant, due: Due) -> Ending {
    let sent = client.post(format!("http://{server}/v1/synthesizeSpeech")).header("user-token", due.token);
    let answered = async {
        let answer = sent.json(&due.body).send().await.ok()?;
        let (status, has_retry_after) = (answer.status().as_u16(), answer.headers().contains_key(RETRY_AFTER));
        answer.bytes().await.ok()?;
        Some((status, has_retry_after))
    };
    let (status, has_retry_after) = answered.await.unzip();
    Ending {
        kind: due.kind,
        status,
        has_retry_after: has_retry_after.unwrap_or(false),
        latency: (began + due.at).elapsed(),
    }
}

fn client() -> Client {
    // The service's own build of the client leaves the choice to whoever uses it; only the first choice counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().timeout(CLIENT_TIMEOUT).no_proxy().build().expect("a client")
}

fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
