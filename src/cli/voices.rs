//! Owns `voices`: which there are, and bringing, checking and removing them.

use std::io::{IsTerminal, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use piper_acoustic::VoiceConfig;
use serde_json::json;

use super::settings_source::SettingsSource;
use crate::app::voice_settings;
use crate::config::Config;
use crate::domain::VoiceId;
use crate::telemetry;
use crate::voices::{Catalogue, Existing, Verified, VoiceFilesError, VoiceInfo, VoiceSettings};

/// The configuration of a voice that is installed: of this name, or the default.
pub fn installed_config(config: &Config, name: Option<&String>) -> anyhow::Result<VoiceConfig> {
    let catalogue = Catalogue::open(&VoiceSettings { allowed: vec!["*".to_owned()], ..voice_settings(config)? })?;
    let name = name.or(config.voices.default.as_ref()).or(config.voices.allowed.first());
    let voice = name.and_then(|name| catalogue.installed(&VoiceId::parse(name).ok()?));
    let voice = voice.ok_or_else(|| VoiceMissing::Named(config.voices.models_dir.display().to_string()))?;
    Ok(VoiceConfig::parse(&std::fs::read(&voice.config)?)?)
}

#[derive(Debug, clap::Args)]
pub struct VoicesArgs {
    #[command(subcommand)]
    command: VoicesCommand,
}

#[derive(Debug, Subcommand)]
enum VoicesCommand {
    /// Print the voices that may be served, one a line.
    List {
        /// Also voices that TTS_VOICES does not name.
        #[arg(long)]
        all: bool,
        /// One JSON object a voice.
        #[arg(long)]
        json: bool,
    },
    /// Download voices, whether TTS_VOICES names them or not.
    Fetch {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Download again what is there.
        #[arg(long)]
        force: bool,
    },
    /// Compare voices with what was downloaded; all that are installed without names.
    Verify {
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Delete the files of voices.
    Remove {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

/// The voice that a command needs is not there.
#[derive(Debug, thiserror::Error)]
pub enum VoiceMissing {
    #[error("there is no such voice in {0}")]
    Named(String),
    #[error("no voice is installed in {0}; run `make setup`")]
    Any(String),
}

/// Between two looks at a download.
const TICK: Duration = Duration::from_millis(100);

pub fn run(args: &VoicesArgs, source: SettingsSource<'_>) -> anyhow::Result<()> {
    let config = source.load_for_command()?;
    telemetry::init(&config.log)?;
    let settings = voice_settings(&config)?;
    match &args.command {
        VoicesCommand::List { all, json } => {
            let catalogue = Catalogue::open(&settings)?;
            list(&if *all { catalogue.all() } else { catalogue.voices() }, *json)
        }
        VoicesCommand::Fetch { ids, force } => {
            let existing = if *force { Existing::Replace } else { Existing::Keep };
            let ids = parse(ids)?;
            // What is named here is wanted, whatever is served.
            let allowed = ids.iter().map(ToString::to_string).collect();
            let catalogue = Catalogue::open(&VoiceSettings { allowed, ..settings })?;
            actix::System::new().block_on(async {
                for id in &ids {
                    fetch(&catalogue, id, existing).await?;
                }
                Ok(())
            })
        }
        VoicesCommand::Verify { ids } => verify(&Catalogue::open(&settings)?, parse(ids)?),
        VoicesCommand::Remove { ids } => {
            let (catalogue, ids) = (Catalogue::open(&settings)?, parse(ids)?);
            actix::System::new().block_on(async {
                for id in &ids {
                    catalogue.remove(id).await?;
                    println!("removed {id}");
                }
                Ok(())
            })
        }
    }
}

fn parse(names: &[String]) -> anyhow::Result<Vec<VoiceId>> {
    Ok(names.iter().map(|name| VoiceId::parse(name)).collect::<Result<_, _>>()?)
}

fn list(voices: &[VoiceInfo], as_json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for voice in voices {
        if as_json {
            writeln!(out, "{}", as_object(voice))?;
            continue;
        }
        let state = match (voice.installed, &voice.problem) {
            (_, Some(_)) => "unusable",
            (true, None) => "installed",
            (false, None) => "-",
        };
        let speakers = voice.speakers.map_or_else(|| "?".to_owned(), |speakers| speakers.to_string());
        let size = voice.size_bytes.map_or_else(|| "?".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
        let license = voice.license.as_deref().unwrap_or("?");
        let problem = voice.problem.as_ref().map(|problem| format!("  ({problem})")).unwrap_or_default();
        writeln!(out, "{:<36} {state:<10} {speakers:>4} {size:>10}  {license}{problem}", voice.id.as_str())?;
    }
    Ok(())
}

fn as_object(voice: &VoiceInfo) -> serde_json::Value {
    json!({
        "id": voice.id.as_str(),
        "language": voice.language,
        "quality": voice.quality,
        "sample_rate": voice.sample_rate,
        "speakers": voice.speakers,
        "speaker_names": voice.speaker_names,
        "installed": voice.installed,
        "problem": voice.problem,
        "size_bytes": voice.size_bytes,
        "sha256": voice.sha256,
        "license": voice.license,
        "dataset": voice.dataset,
        "training": voice.training,
        "aliases": voice.aliases.iter().map(VoiceId::as_str).collect::<Vec<_>>(),
    })
}

async fn fetch(catalogue: &Catalogue, id: &VoiceId, existing: Existing) -> Result<(), VoiceFilesError> {
    let bar = if std::io::stderr().is_terminal() { bar(id) } else { ProgressBar::hidden() };
    let mut fetched = std::pin::pin!(catalogue.fetch(id, existing));
    let outcome = loop {
        tokio::select! {
            outcome = &mut fetched => break outcome,
            () = tokio::time::sleep(TICK) => {
                if let Some(progress) = catalogue.progress(id) {
                    bar.set_length(progress.total.load(Ordering::Relaxed));
                    bar.set_position(progress.done.load(Ordering::Relaxed));
                }
            }
        }
    };
    bar.finish_and_clear();
    outcome?;
    println!("{id} is installed");
    Ok(())
}

fn bar(id: &VoiceId) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let bar = ProgressBar::new(0).with_message(id.to_string());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Says of each voice whether it is what it was; an error if one is not.
fn verify(catalogue: &Catalogue, ids: Vec<VoiceId>) -> anyhow::Result<()> {
    let installed = || catalogue.all().into_iter().filter(|voice| voice.installed).map(|voice| voice.id).collect();
    let ids = if ids.is_empty() { installed() } else { ids };
    let mut first_error = None;
    for id in ids {
        match catalogue.verify(&id) {
            Ok(Verified::Matches) => println!("ok    {id}"),
            Ok(Verified::NoRecord) => println!("?     {id}: nothing to compare it with; it was put there by hand"),
            Err(error) => {
                println!("FAIL  {error}");
                // What differs weighs more than what is missing.
                let differs = matches!(error, VoiceFilesError::VerificationFailed { .. });
                if differs || first_error.is_none() {
                    first_error = Some(error);
                }
            }
        }
    }
    first_error.map_or(Ok(()), |error| Err(error.into()))
}
