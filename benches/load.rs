//! What holds when far more is asked than can be done? The service on core 0, the client on core 1, in an open loop:
//! ten times what the service can compute, with hits among it; then ten thousand requests at once; then one caller's
//! flood beside another's calls.
//!
//! `make load`, or `cargo bench --bench load`; takes five minutes, TTS_LOAD_SECONDS (60) of them at ten times the
//! capacity. Needs two cores with nothing else to do, and taskset.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{Due, Ending, TOKEN, TestServer, capacity, evenly, quantile, send};

const CALLERS: usize = 16;
const TIMES_CAPACITY: f64 = 10.0;
const HITS_PER_SECOND: f64 = 50.0;
const AT_ONCE: usize = 10_000;
/// What a caller who floods may have, a fiftieth of what he asks for.
const FLOOD_PER_SECOND: f64 = 50.0;
const FLOOD_PER_MINUTE: u32 = 60;

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // What the client costs is not the service's.
    let own = std::process::id().to_string();
    assert!(Command::new("taskset").args(["-cp", "1", &own]).stdout(Stdio::null()).status().unwrap().success());
    let time = Duration::from_secs(std::env::var("TTS_LOAD_SECONDS").map_or(60, |seconds| seconds.parse().unwrap()));
    overload(time);
    at_once();
    flood();
}

fn overload(time: Duration) {
    let server = start(&[]);
    assert_eq!(server.post_json("/v1/synthesizeSpeech", &hit()).status, 200);

    // Once to warm up: the first callers meet a process that has never been busy.
    capacity(server.address(), CALLERS, Duration::from_secs(5), |number| miss("warm", number));
    let capacity = capacity(server.address(), CALLERS, Duration::from_secs(20), |number| miss("closed", number));
    println!("capacity          {capacity:>7.1} answers a second, {CALLERS} callers that wait for each other's end");

    let before = counted(&server);
    let rate = TIMES_CAPACITY * capacity;
    let mut requests = evenly("miss", rate, time, |number| miss("open", number));
    requests.extend(evenly("hit", HITS_PER_SECOND, time, |_| hit()));
    let (endings, resident) = watched(&server, || send(server.address(), requests));
    let after = counted(&server);

    let of = |kind: &str, status: u16| -> Vec<&Ending> {
        endings.iter().filter(|ending| ending.kind == kind && ending.status == Some(status)).collect()
    };
    let (accepted, refused, hits) = (of("miss", 200), of("miss", 503), of("hit", 200));
    let rest = endings.len() - accepted.len() - refused.len() - hits.len();
    let hints = refused.iter().filter(|ending| ending.has_retry_after).count();
    let goodput = accepted.len() as f64 / time.as_secs_f64();
    println!("offered           {rate:>7.1} a second for {time:?}, and {HITS_PER_SECOND} hits");
    println!(
        "accepted          {goodput:>7.1} a second, {:.3} of the capacity (at least 0.95 is the goal)",
        goodput / capacity
    );
    println!("                  p99 {:?} (the deadline is 30 s)", quantile(0.99, &accepted));
    println!(
        "refused           {:>7}, {hints} with Retry-After; p50 {:?}, p99 {:?}, longest {:?} (100 ms is the goal)",
        refused.len(),
        quantile(0.5, &refused),
        quantile(0.99, &refused),
        quantile(1.0, &refused)
    );
    println!(
        "hits              {:>7} of {}, p50 {:?}, p99 {:?} (20 ms is the goal)",
        hits.len(),
        endings.iter().filter(|ending| ending.kind == "hit").count(),
        quantile(0.5, &hits),
        quantile(0.99, &hits)
    );
    println!("anything else     {rest:>7} (resets, time-outs, other answers)");
    println!("accounted for     {:>7} of {} requests in the service's own count", after - before, endings.len());
    println!(
        "resident set      {} MB at first, {} MB at most, {} MB at last",
        resident[0] >> 20,
        resident.iter().max().unwrap() >> 20,
        resident[resident.len() - 1] >> 20
    );
    // What does not depend on how fast the machine is.
    assert_eq!((rest, hints, after - before), (0, refused.len(), endings.len()), "other answers, hints, counted");
    assert!(endings.iter().all(|ending| ending.kind != "hit" || ending.status == Some(200)), "a hit was refused");
}

fn start(variables: &[(&str, &str)]) -> TestServer {
    let server = TestServer::start_under(&["taskset", "-c", "0"], variables);
    server.wait_until_ready();
    server
}

