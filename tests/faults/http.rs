//! Faults as callers see them: the service in this process, around the scripted engine, on a port of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use actix::Arbiter;
use futures_util::future::join_all;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tts_batch_api::app::{Application, SpeechStack};
use tts_batch_api::config::{Config, Environment};
use tts_batch_api::telemetry::Metrics;

use crate::fake::{ALSO_GOOD, BROKEN, FakeEngine, GOOD, PANIC, PANICKING, Script};
use crate::support::{PLAIN, catalogue, in_turn, metric, phonemizer, until};

const WORKERS: usize = 2;
const QUEUE_LIMIT: usize = 5;
const PANIC_LIMIT: usize = 3;
const TOKEN: &str = "secret";
const TEXT: &str = "The kettle is on.";
/// Marks what is not plain and means nothing else.
const OTHER: f32 = 0.75;
/// Of a stream, and the bytes of each pause between them.
const SENTENCES: usize = 20;
const SILENCE_BYTES: usize = 2 * 48_000 * 10;

struct Settings;

#[derive(Clone)]
struct Service {
    url: String,
    client: reqwest::Client,
    script: Arc<Script>,
    metrics: Metrics,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

// === impl Settings ===

impl Environment for Settings {
    fn variables(&self) -> Vec<(String, String)> {
        [
            ("ALLOWED_USER_TOKEN", TOKEN.to_owned()),
            ("TTS_BIND", "127.0.0.1:0".to_owned()),
            ("TTS_WORKERS", WORKERS.to_string()),
            ("TTS_QUEUE_LIMIT", QUEUE_LIMIT.to_string()),
            ("TTS_DEFAULT_VOICE", GOOD.to_owned()),
            ("TTS_CACHE_ENABLED", "false".to_owned()),
            ("TTS_HANG_GRACE_MS", "50".to_owned()),
            ("TTS_VOICE_PANIC_LIMIT", PANIC_LIMIT.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

// === impl Service ===

impl Service {
    async fn start() -> Self {
        let config = Config::load(None, &Settings).unwrap();
        let script = Arc::new(Script::default());
        let engine = Arc::new(FakeEngine::new(script.clone()));
        let speaker = SpeechStack::with_engine(&config, engine, catalogue(), phonemizer().await).unwrap();
        let metrics = speaker.metrics.clone();
        let listener = TcpListener::bind(config.http.bind).unwrap();
        let application = Application::with_speaker(&config, listener, speaker).unwrap();
        let url = format!("http://{}/v1/synthesizeSpeech", application.address());
        Arbiter::current().spawn(async { application.run().await.unwrap() });
        // The HTTP client wants one even for plain connections; that another test was first is no matter.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { url, client: reqwest::Client::new(), script, metrics }
    }

    /// The good voice's answer to a request that its noise scale marks.
    fn ask(&self, noise_scale: f32) -> JoinHandle<Answer> {
        self.post(&json!({"text": TEXT, "noise_scale": noise_scale}))
    }

    /// An answer of which nothing but the beginning is read, and much more comes than sockets hold: sentences with
    /// seconds of silence between them, of which only the first few are made before that is read.
    async fn begin_stream(&self, deadline_ms: u64) -> Response {
        let body = json!({"text": "One. ".repeat(SENTENCES), "stream": true, "response_format": "pcm",
            "sample_rate": 48_000, "sentence_silence_ms": 10_000, "deadline_ms": deadline_ms});
        let mut response = self.send(&body).await;
        assert_eq!(response.status(), 200);
        assert!(response.chunk().await.unwrap().is_some());
        response
    }

    fn send(&self, body: &Value) -> impl Future<Output = Response> + use<> {
        let request = self.client.post(&self.url).header("user-token", TOKEN).json(body).send();
        async { request.await.unwrap() }
    }

    fn post(&self, body: &Value) -> JoinHandle<Answer> {
        let response = self.send(body);
        actix::spawn(async {
            let response = response.await;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
        })
    }

    async fn until_inside(&self, count: usize) {
        until("as many inferences have begun", || self.script.inside.load(SeqCst) == count).await;
    }

    fn metric(&self, series: &str) -> u64 {
        metric(&self.metrics, series)
    }

    async fn until_metric(&self, series: &str, value: u64) {
        until(series, || self.metric(series) == value).await;
    }
}

// === impl Answer ===

impl Answer {
    /// The error's code for programs.
    fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["error"]["code"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_panic_is_a_500_for_its_caller_alone() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let panicking = service.ask(PANIC);
        service.until_inside(1).await;
        let others = [service.ask(PLAIN), service.ask(PLAIN), service.ask(PLAIN)];
        service.until_metric("tts_queue_depth", 4).await;

        gate.open();
        let failed = panicking.await.unwrap();
        let others = join_all(others).await;

        assert_eq!((failed.status, failed.code().as_str()), (500, "synthesis_failed"));
        assert!(!String::from_utf8(failed.body).unwrap().contains("panic"));
        assert!(others.into_iter().all(|answer| answer.unwrap().status == 200));
        service.until_metric("tts_worker_restarts_total", 1).await;
    });
}

#[test]
fn a_full_queue_is_a_503_that_says_when_to_come_back() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let taken: Vec<_> = (0..QUEUE_LIMIT).map(|_| service.ask(PLAIN)).collect();
        service.until_metric("tts_queue_depth", QUEUE_LIMIT as u64).await;

        let refused = service.ask(PLAIN).await.unwrap();

        assert_eq!((refused.status, refused.code().as_str()), (503, "over_capacity"));
        assert_eq!(refused.headers[RETRY_AFTER], "1");
        gate.open();
        assert!(join_all(taken).await.into_iter().all(|answer| answer.unwrap().status == 200));
        service.until_metric("tts_queue_depth", 0).await;
        assert_eq!(service.ask(PLAIN).await.unwrap().status, 200);
    });
}

#[test]
fn a_request_past_its_deadline_is_a_504_and_is_not_computed() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let busy: Vec<_> = (0..WORKERS).map(|_| service.ask(PLAIN)).collect();
        service.until_inside(WORKERS).await;

