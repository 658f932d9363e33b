//! One voice over the network, well and badly served.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tts_batch_api::voices::{Catalogue, Existing, Verified, VoiceFilesError, VoiceSettings, VoiceSource};

use crate::fixture::{
    CARD, CONFIG, Fixture, MODEL, MODEL_BYTES, VOICE, assert_installed, drop_in, id, md5, model, names_in, wait_until,
};
use crate::source::Fault;

#[tokio::test]
async fn a_voice_that_is_first_asked_for_is_fetched_and_recorded() {
    let fixture = Fixture::new();
    let catalogue = fixture.open();
    assert!(catalogue.installed(&id(VOICE)).is_none());

    let files = catalogue.files(&id(VOICE)).await.unwrap();

    assert_eq!(fs::read(files.model).unwrap(), model(VOICE));
    assert_installed(&fixture.models());
    let info = catalogue.info(&id(VOICE)).unwrap();
    assert!(info.installed);
    assert_eq!((info.license.as_deref(), info.training.as_deref()), (Some("CC0"), Some("From scratch.")));
    assert_eq!((info.sample_rate, info.sha256.map(|hash| hash.len())), (Some(16_000), Some(64)));
    assert_eq!(catalogue.verify(&id(VOICE)), Ok(Verified::Matches));
}

#[tokio::test]
async fn a_voice_that_is_here_is_not_fetched_again() {
    let fixture = Fixture::new();
    fixture.open().files(&id(VOICE)).await.unwrap();
    let requests = fixture.source.requests().len();

    let catalogue = fixture.open();
    catalogue.files(&id(VOICE)).await.unwrap();
    catalogue.fetch(&id(VOICE), Existing::Keep).await.unwrap();

    assert_eq!(fixture.source.requests().len(), requests);
}

#[tokio::test]
async fn a_former_name_is_todays_voice() {
    let fixture = Fixture::new();
    let catalogue = fixture.open();
    catalogue.refresh().await.unwrap();

    let files = catalogue.files(&id("old-one")).await.unwrap();

    assert_eq!(catalogue.resolve(&id("old-one")), Some(id(VOICE)));
    assert!(files.model.ends_with(format!("{VOICE}.onnx")));
}

#[tokio::test]
async fn a_truncated_download_goes_on_where_it_stopped() {
    let fixture = Fixture::new();
    fixture.source.fail(MODEL, [Fault::Truncate(70_000)]);

    fixture.open().files(&id(VOICE)).await.unwrap();

    assert_installed(&fixture.models());
    let requests = fixture.source.requests_for(".onnx");
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].range.as_deref(), Some("bytes=70000-"));
    assert_eq!(requests[1].if_range.as_deref(), Some("\"v1\""));
}

#[tokio::test]
async fn a_download_that_failed_leaves_what_the_next_one_goes_on_with() {
    let fixture = Fixture::new();
    fixture.source.fail(MODEL, [Fault::Truncate(70_000), Fault::Truncate(0), Fault::Truncate(10_000)]);
    let catalogue = fixture.open();

    let first = catalogue.files(&id(VOICE)).await;
    let left = names_in(&fixture.models());
    catalogue.files(&id(VOICE)).await.unwrap();

    assert!(matches!(first, Err(VoiceFilesError::DownloadFailed { .. })), "{first:?}");
    assert!(left.contains(&format!(".{VOICE}.onnx.partial")) && !left.contains(&format!("{VOICE}.onnx")), "{left:?}");
    assert_eq!(fixture.source.requests_for(".onnx")[3].range.as_deref(), Some("bytes=80000-"));
    assert_installed(&fixture.models());
}

#[tokio::test]
async fn a_source_that_ignores_the_range_is_read_from_the_beginning() {
    let fixture = Fixture::new();
    fixture.source.fail(MODEL, [Fault::Truncate(70_000), Fault::IgnoreRange]);

    fixture.open().files(&id(VOICE)).await.unwrap();

    assert_installed(&fixture.models());
    assert_eq!(fixture.source.requests_for(".onnx").len(), 2);
}

#[tokio::test]
async fn corrupt_bytes_never_have_the_voices_name_and_end_in_an_error() {
    let fixture = Fixture::new();
    fixture.source.fail(MODEL, [Fault::Corrupt, Fault::Corrupt, Fault::Corrupt]);

    let error = fixture.open().files(&id(VOICE)).await.unwrap_err();

    assert!(matches!(error, VoiceFilesError::VerificationFailed { .. }), "{error}");
    assert_eq!(fixture.source.requests_for(".onnx").len(), 3);
    assert_eq!(names_in(&fixture.models()), ["voices.json", "voices.lock"].map(str::to_owned).into());
}