fn at_once() {
    let server = start(&[]);
    let due = |number| Due { at: Duration::ZERO, kind: "", token: TOKEN, body: miss("sudden", number) };

    let endings = send(server.address(), (0..AT_ONCE).map(due).collect());

    let of = |status: u16| -> Vec<&Ending> { endings.iter().filter(|ending| ending.status == Some(status)).collect() };
    let (answered, refused) = (of(200), of(503));
    println!("{AT_ONCE} at once");
    println!("answered          {:>7}, the last after {:?}", answered.len(), quantile(1.0, &answered));
    println!("refused           {:>7}, the last after {:?}", refused.len(), quantile(1.0, &refused));
    println!("anything else     {:>7}", endings.len() - answered.len() - refused.len());
    let next = send(server.address(), vec![due(AT_ONCE)]);
    println!("the next one      {:?} after {:?}", next[0].status, next[0].latency);
    assert_eq!((answered.len() + refused.len(), next[0].status), (AT_ONCE, Some(200)));
}

fn flood() {
    let tokens = tempfile::NamedTempFile::new().unwrap();
    let digest = hex::encode(Sha256::digest("flood"));
    let limited =
        format!("[[token]]\nname = \"flood\"\nsha256 = \"{digest}\"\nrequests_per_minute = {FLOOD_PER_MINUTE}\n");
    std::fs::write(tokens.path(), limited).unwrap();
    let server = start(&[("TTS_TOKENS_FILE", tokens.path().to_str().unwrap())]);
    // So many calls that the slowest is not the 99th of 100.
    let time = Duration::from_mins(1);
    let calls = |run: &'static str| evenly("calls", 2.0, time, move |number| miss(run, number));
    send(server.address(), calls("warm"));

    let alone = send(server.address(), calls("quiet"));
    let mut requests = evenly("flood", FLOOD_PER_SECOND, time, |number| miss("flooding", number));
    for due in &mut requests {
        due.token = "flood";
    }
    requests.extend(calls("flooded"));
    let beside = send(server.address(), requests);

    let of = |endings: &[Ending], kind: &str, status: u16| {
        endings.iter().filter(|ending| ending.kind == kind && ending.status == Some(status)).count()
    };
    let p99 = |endings: &[Ending]| {
        quantile(0.99, &endings.iter().filter(|ending| ending.kind == "calls").collect::<Vec<_>>())
    };
    println!("one caller's flood of {FLOOD_PER_SECOND} a second, who may have {FLOOD_PER_MINUTE} a minute");
    println!("the flood         {} answered, {} refused", of(&beside, "flood", 200), of(&beside, "flood", 429));
    println!(
        "the other caller  {} of {} answered, p99 {:?}; alone {:?}, {:.2} x (2 is the goal)",
        of(&beside, "calls", 200),
        beside.iter().filter(|ending| ending.kind == "calls").count(),
        p99(&beside),
        p99(&alone),
        p99(&beside).as_secs_f64() / p99(&alone).as_secs_f64()
    );
    let is_expected = |ending: &Ending| match ending.status {
        Some(200) => true,
        Some(429 | 503) => ending.kind == "flood",
        _ => false,
    };
    assert!(beside.iter().all(is_expected), "the other caller was refused, or the flood answered otherwise");
}

fn hit() -> Value {
    json!({"text": "All our agents are busy. Please hold the line."})
}

fn miss(run: &str, number: usize) -> Value {
    json!({"text": format!("In the {run} run this is request number {number}.")})
}

/// Requests for speech that the service has answered, whatever it said.
fn counted(server: &TestServer) -> usize {
    let metrics = server.get("/metrics").text().to_owned();
    let series = metrics
        .lines()
        .filter(|line| line.starts_with("tts_http_requests_total{") && line.contains("\"/v1/synthesizeSpeech\""));
    series.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap() as usize).sum()
}

/// Does the work, and looks at the resident set ten times a second meanwhile.
fn watched<T>(server: &TestServer, work: impl FnOnce() -> T) -> (T, Vec<u64>) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen = vec![server.resident_bytes()];
            while !done.load(Relaxed) {
                thread::sleep(Duration::from_millis(100));
                seen.push(server.resident_bytes());
            }
            seen
        });
        let result = work();
        done.store(true, Relaxed);
        (result, watch.join().unwrap())
    })
}
