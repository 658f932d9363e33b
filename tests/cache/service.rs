//! The service while its Redis fails: no request notices.
//!
//! The load runs for 3 seconds; `TTS_TEST_LOAD_SECONDS=30 cargo test --release --test cache -- --nocapture under_load`
//! runs longer and prints what it saw.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{RedisServer, TestServer, until};

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";
const BREAKER: &str = "tts_cache_breaker_state";
const CORRUPT: &str = "tts_cache_lookups_total{result=\"corrupt\",tier=\"l2\"}";
/// Ten times the default: on a busy machine five calls in a second may take that long without any fault of Redis.
const TIMEOUTS: [(&str, &str); 2] = [("TTS_REDIS_TIMEOUT_MS", "250"), ("TTS_REDIS_WRITE_TIMEOUT_MS", "250")];
/// For tests that do not mean the timeouts.
pub const AMPLE: [(&str, &str); 2] = [("TTS_REDIS_TIMEOUT_MS", "10000"), ("TTS_REDIS_WRITE_TIMEOUT_MS", "10000")];
/// Of what is said, so much was said before.
const HITS_OF_TEN: usize = 8;

pub fn until_entries(redis: &RedisServer, count: usize) {
    until("entries in Redis", || (redis.entries().len() >= count).then_some(()));
}

fn start(redis: &RedisServer, more: &[(&str, &str)]) -> TestServer {
    let url = redis.url();
    // What comes later counts.
    let server = TestServer::start(&[&[("TTS_REDIS_URL", url.as_str())], &AMPLE[..], more].concat());
    until_up(&server);
    server
}

pub fn until_up(server: &TestServer) {
    let is_up = || server.metric("tts_cache_l2_up") == 1.0 && server.metric(BREAKER) == 0.0;
    until("a connection to Redis", || is_up().then_some(()));
}

fn text(number: usize) -> Value {
    json!({"text": format!("Number {number}."), "response_format": "pcm"})
}

/// A load that goes on while something happens to Redis.
struct Load {
    /// Answers by status.
    statuses: BTreeMap<u16, usize>,
    hits: Vec<Duration>,
}

/// Two hundred requests a second, of which four fifths are hits, from the start of `happens` to its end.
fn under_load(server: &TestServer, happens: impl FnOnce() + Send) -> Load {
    const CALLERS: usize = 8;
    const PACE: Duration = Duration::from_millis(1_000 * CALLERS as u64 / 200);
    let known: Vec<Value> = (0..20).map(text).collect();
    for body in &known {
        assert_eq!(server.post_json(SYNTHESIZE, body).status, 200);
    }
    let (next, running) = (AtomicUsize::new(0), std::sync::atomic::AtomicBool::new(true));
    let call = |answers: &mut Vec<(u16, bool, Duration)>| {
        let mut due = Instant::now();
        while running.load(SeqCst) {
            let number = next.fetch_add(1, SeqCst);
            let is_known = number % 10 < HITS_OF_TEN;
            // What is new is short, and of a few texts that two cores can make: the rest of the fifth joins what is
            // being made.
            let new = text(1_000 + number / 100);
            let body = if is_known { &known[number % known.len()] } else { &new };
            let began = Instant::now();
            let answer = server.post_json(SYNTHESIZE, body);
            answers.push((answer.status, answer.header("x-cache") == "HIT-L1" && is_known, began.elapsed()));
            due += PACE;
            thread::park_timeout(due.saturating_duration_since(Instant::now()));
        }
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = Vec::new();
                    call(&mut answers);
                    answers
                })
            })
            .collect();
        scope.spawn(|| {
            happens();
            running.store(false, SeqCst);
        });
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let mut load = Load { statuses: BTreeMap::new(), hits: Vec::new() };
    for (status, is_hit, took) in answers {
        *load.statuses.entry(status).or_default() += 1;
        load.hits.extend(is_hit.then_some(took));
    }
    load.hits.sort_unstable();
    load
}

