//! What does a hit cost? Requests a second for an answer of 85 KB: from L1, beside nginx that sends the same bytes as a
//! static file; and from L2, beside redis-benchmark that gets the same value. Server, and Redis where there is one, on
//! core 0; the load, wrk or redis-benchmark with 16 connections, on core 1. They take turns of a second, so that what
//! else the machine does meets all; the medians count, of a ratio the median of the rounds'.
//!
//! And what does it cost to see inside? L1 hits of a server that says as little as it can, beside one that sends spans
//! to a collector (on core 1 too, as it would be on another machine), of one request in a hundred and of all; and the
//! time that counting one hit takes, which cannot be turned off.
//!
//! `cargo bench --bench hit_path`; needs nginx, wrk, redis-server (which brings redis-benchmark) and taskset.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

// What it has received, only tests ask.
#[allow(dead_code)]
#[path = "../tests/telemetry/collector.rs"]
mod collector;
#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use collector::Collector;
use serde_json::{Value, json};
use support::{RedisServer, TOKEN, TestServer, until};
use tts_batch_api::audio::from_packed;
use tts_batch_api::telemetry::{CacheTier, LookupResult, Metrics};

const ROUNDS: usize = 21;
const SECONDS: &str = "1s";
const CONNECTIONS: &str = "16";
/// Says two seconds: 85 KB, and less in Redis.
const TEXT: &str = "This is answer number";
/// So many texts take turns where an answer is put together for each request: those who ask for one at the same time
/// would share it.
const TEXTS: usize = 200;

/// A rate, and the time within which 99 of 100 answers came.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Measured {
    per_second: f64,
    p99_ms: f64,
}

fn main() {
    // `cargo test --benches` runs this too, where nobody wants to wait for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // What is started after that stays on this core.
    let settle = |core: &str| run("taskset", &["-cp", core, &std::process::id().to_string()]);
    settle("1");
    let collector = Collector::start();
    settle("0");
    let folder = tempfile::tempdir().unwrap();
    l1(folder.path());
    l2(folder.path());
    telemetry(folder.path(), &collector);
}

/// nginx sends a file without copying it (`sendfile`), as no server can that puts its answers together; so it is
/// measured without that too.
fn l1(folder: &Path) {
    let server = TestServer::start(&[("TTS_REDIS_URL", "")]);
    let body = body(100);
    let answer = server.post_json("/v1/synthesizeSpeech", &body);
    fs::write(folder.join("answer.wav"), &answer.body).unwrap();
    let (nginx, copying) = (Nginx::start(folder, "on"), Nginx::start(folder, "off"));
    let post = script(folder, &[body]);
    let ours = format!("http://{}/v1/synthesizeSpeech", server.address());
    let file = |nginx: &Nginx| format!("http://127.0.0.1:{}/answer.wav", nginx.port);

    let (mut hits, mut files, mut copies) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        hits.push(wrk(&ours, Some(&post)));
        files.push(wrk(&file(&nginx), None));
        copies.push(wrk(&file(&copying), None));
    }

    let [hit, file, copy] = [&hits, &files, &copies].map(|all| median(all));
    println!("an answer of {} bytes", answer.body.len());
    println!("L1 hit             {:>8.0} a second, p99 {:.2} ms", hit.per_second, hit.p99_ms);
    println!("nginx, static file {:>8.0} a second, p99 {:.2} ms", file.per_second, file.p99_ms);
    println!("nginx, copying     {:>8.0} a second, p99 {:.2} ms", copy.per_second, copy.p99_ms);
    println!("ratio              {:>8.2} (at least 1.0 is the goal)", ratio(&hits, &files));
    println!("ratio to copying   {:>8.2}", ratio(&hits, &copies));
}

