//! The folders: what is put there by hand, what fits, and what cannot be written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tts_batch_api::voices::{Catalogue, DefaultVoice, Rescan, Verified, VoiceFilesError, VoiceSettings};

use crate::fixture::{Fixture, MODEL_BYTES, VOICE, assert_installed, drop_in, id, names_in};

/// A small file system of its own; unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    /// `None`, with a message, where this process may not mount.
    fn new(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", "size=64k", "none"], folder);
        if !mounted {
            eprintln!("skipped: this process may not mount a file system");
        }
        mounted.then(|| Self(folder.to_owned()))
    }

    fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], &self.0));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(options: &[&str], folder: &Path) -> bool {
    Command::new("mount").args(options).arg(folder).output().is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn the_default_voice_is_the_first_that_is_named_and_stays_once_it_is_known() {
    let fixture = Fixture::new();
    let catalogue = fixture.open();
    let first_of = |patterns: &[&str]| {
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        DefaultVoice::new(None, patterns, catalogue.clone())
    };
    let late = first_of(&["m-*"]);
    assert_eq!(late.get(), None);

    drop_in(&fixture.models(), "m-second");
    drop_in(&fixture.models(), "z-last");
    catalogue.rescan().unwrap();

    assert_eq!(late.get(), Some(id("m-second")));
    for (patterns, expected) in [
        (&["z-last", "*"][..], "z-last"),
        (&["*"], "m-second"),
        (&["z-*", "m-second"], "z-last"),
        (&["nobody", "m-second"], "m-second"),
    ] {
        assert_eq!(first_of(patterns).get(), Some(id(expected)), "{patterns:?}");
    }
    drop_in(&fixture.models(), "m-first");
    catalogue.rescan().unwrap();
    assert_eq!((late.get(), first_of(&["m-*"]).get()), (Some(id("m-second")), Some(id("m-first"))));
}

#[tokio::test]
async fn a_rescan_finds_new_voices_and_drops_vanished_ones() {
    let fixture = Fixture::new();
    drop_in(&fixture.models(), "first");
    let catalogue = fixture.open();

    drop_in(&fixture.models(), "second");
    fs::remove_file(fixture.models().join("first.onnx")).unwrap();
    let rescan = catalogue.rescan().unwrap();

    assert_eq!(rescan, Rescan { added: vec![id("second")], removed: vec![id("first")] });
    assert_eq!(catalogue.ids(), [id("second")]);
    assert!(catalogue.contains(&id("second")) && !catalogue.contains(&id("first")));
}

#[tokio::test]
async fn a_folder_that_is_away_keeps_its_voices_until_it_is_back() {
    let fixture = Fixture::new();
    let (models, away) = (fixture.models(), fixture.models().with_extension("away"));
    drop_in(&models, "first");
    drop_in(&models, "second");
    let catalogue = fixture.open();
    let digest = catalogue.digest(&id("first")).await;
    assert!(digest.is_some());

    fs::rename(&models, &away).unwrap();
    for is_another_there in [false, true] {
        if is_another_there {
            fs::create_dir(&models).unwrap();
        }
        let rescan = catalogue.rescan();
        assert!(rescan.is_err_and(|error| error.to_string().contains("mounted")), "{is_another_there}");
        assert_eq!(catalogue.ids(), [id("first"), id("second")]);
        assert_eq!(catalogue.known_digest(&id("first")), digest);
    }
    fs::remove_dir(&models).unwrap();
    fs::rename(&away, &models).unwrap();
    fs::remove_file(models.join("second.onnx")).unwrap();

    assert_eq!(catalogue.rescan().unwrap().removed, [id("second")]);
    assert_eq!(catalogue.known_digest(&id("first")), digest);
    fs::remove_file(models.join("first.onnx")).unwrap();
    assert_eq!(catalogue.rescan().unwrap().removed, [id("first")]);
}

#[tokio::test]
async fn only_allowed_voices_are_served() {
    let fixture = Fixture::new();
    drop_in(&fixture.models(), "en_US-mine-low");
    drop_in(&fixture.models(), "de_DE-meine-low");
    let settings = VoiceSettings { allowed: vec!["en_*".to_owned()], ..fixture.settings() };

    let catalogue = Catalogue::open(&settings).unwrap();

    assert_eq!(catalogue.ids(), [id("en_US-mine-low")]);
    let german = id("de_DE-meine-low");
    assert_eq!(catalogue.files(&german).await, Err(VoiceFilesError::NotAllowed(german.clone())));
    assert!(!catalogue.contains(&german) && catalogue.contains(&id("en_US-lessac-medium")));
    assert_eq!(fixture.source.connections(), 0);
}

#[tokio::test]
async fn a_voice_by_hand_is_served_without_a_record() {
    let fixture = Fixture::new();
    drop_in(&fixture.models(), "mine");
    let catalogue = fixture.open();

    fs::write(fixture.models().join("mine.onnx"), "changed by its owner").unwrap();

    assert!(catalogue.files(&id("mine")).await.is_ok());
    assert_eq!(catalogue.verify(&id("mine")), Ok(Verified::NoRecord));
    assert_eq!(catalogue.info(&id("mine")).unwrap().sha256, None);
}

#[tokio::test]
async fn a_changed_file_is_refused_also_by_the_next_process() {
    let fixture = Fixture::new();
    fixture.open().files(&id(VOICE)).await.unwrap();
    let config = fixture.models().join(format!("{VOICE}.onnx.json"));
    fs::write(config, r#"{"audio": {"sample_rate": 8000}}"#).unwrap();

    let catalogue = fixture.open();

    assert!(matches!(catalogue.files(&id(VOICE)).await, Err(VoiceFilesError::VerificationFailed { .. })));
    assert!(matches!(catalogue.verify(&id(VOICE)), Err(VoiceFilesError::VerificationFailed { .. })));
}

#[tokio::test]
async fn a_voice_over_the_bound_is_refused_before_a_byte_of_it_comes() {
    let mut fixture = Fixture::new();
    fixture.publish("en_US-two-low", "CC0");
    let settings = VoiceSettings { max_bytes: MODEL_BYTES as u64 * 3 / 2, ..fixture.settings() };
    let catalogue = Catalogue::open(&settings).unwrap();
    catalogue.refresh().await.unwrap();

    catalogue.files(&id(VOICE)).await.unwrap();
    let refused = catalogue.files(&id("en_US-two-low")).await;

    assert!(matches!(refused, Err(VoiceFilesError::OverBudget { .. })), "{refused:?}");
    assert!(fixture.source.requests().iter().all(|request| !request.path.contains("/two/")));
    assert_installed(&fixture.models());
}

#[tokio::test]
async fn removing_a_voice_makes_room_for_another() {
    let mut fixture = Fixture::new();
    fixture.publish("en_US-two-low", "CC0");
    let settings = VoiceSettings { max_bytes: MODEL_BYTES as u64 * 3 / 2, ..fixture.settings() };
    let catalogue = Catalogue::open(&settings).unwrap();
    catalogue.refresh().await.unwrap();
    catalogue.files(&id("en_US-two-low")).await.unwrap();

    catalogue.remove(&id("en_US-two-low")).await.unwrap();
    catalogue.files(&id(VOICE)).await.unwrap();

    assert_installed(&fixture.models());
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing() {
    let fixture = Fixture::new();
    let Some(_mount) = Mount::new(&fixture.models()) else { return };

    let error = fixture.open().files(&id(VOICE)).await.unwrap_err();

    assert_eq!(error, VoiceFilesError::DiskFull(id(VOICE)));
    let left = names_in(&fixture.models());
    assert!(left.iter().all(|name| name == "voices.json" || name == "voices.lock"), "{left:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_served_and_downloads_go_home() {
    let fixture = Fixture::new();
    let Some(mount) = Mount::new(&fixture.models()) else { return };
    drop_in(&fixture.models(), "mine");
    mount.make_read_only();
    let catalogue = fixture.open();

    catalogue.files(&id(VOICE)).await.unwrap();

    assert_installed(&fixture.fallback());
    assert_eq!(catalogue.ids(), [id(VOICE), id("mine")]);
    assert_eq!(fixture.open().ids(), [id(VOICE), id("mine")]);
    assert_eq!(names_in(&fixture.models()).len(), 2);
}

#[tokio::test]
async fn a_missing_folder_is_made_by_the_first_download_and_an_error_when_there_can_be_none() {
    let fixture = Fixture::new();
    let offline = VoiceSettings { offline: true, ..fixture.settings() };

    let error = Catalogue::open(&offline).unwrap_err();
    fixture.open().files(&id(VOICE)).await.unwrap();

    assert!(error.to_string().contains(&fixture.models().display().to_string()));
    assert_installed(&fixture.models());
}