#[tokio::test]
async fn one_corrupt_answer_is_thrown_away_and_asked_for_again() {
    let fixture = Fixture::new();
    fixture.source.fail(MODEL, [Fault::Truncate(1000), Fault::Corrupt]);

    fixture.open().files(&id(VOICE)).await.unwrap();

    assert_installed(&fixture.models());
    assert_eq!(fixture.source.requests_for(".onnx")[2].range, None);
}

#[tokio::test]
async fn files_of_another_revision_than_the_catalogue_are_refused() {
    let fixture = Fixture::new();
    fixture.source.put(MODEL, model("another revision"));

    let error = fixture.open().files(&id(VOICE)).await.unwrap_err();

    assert!(matches!(error, VoiceFilesError::VerificationFailed { .. }), "{error}");
    assert!(!names_in(&fixture.models()).contains(&format!("{VOICE}.onnx")));
}

#[tokio::test]
async fn a_file_that_is_longer_than_listed_is_refused() {
    let fixture = Fixture::new();
    fixture.source.put(MODEL, [model(VOICE), vec![0]].concat());

    let error = fixture.open().files(&id(VOICE)).await.unwrap_err();

    assert!(matches!(error, VoiceFilesError::VerificationFailed { .. }), "{error}");
}

#[tokio::test]
async fn a_source_that_recovers_costs_no_caller_an_error() {
    let fixture = Fixture::new();
    fixture.source.fail("voices.json", [Fault::Status(503)]);
    fixture.source.fail(CARD, [Fault::Status(500), Fault::Status(429)]);
    fixture.source.fail(MODEL, [Fault::Status(502)]);

    fixture.open().files(&id(VOICE)).await.unwrap();

    assert_installed(&fixture.models());
}

#[tokio::test]
async fn a_file_that_is_not_there_is_asked_for_once_and_the_next_caller_asks_again() {
    let fixture = Fixture::new();
    fixture.source.fail(CONFIG, [Fault::Status(404)]);
    let catalogue = fixture.open();

    let first = catalogue.files(&id(VOICE)).await;
    let requests = fixture.source.requests_for(".onnx.json").len();
    let second = catalogue.files(&id(VOICE)).await;

    assert!(matches!(first, Err(VoiceFilesError::DownloadFailed { .. })), "{first:?}");
    assert_eq!(requests, 1);
    assert!(second.is_ok());
}

#[tokio::test]
async fn after_a_failure_callers_get_its_error_and_the_source_is_left_alone() {
    let fixture = Fixture::new();
    fixture.source.fail(CONFIG, [Fault::Status(404)]);
    let mut settings = fixture.settings();
    settings.retries.cool_down = Duration::from_hours(1);
    let catalogue = Catalogue::open(&settings).unwrap();

    let first = catalogue.files(&id(VOICE)).await;
    let requests = fixture.source.requests().len();
    let second = catalogue.files(&id(VOICE)).await;

    assert_eq!(first, second);
    assert_eq!(fixture.source.requests().len(), requests);
}

#[tokio::test]
async fn a_source_that_stalls_is_an_error() {
    let fixture = Fixture::new();
    fixture.open().refresh().await.unwrap();
    fixture.source.fail(MODEL, std::iter::repeat_n(Fault::Hold(0), 3));
    let settings = VoiceSettings { stall_timeout: Duration::from_millis(500), ..fixture.settings() };

    let error = Catalogue::open(&settings).unwrap().files(&id(VOICE)).await.unwrap_err();

    assert!(matches!(error, VoiceFilesError::DownloadFailed { .. }), "{error}");
    assert!(!names_in(&fixture.models()).contains(&format!("{VOICE}.onnx")));
}

#[tokio::test]
async fn a_download_that_takes_too_long_as_a_whole_is_an_error() {
    let fixture = Fixture::new();
    fixture.source.fail(MODEL, [Fault::Hold(1000)]);
    let settings = VoiceSettings { download_timeout: Duration::from_millis(500), ..fixture.settings() };

    let error = Catalogue::open(&settings).unwrap().files(&id(VOICE)).await.unwrap_err();

    assert!(matches!(error, VoiceFilesError::DownloadFailed { .. }), "{error}");
}

#[tokio::test]
async fn redirects_are_followed_to_http_and_not_for_ever() {
    let fixture = Fixture::new();
    let elsewhere = format!("{}/elsewhere", fixture.source.url());
    fixture.source.put("elsewhere", model(VOICE));
    fixture.source.fail(MODEL, [Fault::Redirect(elsewhere)]);
    fixture.open().files(&id(VOICE)).await.unwrap();
    assert_installed(&fixture.models());

    let looping = Fixture::new();
    let itself = format!("{}/{MODEL}", looping.source.url());
    looping.source.fail(MODEL, std::iter::repeat_n(Fault::Redirect(itself), 100));
    let error = looping.open().files(&id(VOICE)).await.unwrap_err();

    assert!(matches!(error, VoiceFilesError::DownloadFailed { .. }), "{error}");
    assert!(looping.source.requests_for(".onnx").len() < 30);
}