fn l2(folder: &Path) {
    let redis = RedisServer::start();
    let variables = [("TTS_REDIS_URL", redis.url()), ("TTS_CACHE_L1_BYTES", "0".to_owned())];
    let server = TestServer::start(&variables.each_ref().map(|(name, value)| (*name, value.as_str())));
    until("a connection to Redis", || (server.metric("tts_cache_l2_up") == 1.0).then_some(()));
    let bodies: Vec<Value> = (100..100 + TEXTS).map(body).collect();
    for body in &bodies {
        let cache = || server.post_json("/v1/synthesizeSpeech", body).header("x-cache").to_owned();
        until("the answer in Redis", || (cache() == "HIT-L2").then_some(()));
    }
    let length = |name: &String| redis.command::<usize>(&["STRLEN", name]);
    let entry = redis.entries().into_iter().max_by_key(length).unwrap();
    let post = script(folder, &bodies);
    let ours = format!("http://{}/v1/synthesizeSpeech", server.address());

    let (mut hits, mut gets) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        hits.push(wrk(&ours, Some(&post)));
        gets.push(redis_benchmark(redis.port(), &entry));
    }

    let [hit, get] = [&hits, &gets].map(|all| median(all));
    println!("\nan entry of {} bytes in Redis", length(&entry));
    println!("L2 hit             {:>8.0} a second, p99 {:.2} ms", hit.per_second, hit.p99_ms);
    println!("redis-benchmark    {:>8.0} a second, p99 {:.2} ms", get.per_second, get.p99_ms);
    println!("ratio              {:>8.2} (at least 0.5 is the goal)", ratio(&hits, &gets));
    println!("decoding alone     {:>8.0} a second on one core", decodings(&redis.command::<Vec<u8>>(&["GET", &entry])));
}

fn telemetry(folder: &Path, collector: &Collector) {
    let silent = TestServer::start(&[("TTS_LOG_LEVEL", "error")]);
    // As the SDK has it; tests are in more of a hurry.
    let delay = ("OTEL_BSP_SCHEDULE_DELAY", "5000");
    let sampler = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.01")];
    let sampled = collector.service("sampled", &[&sampler[..], &[delay]].concat());
    let traced = collector.service("traced", &[delay]);
    let post = script(folder, &[body(100)]);
    let rate = |server: &TestServer| {
        server.post_json("/v1/synthesizeSpeech", &body(100));
        wrk(&format!("http://{}/v1/synthesizeSpeech", server.address()), Some(&post))
    };

    let (mut without, mut with_some, mut with_all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(rate(&silent));
        with_some.push(rate(&sampled));
        with_all.push(rate(&traced));
    }

    let [silent, some, all] = [&without, &with_some, &with_all].map(|rounds| median(rounds).per_second);
    let counting = counting();
    println!("\nL1 hits, silent    {silent:>8.0} a second");
    println!("1 in 100 traced    {some:>8.0} a second");
    println!("all traced         {all:>8.0} a second");
    println!("ratio, 1 in 100    {:>8.3} (at least 0.95 is the goal)", ratio(&with_some, &without));
    println!("ratio, all         {:>8.3}", ratio(&with_all, &without));
    let share = counting.as_secs_f64() * silent;
    println!("counting a hit     {:>8} ns, {:.2} % of what it takes", counting.as_nanos(), share * 1e2);
}

/// The time that the metrics of one hit take.
fn counting() -> Duration {
    let metrics = Metrics::new().unwrap();
    let took = Duration::from_micros(100);
    let count = 100_000;
    let began = Instant::now();
    for _ in 0..count {
        let labels = ["/v1/synthesizeSpeech", "200"];
        metrics.http_requests.with_label_values(&labels).inc();
        metrics.http_request_duration.with_label_values(&labels).observe(took.as_secs_f64());
        metrics.count_lookup(CacheTier::L1, LookupResult::Hit);
        metrics.count_answer("wav", 24, true, took);
    }
    began.elapsed() / count
}

fn body(number: usize) -> Value {
    json!({"text": format!("{TEXT} {number}.")})
}

