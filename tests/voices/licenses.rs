//! Which licences may come, and which may be served.

use std::fs;

use tts_batch_api::voices::{Catalogue, VoiceFilesError, VoiceSettings};

use crate::fixture::{Fixture, VOICE, drop_in, id, names_in};

fn only(fixture: &Fixture, licenses: &[&str]) -> Catalogue {
    let allowed_licenses = licenses.iter().map(ToString::to_string).collect();
    Catalogue::open(&VoiceSettings { allowed_licenses, ..fixture.settings() }).unwrap()
}

#[tokio::test]
async fn a_voice_under_another_licence_is_refused_before_it_is_fetched() {
    let mut fixture = Fixture::new();
    fixture.publish("en_US-two-low", "CC-BY-NC-4.0");
    let catalogue = only(&fixture, &["cc0", "MIT"]);

    catalogue.refresh().await.unwrap();
    let refused = catalogue.files(&id("en_US-two-low")).await;
    let allowed = catalogue.files(&id(VOICE)).await;

    let license = "CC-BY-NC-4.0".to_owned();
    assert_eq!(refused, Err(VoiceFilesError::LicenseRefused { voice: id("en_US-two-low"), license }));
    assert!(allowed.is_ok());
    assert_eq!(fixture.source.requests_for("en_US-two-low.onnx").len(), 0);
    assert!(names_in(&fixture.models()).iter().all(|name| !name.contains("two")));
}

#[tokio::test]
async fn a_voice_by_hand_without_a_card_is_refused_unless_unknown_is_allowed() {
    let fixture = Fixture::new();
    drop_in(&fixture.models(), "mine");

    let refused = only(&fixture, &["CC0"]);
    let allowed = only(&fixture, &["CC0", "unknown"]);

    assert!(matches!(refused.files(&id("mine")).await, Err(VoiceFilesError::LicenseRefused { .. })));
    assert!(!refused.contains(&id("mine")) && refused.installed(&id("mine")).is_none());
    assert!(allowed.files(&id("mine")).await.is_ok());
    assert_eq!(allowed.info(&id("mine")).unwrap().license.as_deref(), Some("unknown"));
}

#[tokio::test]
async fn a_card_beside_a_voice_by_hand_counts() {
    let fixture = Fixture::new();
    drop_in(&fixture.models(), "mine");
    fs::write(fixture.models().join("mine.MODEL_CARD"), "* License: CC0\n").unwrap();

    assert!(only(&fixture, &["CC0"]).contains(&id("mine")));
    assert!(!only(&fixture, &["MIT"]).contains(&id("mine")));
}