#[tokio::test]
async fn a_redirect_to_another_protocol_is_not_followed() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    for target in [format!("file://{}", secret.path().display()), "ftp://127.0.0.1/x".to_owned()] {
        let fixture = Fixture::new();
        fixture.source.fail(MODEL, std::iter::repeat_n(Fault::Redirect(target), 3));

        let error = fixture.open().files(&id(VOICE)).await.unwrap_err();

        assert!(matches!(error, VoiceFilesError::DownloadFailed { .. }), "{error}");
    }
}

#[tokio::test]
async fn twenty_callers_at_once_cause_one_download() {
    let fixture = Fixture::new();
    let catalogue = fixture.open();

    let name = id(VOICE);
    let callers = (0..20).map(|_| catalogue.files(&name));
    let outcomes = futures_util::future::join_all(callers).await;

    assert!(outcomes.iter().all(Result::is_ok));
    for file in ["voices.json", MODEL, CONFIG, CARD] {
        assert_eq!(fixture.source.requests_for(file).len(), 1, "{file}");
    }
}

#[tokio::test]
async fn a_download_goes_on_when_its_callers_are_gone() {
    let fixture = Fixture::new();
    fixture.source.fail(MODEL, [Fault::Hold(1000)]);
    let catalogue = fixture.open();
    let caller = tokio::spawn({
        let catalogue = catalogue.clone();
        async move { catalogue.files(&id(VOICE)).await }
    });
    let watched = Arc::new(catalogue);
    tokio::task::spawn_blocking({
        let partial = fixture.models().join(format!(".{VOICE}.onnx.partial"));
        move || wait_until("the model's first part", || fs::metadata(&partial).is_ok_and(|file| file.len() == 1000))
    })
    .await
    .unwrap();

    caller.abort();
    fixture.source.release();

    wait_until("the voice", || watched.installed(&id(VOICE)).is_some());
    assert_eq!(fixture.source.requests_for(".onnx").len(), 1);
}

#[tokio::test]
async fn offline_opens_no_connection() {
    let fixture = Fixture::new();
    drop_in(&fixture.models(), "mine");
    let settings = VoiceSettings { offline: true, ..fixture.settings() };
    let catalogue = Catalogue::open(&settings).unwrap();

    let absent = catalogue.files(&id("en_US-lessac-medium")).await;
    let unknown = catalogue.files(&id(VOICE)).await;
    let fetched = catalogue.fetch(&id(VOICE), Existing::Replace).await;
    let refreshed = catalogue.refresh().await;
    let here = catalogue.files(&id("mine")).await;

    assert_eq!(absent, Err(VoiceFilesError::Offline(id("en_US-lessac-medium"))));
    assert_eq!(unknown, Err(VoiceFilesError::Unknown(id(VOICE))));
    assert_eq!(fetched, Err(VoiceFilesError::Offline(id(VOICE))));
    assert!(refreshed.is_err() && here.is_ok());
    assert!(!catalogue.contains(&id("en_US-lessac-medium")));
    assert_eq!(fixture.source.connections(), 0);
}

#[tokio::test]
async fn a_folder_in_the_same_layout_is_a_source_even_offline() {
    let fixture = Fixture::new();
    let mirror = fixture.root.path().join("mirror");
    let entry = fixture.entry(VOICE);
    for path in [MODEL, CONFIG, CARD] {
        fs::create_dir_all(mirror.join(path).parent().unwrap()).unwrap();
    }
    let config = br#"{"audio": {"sample_rate": 16000}, "num_speakers": 1}"#;
    let card = b"* License: CC0\n\n## Training\n\nFrom scratch.\n";
    assert_eq!(entry["files"][CONFIG]["md5_digest"], md5(config));
    fs::write(mirror.join(MODEL), model(VOICE)).unwrap();
    fs::write(mirror.join(CONFIG), config).unwrap();
    fs::write(mirror.join(CARD), card).unwrap();
    fs::write(mirror.join("voices.json"), serde_json::json!({VOICE: entry}).to_string()).unwrap();
    let source = VoiceSource::parse(&format!("file://{}", mirror.display())).unwrap();
    let allowed = vec!["*".to_owned()];
    let settings = VoiceSettings { offline: true, source: Some(source), allowed, ..fixture.settings() };

    let files = Catalogue::open(&settings).unwrap().files(&id(VOICE)).await.unwrap();

    assert_eq!(fs::read(files.model).unwrap(), model(VOICE));
    // The list is read where it stands.
    assert!(!names_in(&fixture.models()).contains("voices.json"));
    assert_eq!(fixture.source.connections(), 0);
}