/// How many times in a second the samples can be read out of a sealed entry.
fn decodings(sealed: &[u8]) -> f64 {
    // Between the head of the envelope and the checksum; the durations come first, behind their number.
    let payload = &sealed[52..sealed.len() - 16];
    let (durations, rest) = payload.split_first_chunk().unwrap();
    let packed = &rest[4 * u32::from_le_bytes(*durations) as usize..];
    let began = Instant::now();
    let count = 10_000;
    for _ in 0..count {
        std::hint::black_box(from_packed(std::hint::black_box(packed)).unwrap());
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// The middle one; of measurements by their rate.
fn median<T: Copy + PartialOrd>(all: &[T]) -> T {
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
    sorted[sorted.len() / 2]
}

/// Our rate as a multiple of the others', round by round; the median of the rounds.
fn ratio(ours: &[Measured], others: &[Measured]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(others).map(|(ours, other)| ours.per_second / other.per_second).collect();
    median(&ratios)
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; this bench's head says what it needs"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

// === the loads ===

fn wrk(url: &str, script: Option<&str>) -> Measured {
    let mut arguments = vec!["-c", "1", "wrk", "-t", "1", "-c", CONNECTIONS, "-d", SECONDS, "--latency"];
    arguments.extend(script.iter().flat_map(|script| ["-s", script]));
    arguments.push(url);
    let report = run("taskset", &arguments);
    assert!(!report.contains("Non-2xx"), "{report}");
    let field = |name: &str| report.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap().trim().to_owned();
    Measured { per_second: field("Requests/sec:").parse().unwrap(), p99_ms: milliseconds(&field("99%")) }
}

/// As wrk writes a time.
fn milliseconds(time: &str) -> f64 {
    let number = time.trim_end_matches(char::is_alphabetic);
    let factor = match &time[number.len()..] {
        "us" => 1e-3,
        "ms" => 1.0,
        _ => 1e3,
    };
    number.parse::<f64>().unwrap() * factor
}

/// Requests in turn, as a script of wrk's.
fn script(folder: &Path, bodies: &[Value]) -> String {
    let path = folder.join("post.lua");
    let bodies: Vec<String> = bodies.iter().map(|body| format!("[[{body}]]")).collect();
    let lines = [
        "wrk.headers[\"content-type\"] = \"application/json\"".to_owned(),
        format!("wrk.headers[\"user-token\"] = \"{TOKEN}\""),
        format!("local bodies = {{ {} }}", bodies.join(", ")),
        "local requests, at = {}, 0".to_owned(),
        "function init() for i, body in ipairs(bodies) do requests[i] = wrk.format(\"POST\", nil, nil, body) end end"
            .to_owned(),
        "function request() at = at % #requests + 1 return requests[at] end".to_owned(),
    ];
    fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn redis_benchmark(port: u16, entry: &str) -> Measured {
    let port = port.to_string();
    let arguments =
        ["-c", "1", "redis-benchmark", "-p", &port, "-c", CONNECTIONS, "-n", "50000", "--csv", "GET", entry];
    let report = run("taskset", &arguments);
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
    let line = report.lines().last().unwrap();
    let numbers: Vec<f64> = line.split(',').filter_map(|field| field.trim_matches('"').parse().ok()).collect();
    Measured { per_second: numbers[0], p99_ms: numbers[5] }
}

// === nginx ===

/// One worker with one file; gone when this is.
struct Nginx {
    process: Child,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path, sendfile: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let root = folder.display();
        let config = format!(
            "daemon off; worker_processes 1; pid {root}/nginx-{port}.pid; error_log {root}/error.log; events {{ }}
             http {{ access_log off; sendfile {sendfile}; tcp_nopush on; keepalive_requests 100000000;
                     open_file_cache max=10; types {{ audio/wav wav; }}
                     server {{ listen 127.0.0.1:{port}; root {root}; }} }}"
        );
        let path = folder.join(format!("nginx-{port}.conf"));
        fs::write(&path, config).unwrap();
        // Its workers run as somebody else, who has to be let in.
        run("chmod", &["-R", "a+rX", folder.to_str().unwrap()]);
        // Debian has it where only root looks.
        let mut command = Command::new("env");
        command.arg(format!("PATH={}:/usr/sbin", std::env::var("PATH").unwrap())).arg("nginx");
        command.arg("-c").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("nginx is installed: this bench's head says what it needs");
        until("nginx", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { process, port }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its master takes its worker along on this signal, not on a harder one.
        let id = nix::unistd::Pid::from_raw(self.process.id().try_into().unwrap());
        let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}
