//! Owns `batch` and `warm`: many texts from a file, spoken here or by a server. What is there already is not spoken
//! again.

mod file;
mod folder;
mod local;
mod outcome;
mod remote;

use std::path::PathBuf;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::settings_source::SettingsSource;
use super::system::in_system;
use crate::batch::{ItemError, SpokenItem};
use crate::telemetry;
pub use file::UnusableFile;
use file::read_items;
use folder::Folder;
use outcome::KeepOutcome;
use remote::RemoteServer;
pub use remote::ServerError;

#[derive(Debug, clap::Args)]
pub struct BatchArgs {
    #[command(flatten)]
    texts: BatchTexts,
    /// Folder for the results, one file for each text, numbered from 00001.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Format of texts that name none.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Write times (.json) and subtitles (.srt) beside the audio.
    #[arg(long)]
    timestamps: bool,
}

#[derive(Debug, clap::Args)]
pub struct WarmArgs {
    #[command(flatten)]
    texts: BatchTexts,
}

/// Which texts, and who speaks them.
#[derive(Debug, clap::Args)]
struct BatchTexts {
    /// `.jsonl`: on each line an object with the fields of /v1/synthesizeSpeech. Anything else: on each line a text.
    file: PathBuf,
    /// Voice of texts that name none.
    #[arg(long, value_name = "ID")]
    voice: Option<String>,
    /// Address of a server that shall speak them, as http://host:8080; without it they are spoken here.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The server's token; of several with commas between them, as a server has them while they are rotated, the first.
    #[arg(long, env = "ALLOWED_USER_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Some of the texts were not spoken.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} texts failed; the first, number {first}: {message}")]
pub struct BatchFailed {
    failed: usize,
    all: usize,
    first: usize,
    message: String,
}

/// The texts were spoken, and the cache is not what it was to be.
#[derive(Debug, thiserror::Error)]
#[error("Redis did not take {0} entries: it is full, read-only or not there")]
pub struct NotKept(u64);

/// What is seen of the work while it goes on, and what became of it.
struct BatchProgress {
    bar: ProgressBar,
    began: Instant,
    seconds: f64,
    failures: Vec<(usize, ItemError)>,
}

pub fn run(args: &BatchArgs, source: SettingsSource<'_>) -> anyhow::Result<()> {
    let defaults = [("voice_id", args.texts.voice.as_deref()), ("response_format", args.format.as_deref())];
    let items = read_items(&args.texts.file, &defaults)?;
    let folder = Folder::open(&args.output, &items, args.timestamps)?;
    let todo = folder.missing();
    let mut progress = BatchProgress::new(items.len(), items.len() - todo.len());
    let mut keep = |index: usize, outcome: Result<SpokenItem, ItemError>| {
        if let Ok(sound) = &outcome {
            folder.write(index, sound)?;
        }
        progress.count(index, outcome.map(|sound| sound.done.seconds));
        anyhow::Ok(())
    };
    if !todo.is_empty() {
        args.texts.speak(source, &items, &todo, args.timestamps, &mut keep)?;
    }
    progress.end(items.len())
}

pub fn warm(args: &WarmArgs, source: SettingsSource<'_>) -> anyhow::Result<()> {
    let items = read_items(&args.texts.file, &[("voice_id", args.texts.voice.as_deref())])?;
    let config = source.load_for_command()?;
    if args.texts.server.is_none() && (config.cache.redis.is_none() || !config.cache.enabled) {
        return Err(config.error("TTS_REDIS_URL", "is what is filled, unless --server names a server").into());
    }
    let mut progress = BatchProgress::new(items.len(), 0);
    let all: Vec<usize> = (0..items.len()).collect();
    let mut count = |index: usize, outcome: Result<SpokenItem, ItemError>| {
        progress.count(index, outcome.map(|sound| sound.done.seconds));
        anyhow::Ok(())
    };
    let lost = args.texts.speak(source, &items, &all, false, &mut count)?;
    progress.end(items.len())?;
    if lost > 0 { Err(NotKept(lost).into()) } else { Ok(()) }
}

// === impl BatchTexts ===

impl BatchTexts {
    /// Returns how many entries the cache did not take, where this process fills it.
    fn speak(
        &self,
        source: SettingsSource<'_>,
        items: &[file::ItemFields],
        todo: &[usize],
        timestamps: bool,
        keep: KeepOutcome<'_>,
    ) -> anyhow::Result<u64> {
        let config = source.load_for_command()?;
        telemetry::init(&config.log)?;
        match &self.server {
            Some(url) => {
                let server = RemoteServer::new(url, self.token.as_deref())?;
                in_system(server.speak(items, todo, timestamps, keep)).map(|()| 0)
            }
            None => in_system(local::speak(&config, items, todo, timestamps, keep)),
        }
    }
}

// === impl BatchProgress ===

impl BatchProgress {
    fn new(all: usize, done: usize) -> Self {
        let style = ProgressStyle::with_template("[{wide_bar}] {pos}/{len} {per_sec} {msg} {eta}");
        let bar = ProgressBar::new(all as u64).with_position(done as u64).with_elapsed(std::time::Duration::ZERO);
        let bar = match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        bar.reset_eta();
        Self { bar, began: Instant::now(), seconds: 0.0, failures: Vec::new() }
    }

    fn count(&mut self, index: usize, outcome: Result<f64, ItemError>) {
        match outcome {
            Ok(seconds) => self.seconds += seconds,
            Err(error) => self.failures.push((index, error)),
        }
        self.bar.set_message(format!("{:.1} x real time", self.seconds / self.began.elapsed().as_secs_f64()));
        self.bar.inc(1);
    }

    fn end(self, all: usize) -> anyhow::Result<()> {
        self.bar.finish();
        let failed = self.failures.len();
        match self.failures.into_iter().min_by_key(|(index, _)| *index) {
            None => Ok(()),
            Some((index, error)) => Err(BatchFailed { failed, all, first: index + 1, message: error.message }.into()),
        }
    }
}
