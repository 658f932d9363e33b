//! A real Prometheus scrapes the service, and what is written for operators asks it for nothing that it does not have.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::prometheus::{Prometheus, dashboards, promtool};
use crate::support::{RedisServer, TestServer, until};

const SYNTHESIZE: &str = "/v1/synthesizeSpeech";

/// Something of everything that the dashboard shows.
fn load(server: &TestServer) {
    for number in 0..3 {
        let text = format!("The kettle is on. It boils in {number} minutes.");
        for _ in 0..2 {
            assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": text})).status, 200);
        }
    }
    assert_eq!(server.post_json(SYNTHESIZE, &json!({"text": "Too late.", "deadline_ms": 1})).status, 504);
    assert_eq!(server.post_json(SYNTHESIZE, &json!({})).status, 422);
    assert_eq!(server.get("/nowhere").status, 404);
    say_while_it_is_written(server, "The kettle is off. It is quiet.");
}

fn say_while_it_is_written(server: &TestServer, text: &str) {
    let mut stream = TcpStream::connect(server.wyoming()).unwrap();
    let messages = [
        json!({"type": "synthesize-start"}),
        json!({"type": "synthesize-chunk", "data": {"text": text}}),
        json!({"type": "synthesize-stop"}),
    ];
    for message in messages {
        stream.write_all(format!("{message}\n").as_bytes()).unwrap();
    }
    let mut answer = BufReader::new(stream);
    let mut until_stopped = Vec::new();
    while !until_stopped.ends_with(b"synthesize-stopped\"") {
        assert!(answer.read_until(b'"', &mut until_stopped).unwrap() > 0, "an end before its time");
    }
}

fn text_of(name: &str) -> String {
    std::fs::read_to_string(dashboards(name)).unwrap()
}

/// The metrics of this service that a text names.
fn named_metrics(text: &str) -> BTreeSet<String> {
    let is_of_a_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    let words = text.split(|letter| !is_of_a_name(letter));
    let is_ours = |word: &&str| ["tts_", "tts:", "process_"].iter().any(|prefix| word.starts_with(prefix));
    words.filter(is_ours).map(str::to_owned).collect()
}

/// Each panel's title with a query of it, as Grafana would send it.
fn panel_queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&text_of("grafana.json")).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title} shows nothing");
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$job", "tts-batch-api").replace("$instance", ".*");
            queries.push((title.to_owned(), query.replace("$__rate_interval", "1m")));
        }
    }
    queries
}

#[test]
fn the_files_for_prometheus_are_sound_and_the_alerts_fire_when_they_should() {
    promtool(&["check", "config", "dashboards/prometheus.yml"], b"");
    promtool(&["check", "rules", "dashboards/alerts.yml"], b"");
    promtool(&["test", "rules", "dashboards/alerts.test.yml"], b"");
}

#[test]
fn every_alert_says_what_to_do_and_is_tested() {
    let (rules, tests) = (text_of("alerts.yml"), text_of("alerts.test.yml"));
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();

    assert!(alerts.len() > 5);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        assert!(alert.contains("summary: ") && alert.contains("runbook: "), "{name}");
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "{name} is not tested");
    }
}

#[test]
fn prometheus_finds_what_the_dashboard_and_the_rules_ask_for() {
    let redis = RedisServer::start();
    let server = TestServer::start(&[("TTS_REDIS_URL", &redis.url()), ("TTS_WYOMING_BIND", "127.0.0.1:0")]);
    load(&server);
    let prometheus = Prometheus::start(server.address());
    until("a scrape", || (!prometheus.query("tts_build_info").is_empty()).then_some(()));
    // A rate is of what comes between two scrapes.
    load(&server);
    let count = "sum(rate(tts_http_requests_total{status=\"504\"}[1m])) > 0";
    until("a second scrape", || (!prometheus.query(count).is_empty()).then_some(()));

    // The rules are evaluated one after the other, so that what they are asked for comes bit by bit.
    for file in ["grafana.json", "alerts.yml"] {
        for name in named_metrics(&text_of(file)) {
            until(&format!("{name}, which {file} names"), || prometheus.names().contains(&name).then_some(()));
        }
    }
    let queries = panel_queries();
    assert!(queries.len() > 40);
    for (title, query) in queries {
        until(&format!("{title}: {query}"), || (!prometheus.query(&query).is_empty()).then_some(()));
    }
    until("every rule", || prometheus.rules().iter().all(|rule| rule["health"] != "unknown").then_some(()));
    for rule in prometheus.rules() {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    promtool(&["check", "metrics"], &server.get("/metrics").body);
}