        // Time enough, as far as can be foretold: it is taken, and stands behind what does not end.
        let late = service.post(&json!({"text": TEXT, "deadline_ms": 4_000})).await.unwrap();
        gate.open();

        assert_eq!((late.status, late.code().as_str()), (504, "deadline_exceeded"));
        assert!(join_all(busy).await.into_iter().all(|answer| answer.unwrap().status == 200));
        service.until_metric("tts_queue_depth", 0).await;
        assert_eq!(service.script.inferences.load(SeqCst), WORKERS);
    });
}

#[test]
fn a_caller_that_hangs_up_in_the_queue_is_not_worked_for() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let busy: Vec<_> = (0..WORKERS).map(|_| service.ask(PLAIN)).collect();
        service.until_inside(WORKERS).await;
        let leaving = service.ask(PLAIN);
        service.until_metric("tts_queue_depth", WORKERS as u64 + 1).await;

        leaving.abort();
        service.until_metric("tts_queue_depth", WORKERS as u64).await;
        gate.open();

        assert!(join_all(busy).await.into_iter().all(|answer| answer.unwrap().status == 200));
        assert_eq!(service.ask(PLAIN).await.unwrap().status, 200);
        assert_eq!(service.script.inferences.load(SeqCst), WORKERS + 1);
    });
}

#[test]
fn a_voice_that_does_not_load_is_refused_and_others_speak() {
    in_turn(async {
        let service = Service::start().await;

        // What is wrong with its files lasts, and to come back would not help.
        for (voice, status, code) in [(BROKEN, 422, "voice_unusable"), (PANICKING, 503, "voice_unavailable")] {
            let failed = service.post(&json!({"text": TEXT, "voice_id": voice})).await.unwrap();

            assert_eq!((failed.status, failed.code().as_str()), (status, code));
            assert_eq!(failed.headers.contains_key(RETRY_AFTER), status == 503);
        }
        assert_eq!(service.ask(PLAIN).await.unwrap().status, 200);
        assert_eq!(service.metric("tts_queue_depth"), 0);
    });
}