/// Five lookups at once, so that also a slow machine finds as many faults in a second as open the breaker.
fn look_up_five(server: &TestServer) {
    let look_up = |number| {
        let request = server.post(SYNTHESIZE).header("cache-control", "only-if-cached").json(&text(number));
        assert_eq!(request.send().unwrap().status(), 504);
    };
    thread::scope(|scope| {
        for number in 5_000..5_005 {
            scope.spawn(move || look_up(number));
        }
    });
}

/// How long the load goes on after the fault.
fn full_length() -> Duration {
    let seconds = std::env::var("TTS_TEST_LOAD_SECONDS").map_or(3, |seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds)
}

impl Load {
    #[track_caller]
    fn assert_all_answered(&self, what: &str) {
        let p99 = self.hits[self.hits.len() * 99 / 100];
        println!("{what}: {:?}, {} hits, p99 {p99:?}", self.statuses, self.hits.len());
        assert_eq!(self.statuses.keys().copied().collect::<Vec<_>>(), [200], "{what}");
        assert!(self.hits.len() > 50, "{what}: hardly a hit");
    }
}

/// Stops the server, which has written one line for each of two changes of Redis' state.
#[track_caller]
fn assert_two_changes_logged(server: TestServer) {
    let log = server.stop();
    assert_eq!(log.iter().filter(|line| line.contains("Redis")).count(), 2, "{log:#?}");
}

#[test]
fn no_request_fails_when_redis_dies_under_load() {
    let mut redis = RedisServer::start();
    let server = start(&redis, &TIMEOUTS);

    let load = under_load(&server, || {
        thread::park_timeout(full_length() / 3);
        redis.kill();
        until("an open breaker", || (server.metric(BREAKER) == 2.0).then_some(()));
        thread::park_timeout(full_length() / 3);
        redis.restart();
        until("a closed breaker", || (server.metric(BREAKER) == 0.0).then_some(()));
        thread::park_timeout(full_length() / 3);
    });

    load.assert_all_answered("killed");
    assert_two_changes_logged(server);
}

#[test]
fn no_request_fails_when_redis_hangs_under_load() {
    let redis = RedisServer::start();
    let server = start(&redis, &TIMEOUTS);

    let load = under_load(&server, || {
        redis.hang();
        until("an open breaker", || {
            look_up_five(&server);
            (server.metric(BREAKER) == 2.0).then_some(())
        });
        thread::park_timeout(full_length());
        redis.go_on();
        until("a closed breaker", || (server.metric(BREAKER) == 0.0).then_some(()));
    });

    load.assert_all_answered("hung");
    assert_two_changes_logged(server);
}

#[test]
fn a_service_starts_without_its_redis_and_finds_it_later() {
    let mut redis = RedisServer::start();
    redis.kill();
    let url = redis.url();
    let server = TestServer::start(&[("TTS_REDIS_URL", &url)]);
    let first = server.post_json(SYNTHESIZE, &text(1));
    let legacy = server.post_json("/synthesizeSpeech", &json!({"text": "Legacy."}));

    redis.restart();
    until_up(&server);
    let second = server.post_json(SYNTHESIZE, &text(2));
    until_entries(&redis, 2);

    assert_eq!([&first, &second].map(|answer| answer.header("x-cache")), ["MISS", "MISS"]);
    assert_eq!((legacy.status, legacy.header("x-cache")), (200, "ERROR"));
}

/// Entries that the service has asked for or written since the last look, whatever became of them.
fn commands(redis: &RedisServer) -> u64 {
    let seen: String = redis.command(&["INFO", "commandstats"]);
    redis.command::<()>(&["CONFIG", "RESETSTAT"]);
    // cmdstat_NAME:calls=N,usec=N,usec_per_call=N,rejected_calls=N,failed_calls=N
    let lines = seen.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':'));
    lines
        .filter(|(name, _)| ["getrange", "set"].contains(name))
        .flat_map(|(_, counts)| counts.split(',').filter_map(|count| count.split_once('=')))
        .filter(|(what, _)| ["calls", "rejected_calls"].contains(what))
        .map(|(_, count)| count.trim().parse::<u64>().unwrap())
        .sum()
}

