//! How much of what is asked at once is answered, when it is more than can be done by the deadline? 64, 100 and 300
//! requests at once of two new sentences each, from one caller and from ten, to a service that was just started;
//! whoever is refused comes back once, when it was told to.
//!
//! `cargo bench --bench goodput`; takes ten minutes, on two cores with nothing else to do. `-- 100 1` measures 100
//! requests of one caller alone. The client runs on the same cores, and costs little beside the synthesis.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Client;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{TestServer, capacity};

const DEADLINE: Duration = Duration::from_secs(30);
const CALLERS: usize = 8;

/// What became of a request.
struct Ending {
    status: u16,
    /// Until the whole answer.
    latency: Duration,
    /// When that was, as all requests came at once.
    at: Duration,
    retry_after: Option<Duration>,
}

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let rate = rate();
    println!("{rate:.2} requests a second are answered that wait for each other's end");
    match wanted[..] {
        [requests, callers] => at_once(requests, callers, rate),
        _ => [64, 100, 300].into_iter().flat_map(|n| [(n, 1), (n, 10)]).for_each(|(n, m)| at_once(n, m, rate)),
    }
}

fn rate() -> f64 {
    let server = TestServer::start(&[]);
    capacity(server.address(), CALLERS, Duration::from_secs(5), |number| body("warm", number));
    capacity(server.address(), CALLERS, Duration::from_secs(20), |number| body("closed", number))
}

fn at_once(requests: usize, callers: usize, rate: f64) {
    let tokens = tempfile::NamedTempFile::new().unwrap();
    let token = |number: usize| format!("caller-{number}");
    let listed = |number| {
        let digest = hex::encode(Sha256::digest(token(number)));
        format!("[[token]]\nname = \"{}\"\nsha256 = \"{digest}\"\n", token(number))
    };
    std::fs::write(tokens.path(), (1..callers).map(listed).collect::<Vec<_>>().concat()).unwrap();
    let variables = [("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())];
    let server = TestServer::start(if callers > 1 { &variables } else { &[] });
    server.wait_until_ready();
    let url = format!("http://{}/v1/synthesizeSpeech", server.address());
    // The service's own build of the client leaves the choice to whoever uses it; only the first choice counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();

    let start = Instant::now();
    let caller = async |number: usize| {
        // The first has the secret of all.
        let token = match number % callers {
            0 => support::TOKEN.to_owned(),
            other => token(other),
        };
        let (url, client) = (&url, &client);
        let ask = async || {
            let ending = ask(client, url, &token, &body("once", number)).await;
            Ending { at: start.elapsed(), ..ending }
        };
        let first = ask().await;
        let Some(wait) = first.retry_after else { return (first, None) };
        tokio::time::sleep(wait).await;
        (first, Some(ask().await))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let endings = runtime.block_on(async { join_all((0..requests).map(caller)).await });

    let of = |status: u16| endings.iter().map(|(first, _)| first).filter(move |first| first.status == status);
    let longest = |endings: &mut dyn Iterator<Item = &Ending>| endings.map(|it| it.latency).max().unwrap_or_default();
    let again: Vec<&Ending> = endings.iter().filter_map(|(_, again)| again.as_ref()).collect();
    let waits: Vec<u64> = of(503).filter_map(|first| first.retry_after).map(|wait| wait.as_secs()).collect();
    let possible = (rate * DEADLINE.as_secs_f64()).min(requests as f64);
    let in_time = endings.iter().flat_map(|(first, again)| [Some(first), again.as_ref()]).flatten();
    let in_time = in_time.filter(|ending| ending.status == 200 && ending.at <= DEADLINE).count();
    println!("{requests} at once of {callers}");
    println!(
        "  in {DEADLINE:?}       {in_time:>4} answers, {:.2} of what could be ({possible:.0})",
        in_time as f64 / possible
    );
    println!("  answered     {:>4}, the last after {:.1?}", of(200).count(), longest(&mut of(200)));
    println!(
        "  refused      {:>4}, {} of them after more than a second, the last after {:.2?}, to come back after {waits:?}",
        of(503).count(),
        of(503).filter(|it| it.latency > Duration::from_secs(1)).count(),
        longest(&mut of(503))
    );
    println!("  otherwise    {:>4}", requests - of(200).count() - of(503).count());
    println!(
        "  came back    {:>4}, of whom {} were answered and {} refused",
        again.len(),
        again.iter().filter(|it| it.status == 200).count(),
        again.iter().filter(|it| it.status == 503).count(),
    );
}

async fn ask(client: &Client, url: &str, token: &str, body: &Value) -> Ending {
    let began = Instant::now();
    let answer = client.post(url).header("user-token", token).json(body).send().await.unwrap();
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get(RETRY_AFTER).map(|wait| wait.to_str().unwrap().parse().unwrap());
    // A body that is cut is no answer.
    let status = if answer.bytes().await.is_ok() { status } else { 0 };
    Ending { status, latency: began.elapsed(), at: Duration::ZERO, retry_after: retry_after.map(Duration::from_secs) }
}

/// About twenty seconds of speech, in two sentences.
fn body(run: &str, number: usize) -> Value {
    let text = format!(
        "In the {run} run this is request number {number}, which nobody has ever sent before, and which goes on for quite a while \
         so that whoever listens to it has the time to make a cup of tea and drink it. Here is the second half of request \
         number {number} of the {run} run, which is about as long as the first one was, and which says just as little as that \
         did, though it takes its time to do so."
    );
    json!({"text": text})
}
