//! Does it stay as it is? Half an hour of mixed work (hits, new texts, streams, bad input, callers who leave) with
//! Redis, while the process is looked at: memory must not grow, descriptors and threads stay as many as they are.
//!
//! `make soak`, or `cargo bench --bench soak`; TTS_SOAK_MINUTES says for how long (30).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Due, RedisServer, TOKEN, TestServer, send};

/// Not looked at: caches fill, threads and connections come into being.
const WARM_UP: Duration = Duration::from_mins(3);
const PER_SECOND: f64 = 20.0;
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);
const BETWEEN_LEAVERS: Duration = Duration::from_millis(2_500);

/// What was seen of the process at one time.
struct Look {
    minutes: f64,
    resident: u64,
    files: usize,
    threads: usize,
}

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let minutes: u32 = std::env::var("TTS_SOAK_MINUTES").map_or(30, |minutes| minutes.parse().unwrap());
    let redis = RedisServer::with(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    let server = TestServer::start(&[
        ("TTS_REDIS_URL", &redis.url()),
        // Full before the warm-up is over.
        ("TTS_CACHE_L1_BYTES", "16777216"),
    ]);
    let done = AtomicBool::new(false);
    let (endings, looks) = thread::scope(|scope| {
        let looks = scope.spawn(|| look(&server, &done));
        scope.spawn(|| leave(&server, &done));
        let mut endings = BTreeMap::<(&str, Option<u16>), usize>::new();
        for minute in 0..minutes {
            for ending in send(server.address(), one_minute(minute as usize)) {
                *endings.entry((ending.kind, ending.status)).or_default() += 1;
            }
        }
        done.store(true, Relaxed);
        (endings, looks.join().unwrap())
    });

    for ((kind, status), count) in &endings {
        println!("{count:>8} {kind}: {}", status.map_or("no answer".to_owned(), |status| status.to_string()));
    }
    println!(
        "resident set {:.2} MB more a minute (below 1 is the goal); {}",
        slope(&looks),
        range(&looks, |look| look.resident >> 20)
    );
    println!("descriptors  {}", range(&looks, |look| look.files as u64));
    println!("threads      {}", range(&looks, |look| look.threads as u64));
    let expected = |kind: &str| Some(if kind == "wrong" { 400 } else { 200 });
    assert!(endings.keys().all(|(kind, status)| *status == expected(kind)), "answers that nobody expects");
}

fn one_minute(minute: usize) -> Vec<Due> {
    let count = (PER_SECOND * 60.0) as usize;
    (0..count)
        .map(|number| {
            let (kind, body) = one(minute * count + number);
            Due { at: Duration::from_secs_f64(number as f64 / PER_SECOND), kind, token: TOKEN, body }
        })
        .collect()
}

/// Of a hundred: 70 hits, 24 new texts, 5 streams of new texts, 1 that is wrong.
fn one(number: usize) -> (&'static str, Value) {
    // Knuth's MMIX generator: the order is random and the same in every run.
    let random = (number as u64).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33;
    match random % 100 {
        0..70 => ("hit", json!({"text": format!("Prompt number {}.", random % 150)})),
        70..94 => ("new", json!({"text": format!("This is text number {number}.")})),
        94..99 => (
            "stream",
            json!({"text": format!("This is stream number {number}. It goes on."), "stream": true, "response_format": "opus"}),
        ),
        _ => ("wrong", json!({"text": "Too fast.", "speed": 1_000})),
    }
}

/// Callers who ask for a long stream and are gone after its beginning.
fn leave(server: &TestServer, done: &AtomicBool) {
    let mut number = 0;
    while !done.load(Relaxed) {
        number += 1;
        let text = format!("Caller number {number} leaves. ").repeat(20);
        let mut connection = server.begin(&json!({"text": text, "stream": true}));
        connection.read_exact(&mut [0; 1_000]).unwrap();
        drop(connection);
        thread::sleep(BETWEEN_LEAVERS);
    }
}

fn look(server: &TestServer, done: &AtomicBool) -> Vec<Look> {
    let began = Instant::now();
    let mut looks = Vec::new();
    while !done.load(Relaxed) {
        thread::sleep(BETWEEN_LOOKS);
        let elapsed = began.elapsed();
        if elapsed > WARM_UP {
            looks.push(Look {
                minutes: elapsed.as_secs_f64() / 60.0,
                resident: server.resident_bytes(),
                files: server.open_files(),
                threads: server.threads(),
            });
        }
    }
    looks
}

/// How much the resident set grows, in MB a minute, by least squares.
fn slope(looks: &[Look]) -> f64 {
    let mean = |of: &dyn Fn(&Look) -> f64| looks.iter().map(of).sum::<f64>() / looks.len() as f64;
    let resident = |look: &Look| look.resident as f64 / f64::from(1 << 20);
    let (middle, level) = (mean(&|look| look.minutes), mean(&resident));
    let products = mean(&|look| (look.minutes - middle) * (resident(look) - level));
    products / mean(&|look| (look.minutes - middle).powi(2))
}

/// The first, the smallest, the largest and the last.
fn range(looks: &[Look], of: impl Fn(&Look) -> u64) -> String {
    let seen: Vec<_> = looks.iter().map(of).collect();
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return "not looked at: too short".to_owned() };
    let (least, most) = (seen.iter().min().unwrap_or(first), seen.iter().max().unwrap_or(first));
    format!("{first} at first, {least} to {most}, {last} at last")
}