#[test]
fn what_redis_refuses_is_not_sent_again() {
    const TEXTS: usize = 10;
    let redis = RedisServer::start();
    let server = start(&redis, &[]);
    let speak = |from: usize| {
        for number in from..from + TEXTS {
            assert_eq!(server.post_json(SYNTHESIZE, &text(number)).status, 200);
        }
    };
    commands(&redis);
    speak(0);
    until_entries(&redis, 2 * TEXTS);
    let taken = commands(&redis);

    redis.command::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    commands(&redis);
    speak(100);
    let dropped = || server.metric("tts_cache_writes_dropped_total") >= 2.0 * TEXTS as f64;
    until("all writes are dropped", || dropped().then_some(()));
    let refused = commands(&redis);

    assert!(taken >= 4 * TEXTS as u64, "{taken} commands: fewer than entries looked up and written");
    assert!((1..=taken).contains(&refused), "{refused} commands instead of {taken}");
}

#[test]
fn a_damaged_sentence_is_made_again_and_replaced() {
    let redis = RedisServer::start();
    let server = start(&redis, &[("TTS_CACHE_L1_BYTES", "0")]);
    let good = server.post_json(SYNTHESIZE, &text(1));
    until_entries(&redis, 2);
    for name in redis.entries() {
        let _: u64 = redis.command(&["SETRANGE", &name, "60", "damage"]);
    }

    let again = server.post_json(SYNTHESIZE, &text(1));
    let healed = || (server.post_json(SYNTHESIZE, &text(1)).header("x-cache") == "HIT-L2").then_some(());
    until("the entries to be replaced", healed);

    assert_eq!((again.status, again.header("x-cache")), (200, "MISS"));
    assert!(again.body == good.body, "the bytes differ");
    assert!(server.metric(CORRUPT) >= 1.0);
}

#[test]
fn redis_over_tls_is_used_if_its_certificate_is_trusted() {
    let (redis, port) = RedisServer::with_tls();
    let url = format!("rediss://127.0.0.1:{port}");
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls/authority.pem");
    let trusting = start(&redis, &[("TTS_REDIS_URL", &url), ("SSL_CERT_FILE", authority)]);
    let doubting = TestServer::start(&[("TTS_REDIS_URL", &url)]);

    let answers = [&trusting, &doubting].map(|server| server.post_json(SYNTHESIZE, &text(1)).status);
    until_entries(&redis, 2);
    until("an open breaker", || (doubting.metric(BREAKER) == 2.0).then_some(()));

    assert_eq!(answers, [200, 200]);
    assert_eq!((trusting.metric(BREAKER), doubting.metric("tts_cache_l2_up")), (0.0, 0.0));
}

#[test]
fn a_hit_in_redis_needs_neither_voice_nor_phonemizer() {
    let redis = RedisServer::start();
    let first = start(&redis, &[]);
    first.post_json(SYNTHESIZE, &text(1));
    until_entries(&redis, 2);
    let server = start(&redis, &[]);
    let unloaded = server.request(reqwest::Method::DELETE, &format!("/v1/voices/{}/load", crate::support::VOICE));
    assert_eq!(unloaded.header("user-token", crate::support::TOKEN).send().unwrap().status().as_u16(), 200);

    let answer = server.post_json(SYNTHESIZE, &text(1));

    assert_eq!((answer.status, answer.header("x-cache")), (200, "HIT-L2"));
    assert_eq!((server.metric("tts_voices_loaded"), server.sentences()), (0.0, 0.0));
}

#[test]
fn the_password_of_redis_is_in_no_log() {
    let redis = RedisServer::start();
    let _: redis::Value = redis.command(&["CONFIG", "SET", "requirepass", "SECRET-WORD"]);
    let url = format!("redis://:WRONG-SECRET@127.0.0.1:{}", redis.port());
    let server = TestServer::start(&[("TTS_REDIS_URL", &url), ("TTS_LOG_LEVEL", "trace")]);

    assert_eq!(server.post_json(SYNTHESIZE, &text(1)).status, 200);
    until("an open breaker", || (server.metric(BREAKER) == 2.0).then_some(()));
    let log = server.stop();

    assert!(!log.iter().any(|line| line.contains("SECRET")), "{log:?}");
}
