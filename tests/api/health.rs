//! The routes by which machines watch the service, in every state that it can be in.

use serde_json::{Value, json};

use crate::support::{Answer, ModelsFolder, TestServer, VOICE, shared, until};
use crate::{LEGACY, SYNTHESIZE};

fn assert_unready(answer: &Answer, reasons: &Value) {
    assert_eq!((answer.status, answer.json()), (503, json!({"status": "unready", "reasons": reasons})));
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
}

#[test]
fn a_service_that_can_work_says_so() {
    let [health, livez, readyz] = ["/health", "/livez", "/readyz"].map(|path| shared().get(path));

    assert_eq!((health.status, health.json()), (200, json!({"status": "healthy"})));
    assert_eq!((livez.status, livez.json()), (200, json!({"status": "alive"})));
    assert_eq!((readyz.status, readyz.json()), (200, json!({"status": "ready"})));
}

#[test]
fn ready_only_when_every_voice_to_load_first_is_loaded() {
    let names = ["en_US-one-medium", "en_US-two-medium", "en_US-three-medium"];
    let folder = ModelsFolder::with_copies(&names);
    let server = TestServer::start_unready(&[
        ("TTS_MODELS_DIR", folder.name()),
        ("TTS_VOICES", "*"),
        ("TTS_PRELOAD_VOICES", &names.join(",")),
    ]);

    let mut waited = 0;
    until("readiness", || {
        let readyz = server.get("/readyz");
        if readyz.status == 200 {
            return Some(());
        }
        waited += 1;
        assert_unready(&readyz, &json!(["voices are being loaded"]));
        assert_eq!(server.get("/livez").status, 200);
        None
    });

    assert_eq!(server.metric("tts_voices_loaded"), 3.0);
    // The service listens before it begins to load, and three loads take far longer than the first look.
    assert!(waited > 0, "ready from the start");
}

#[test]
fn a_service_without_voices_is_alive_and_not_ready() {
    let folder = ModelsFolder::empty();
    let server = TestServer::start_unready(&[("TTS_MODELS_DIR", folder.name())]);
    // The other reason to wait passes at once, as there is nothing to load.
    until("all there is to load", || (!server.get("/readyz").text().contains("being loaded")).then_some(()));

    let spoken = server.post_json(SYNTHESIZE, &json!({"text": "Hello."}));
    let legacy = server.post_json(LEGACY, &json!({"text": "Hello."}));

    assert_unready(&server.get("/readyz"), &json!(["no voice is installed"]));
    assert_eq!(server.get("/livez").status, 200);
    assert_eq!(server.get("/health").status, 200);
    spoken.assert_error(503, "no_voice", None);
    assert!(spoken.headers.contains_key("retry-after"));
    assert_eq!((legacy.status, legacy.json()), (503, json!({"detail": "no voice is installed"})));
    server.post_json(SYNTHESIZE, &json!({"text": "Hello.", "voice_id": VOICE})).assert_error(
        404,
        "voice_not_found",
        Some("voice_id"),
    );
}

#[test]
fn a_models_folder_that_is_not_there_is_a_service_without_voices() {
    let server = TestServer::start_unready(&[("TTS_MODELS_DIR", "no/such/folder")]);

    until("its reason", || server.get("/readyz").text().contains("no voice is installed").then_some(()));

    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn a_voice_that_cannot_be_loaded_keeps_the_service_unready_and_alive() {
    let folder = ModelsFolder::with_broken_model();
    let server = TestServer::start_unready(&[("TTS_MODELS_DIR", folder.name())]);
    until("the end of loading", || (!server.get("/readyz").text().contains("being loaded")).then_some(()));

    let spoken = server.post_json(SYNTHESIZE, &json!({"text": "Hello."}));

    assert_unready(&server.get("/readyz"), &json!([format!("voice {VOICE} could not be loaded")]));
    assert_eq!(server.get("/livez").status, 200);
    spoken.assert_error(422, "voice_unusable", Some("voice_id"));
    assert!(!spoken.headers.contains_key("retry-after"), "waiting does not help");
    assert!(!spoken.text().contains(folder.name()), "a path of the server: {}", spoken.text());
    assert_eq!(server.metric("tts_voices_loaded"), 0.0);
    // A slow machine takes the second after which it is tried again.
    assert!(server.metric("tts_voice_loads_total{result=\"error\"}") <= 2.0, "it is tried again at once");
}

#[test]
fn a_voice_that_can_be_loaded_later_makes_the_service_ready() {
    let folder = ModelsFolder::with_broken_model();
    let server = TestServer::start_unready(&[("TTS_MODELS_DIR", folder.name())]);
    until("the failure", || server.get("/readyz").text().contains("could not be loaded").then_some(()));

    folder.mend();

    server.wait_until_ready();
}

#[test]
fn the_metrics_count_requests_by_route_and_status() {
    let server = TestServer::start(&[]);
    server.get("/health");
    server.get("/nowhere/at/all");
    server.get("/nowhere/else");
    server.post_json(SYNTHESIZE, &json!({"text": "Count this. And this."}));
    server.post_json(SYNTHESIZE, &json!({"text": " "}));

    let count = |route: &str, status: u16| {
        server.metric(&format!("tts_http_requests_total{{route=\"{route}\",status=\"{status}\"}}"))
    };

    assert_eq!(count("/health", 200), 1.0);
    assert_eq!(count("other", 404), 2.0);
    assert_eq!(count(SYNTHESIZE, 200), 1.0);
    assert_eq!(count(SYNTHESIZE, 400), 1.0);
    let refused = format!("tts_http_request_duration_seconds_count{{route=\"{SYNTHESIZE}\",status=\"400\"}}");
    assert_eq!(server.metric(&refused), 1.0);
    assert_eq!(server.sentences(), 2.0);
    assert!(server.metric(&format!("tts_audio_seconds_total{{voice=\"{VOICE}\"}}")) > 0.5);
    assert_eq!(server.metric("tts_queue_depth"), 0.0);
    assert_eq!(server.metric("tts_queue_wait_seconds_count"), 2.0);
    assert_eq!(server.metric(&format!("tts_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
}

#[test]
fn the_metrics_are_prometheus_text() {
    let metrics = shared().get("/metrics");

    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    for line in metrics.text().lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(
            ["tts_", "process_"].iter().any(|prefix| series.starts_with(prefix)) && value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
}
