//! Traces: what a caller's request went through, in one piece, also where it went through several services; and
//! collectors that are ill.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::collector::{Collector, Span};
use crate::support::{Answer, RedisServer, TOKEN, TestServer, VOICE, until};

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";
const TEXT: &str = "The kettle is on.";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// A word that nothing else in the service says.
const CANARY: &str = "quetzalcoatlus";

/// Speaks as a part of the caller's trace.
fn speak(server: &TestServer, text: &str) {
    let request = server.post(SYNTHESIZE).header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let answer = Answer::of(request.json(&json!({"text": text})).send().unwrap());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The only span of this name.
#[track_caller]
fn only<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let mut named = spans.iter().filter(|span| span.name == name);
    let (first, second) = (named.next(), named.next());
    assert!(second.is_none(), "{name} is there twice");
    first.unwrap_or_else(|| panic!("no {name} in {:?}", names(spans)))
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

fn of_instance(spans: &[Span], instance: &str) -> Vec<Span> {
    spans.iter().filter(|span| span.service["service.instance.id"] == instance).cloned().collect()
}

#[test]
fn spans_go_over_grpc_too_and_none_is_left_at_the_end() {
    let collector = Collector::start_grpc();
    // Nothing is sent before the end, which does not come in time by itself.
    let server = collector.service("only", &[("OTEL_BSP_SCHEDULE_DELAY", "600000")]);
    speak(&server, TEXT);

    server.signal(Signal::SIGTERM);
    assert!(server.wait().success());

    let spans = collector.trace(TRACE, 1);
    assert_eq!(only(&spans, "POST /v1/synthesizeSpeech").parent, CALLER);
    assert!(spans.iter().any(|span| span.name == "decode"), "{:?}", names(&spans));
}

#[test]
fn a_miss_is_one_trace_over_the_stages_and_the_hit_of_another_replica_is_a_part_of_it() {
    let (collector, redis) = (Collector::start(), RedisServer::start());
    let url = redis.url();
    let variables =
        [("TTS_REDIS_URL", url.as_str()), ("TTS_REDIS_TIMEOUT_MS", "10000"), ("TTS_REDIS_WRITE_TIMEOUT_MS", "10000")];
    let first = collector.service("first", &variables);
    let second = collector.service("second", &variables);

    speak(&first, TEXT);
    until("the text's plan and its sentence in Redis", || (redis.entries().len() == 2).then_some(()));
    speak(&second, TEXT);

    let spans = collector.trace(TRACE, 2);
    let (miss, hit) = (of_instance(&spans, "first"), of_instance(&spans, "second"));
    for spans in [&miss, &hit] {
        let request = only(spans, "POST /v1/synthesizeSpeech");
        assert_eq!(request.parent, CALLER);
        assert_eq!(request.service["service.name"], "tts-batch-api");
        assert_eq!(request.attributes["http.response.status_code"], "200");
        assert!(spans.iter().all(|span| span.id == request.id || !span.parent.is_empty()));
    }
    let request = only(&miss, "POST /v1/synthesizeSpeech");
    for stage in ["phonemize", "queue", "begin", "flow", "decode", "encode"] {
        let found: Vec<&Span> = miss.iter().filter(|span| span.name == stage).collect();
        assert!(!found.is_empty(), "no {stage} in {:?}", names(&miss));
        for span in found {
            assert_eq!(span.parent, request.id, "{stage}");
            assert!(request.began <= span.began && span.began <= span.ended, "{stage}");
        }
    }
    for tier in ["cache L1", "cache L2"] {
        assert!(miss.iter().any(|span| span.name == tier && span.parent == request.id), "{tier}");
        assert!(hit.iter().any(|span| span.name == tier), "{tier}");
    }
    assert_eq!(miss.iter().find(|span| span.name == "decode").unwrap().attributes["voice"], VOICE);
    assert!(hit.iter().all(|span| !["begin", "flow", "decode"].contains(&span.name.as_str())), "{:?}", names(&hit));
}

/// A listener that takes one request; the value of its `traceparent`.
fn hook() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, told) = channel();
    std::thread::spawn(move || {
        let mut request = BufReader::new(listener.accept().unwrap().0);
        let mut lines = request.by_ref().lines().map(Result::unwrap);
        sender.send(lines.find_map(|line| Some(line.strip_prefix("traceparent: ")?.to_owned())).unwrap()).unwrap();
        request.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    });
    (url, told)
}

