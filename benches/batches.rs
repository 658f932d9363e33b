//! What does a batch cost those who wait, and what do more machines bring? Short texts while nothing else is done and
//! while a batch is worked off, in turns; and a batch worked off by one process on core 0, and by two, one on each
//! core, that share a Redis.
//!
//! `cargo bench --bench batches`; needs two cores with nothing else to do, redis-server and taskset.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/batches/client.rs"]
#[allow(dead_code)]
mod client;
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use client::{BATCHES, batch, ended, hand_in, items, send};
use reqwest::Method;
use serde_json::{Value, json};
use support::{RedisServer, TestServer, until};

const ROUNDS: usize = 5;
const REQUESTS: usize = 60;
const BATCH: usize = 150;

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    those_who_wait();
    machines();
}

/// Texts that nobody has asked for before.
fn texts(run: usize, count: usize) -> Value {
    let text = |number| format!("In run {run} this is sentence number {number}, and it is spoken once.");
    let texts: Vec<String> = (0..count).map(text).collect();
    items(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn those_who_wait() {
    let server = TestServer::start(&[]);
    let mut number = 0;
    let mut ask = |times: &mut Vec<Duration>| {
        for _ in 0..REQUESTS {
            number += 1;
            let began = Instant::now();
            let answer = server.post_json("/v1/synthesizeSpeech", &json!({"text": format!("Call number {number}.")}));
            assert_eq!(answer.status, 200);
            times.push(began.elapsed());
        }
    };

    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        ask(&mut alone);
        let id = hand_in(&server, &json!({"items": texts(round, 2_000)}));
        until("the batch to run", || (batch(&server, &id)["done"].as_u64() > Some(4)).then_some(()));
        ask(&mut beside);
        assert_eq!(batch(&server, &id)["state"], "running");
        send(&server, Method::DELETE, &format!("{BATCHES}/{id}"));
        until("the batch to stop", || (server.metric("tts_background_depth") == 0.0).then_some(()));
    }

    for (name, times) in [("alone", &mut alone), ("beside a batch", &mut beside)] {
        times.sort();
        println!("{name:<16} median {:>4} ms, p99 {:>4} ms", part(times, 50).as_millis(), part(times, 99).as_millis());
    }
    let ratio = |of: usize| part(&beside, of).as_secs_f64() / part(&alone, of).as_secs_f64();
    println!("ratio            median {:.2}, p99 {:.2} (at most 1.5 is the goal)", ratio(50), ratio(99));
}

fn part(sorted: &[Duration], of_hundred: usize) -> Duration {
    sorted[sorted.len() * of_hundred / 100]
}

fn machines() {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for round in 0..3 {
        one.push(worked_off(10 + round, &["0"]));
        two.push(worked_off(20 + round, &["0", "1"]));
    }
    let [one, two] = [one, two].map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!("\n{BATCH} sentences, one process on one core:  {one:.1} seconds of speech a second");
    println!("{BATCH} sentences, two processes on a core each: {two:.1}");
    println!("efficiency {:.2} (at least 0.9 is the goal)", two / one / 2.0);
}

/// Seconds of speech that processes on these cores make in a second.
fn worked_off(run: usize, cores: &[&str]) -> f64 {
    let redis = RedisServer::start();
    let url = redis.url();
    let variables = [
        ("TTS_REDIS_URL", url.as_str()),
        ("TTS_WORKERS", "1"),
        ("TTS_BATCH_WORKERS", "2"),
        ("TTS_PHONEMIZERS", "1"),
        ("TTS_HTTP_THREADS", "1"),
    ];
    let start = |core: &&str| TestServer::start_under(&["taskset", "-c", core], &variables);
    let servers: Vec<TestServer> = cores.iter().map(start).collect();
    servers.iter().for_each(TestServer::wait_until_ready);

    let began = Instant::now();
    let id = hand_in(&servers[0], &json!({"items": texts(run, BATCH)}));
    let batch = ended(&servers[0], &id);
    batch["audio_seconds"].as_f64().unwrap() / began.elapsed().as_secs_f64()
}
