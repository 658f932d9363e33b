//! Owns `speak`: a text into an audio file, by the same service as the routes.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use super::console::text_of;
use super::markup::MarkupArgs;
use super::settings_source::SettingsSource;
use super::system::in_system;
use super::voices::VoiceMissing;
use crate::app::{SpeechStack, text_reader, usual_prosody};
use crate::audio::AudioFormat;
use crate::config::Config;
use crate::domain::{
    Deadline, InvalidField, Level, Lufs, Prosody, Script, Speaker as SpeakerName, SynthesisRequest, VoiceId,
};
use crate::speech::{self, AudioSpec, Caching, SubtitleFormat};
use crate::telemetry;
use crate::text::{Normalize, Pronunciation};

#[derive(Debug, clap::Args)]
pub struct SpeakArgs {
    /// Text to speak; `-` reads standard input.
    text: String,
    /// File to write; its ending chooses the format (`.ogg` is Opus). Standard output without it, as WAV, unless that
    /// is a terminal.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// `voice`, or `voice#speaker`.
    #[arg(long, value_name = "ID")]
    voice: Option<String>,
    /// Name or number of a speaker of the voice.
    #[arg(long)]
    speaker: Option<String>,
    /// 0.25 to 4; TTS_SPEED by default.
    #[arg(long)]
    speed: Option<f32>,
    /// 0 to 4.
    #[arg(long, default_value_t = 1.0)]
    volume: f32,
    /// Loudness in LUFS, -40 to -10, or none: as the voice was trained; TTS_LOUDNESS_LUFS by default.
    #[arg(long, value_name = "LUFS", allow_negative_numbers = true)]
    loudness: Option<String>,
    /// Scale each sentence to full level, as piper does.
    #[arg(long, conflicts_with = "loudness")]
    normalize_peaks: bool,
    /// Noise in the timbre, 0 to 2; the voice's own by default.
    #[arg(long)]
    noise_scale: Option<f32>,
    /// Noise in durations, 0 to 2; the voice's own by default.
    #[arg(long)]
    noise_w: Option<f32>,
    /// Silence between sentences; TTS_SENTENCE_SILENCE_MS by default.
    #[arg(long, value_name = "MILLISECONDS")]
    sentence_silence: Option<u32>,
    /// In hertz, 8000 to 48000; the voice's own by default.
    #[arg(long, value_parser = clap::value_parser!(u32).range(8_000..=48_000))]
    sample_rate: Option<u32>,
    /// Format, whatever the file's ending is.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    #[command(flatten)]
    markup: MarkupArgs,
    /// Say numbers, dates, markup and the like as piper does, and not in words.
    #[arg(long)]
    no_normalize: bool,
    /// A lexicon in TTS_LEXICONS_DIR, by name; may be there several times.
    #[arg(long, value_name = "NAME")]
    lexicon: Vec<String>,
    /// File for subtitles; it ends in `.srt` or `.vtt`.
    #[arg(long, value_name = "FILE")]
    subtitles: Option<PathBuf>,
    /// Play it, with the first of pw-play, paplay, aplay, ffplay and afplay that is there.
    #[arg(long)]
    play: bool,
}

/// The file to write, opened before anything is spoken. Removed again if nothing is.
struct OutputFile<'a> {
    path: &'a Path,
    file: File,
    is_new: bool,
    is_finished: bool,
}

/// Standard output is a terminal.
#[derive(Debug, thiserror::Error)]
#[error("name a file with -o, such as -o speech.wav, or --play it: standard output is a terminal")]
pub struct NowhereToGo;

const ENDINGS: &str = "a file that ends in .wav, .pcm, .flac, .opus, .ogg, .mp3, .aac, .mulaw or .alaw, or --format";

/// A book may be spoken from the command line; the limits of callers are not for it.
const TIME_LIMIT: Duration = Duration::from_hours(24);

pub fn run(args: &SpeakArgs, source: SettingsSource<'_>) -> anyhow::Result<()> {
    args.check_output()?;
    let config = source.load_for_command()?;
    telemetry::init(&config.log)?;
    let script = args.script(&config)?;
    let spec = AudioSpec { format: args.format()?, sample_rate: args.sample_rate };
    let prosody = args.prosody(&config)?;
    let output = args.output.as_deref().map(OutputFile::create).transpose()?;
    let no_voice = || VoiceMissing::Any(config.voices.models_dir.display().to_string());
    let subtitles = args.subtitles()?;
    let subtitles_file = subtitles.map(|(path, _)| OutputFile::create(path)).transpose()?;
    let (audio, lines) = in_system(async {
        let speaker = SpeechStack::start(&config).await?;
        let (voice, own) = match args.voice.as_deref().map(|name| name.split_once('#').unwrap_or((name, ""))) {
            Some((name, own)) => (VoiceId::parse(name)?, Some(own).filter(|own| !own.is_empty())),
            None => (speaker.default_voice.get().ok_or_else(no_voice)?, None),
        };
        let request = SynthesisRequest {
            voice,
            speaker: args.speaker.as_deref().or(own).map(|name| SpeakerName::Name(name.to_owned())),
            script,
            prosody,
            deadline: Deadline::after(TIME_LIMIT),
        };
        let asked = speaker.speech.identify(request, spec).await?;
        if subtitles.is_none() {
            return Ok((speaker.speech.speak(asked, Caching::Forbidden).await?.answer.audio, String::new()));
        }
        let timed = speaker.speech.speak_timed(asked, Caching::Forbidden).await?;
        let lines = subtitles.map_or_else(String::new, |(_, format)| speech::subtitles(format, &timed.sentences));
        anyhow::Ok((timed.answer.audio, lines))
    })?;
    match output {
        Some(file) => file.finish(&audio)?,
        None if args.play => {}
        None => std::io::stdout().write_all(&audio)?,
    }
    if let Some(file) = subtitles_file {
        file.finish(lines.as_bytes())?;
    }
    if args.play { play(&audio, spec.format) } else { Ok(()) }
}