#[tokio::test]
async fn force_replaces_a_changed_voice() {
    let fixture = Fixture::new();
    let catalogue = fixture.open();
    catalogue.files(&id(VOICE)).await.unwrap();
    fs::write(fixture.models().join(format!("{VOICE}.onnx")), "changed").unwrap();

    let refused = catalogue.files(&id(VOICE)).await.unwrap_err();
    catalogue.fetch(&id(VOICE), Existing::Replace).await.unwrap();

    assert!(matches!(&refused, VoiceFilesError::VerificationFailed { .. }), "{refused}");
    assert!(refused.to_string().contains("voices fetch --force"));
    assert!(catalogue.files(&id(VOICE)).await.is_ok());
    assert_installed(&fixture.models());
}

#[tokio::test]
async fn force_asks_for_the_list_again_when_the_source_has_moved_on() {
    let mut fixture = Fixture::new();
    fixture.open().refresh().await.unwrap();
    let mut entry = fixture.entry(VOICE);
    let newer = model("newer");
    entry["files"][MODEL]["md5_digest"] = md5(&newer).into();
    fixture.list(VOICE, entry);
    fixture.source.put(MODEL, newer.clone());
    let catalogue = fixture.open();

    let stale = catalogue.fetch(&id(VOICE), Existing::Keep).await;
    catalogue.fetch(&id(VOICE), Existing::Replace).await.unwrap();

    assert!(matches!(stale, Err(VoiceFilesError::VerificationFailed { .. })), "{stale:?}");
    assert_eq!(fs::read(catalogue.installed(&id(VOICE)).unwrap().model).unwrap(), newer);
}

#[tokio::test]
async fn a_voice_that_another_process_replaced_is_not_taken_for_a_changed_one() {
    let mut fixture = Fixture::new();
    let catalogue = fixture.open();
    catalogue.files(&id(VOICE)).await.unwrap();
    let mut entry = fixture.entry(VOICE);
    let newer = model("newer");
    entry["files"][MODEL]["md5_digest"] = md5(&newer).into();
    fixture.list(VOICE, entry);
    fixture.source.put(MODEL, newer.clone());

    fixture.open().fetch(&id(VOICE), Existing::Replace).await.unwrap();
    let files = catalogue.files(&id(VOICE)).await.unwrap();

    assert_eq!(fs::read(files.model).unwrap(), newer);
}

#[tokio::test]
async fn a_list_of_one_source_is_not_used_for_another() {
    let fixture = Fixture::new();
    fixture.open().refresh().await.unwrap();
    let other = Fixture::new();
    let settings = VoiceSettings { source: other.settings().source, ..fixture.settings() };

    let catalogue = Catalogue::open(&settings).unwrap();

    assert_eq!(catalogue.resolve(&id("old-one")), None);
    assert_eq!(fixture.open().resolve(&id("old-one")), Some(id(VOICE)));
    assert_eq!(MODEL_BYTES, model(VOICE).len());
}

#[tokio::test]
async fn a_voice_that_could_never_be_spoken_is_refused_before_its_model_is_fetched() {
    let config = json!({
        "audio": {"sample_rate": 22050}, "espeak": {"voice": "cmn"}, "phoneme_type": "bopomofo", "num_symbols": 130,
        "phoneme_id_map": {"^": [1], "_": [0], "$": [2]},
    });
    let mut fixture = Fixture::new();
    fixture.publish_with("zh_CN-other-low", "CC0", config.to_string().as_bytes());
    let catalogue = fixture.open();
    catalogue.refresh().await.unwrap();

    let refused = catalogue.fetch(&id("zh_CN-other-low"), Existing::Keep).await;

    assert!(
        matches!(&refused, Err(VoiceFilesError::Unspeakable { reason, .. }) if reason.contains("bopomofo")),
        "{refused:?}"
    );
    assert_eq!(fixture.source.requests_for("zh_CN-other-low.onnx").len(), 0);
    assert!(names_in(&fixture.models()).iter().all(|name| !name.contains("other")));
}

#[tokio::test]
async fn public_voices_that_could_never_be_spoken_are_not_offered() {
    let fixture = Fixture::new();
    let catalogue = Catalogue::open(&VoiceSettings { allowed: vec!["*".to_owned()], ..fixture.settings() }).unwrap();

    let fetched = catalogue.fetch(&id("th_TH-tsync2-medium"), Existing::Keep).await;

    assert!(matches!(fetched, Err(VoiceFilesError::Unspeakable { .. })), "{fetched:?}");
    assert!(!catalogue.contains(&id("th_TH-tsync2-medium")) && catalogue.contains(&id("he_IL-saspeech-medium")));
    let problem = catalogue.info(&id("th_TH-tsync2-medium")).unwrap().problem;
    assert!(problem.is_some_and(|problem| problem.contains("thai")));
    assert_eq!(fixture.source.requests().len(), 0);
}