#[test]
fn a_batch_is_a_part_of_the_trace_of_its_request_up_to_whoever_is_told_of_its_end() {
    let (collector, redis, (url, told)) = (Collector::start(), RedisServer::start(), hook());
    let variables = [
        ("TTS_REDIS_URL", redis.url()),
        ("TTS_BATCH_WEBHOOK_SECRET", "secret".to_owned()),
        ("TTS_BATCH_WEBHOOK_PRIVATE", "true".to_owned()),
        ("TTS_OFFLINE", "false".to_owned()),
    ];
    let server = collector.service("only", &variables.each_ref().map(|(name, value)| (*name, value.as_str())));

    let request = server.post("/v1/batches").header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let batch = json!({"items": [{"text": TEXT}, {"text": "It sings."}], "webhook_url": url});
    assert_eq!(Answer::of(request.json(&batch).send().unwrap()).status, 202);
    let told = told.recv_timeout(Duration::from_mins(1)).unwrap();

    let spans = crate::support::until("the last span", || {
        let spans: Vec<Span> = collector.spans().into_iter().filter(|span| span.trace == TRACE).collect();
        spans.iter().any(|span| span.name == "webhook").then_some(spans)
    });
    let request = only(&spans, "POST /v1/batches");
    let webhook = only(&spans, "webhook");
    let items: Vec<&Span> = spans.iter().filter(|span| span.name == "batch item").collect();
    assert_eq!((request.parent.as_str(), webhook.parent.as_str()), (CALLER, request.id.as_str()));
    assert_eq!(told, format!("00-{TRACE}-{}-01", webhook.id));
    assert_eq!(items.len(), 2);
    for item in items {
        assert_eq!(item.parent, request.id);
        assert!(spans.iter().any(|span| span.name == "decode" && span.parent == item.id), "{:?}", names(&spans));
    }
}

#[test]
fn without_a_caller_s_trace_a_request_begins_its_own() {
    let collector = Collector::start();
    let server = collector.service("only", &[]);

    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": TEXT})).status, 200);

    let request = crate::support::until("the request's span", || {
        collector.spans().into_iter().find(|span| span.name == "POST /v1/synthesizeSpeech")
    });
    assert_eq!(request.parent, "");
    assert_eq!(request.trace.len(), 32);
}

#[test]
fn a_sampler_of_the_environment_is_heard() {
    let collector = Collector::start();
    let server = collector.service("only", &[("OTEL_TRACES_SAMPLER", "always_off")]);

    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": TEXT})).status, 200);
    server.stop();

    assert!(names(&collector.spans()).is_empty());
}

#[test]
fn spans_hold_neither_text_nor_token() {
    let collector = Collector::start();
    let secret = format!("{CANARY}-0123456789abcdef0123456789");
    let server = collector.service("only", &[("TTS_LOG_LEVEL", "trace"), ("TTS_LINK_SECRETS", &secret)]);

    speak(&server, &format!("{CANARY}! A {CANARY}?"));
    for body in [json!({"text": CANARY, "voice_id": CANARY}), json!({"text": "x", "speaker": CANARY})] {
        assert!(server.post_json(SYNTHESIZE, &body).status >= 400);
    }
    server.get(&format!("/{CANARY}?{CANARY}"));
    let link =
        server.post_json("/v1/speech/links", &json!({"text": CANARY})).json()["url"].as_str().unwrap().to_owned();
    assert_eq!([&link, &format!("{link}0")].map(|link| server.get(link).status), [200, 403]);
    collector.trace(TRACE, 1);
    server.stop();

    let sent = String::from_utf8_lossy(&collector.bytes()).into_owned();
    assert!(sent.contains(SYNTHESIZE));
    assert!(!sent.contains(CANARY) && !sent.contains(TOKEN));
}

/// A collector that takes connections and never answers, and one that is not there.
#[test]
fn an_ill_collector_delays_neither_callers_nor_the_end() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging_url = format!("http://{}", hanging.local_addr().unwrap());
    let absent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for endpoint in [hanging_url, format!("http://{absent}")] {
        let server =
            TestServer::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "50")]);
        for number in 0..20 {
            let answer = server.post_json(SYNTHESIZE, &json!({"text": format!("Number {number}.")}));
            assert_eq!(answer.status, 200);
        }
        let began = Instant::now();

        server.signal(Signal::SIGTERM);
        let status = server.wait();

        assert!(status.success());
        // Without a bound it would be the ten seconds that an export may take; two are allowed.
        assert!(began.elapsed() < Duration::from_secs(8), "{endpoint}: {:?}", began.elapsed());
    }
}