/// Programs that play a file, with what makes them do that alone.
const PLAYERS: [(&str, &[&str]); 5] = [
    ("pw-play", &[]),
    ("paplay", &[]),
    ("aplay", &["-q"]),
    ("ffplay", &["-nodisp", "-autoexit", "-loglevel", "error"]),
    ("afplay", &[]),
];

/// Plays what was spoken, and waits for the end.
fn play(audio: &[u8], format: AudioFormat) -> anyhow::Result<()> {
    let file = std::env::temp_dir().join(format!("tts-{}.{}", uuid::Uuid::new_v4(), format.name()));
    std::fs::write(&file, audio).with_context(|| file.display().to_string())?;
    let played =
        PLAYERS.iter().find_map(|(player, options)| match Command::new(player).args(*options).arg(&file).status() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            played => Some(played.map(|status| (player, status))),
        });
    // A file that is left in the folder for such files is no loss.
    let _ = std::fs::remove_file(&file);
    match played {
        None => anyhow::bail!("no player is installed: none of {}", PLAYERS.map(|(player, _)| player).join(", ")),
        Some(played) => match played? {
            (_, status) if status.success() => Ok(()),
            (player, status) => anyhow::bail!("{player} failed: {status}"),
        },
    }
}

// === impl OutputFile ===

impl<'a> OutputFile<'a> {
    /// What is in the file stays until the speech is there.
    fn create(path: &'a Path) -> anyhow::Result<Self> {
        let is_new = !path.exists();
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| path.display().to_string())?;
        Ok(Self { path, file, is_new, is_finished: false })
    }

    fn finish(mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.write(bytes).with_context(|| self.path.display().to_string())?;
        self.is_finished = true;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Only a file has a length; a device or a pipe may be named as well.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(bytes)
    }
}

impl Drop for OutputFile<'_> {
    fn drop(&mut self) {
        if self.is_new && !self.is_finished {
            // An empty file is no speech. One that cannot be removed says so by its length.
            let _ = std::fs::remove_file(self.path);
        }
    }
}

// === impl SpeakArgs ===

impl SpeakArgs {
    fn script(&self, config: &Config) -> anyhow::Result<Script> {
        let pronunciation = Pronunciation {
            lexicons: &self.lexicon,
            normalize: self.no_normalize.then_some(Normalize::All(false)),
            ..Pronunciation::default()
        };
        Ok(text_reader(config, usize::MAX)?.read(&text_of(&self.text)?, self.markup.text_type(), pronunciation)?)
    }

    fn subtitles(&self) -> Result<Option<(&Path, SubtitleFormat)>, InvalidField> {
        let Some(path) = &self.subtitles else { return Ok(None) };
        let format = path.extension().and_then(|ending| SubtitleFormat::parse(ending.to_str()?));
        let format =
            format.ok_or(InvalidField { field: "--subtitles", expected: "a file that ends in .srt or .vtt" })?;
        Ok(Some((path, format)))
    }

    fn format(&self) -> Result<AudioFormat, InvalidField> {
        if let Some(name) = &self.format {
            return AudioFormat::parse(name).ok_or(InvalidField { field: "--format", expected: AudioFormat::NAMES });
        }
        let Some(path) = &self.output else { return Ok(AudioFormat::Wav) };
        let ending = path.extension().and_then(|ending| Some(ending.to_str()?.to_lowercase()));
        let format = match ending.as_deref() {
            // The container, which players and people go by.
            Some("ogg" | "oga") => Some(AudioFormat::Opus),
            Some("wave") => Some(AudioFormat::Wav),
            Some(ending) => AudioFormat::parse(ending),
            None => None,
        };
        format.ok_or(InvalidField { field: "--output", expected: ENDINGS })
    }

    /// Sound is nothing to look at.
    fn check_output(&self) -> Result<(), NowhereToGo> {
        let is_shown = self.output.is_none() && !self.play && io::stdout().is_terminal();
        if is_shown { Err(NowhereToGo) } else { Ok(()) }
    }

    fn level(&self) -> Result<Option<Level>, InvalidField> {
        Ok(match self.loudness.as_deref() {
            None => self.normalize_peaks.then_some(Level::FullPeaks),
            Some("none") => Some(Level::AsTrained),
            // What is no number is out of bounds.
            Some(lufs) => Some(Level::Loudness(Lufs::new(lufs.parse().unwrap_or(f32::NAN))?)),
        })
    }

    fn prosody(&self, config: &Config) -> Result<Prosody, InvalidField> {
        let usual = usual_prosody(config)?;
        let mut prosody = usual
            .with_speed(self.speed.unwrap_or(usual.speed()))?
            .with_volume(self.volume)?
            .with_sentence_silence_ms(self.sentence_silence.unwrap_or(usual.sentence_silence_ms()))?;
        if let Some(level) = self.level()? {
            prosody = prosody.with_level(level);
        }
        if let Some(noise_scale) = self.noise_scale {
            prosody = prosody.with_noise_scale(noise_scale)?;
        }
        if let Some(noise_w) = self.noise_w {
            prosody = prosody.with_noise_w(noise_w)?;
        }
        Ok(prosody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_among_the_endings() {
        for format in AudioFormat::ALL {
            assert!(ENDINGS.contains(&format!(".{}", format.name())), "{}", format.name());
        }
    }
}