#[test]
fn a_stream_has_no_more_than_its_first_sentence_in_work_until_it_sounds() {
    in_turn(async {
        let service = Service::start().await;
        let gate = service.script.inference_gate.close();
        let stream = service.post(&json!({"text": "One. Two. Three.", "stream": true, "noise_scale": PLAIN}));
        service.until_inside(1).await;

        let other = service.ask(OTHER);
        service.until_inside(2).await;
        gate.open();

        assert_eq!((stream.await.unwrap().status, other.await.unwrap().status), (200, 200));
        assert_eq!(service.script.before(OTHER), Some(1));
        assert_eq!(service.script.inferences.load(SeqCst), 4);
    });
}

#[test]
fn a_voice_that_brings_workers_down_is_a_503_and_others_speak() {
    in_turn(async {
        let service = Service::start().await;

        for _ in 0..PANIC_LIMIT {
            assert_eq!(service.ask(PANIC).await.unwrap().status, 500);
        }
        let refused = service.ask(PLAIN).await.unwrap();
        let other = service.post(&json!({"text": TEXT, "voice_id": ALSO_GOOD})).await.unwrap();

        assert_eq!((refused.status, refused.code().as_str()), (503, "voice_unavailable"));
        assert!(refused.headers.contains_key(RETRY_AFTER));
        assert_eq!(other.status, 200);
    });
}

#[test]
fn a_computation_that_hangs_is_a_504_and_its_worker_is_replaced() {
    in_turn(async {
        let service = Service::start().await;
        // What comes first makes more ready than what follows.
        assert_eq!(service.ask(PLAIN).await.unwrap().status, 200);
        let gate = service.script.inference_gate.close();
        let soon = json!({"text": TEXT, "deadline_ms": 2000});

        let hung = join_all((0..WORKERS).map(|_| service.post(&soon))).await;
        service.until_metric("tts_worker_restarts_total", WORKERS as u64).await;
        let next = service.ask(PLAIN);
        service.until_inside(WORKERS + 1).await;
        gate.open();

        assert!(hung.into_iter().all(|answer| answer.unwrap().status == 504));
        assert_eq!(next.await.unwrap().status, 200);
        service.until_metric("tts_queue_depth", 0).await;
    });
}

#[test]
fn a_stream_is_whole_however_late_its_reader_takes_it() {
    in_turn(async {
        let service = Service::start().await;
        let deadline = Instant::now() + Duration::from_secs(2);
        let begun = service.begin_stream(2_000).await;

        tokio::time::sleep_until((deadline + Duration::from_millis(100)).into()).await;

        assert!(service.script.inferences.load(SeqCst) < SENTENCES, "all of it was made before it was read");
        let rest = begun.bytes().await.expect("what is left is made for whoever reads it");
        assert!(rest.len() > (SENTENCES - 1) * SILENCE_BYTES, "{} bytes", rest.len());
    });
}

#[test]
fn a_stream_whose_work_is_late_is_cut() {
    in_turn(async {
        let service = Service::start().await;
        let begun = service.begin_stream(1_000).await;
        until("all that is made before somebody reads on", || service.metric("tts_queue_depth") == 0).await;
        let gate = service.script.inference_gate.close();

        let rest = begun.bytes().await;
        gate.open();

        assert!(rest.is_err(), "a cut answer looks whole");
    });
}

#[test]
fn readers_who_take_nothing_hold_no_place() {
    in_turn(async {
        let service = Service::start().await;
        let mut readers = Vec::new();
        for _ in 0..=QUEUE_LIMIT {
            until("a free place", || service.metric("tts_queue_depth") < QUEUE_LIMIT as u64).await;
            readers.push(service.begin_stream(30_000).await);
        }

        until("nothing to be made before somebody reads on", || service.metric("tts_queue_depth") == 0).await;
        assert_eq!(service.ask(PLAIN).await.unwrap().status, 200);

        let rest = readers.remove(0).bytes().await.expect("whoever reads on gets the rest");
        assert!(rest.len() > (SENTENCES - 1) * SILENCE_BYTES, "{} bytes", rest.len());
    });
}
